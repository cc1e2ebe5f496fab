"""Perceptrons of one hidden layer in half precision, as arrays with names. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.heads.fusion import FusionConfig, FusionMLP

_LAYERS = (0, 1)


def rounded(network: FusionMLP) -> FusionMLP:
    """The network with weights that half precision can hold."""
    weights = tuple(one.astype(np.float16).astype(np.float32) for one in network.weights)
    return replace(network, weights=weights)


def half_arrays(name: str, network: FusionMLP) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a network that was ``rounded``: half the bytes, nothing lost."""
    weights = {
        f"{name}.weight.{layer}": network.weights[layer].astype(np.float16) for layer in _LAYERS
    }
    return weights | {f"{name}.bias.{layer}": network.biases[layer] for layer in _LAYERS}


def from_half(name: str, arrays: Mapping[str, npt.NDArray[Any]]) -> FusionMLP:
    """The network (ReLU, then linear) of ``half_arrays``, bit for bit."""
    weights = tuple(arrays[f"{name}.weight.{layer}"].astype(np.float32) for layer in _LAYERS)
    biases = tuple(arrays[f"{name}.bias.{layer}"].astype(np.float32) for layer in _LAYERS)
    return FusionMLP(FusionConfig((len(biases[0]),), "relu", "linear"), weights, biases)
