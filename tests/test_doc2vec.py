"""doc2vec: near to gensim's own inference, the same every time, whole texts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus import made_up_corpus
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.texts import doc2vec
from picturedesk.texts.doc2vec import Doc2VecConfig, Doc2VecEncoder
from picturedesk.texts.words import words

pytest.importorskip("gensim", reason="doc2vec needs the extra 'doc2vec'")

TEXTS = made_up_corpus()
CONFIG = Doc2VecConfig(width=16, epochs=40, sample=0.05, seed=3)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def encoder() -> Doc2VecEncoder:
    return Doc2VecEncoder.fit(TEXTS, CONFIG)


@pytest.fixture(scope="module")
def model():
    """The same training by gensim alone, without this package's corpus."""
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

    documents = [TaggedDocument(words(text), [number]) for number, text in enumerate(TEXTS)]
    return Doc2Vec(
        documents, dm=0, vector_size=16, epochs=40, min_count=2, negative=5, sample=0.05,
        alpha=0.025, min_alpha=1e-4, seed=3, workers=1,
    )  # fmt: skip


def test_similarities_of_new_texts_are_those_of_gensims_own_inference(encoder, model):
    new = made_up_corpus(60, seed=5)
    theirs = np.mean([[model.infer_vector(words(text)) for text in new] for _ in range(8)], axis=0)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    ours = encoder.encode(new)
    pairs = np.triu_indices(len(new), 1)
    assert np.corrcoef((ours @ ours.T)[pairs], (theirs @ theirs.T)[pairs])[0, 1] > 0.98
    hidden = -2 * np.eye(len(new))
    nearest = (ours @ ours.T + hidden).argmax(axis=1)
    found = np.argsort(-(theirs @ theirs.T + hidden), axis=1)[:, :3]
    assert (found == nearest[:, None]).any(axis=1).mean() > 0.9


def test_training_is_gensims_own(encoder, model):
    theirs = model.syn1neg @ model.syn1neg.T
    kept = encoder._stored.arrays
    known = bytes(kept["vocabulary"]).decode().split("\n")
    assert known == model.wv.index_to_key
    np.testing.assert_allclose(kept["outputs"] @ kept["outputs"].T, theirs, atol=1e-3)


def test_the_vector_is_the_maximum_that_a_slow_search_finds():
    from scipy.optimize import minimize

    random = np.random.default_rng(0)
    outputs = random.normal(size=(40, 6)).astype(np.float32)
    weights = random.random(40).astype(np.float32)
    wanted = (np.arange(40) < 12).astype(np.float32)

    def unlikely(vector: np.ndarray) -> float:
        logits = outputs @ vector
        likely = wanted * np.logaddexp(0, -logits) + (1 - wanted) * np.logaddexp(0, logits)
        return float(weights @ likely + 0.4 * vector @ vector / 2)

    slow = minimize(unlikely, np.zeros(6)).x
    quick = doc2vec._most_likely(outputs, weights, wanted, 0.4, np.full(6, 3, dtype=np.float32))
    assert cosines(slow[None], quick[None])[0] > 0.999
    np.testing.assert_allclose(quick, slow, atol=0.02)


def test_equal_seeds_give_equal_arrays_whatever_the_hash_seed():
    program = (
        "from corpus import made_up_corpus\nfrom picturedesk.texts.doc2vec import *\n"
        "config = Doc2VecConfig(width=8, epochs=3)\n"
        "print(Doc2VecEncoder.fit(made_up_corpus(), config).fingerprint)"
    )
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(Path(__file__).parent)}
    elsewhere = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Doc2VecEncoder.fit(TEXTS, Doc2VecConfig(width=8, epochs=3)).fingerprint == elsewhere


def test_another_seed_gives_other_arrays():
    fitted = [Doc2VecEncoder.fit(TEXTS, Doc2VecConfig(width=8, epochs=3, seed=n)) for n in (0, 1)]
    assert fitted[0].fingerprint != fitted[1].fingerprint


def test_a_text_longer_than_gensim_reads_is_trained_on_whole():
    head, tail = "river " * 10_000, "harbour lighthouse " * 200
    encoder = Doc2VecEncoder.fit([head + tail, *TEXTS], Doc2VecConfig(width=8, epochs=2))
    assert encoder.encode(["lighthouse"]).any()
    documents = list(doc2vec._Corpus([head + tail, "", "a b"]))
    assert [(document.tags, len(document.words)) for document in documents] == [
        ([0], 10_000),
        ([0], 400),
        ([2], 2),
    ]


def test_a_long_text_is_encoded_to_its_end(encoder):
    end = "river flooded banks cellars " * 10_000
    beginning, whole, alone = encoder.encode(["Stadion", "Stadion " * 100 + end, end])
    assert whole @ alone > 0.9
    assert whole @ beginning < 0.5


def test_a_small_corpus_keeps_all_its_words():
    encoder = Doc2VecEncoder.fit(["red boat", "blue sea", "green hills"], Doc2VecConfig(width=4))
    assert encoder.encode(["boat", "sea", "hills"]).any(axis=1).all()


@pytest.mark.parametrize("texts", [[f"word{number}" for number in range(100)], ["", "…"]])
def test_texts_that_leave_no_word_are_refused(texts):
    with pytest.raises(BadInput, match=r"no word is left .*lower min_count"):
        Doc2VecEncoder.fit(texts)


def test_no_texts_are_refused():
    with pytest.raises(BadInput, match="there are no texts to fit"):
        Doc2VecEncoder.fit([])


def test_one_text_instead_of_a_list_is_refused(encoder):
    with pytest.raises(BadInput, match="a list: put the text into a list"):
        encoder.encode("river")


def test_without_gensim_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim.models.doc2vec", None)
    with pytest.raises(MissingExtra, match=r"pip install 'picturedesk\[doc2vec\]'"):
        Doc2VecEncoder.fit(TEXTS)


@pytest.mark.parametrize("settings", [{"width": 0}, {"epochs": 0}, {"negative": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadInput):
        Doc2VecConfig(**settings)
