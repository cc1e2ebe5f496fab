"""The contribution of each input of a head to its output's dot product with a direction.

Contributions are exact for a linear head. For the paper's perceptron they are integrated gradients
(Sundararajan et al. 2017) along the straight line from a baseline, the mean input, in steps. Within
a step, each unit counts by the difference of its outputs, not by its derivative: a unit that
saturates between two points of the line still counts in full. The integration error is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import UNITS, FusionMLP
from picturedesk.heads.linear import LinearHead, signed_power
from picturedesk.types import Doubles, Floats

MISSED = 0.01  # of a dot product; more steps are taken until the integration misses less
MOST_STEPS = 1024
_FLAT = 1e-9  # change of a unit's input below which its derivative is used
_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(4)  # on a step, from -1 to 1

SLOPES: dict[str, Callable[[Floats], Floats]] = {  # derivative of a unit from its output
    "sigmoid": lambda given: given * (1 - given),
    "tanh": lambda given: 1 - given * given,
    "relu": lambda given: (given > 0).astype(given.dtype),
    "linear": np.ones_like,
}


@dataclass(frozen=True, slots=True, eq=False)
class OutputShares:
    """Summands of the dot products of K outputs, scaled to length one, with a direction.

    Attributes:
        inputs: (K, I) shares of the inputs.
        start: (K,) dot product at the baseline input.
        missed: (K,) rest of the dot product, the integration error: 0 for a linear head.
    """

    inputs: Doubles
    start: Doubles
    missed: Doubles


def output_shares(
    head: FusionMLP | LinearHead,
    features: Floats,
    toward: Floats,
    typical: Floats | None,
    steps: int,
) -> OutputShares:
    """Shares of the inputs in the dot product of an output, scaled to length one, and a direction.

    Args:
        head: maps features to the shared space.
        features: (K, I).
        toward: (D,) the direction.
        typical: (I,) the baseline input; None for zeros.
        steps: of the integrated gradients, to begin with; doubled up to ``MOST_STEPS`` while they
            miss more than ``MISSED`` of the dot product.

    Raises:
        BadInput: ``typical`` and the features differ in width.
    """
    start = np.zeros(features.shape[1], dtype=np.float32) if typical is None else typical
    if start.shape != features.shape[1:]:
        raise BadInput(f"typical features have shape {start.shape}: give {features.shape[1:]}")
    if isinstance(head, LinearHead):
        return _linear(head, start, features, toward)
    return integrated(head, start, features, toward, steps)


def _linear(head: LinearHead, start: Floats, features: Floats, toward: Floats) -> OutputShares:
    """Shares of a linear head; exact."""
    scale = inverse(np.linalg.norm(head(features), axis=1))  # (K,)
    slopes = (head.weights @ toward).astype(np.float64)  # (ΣD_l,)
    raised = signed_power(start.astype(np.float32, copy=False), head.power)
    moved = signed_power(features.astype(np.float32, copy=False), head.power) - raised
    always = float(head.bias.astype(np.float64) @ toward + raised @ slopes)
    return OutputShares(moved * slopes * scale[:, None], always * scale, np.zeros(len(features)))


def integrated(
    fusion: FusionMLP, start: Floats, features: Floats, toward: Floats, steps: int
) -> OutputShares:
    """Integrated gradients of the fused picture's dot product, at length one, with a direction.

    The first layer is linear along the line, so its large matrix is used twice in all, not once per
    step.
    """
    wide = _Wide.of(fusion, toward)
    first = fusion.weights[0]
    begin = (start @ first + fusion.biases[0]).astype(np.float64)
    ends = (features @ first + fusion.biases[0]).astype(np.float64)
    at_start = wide.product(begin)
    products = np.array([wide.product(end) for end in ends])
    slopes = np.zeros(ends.shape)  # (K, H)
    for row, end in enumerate(ends):
        taken = steps
        while True:
            slopes[row] = wide.slope(begin, end, taken)
            missed = products[row] - at_start - slopes[row] @ (end - begin)
            if abs(missed) <= MISSED * abs(products[row]) or taken >= MOST_STEPS:
                break
            taken *= 2
    inputs = (features - start).astype(np.float64) * (slopes @ first.T.astype(np.float64))
    starts = np.full(len(features), at_start)
    return OutputShares(inputs, starts, products - starts - inputs.sum(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class _Wide:
    """A fusion behind its first matrix, in float64, with the direction.

    Attributes:
        units: of each layer.
        weights: of all layers but the first.
        biases: likewise.
        toward: (D,).
    """

    units: tuple[str, ...]
    weights: tuple[Doubles, ...]
    biases: tuple[Doubles, ...]
    toward: Doubles

    @classmethod
    def of(cls, fusion: FusionMLP, toward: Floats) -> _Wide:
        return cls(
            fusion.config.units(),
            tuple(weight.astype(np.float64) for weight in fusion.weights[1:]),
            tuple(bias.astype(np.float64) for bias in fusion.biases[1:]),
            toward.astype(np.float64),
        )

    def product(self, first: Doubles) -> float:
        """The dot product at length one, from the inputs (H,) of the first layer's units."""
        fused = self._forward(first[None])[-1][1][0]
        return float(fused @ self.toward) * float(inverse(np.linalg.norm(fused)))

    def slope(self, begin: Doubles, end: Doubles, steps: int) -> Doubles:
        """Mean slope (H,) of the product on the line between two inputs of the first units."""
        along = np.linspace(0.0, 1.0, steps + 1)[:, None]
        layers = self._forward(begin + along * (end - begin))
        slope = self._cosine_slope(layers[-1][1])  # (S, D)
        for place in range(len(layers) - 1, -1, -1):
            slope = slope * _unit_slope(*layers[place], self.units[place])
            if place:
                slope = slope @ self.weights[place - 1].T
        found: Doubles = slope.mean(axis=0)
        return found

    def _forward(self, first: Doubles) -> list[tuple[Doubles, Doubles]]:
        """Inputs and outputs of the units of each layer, both (P, H), at P points."""
        layers = [(first, _outputs(first, self.units[0]))]
        for weight, bias, unit in zip(self.weights, self.biases, self.units[1:], strict=True):
            given = layers[-1][1] @ weight + bias
            layers.append((given, _outputs(given, unit)))
        return layers

    def _cosine_slope(self, fused: Doubles) -> Doubles:
        """Mean gradient (S, D) of the product at length one, on each step of S + 1 points."""
        slope = np.zeros((len(fused) - 1, fused.shape[1]))
        for place, weight in zip(_PLACES, _WEIGHTS, strict=True):
            share = (place + 1) / 2
            between = (1 - share) * fused[:-1] + share * fused[1:]
            scale = inverse(np.linalg.norm(between, axis=1))[:, None]
            unit = between * scale
            slope += weight / 2 * (self.toward - (unit @ self.toward)[:, None] * unit) * scale
        return slope


def _outputs(inputs: Doubles, unit: str) -> Doubles:
    function: Callable[[Any], Any] = UNITS[unit]  # of any type of number
    outputs: Doubles = function(inputs)
    return outputs


def _unit_slope(inputs: Doubles, outputs: Doubles, unit: str) -> Doubles:
    """Difference of outputs over difference of inputs on each step; a derivative where flat."""
    moved, gained = np.diff(inputs, axis=0), np.diff(outputs, axis=0)
    derivative: Callable[[Any], Any] = SLOPES[unit]
    flat = np.abs(moved) <= _FLAT * (1 + np.abs(inputs[1:]))
    return np.where(flat, derivative(outputs[1:]), gained / np.where(flat, 1.0, moved))


def inverse(lengths: npt.ArrayLike) -> Doubles:
    """One over each length; 0 for 0, so that a zero vector adds nothing."""
    wide = np.asarray(lengths, dtype=np.float64)
    found: Doubles = np.divide(1.0, wide, out=np.zeros_like(wide), where=wide > 0)
    return found
