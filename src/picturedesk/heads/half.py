"""Perceptrons of one hidden layer in half precision, as arrays with names. NumPy only.

Half precision ends at 65,504 and loses digits below 6e-5; therefore each layer is scaled by a power
of two, which changes no digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.types import Floats

_LAYERS = (0, 1)
_HIGHEST = 15  # the largest weight of a layer is scaled to under 2 to the power of this
_ROUNDING = 2.0**-11  # relative, so that rounding up does not change the power of two


def rounded(network: FusionMLP) -> FusionMLP:
    """The network with weights that half precision can hold, scaled."""
    weights = tuple(_whole(*_halved(one)) for one in network.weights)
    return replace(network, weights=weights)


def half_arrays(name: str, network: FusionMLP) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a network that was ``rounded``: half the bytes, nothing lost."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for layer in _LAYERS:
        halves, power = _halved(network.weights[layer])
        arrays[f"{name}.weight.{layer}"] = halves
        arrays[f"{name}.power.{layer}"] = np.array([power], dtype=np.int64)
        arrays[f"{name}.bias.{layer}"] = network.biases[layer]
    return arrays


def from_half(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> FusionMLP:
    """The network (ReLU, then linear) of ``half_arrays``, bit for bit."""
    weights = tuple(
        _whole(
            np.asarray(arrays[f"{name}.weight.{layer}"]), int(arrays[f"{name}.power.{layer}"][0])
        )
        for layer in _LAYERS
    )
    biases = tuple(arrays[f"{name}.bias.{layer}"].astype(np.float32) for layer in _LAYERS)
    return FusionMLP(FusionConfig((len(biases[0]),), "relu", "linear"), weights, biases)


def _halved(weights: Floats) -> tuple[npt.NDArray[np.float16], int]:
    """Weights over a power of two in half precision, and the power."""
    largest = float(np.abs(weights).max(initial=0))
    power = int(np.frexp(largest * (1 + _ROUNDING))[1]) - _HIGHEST
    return np.ldexp(weights.astype(np.float64), -power).astype(np.float16), power


def _whole(halves: npt.NDArray[np.float16], power: int) -> Floats:
    whole: Floats = np.ldexp(halves.astype(np.float32), power)
    return whole
