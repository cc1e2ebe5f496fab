"""Shares: what each input of a head adds to its output's product with a direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import UNITS, FusionConfig, FusionMLP, length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.shares import SLOPES, inverse, output_shares

INPUTS, WIDTH = 8, 5


def features(rows=12, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, INPUTS)).astype(np.float32)


def toward(seed=1):
    return np.random.default_rng(seed).normal(size=WIDTH).astype(np.float32)


def make_linear(power=0.5):
    random = np.random.default_rng(2)
    weights = random.normal(size=(INPUTS, WIDTH)).astype(np.float32)
    return LinearHead(power, weights, random.normal(size=WIDTH).astype(np.float32))


def make_mlp(hidden=(7, 6), unit="sigmoid", output="tanh"):
    config = FusionConfig(hidden, unit, output)
    return FusionMLP.initial(config, INPUTS, WIDTH, np.random.default_rng(3))


def product(head, rows):
    return length_one(head(rows)) @ toward()


@pytest.mark.parametrize("power", [1.0, 0.5])
@pytest.mark.parametrize("typical", [None, features(1, 9)[0]])
def test_shares_of_a_linear_head_are_exact(power, typical):
    head, rows = make_linear(power), features()
    found = output_shares(head, rows, toward(), typical, 1)
    np.testing.assert_allclose(
        found.inputs.sum(axis=1) + found.start, product(head, rows), atol=1e-5
    )
    assert not found.missed.any()


def test_a_linear_share_is_what_the_input_adds_with_the_length_held():
    head, rows = make_linear(), features(1)
    found = output_shares(head, rows, toward(), None, 1)
    length = np.linalg.norm(head(rows)[0])
    for place in range(INPUTS):
        without = rows.copy()
        without[0, place] = 0
        drop = (head(rows)[0] - head(without)[0]) @ toward() / length
        assert found.inputs[0, place] == pytest.approx(drop, abs=1e-5)
    assert found.start[0] == pytest.approx(head.bias @ toward() / length, abs=1e-5)


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "relu", "linear"])
@pytest.mark.parametrize("output", ["tanh", "linear"])
@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)])
def test_shares_of_a_perceptron_and_what_is_missed_sum_to_the_product(unit, output, hidden):
    head, rows = make_mlp(hidden, unit, output), features()
    typical = features(1, 9)[0]
    found = output_shares(head, rows, toward(), typical, 32)
    assert found.start == pytest.approx(product(head, typical[None])[0], abs=1e-6)
    total = found.inputs.sum(axis=1) + found.start + found.missed
    np.testing.assert_allclose(total, product(head, rows), atol=1e-6)
    assert (np.abs(found.missed) <= 0.01 * np.abs(product(head, rows))).all()


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("gain", [30, 3000])
def test_saturated_units_are_shared_out_too(unit, gain):
    """Raw max-pooled levels drive sigmoids to 0 or 1 between two points of the line."""
    head = make_mlp((64,), unit)
    head = replace(head, weights=(head.weights[0] * gain, head.weights[1]))
    rows = features()
    found = output_shares(head, rows, toward(), features(1, 9)[0], 32)
    total = found.inputs.sum(axis=1) + found.start + found.missed
    np.testing.assert_allclose(total, product(head, rows), atol=1e-5)
    assert (np.abs(found.missed) <= 0.01 * np.abs(product(head, rows))).all()


def test_shares_are_integrated_gradients():
    """Against the plain definition: the mean gradient at very many points, by differences."""
    head, rows, typical = make_mlp(), features(2), features(1, 9)[0]
    found = output_shares(head, rows, toward(), typical, 64)
    step, points = 1e-2, 400
    for row, expected in zip(rows, found.inputs, strict=True):
        along = ((np.arange(points) + 0.5) / points)[:, None]
        line = (typical + along * (row - typical)).astype(np.float32)
        for place in range(INPUTS):
            nudge = np.zeros(INPUTS, dtype=np.float32)
            nudge[place] = step
            slope = (product(head, line + nudge) - product(head, line - nudge)) / (2 * step)
            share = slope.mean() * (row - typical)[place]
            assert share == pytest.approx(expected[place], abs=2e-3)


def test_a_picture_like_the_typical_one_has_no_shares():
    rows = features(3)
    for head in (make_linear(), make_mlp()):
        found = output_shares(head, rows, toward(), rows[1], 8)
        assert not found.inputs[1].any()
        assert found.start[1] == pytest.approx(product(head, rows)[1], abs=1e-6)


def test_shares_do_not_depend_on_the_company():
    rows = features()
    for head in (make_linear(), make_mlp()):
        together = output_shares(head, rows, toward(), None, 8)
        alone = output_shares(head, rows[4:5], toward(), None, 8)
        np.testing.assert_allclose(alone.inputs[0], together.inputs[4], atol=1e-6)


def test_an_output_of_zeros_has_no_shares():
    zeros = np.zeros((1, INPUTS), dtype=np.float32)
    found = output_shares(make_linear(), zeros, toward(), None, 8)
    assert not found.inputs.any()
    assert not found.start.any()


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_slopes_are_those_of_the_units(unit):
    values = np.linspace(-2, 2, 41).astype(np.float64) + 0.013
    step = 1e-3
    expected = (UNITS[unit](values + step) - UNITS[unit](values - step)) / (2 * step)
    np.testing.assert_allclose(SLOPES[unit](UNITS[unit](values)), expected, atol=1e-4)


def test_typical_features_of_another_width_are_refused():
    with pytest.raises(BadInput, match=r"typical features have shape \(3,\): give \(8,\)"):
        output_shares(make_linear(), features(), toward(), np.zeros(3, dtype=np.float32), 8)


def test_the_inverse_of_no_length_is_zero():
    assert inverse([2.0, 0.0, 0.5]).tolist() == [0.5, 0.0, 2.0]
    assert float(inverse(4.0)) == 0.25
