"""LSA of more texts than memory should have: the same words, nearly the same topics, in parts."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD

import picturedesk.texts.counted as counted_module
import picturedesk.texts.topics as topics_module
from corpus import made_up_corpus
from picturedesk.texts.counted import counted_texts
from picturedesk.texts.lsa import LsaConfig, LsaEncoder

TEXTS = made_up_corpus(3500)
CONFIG = LsaConfig(topics=12, min_count=3, max_share=0.6)


@pytest.fixture
def large(monkeypatch):
    """So small limits that these texts are many."""
    monkeypatch.setattr(counted_module, "IN_MEMORY", 300)
    monkeypatch.setattr(counted_module, "_PART_TEXTS", 250)
    monkeypatch.setattr(topics_module, "_SAMPLE", 1000)


def test_words_and_weights_are_the_same(request):
    here = LsaEncoder.fit(TEXTS, CONFIG)
    request.getfixturevalue("large")
    parted = LsaEncoder.fit((text for text in TEXTS), CONFIG)
    assert parted.vocabulary == here.vocabulary
    np.testing.assert_array_equal(parted.arrays()["idf"], here.arrays()["idf"])


def test_topics_keep_as_much_of_the_corpus_as_exact_ones(large):
    encoder = LsaEncoder.fit(TEXTS, CONFIG)
    tfidf = weighted(encoder)
    exact = TruncatedSVD(CONFIG.topics, algorithm="arpack").fit(tfidf)
    kept = np.linalg.norm(tfidf @ encoder.arrays()["components"])
    assert kept > 0.995 * np.linalg.norm(exact.singular_values_)
    across = encoder.arrays()["components"].T @ encoder.arrays()["components"]
    np.testing.assert_allclose(across, np.eye(CONFIG.topics), atol=1e-4)


def weighted(encoder: LsaEncoder):
    """tf-idf (T, V) of all texts, one after the other."""
    rows = np.zeros((len(TEXTS), len(encoder.vocabulary)))
    known = {word: row for row, word in enumerate(encoder.vocabulary)}
    one = np.zeros(encoder.width, dtype=np.float32)
    for row, text in zip(rows, TEXTS, strict=True):
        for word, _ in encoder.word_shares(text, one):
            often = (f" {text.lower()} ").replace(".", " ").split().count(word)
            row[known[word]] = (1 + np.log(max(often, 1))) * encoder.arrays()["idf"][known[word]]
        row /= np.linalg.norm(row) or 1
    return rows


@pytest.mark.parametrize("cpus", [1, 3])
def test_equal_seeds_give_equal_arrays_on_any_number_of_cores(large, monkeypatch, cpus):
    fitted = LsaEncoder.fit(TEXTS, CONFIG).fingerprint
    monkeypatch.setattr(topics_module, "cpus", lambda: cpus)
    assert LsaEncoder.fit(TEXTS, CONFIG).fingerprint == fitted
    assert LsaEncoder.fit(TEXTS, LsaConfig(topics=12, seed=1)).fingerprint != fitted


def test_there_are_no_more_topics_than_the_corpus_carries(large):
    encoder = LsaEncoder.fit(["red boat", "blue sea", "green hill", "red boat"] * 200)
    assert encoder.topics == 3
    assert encoder.encode(["boat"])[0] @ encoder.encode(["red"])[0] > 0.999


def test_parts_have_the_counts_of_all_texts(large, monkeypatch):
    monkeypatch.setattr(counted_module, "_PART_ENTRIES", 700)
    texts = [*TEXTS[:900], "", "river " * 3000]
    with counted_texts(iter(texts)) as parted:
        assert not parted.few
        spread, numbers = parted.spread(), parted.numbers
        kept = np.argsort(-spread, kind="stable")[:40]
        parts = list(parted.parts(kept))
        assert max(part.nnz for part in parts) <= 700 < sum(part.nnz for part in parts)
    monkeypatch.setattr(counted_module, "IN_MEMORY", len(texts))
    with counted_texts(texts) as here:
        assert here.few
        assert here.numbers == numbers
        np.testing.assert_array_equal(here.spread(), spread)
        whole = here.all_counts()[:, kept].toarray()
    np.testing.assert_array_equal(np.vstack([part.toarray() for part in parts]), whole)
    assert whole[-1].max() == 3000


def test_words_that_few_texts_have_are_forgotten_where_there_are_very_many(large, monkeypatch):
    monkeypatch.setattr(counted_module, "LIVE_WORDS", 500)
    texts = [f"{text} once{number} twice{number // 2}" for number, text in enumerate(TEXTS)]
    with counted_texts(texts) as counted:
        assert len(counted.numbers) < 500 + 3 * 250
        spread, numbers = counted.spread(), counted.numbers
    often = sum("river" in text.lower().split() for text in TEXTS)
    assert spread[numbers["river"]] == often
    assert "once0" not in numbers
    assert len(set(numbers.values())) == len(numbers)


def test_memory_does_not_grow_with_the_number_of_texts(large):
    def peak(times: int) -> int:
        tracemalloc.start()
        try:
            LsaEncoder.fit((text for _ in range(times) for text in TEXTS[:1000]), CONFIG)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # what is imported stays
    assert peak(6) < 1.2 * peak(2)
