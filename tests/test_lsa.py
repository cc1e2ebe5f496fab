"""LSA: equal to scikit-learn's own, limited by what the corpus carries, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

import picturedesk.texts.topics
from corpus import made_up_corpus
from picturedesk.errors import BadInput
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.texts.words import words

TEXTS = made_up_corpus()


@pytest.mark.parametrize(("algorithm", "exact"), [("arpack", 3000), ("randomized", 0)])
@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("topics", [5, 20])
def test_output_equals_that_of_scikit_learn(sublinear, topics, algorithm, exact, monkeypatch):
    monkeypatch.setattr(picturedesk.texts.topics, "_EXACT", exact)
    config = LsaConfig(topics=topics, min_count=3, max_share=0.6, sublinear=sublinear, seed=4)
    ours = LsaEncoder.fit(TEXTS, config)
    tfidf = TfidfVectorizer(
        analyzer=words, vocabulary=ours.vocabulary, sublinear_tf=sublinear, dtype=np.float32
    ).fit(TEXTS)
    spread = np.array([sum(word in words(text) for text in TEXTS) for word in ours.vocabulary])
    tfidf.idf_ = np.log((1 + len(TEXTS)) / spread).astype(np.float32)
    svd = TruncatedSVD(topics, algorithm=algorithm, n_iter=5, random_state=4).fit(
        tfidf.transform(TEXTS)
    )
    new = [*TEXTS, *made_up_corpus(20, seed=9), "river river river Stadion", "nothing known"]
    theirs = normalize(svd.transform(tfidf.transform(new)))
    np.testing.assert_allclose(ours.encode(new), theirs, atol=5e-5)


def test_only_words_of_enough_and_not_too_many_texts_are_known():
    rare = ["qwertz uiop", "qwertz"]
    common = [f"everywhere {text}" for text in TEXTS + rare]
    encoder = LsaEncoder.fit(common, LsaConfig(min_count=2, max_share=0.9))
    assert "qwertz" in encoder.vocabulary
    assert not {"uiop", "everywhere"} & set(encoder.vocabulary)


def test_a_word_of_every_text_weighs_next_to_nothing_by_default():
    encoder = LsaEncoder.fit([f"the {text}" for text in TEXTS])
    river, the_river = encoder.encode(["cellars", "the the the cellars"])
    assert river @ the_river > 0.99


def test_the_most_widespread_words_are_kept_where_there_are_too_many():
    texts = ["the a", "the a b", "the c", "the a d"]
    assert LsaEncoder.fit(texts, LsaConfig(max_words=2)).vocabulary == ["the", "a"]


def test_a_small_corpus_keeps_all_its_words():
    encoder = LsaEncoder.fit(["a red boat", "the blue sea", "green hills"])
    assert encoder.topics == 3
    assert set(encoder.vocabulary) == {"a", "red", "boat", "the", "blue", "sea", "green", "hills"}
    vectors = encoder.encode(["red boat", "boat", "blue sea", "hills"])
    assert vectors[0] @ vectors[1] > 0.99
    assert abs(vectors[0] @ vectors[2]) < 0.01


@pytest.mark.parametrize(
    ("texts", "topics"),
    [
        (["one text"], 1),
        (["same words", "same words", "words same"], 1),
        (["a b", "a b", "c d", "c d", "c d"], 2),
        (["a b c", "", "d e f", "…"], 2),
        (TEXTS, 46),
    ],
)
def test_there_are_no_more_topics_than_the_corpus_carries(texts, topics):
    encoder = LsaEncoder.fit(texts)
    assert encoder.topics == encoder.width == encoder.encode(texts[:1]).shape[1] <= topics
    assert np.isfinite(encoder.encode(texts)).all()


def test_a_generator_is_read_once():
    encoder = LsaEncoder.fit(text for text in TEXTS)
    assert encoder.fingerprint == LsaEncoder.fit(TEXTS).fingerprint


def test_a_long_text_is_read_to_its_end():
    encoder = LsaEncoder.fit(TEXTS)
    long = "football " * 50_000 + "river flooded banks cellars " * 50_000
    last = encoder.encode(["river flooded banks cellars"])[0]
    assert encoder.encode([long])[0] @ last > 0.9


def test_what_decides_the_output_decides_the_fingerprint():
    fitted = [
        LsaEncoder.fit(TEXTS, LsaConfig(topics=8)),
        LsaEncoder.fit(TEXTS, LsaConfig(topics=9)),
        LsaEncoder.fit(TEXTS, LsaConfig(topics=8, sublinear=False)),
        LsaEncoder.fit(TEXTS[1:], LsaConfig(topics=8)),
        LsaEncoder.fit(TEXTS, LsaConfig(topics=8, seed=1)),
    ]
    assert len({encoder.fingerprint for encoder in fitted}) == len(fitted)


def test_shares_of_words_sum_to_the_dot_product():
    encoder = LsaEncoder.fit(TEXTS, LsaConfig(topics=12))
    text = "The river, the RIVER flooded cellars; das Stadion was closed qwertz"
    direction = encoder.encode(["flooded banks and bridges"])[0]
    shares = encoder.word_shares(text, direction)
    total = sum(share for _, share in shares)
    assert total == pytest.approx(float(encoder.encode([text])[0] @ direction), abs=1e-6)
    strengths = [abs(share) for _, share in shares]
    assert strengths == sorted(strengths, reverse=True)
    known = {"the", "river", "flooded", "cellars", "das", "stadion"}
    assert {word for word, _ in shares} == known & set(encoder.vocabulary)
    assert shares[0][0] in {"river", "flooded", "cellars"}
    assert encoder.word_shares("qwertz", direction) == []


def test_a_direction_of_another_width_is_refused():
    encoder = LsaEncoder.fit(TEXTS, LsaConfig(topics=4))
    with pytest.raises(BadInput, match=r"direction has shape \(3,\).*have \(4,\)"):
        encoder.word_shares("river", np.ones(3, dtype=np.float32))


def test_no_texts_are_refused():
    with pytest.raises(BadInput, match="there are no texts to fit"):
        LsaEncoder.fit([])


@pytest.mark.parametrize("texts", [["", " ", "…"], [f"word{number}" for number in range(100)]])
def test_texts_that_leave_no_word_are_refused(texts):
    with pytest.raises(BadInput, match=r"no word is left of .* lower min_count"):
        LsaEncoder.fit(texts)


def test_one_text_instead_of_a_list_is_refused():
    with pytest.raises(BadInput, match="a list: put the text into a list"):
        LsaEncoder.fit(TEXTS).encode("river")


@pytest.mark.parametrize(
    "settings", [{"topics": 0}, {"min_count": 0}, {"max_words": 0}, {"max_share": 0.0}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadInput):
        LsaConfig(**settings)
