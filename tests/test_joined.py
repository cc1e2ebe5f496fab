"""Joined encoders: the parts side by side, each found again where it was put."""

from __future__ import annotations

import numpy as np
import pytest

from corpus import made_up_corpus
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.testing import TinyTextEncoder
from picturedesk.texts import load_text_encoder
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaConfig, LsaEncoder

TEXTS = made_up_corpus()
SMALL = LsaEncoder.fit(TEXTS, LsaConfig(topics=4))
LARGE = LsaEncoder.fit(TEXTS, LsaConfig(topics=12))


def test_each_part_lies_in_its_span():
    joined = JoinedEncoder((SMALL, TinyTextEncoder(32), LARGE))
    assert joined.spans == (slice(0, 4), slice(4, 36), slice(36, 48))
    assert joined.width == 48
    vectors = joined.encode(TEXTS)
    for part, span in zip(joined.parts, joined.spans, strict=True):
        np.testing.assert_allclose(vectors[:, span], part.encode(TEXTS) / np.sqrt(3), rtol=1e-6)


def test_a_cosine_is_the_mean_of_the_parts_cosines():
    parts = (SMALL, TinyTextEncoder())
    first, second = JoinedEncoder(parts).encode(TEXTS[:2])
    theirs = [np.dot(*part.encode(TEXTS[:2])) for part in parts]
    assert first @ second == pytest.approx(np.mean(theirs), abs=1e-6)


def test_a_text_that_one_part_does_not_know_has_zeros_there():
    joined = JoinedEncoder((SMALL, TinyTextEncoder()))
    vector = joined.encode(["qwertz"])[0]
    assert not vector[joined.spans[0]].any()
    assert np.linalg.norm(vector) == pytest.approx(np.sqrt(1 / 2))


def test_vectors_that_are_there_are_joined_without_encoding():
    joined = JoinedEncoder((SMALL, LARGE))
    vectors = [part.encode(TEXTS[:3]) for part in joined.parts]
    np.testing.assert_array_equal(joined.join(vectors), joined.encode(TEXTS[:3]))
    with pytest.raises(BadInput, match=r"widths \(12, 4\).*have \(4, 12\)"):
        joined.join(vectors[::-1])


def test_one_part_alone_changes_nothing():
    np.testing.assert_array_equal(JoinedEncoder((LARGE,)).encode(TEXTS), LARGE.encode(TEXTS))


def test_joined_encoders_may_be_joined(tmp_path):
    joined = JoinedEncoder((JoinedEncoder((SMALL, LARGE)), SMALL))
    joined.save(tmp_path / "encoder")
    loaded = load_text_encoder(tmp_path / "encoder")
    np.testing.assert_array_equal(loaded.encode(TEXTS), joined.encode(TEXTS))


def test_the_order_of_the_parts_decides_the_fingerprint():
    made = [(SMALL, LARGE), (LARGE, SMALL), (SMALL,), (SMALL, SMALL)]
    assert len({JoinedEncoder(parts).fingerprint for parts in made}) == len(made)


def test_no_parts_are_refused():
    with pytest.raises(BadInput, match="no text encoders to join"):
        JoinedEncoder(())


def test_a_part_that_was_replaced_is_refused(tmp_path):
    JoinedEncoder((SMALL, LARGE)).save(tmp_path / "encoder")
    SMALL.save(tmp_path / "encoder" / "part-1")
    with pytest.raises(Mismatch, match=r"saved with other parts.*make it again"):
        load_text_encoder(tmp_path / "encoder")


def test_a_part_that_is_gone_is_named(tmp_path):
    JoinedEncoder((SMALL,)).save(tmp_path)
    manifest = read_record(tmp_path / "manifest.json")
    write_record(tmp_path / "manifest.json", manifest["kind"], {**manifest, "parts": 2})
    with pytest.raises(MissingArtefact, match=r"part-1/manifest\.json does not exist"):
        load_text_encoder(tmp_path)
