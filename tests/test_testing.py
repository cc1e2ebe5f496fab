from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import plain, write_manifest
from picturedesk.errors import BadInput, Mismatch
from picturedesk.testing import TinyRunner, TinyTextEncoder, tiny_backbone
from picturedesk.types import Floats, TextEncoder


@pytest.fixture
def pixels() -> Floats:
    return np.random.default_rng(0).normal(size=(5, 3, 32, 32)).astype(np.float32)


def test_tiny_backbone_gives_what_its_spec_says(pixels):
    backbone = tiny_backbone()
    features = backbone.features(pixels)
    assert features.shape == (5, backbone.width) == (5, 48)
    assert features.dtype == np.float32
    assert [str(level) for level in backbone.levels] == ["patches:max", "mixed:avg", "final"]


def test_tiny_features_of_a_picture_do_not_depend_on_its_batch(pixels):
    backbone = tiny_backbone()
    alone = np.concatenate([backbone.features(pixels[i : i + 1]) for i in range(5)])
    assert np.array_equal(alone, backbone.features(pixels))


def test_tiny_features_tell_pictures_apart_and_keep_near_copies_together(pixels):
    first, second, copy = tiny_backbone().features(
        np.stack([pixels[0], pixels[1], pixels[0] + np.float32(1e-3)])
    )
    assert np.linalg.norm(first - copy) < 0.1 * np.linalg.norm(first - second)


def test_a_level_of_tiny_read_alone_is_the_same_columns(pixels):
    whole = tiny_backbone()
    part = tiny_backbone(["final", "mixed:avg"])
    both = np.concatenate(
        [whole.features(pixels)[:, whole.spec.columns(name)] for name in ("final", "mixed:avg")],
        axis=1,
    )
    assert np.array_equal(part.features(pixels), both)


def test_another_seed_is_another_network_with_another_fingerprint(pixels):
    first, second = tiny_backbone(), tiny_backbone(seed=1)
    assert first.fingerprint != second.fingerprint
    assert tiny_backbone().fingerprint == first.fingerprint
    assert not np.allclose(first.features(pixels), second.features(pixels))


def test_tiny_runner_counts_calls_and_pictures(pixels):
    runner = TinyRunner()
    backbone = tiny_backbone(runner=runner)
    backbone.features(pixels)
    backbone.features(pixels[:2])
    assert (runner.calls, runner.pictures) == (2, 7)


def test_no_pictures_give_no_rows_and_no_call():
    runner = TinyRunner()
    features = tiny_backbone(runner=runner).features(np.zeros((0, 3, 32, 32), np.float32))
    assert features.shape == (0, 48)
    assert runner.calls == 0


def test_pixels_of_another_size_are_refused_with_both_shapes():
    with pytest.raises(BadInput, match=r"\(B, 3, 32, 32\), not \(1, 3, 64, 64\)"):
        tiny_backbone().features(np.zeros((1, 3, 64, 64), np.float32))


def test_unknown_tiny_level_is_refused_with_those_there_are():
    with pytest.raises(BadInput, match="patches:max, mixed:avg, final"):
        tiny_backbone(["deep:avg"])


def test_tiny_backbone_says_that_it_cannot_be_saved(tmp_path):
    with pytest.raises(BadInput, match="TinyRunner"):
        tiny_backbone().save(tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()


def test_tiny_spec_survives_json():
    spec = tiny_backbone().spec
    assert BackboneSpec.from_json(plain(spec)) == spec


def test_tiny_text_encoder_gives_unit_vectors_and_zeros_for_no_words():
    encoder: TextEncoder = TinyTextEncoder()
    vectors = encoder.encode(["Der Fluss trat über die Ufer", "", "¿?", "新闻 图片"])
    assert vectors.shape == (4, encoder.width)
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0, 1], atol=1e-6)


def test_tiny_text_encoder_puts_shared_words_nearer():
    near, query, far = TinyTextEncoder(64).encode(["a red fox", "the red fox", "rain in May"])
    assert query @ near > query @ far


def test_tiny_text_encoder_survives_saving(tmp_path: Path):
    encoder = TinyTextEncoder(7)
    encoder.save(tmp_path / "encoder")
    loaded = TinyTextEncoder.load(tmp_path / "encoder")
    assert loaded.fingerprint == encoder.fingerprint
    assert np.array_equal(loaded.encode(["one two"]), encoder.encode(["one two"]))


def test_tiny_text_encoder_refuses_another_kind_of_folder(tmp_path: Path):
    write_manifest(tmp_path, "backbone", {})
    with pytest.raises(Mismatch, match="holds a backbone"):
        TinyTextEncoder.load(tmp_path)
