"""The contribution of each input of a head to its output's dot product with a direction.

Contributions are exact for a linear head. For the paper's perceptron they are integrated gradients
(Sundararajan et al. 2017) along the straight line from a typical input.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import UNITS, FusionMLP
from picturedesk.heads.linear import LinearHead, signed_power
from picturedesk.types import Doubles, Floats

SLOPES: dict[str, Callable[[Floats], Floats]] = {  # derivative of a unit from its output
    "sigmoid": lambda given: given * (1 - given),
    "tanh": lambda given: 1 - given * given,
    "relu": lambda given: (given > 0).astype(given.dtype),
    "linear": np.ones_like,
}


def output_shares(
    head: FusionMLP | LinearHead,
    features: Floats,
    toward: Floats,
    typical: Floats | None,
    steps: int,
) -> tuple[Doubles, Doubles]:
    """Shares of the inputs in the dot product of an output, scaled to length one, and a direction.

    Args:
        head: maps features to the shared space.
        features: (K, I).
        toward: (D,) the direction.
        typical: (I,) the baseline input; None for zeros.
        steps: number of steps of the integrated gradients.

    Returns:
        Shares of inputs (K, I), and the dot product at the baseline (K,). They sum to the dot
        product: exactly for a linear head, otherwise approximately.

    Raises:
        BadInput: ``typical`` and the features differ in width.
    """
    start = np.zeros(features.shape[1], dtype=np.float32) if typical is None else typical
    if start.shape != features.shape[1:]:
        raise BadInput(f"typical features have shape {start.shape}: give {features.shape[1:]}")
    if isinstance(head, LinearHead):
        return _linear(head, start, features, toward)
    return integrated(head, start, features, toward, steps)


def _linear(
    head: LinearHead, start: Floats, features: Floats, toward: Floats
) -> tuple[Doubles, Doubles]:
    """Shares of inputs (K, ΣD_l) and the value at the baseline (K,); the sum is exact."""
    scale = inverse(np.linalg.norm(head(features), axis=1))  # (K,)
    slopes = (head.weights @ toward).astype(np.float64)  # (ΣD_l,)
    raised = signed_power(start.astype(np.float32, copy=False), head.power)
    moved = signed_power(features.astype(np.float32, copy=False), head.power) - raised
    always = float(head.bias.astype(np.float64) @ toward + raised @ slopes)
    return moved * slopes * scale[:, None], always * scale


def integrated(
    fusion: FusionMLP, start: Floats, features: Floats, toward: Floats, steps: int
) -> tuple[Doubles, Doubles]:
    """Integrated gradients of the fused picture's dot product, at length one, with a direction.

    The first layer is linear along the line, so its large matrix is used twice in all, not once per
    step.

    Returns:
        Shares of inputs (K, ΣD_l), and the dot product at the baseline (K,).
    """
    first, *deeper = fusion.weights
    begin, ends = start @ first + fusion.biases[0], features @ first + fusion.biases[0]
    along = ((np.arange(steps, dtype=np.float32) + np.float32(0.5)) / steps)[:, None]
    slopes = np.empty((len(features), first.shape[1]), dtype=np.float32)  # (K, H)
    for row, end in enumerate(ends):
        given = _forward(fusion, begin + along * (end - begin))
        slope = _cosine_slope(given[-1], toward)
        for layer in range(len(given) - 1, -1, -1):
            slope = slope * SLOPES[fusion.config.units()[layer]](given[layer])
            if layer:
                slope = slope @ deeper[layer - 1].T
        slopes[row] = slope.mean(axis=0)
    shares = (features - start).astype(np.float64) * (slopes @ first.T)
    fused = _forward(fusion, begin[None])[-1][0]
    at_start = float(fused @ toward) * float(inverse(np.linalg.norm(fused)))
    return shares, np.full(len(features), at_start)


def _forward(fusion: FusionMLP, first: Floats) -> list[Floats]:
    """Outputs of each layer (S, H), from the outputs of the first layer's units (S, H)."""
    units = fusion.config.units()
    given = [UNITS[units[0]](first)]
    for weight, bias, unit in zip(fusion.weights[1:], fusion.biases[1:], units[1:], strict=True):
        given.append(UNITS[unit](given[-1] @ weight + bias))
    return given


def _cosine_slope(fused: Floats, toward: Floats) -> Floats:
    """Gradient of the dot product of rows (S, D), scaled to length one, with a direction."""
    scale = inverse(np.linalg.norm(fused, axis=1))[:, None]
    unit = fused * scale
    slope = (toward - (unit @ toward)[:, None] * unit) * scale
    return slope.astype(np.float32)


def inverse(lengths: npt.ArrayLike) -> Doubles:
    """One over each length; 0 for 0, so that a zero vector adds nothing."""
    wide = np.asarray(lengths, dtype=np.float64)
    found: Doubles = np.divide(1.0, wide, out=np.zeros_like(wide), where=wide > 0)
    return found
