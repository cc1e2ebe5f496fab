"""The picture's side: what its levels and its classes add. Knows nothing of texts.

A linear head's shares are exact. Of the paper's perceptron they are integrated gradients
(Sundararajan et al. 2017) along the straight line from a typical picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picturedesk.errors import BadInput
from picturedesk.explaining.explanation import ALWAYS, CENTRE, OTHERS, ClassShare, Share
from picturedesk.heads.fusion import UNITS, FusionMLP
from picturedesk.heads.linear import LinearHead, signed_power
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import ClassNames
from picturedesk.routes.class_names import shares as class_shares
from picturedesk.types import Doubles, Floats

SLOPES: dict[str, Callable[[Floats], Floats]] = {  # of a unit, by what it gave
    "sigmoid": lambda given: given * (1 - given),
    "tanh": lambda given: 1 - given * given,
    "relu": lambda given: (given > 0).astype(given.dtype),
    "linear": np.ones_like,
}


def level_columns(matcher: Matcher) -> dict[str, slice]:
    """Where each level lies among the columns that the matcher reads."""
    found: dict[str, slice] = {}
    start = 0
    for level in matcher.levels:
        known = matcher.backbone.columns(level)
        found[level] = slice(start, start + known.stop - known.start)
        start = found[level].stop
    return found


def level_shares(
    matcher: Matcher, features: Floats, toward: Floats, typical: Floats | None, steps: int
) -> list[tuple[Share, ...]]:
    """What each level adds to the product of a fused picture of length one and a direction.

    Args:
        matcher: its fusion and levels.
        features: (K, ΣD_l).
        toward: (D,) the direction.
        typical: (ΣD_l,) where levels begin to count; None for zeros.
        steps: of the integrated gradients.

    Raises:
        BadInput: if ``typical`` is not as wide as the features.
    """
    start = np.zeros(features.shape[1], dtype=np.float32) if typical is None else typical
    if start.shape != features.shape[1:]:
        raise BadInput(f"typical features of shape {start.shape}: {features.shape[1:]} are needed")
    if isinstance(matcher.fusion, LinearHead):
        inputs, always = _linear(matcher.fusion, start, features, toward)
    else:
        inputs, always = integrated(matcher.fusion, start, features, toward, steps)
    spans = level_columns(matcher)
    return [
        (
            *(Share(name, float(row[span].sum())) for name, span in spans.items()),
            Share(ALWAYS, float(rest)),
        )
        for row, rest in zip(inputs, always, strict=True)
    ]


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


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """Pictures in the class-name space.

    Attributes:
        names: the route.
        probabilities: (K, C).
        scale: (K,) by which a picture is brought to length one.
    """

    names: ClassNames
    probabilities: Floats
    scale: Doubles

    @classmethod
    def of(cls, names: ClassNames, probabilities: Floats) -> Named:
        """From class probabilities (K, C)."""
        placed = class_shares(probabilities) @ names.vectors - names.picture_centre
        return cls(names, probabilities, inverse(np.linalg.norm(placed, axis=1)))

    def shares(self, toward: Floats, most: int) -> list[tuple[ClassShare, ...]]:
        """What each class adds to the product with a direction (R,), the most first.

        Args:
            toward: the text in the class-name space, weight in it.
            most: classes that are named.
        """
        each = class_shares(self.probabilities) * (self.names.vectors @ toward).astype(np.float64)
        each *= self.scale[:, None]  # (K, C)
        centre = -float(self.names.picture_centre @ toward) * self.scale
        return [
            self._named(row, likely, rest, most)
            for row, likely, rest in zip(each, self.probabilities, centre, strict=True)
        ]

    def _named(
        self, row: Doubles, likely: Floats, centre: float, most: int
    ) -> tuple[ClassShare, ...]:
        best, others = np.split(np.argsort(-row, kind="stable"), [most])
        return (
            *(ClassShare(self.names.names[c], float(likely[c]), float(row[c])) for c in best),
            ClassShare(OTHERS, float(likely[others].sum()), float(row[others].sum())),
            ClassShare(CENTRE, 0.0, float(centre)),
        )


def inverse(lengths: npt.ArrayLike) -> Doubles:
    """One over each length; 0 for 0, so that what has no direction adds nothing."""
    wide = np.asarray(lengths, dtype=np.float64)
    found: Doubles = np.divide(1.0, wide, out=np.zeros_like(wide), where=wide > 0)
    return found
