"""Networks in half precision: half the bytes, and what was rounded once comes back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.half import from_half, half_arrays, rounded

CONFIG = FusionConfig((7,), "relu", "linear")


def network(scale=1.0, seed=0):
    random = np.random.default_rng(seed)
    shapes = (5, 7), (7, 3)
    weights = tuple((scale * random.normal(size=one)).astype(np.float32) for one in shapes)
    biases = tuple(random.normal(size=one[1]).astype(np.float32) for one in shapes)
    return FusionMLP(CONFIG, weights, biases)


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1.0, 1e7, 1e20])
def test_what_was_rounded_comes_back_bit_for_bit(scale):
    halved = rounded(network(scale))
    again = from_half("n", half_arrays("n", halved))
    assert again.config == CONFIG
    for one, other in zip(halved.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(halved.biases, again.biases, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.fingerprint == halved.fingerprint


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1.0, 1e7, 1e20])
def test_rounding_keeps_eleven_digits_of_weights_of_any_size(scale):
    whole = network(scale)
    for one, other in zip(whole.weights, rounded(whole).weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=2**-11)


def test_rounding_twice_changes_nothing_even_just_below_a_power_of_two():
    for below in np.geomspace(2**-14, 2**-9, 60):
        weights = np.full((5, 7), 1 - below, dtype=np.float32), np.zeros((7, 3), dtype=np.float32)
        weights[0][0, 0] = 2**-24
        one = rounded(FusionMLP(CONFIG, weights, network().biases))
        two = rounded(one)
        np.testing.assert_array_equal(one.weights[0], two.weights[0])


def test_weights_take_half_the_bytes():
    arrays = half_arrays("n", rounded(network()))
    assert {arrays[f"n.weight.{layer}"].dtype for layer in (0, 1)} == {np.dtype(np.float16)}


def test_a_network_of_zeros_stays_one():
    zeros = tuple(np.zeros_like(one) for one in network().weights)
    halved = rounded(FusionMLP(CONFIG, zeros, network().biases))
    assert not any(one.any() for one in from_half("n", half_arrays("n", halved)).weights)
