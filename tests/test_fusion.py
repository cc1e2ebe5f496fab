from __future__ import annotations

import numpy as np
import pytest

import picturedesk.heads.fusion
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.heads.fusion import ColumnScale, FusionConfig, FusionMLP, length_one


def small(seed=0, **settings):
    config = FusionConfig(**{"hidden": (5, 4), **settings})
    return FusionMLP.initial(config, 6, 3, np.random.default_rng(seed))


def features(rows=9, seed=3):
    return np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32)


def test_a_network_worked_by_hand():
    fusion = FusionMLP(
        FusionConfig(hidden=(2,)),
        (np.eye(2, dtype=np.float32), np.array([[1], [2]], dtype=np.float32)),
        (np.array([0, 1], dtype=np.float32), np.array([-1], dtype=np.float32)),
    )
    hidden = 1 / (1 + np.exp(-np.array([3.0, -1.0])))  # (3, -2) + (0, 1), sigmoid
    expected = np.tanh(hidden @ [1, 2] - 1)
    assert fusion(np.array([[3, -2]], dtype=np.float32))[0] == pytest.approx([expected])


def test_units_are_settings():
    one = np.array([[2.0]], dtype=np.float32)
    weights = ((-np.ones((1, 1), dtype=np.float32)), np.ones((1, 1), dtype=np.float32))
    biases = (np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float32))
    expected = {"linear": -2, "relu": 0, "tanh": np.tanh(-2), "sigmoid": 1 / (1 + np.exp(2))}
    for unit, value in expected.items():
        config = FusionConfig((1,), hidden_unit=unit, output_unit="linear")
        assert FusionMLP(config, weights, biases)(one)[0, 0] == pytest.approx(value)


def test_the_sigmoid_does_not_overflow():
    fusion = FusionMLP.initial(FusionConfig((4,)), 6, 2, np.random.default_rng(0))
    assert np.isfinite(fusion(features() * 1e6)).all()


def test_depth_and_widths_are_settings():
    fusion = small()
    assert [weight.shape for weight in fusion.weights] == [(6, 5), (5, 4), (4, 3)]
    assert (fusion.inputs, fusion.width) == (6, 3)
    assert [weight.shape for weight in small(hidden=()).weights] == [(6, 3)]


def test_the_initial_weights_are_glorot_uniform():
    fusion = FusionMLP.initial(FusionConfig((300,)), 500, 100, np.random.default_rng(0))
    limit = np.sqrt(6 / 800)
    assert limit * 0.999 < np.abs(fusion.weights[0]).max() <= limit
    assert fusion.weights[0].std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert not any(bias.any() for bias in fusion.biases)


def test_many_pictures_are_fused_in_blocks_without_a_trace(monkeypatch):
    whole = small()(features())
    monkeypatch.setattr(picturedesk.heads.fusion, "BLOCK", 2)
    assert small()(features()) == pytest.approx(whole, abs=1e-6)


def test_no_pictures_give_no_rows():
    assert small()(features(0)).shape == (0, 3)


def test_saved_and_loaded_it_gives_the_same_bits(tmp_path):
    fusion = small(hidden_unit="tanh")
    fusion.save(tmp_path / "fusion")
    loaded = FusionMLP.load(tmp_path / "fusion")
    assert loaded.config == fusion.config
    assert loaded.fingerprint == fusion.fingerprint
    assert np.array_equal(loaded(features()), fusion(features()))


def test_the_fingerprint_follows_weights_and_units():
    prints = {small().fingerprint, small(seed=1).fingerprint, small(output_unit="relu").fingerprint}
    assert len(prints) == 3
    assert small().fingerprint == small().fingerprint


def test_features_of_another_width_are_refused_with_both_shapes():
    with pytest.raises(BadInput, match=r"\(9, 4\).*\(N, 6\)"):
        small()(features()[:, :4])


def test_features_that_are_not_finite_are_refused():
    broken = features()
    broken[4, 2] = np.nan
    with pytest.raises(BadInput, match="NaN or infinite"):
        small()(broken)


def test_unknown_units_and_widths_below_one_are_refused():
    with pytest.raises(BadInput, match="unknown unit 'swish': use one of sigmoid"):
        FusionConfig(output_unit="swish")
    with pytest.raises(BadInput, match="1 or more"):
        FusionConfig(hidden=(10, 0))


def test_exchanged_arrays_are_noticed(tmp_path):
    small().save(tmp_path / "one")
    small(seed=1).save(tmp_path / "two")
    arrays = (tmp_path / "two" / "arrays.safetensors").read_bytes()
    (tmp_path / "one" / "arrays.safetensors").write_bytes(arrays)
    with pytest.raises(MissingArtefact, match="its checksum differs"):
        FusionMLP.load(tmp_path / "one")


def test_a_folder_without_a_fusion_is_refused(tmp_path):
    with pytest.raises(MissingArtefact):
        FusionMLP.load(tmp_path / "nothing")
    small().save(tmp_path / "one")
    manifest = read_record(tmp_path / "one" / "manifest.json")
    write_record(tmp_path / "one" / "manifest.json", "lsa", {**manifest, "kind": "lsa"})
    with pytest.raises(Mismatch, match="holds a lsa"):
        FusionMLP.load(tmp_path / "one")


def test_length_one_leaves_zero_vectors_alone():
    rows = length_one(np.array([[3, 4], [0, 0]], dtype=np.float32))
    assert rows.dtype == np.float32
    assert rows == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))


def test_scaled_columns_have_mean_zero_and_deviation_one():
    raw = features(50) * [1, 10, 100, 1e-3, 0, 1] + [0, 5, -7, 0, 3, 0.5]
    scaled = ColumnScale.of(raw.astype(np.float32))(raw.astype(np.float32))
    assert scaled.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert scaled.std(axis=0) == pytest.approx([1, 1, 1, 1, 0, 1], abs=1e-3)


def test_a_scale_is_folded_into_the_first_layer():
    raw = (features(50) * [1, 10, 100, 1e-3, 0, 1] + [0, 5, -7, 0, 3, 0.5]).astype(np.float32)
    scale, fusion = ColumnScale.of(raw), small()
    assert scale.folded_into(fusion)(raw) == pytest.approx(fusion(scale(raw)), abs=1e-4)
