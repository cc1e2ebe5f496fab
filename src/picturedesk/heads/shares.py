"""What each input of a head adds to its output's product with a direction.

A linear head's shares are exact. Of the paper's perceptron they are integrated gradients
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

SLOPES: dict[str, Callable[[Floats], Floats]] = {  # of a unit, by what it gave
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
    """Shares of the product of an output, brought to length one, and a direction.

    Args:
        head: from features to the shared space.
        features: (K, I).
        toward: (D,) the direction.
        typical: (I,) where inputs begin to count; None for zeros.
        steps: of the integrated gradients.

    Returns:
        Shares of inputs (K, I), and what the product is at the start (K,). They sum to the product;
        exactly for a linear head, otherwise as closely as integrated gradients do.

    Raises:
        BadInput: if ``typical`` is not as wide as the features.
    """
    start = np.zeros(features.shape[1], dtype=np.float32) if typical is None else typical
    if start.shape != features.shape[1:]:
        raise BadInput(f"typical features of shape {start.shape}: {features.shape[1:]} are needed")
    if isinstance(head, LinearHead):
        return _linear(head, start, features, toward)
    return integrated(head, start, features, toward, steps)


def _linear(
    head: LinearHead, start: Floats, features: Floats, toward: Floats
) -> tuple[Doubles, Doubles]:
    """Shares of inputs (K, ΣD_l) and what is left at the start (K,); both sum exactly."""
    scale = inverse(np.linalg.norm(head(features), axis=1))  # (K,)
    slopes = (head.weights @ toward).astype(np.float64)  # (ΣD_l,)
    raised = signed_power(start.astype(np.float32, copy=False), head.power)
    moved = signed_power(features.astype(np.float32, copy=False), head.power) - raised
    always = float(head.bias.astype(np.float64) @ toward + raised @ slopes)
    return moved * slopes * scale[:, None], always * scale


def integrated(
    fusion: FusionMLP, start: Floats, features: Floats, toward: Floats, steps: int
) -> tuple[Doubles, Doubles]:
    """Integrated gradients of the fused picture's product, at length one, with a direction.

    The first layer is linear along the line, so that its large matrix is used twice and not once
    a step.

    Returns:
        Shares of inputs (K, ΣD_l), and the product at the start (K,).
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
    """What each layer gives (S, H), where the first one's units are given (S, H)."""
    units = fusion.config.units()
    given = [UNITS[units[0]](first)]
    for weight, bias, unit in zip(fusion.weights[1:], fusion.biases[1:], units[1:], strict=True):
        given.append(UNITS[unit](given[-1] @ weight + bias))
    return given


def _cosine_slope(fused: Floats, toward: Floats) -> Floats:
    """How rows (S, D), brought to length one, times a direction change with the rows."""
    scale = inverse(np.linalg.norm(fused, axis=1))[:, None]
    unit = fused * scale
    slope = (toward - (unit @ toward)[:, None] * unit) * scale
    return slope.astype(np.float32)


def inverse(lengths: npt.ArrayLike) -> Doubles:
    """One over each length; 0 for 0, so that what has no direction adds nothing."""
    wide = np.asarray(lengths, dtype=np.float64)
    found: Doubles = np.divide(1.0, wide, out=np.zeros_like(wide), where=wide > 0)
    return found
