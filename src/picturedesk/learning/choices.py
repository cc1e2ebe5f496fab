"""Choices by cross-validation of the direct route: ridges, text encoders, levels.

Knows only how to compare: reciprocal ranks of the same held-out texts under each choice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import TypeVar

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.learning.alignment import Block
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.training_pairs import FITTED, PROBABILITIES, TOWER
from picturedesk.types import Doubles

LOWEST_RIDGE, HIGHEST_RIDGE = 0.003, 100.0  # percent; what lies beyond is not tried
# Standard errors by which other ridges must be better: many are tried, and texts of one story are
# not independent, so that true errors are larger.
CLEARLY = 4.0
# The same for encoders and levels, of which few are tried.
LIKELY = 2.0

# How often a pair counts that an editor decided, and for what share of a pair a picture counts that
# was passed over.
DECISIONS = ((2, 0.1), (1, 0.0), (1, 0.1), (2, 0.3), (4, 0.1), (8, 0.1))

Ridges = tuple[float, float]
Choice = TypeVar("Choice", bound=Hashable)


def best_ridges(values: Callable[[Ridges], Doubles], config: BestConfig) -> Ridges:
    """The best ridges of the grid, then of the neighbours of the best, step by step.

    So the best does not lie at the edge of what was tried. A neighbour must be better by more than
    ``CLEARLY`` standard errors of the paired difference: the best of many that are equally good is
    only the luckiest. One pair in the settings is taken as it is.

    Args:
        values: (picture, text) ridges → reciprocal ranks of all held-out texts; higher is better.
        config: the grid, and by what factor neighbours differ.
    """
    if len(config.ridges) == 1:
        return config.ridges[0]
    known: dict[Ridges, Doubles] = {}

    def remembered(ridges: Ridges) -> Doubles:
        if ridges not in known:
            known[ridges] = values(ridges)
        return known[ridges]

    def mean(ridges: Ridges) -> float:
        return float(remembered(ridges).mean())

    best = max(config.ridges, key=mean)
    while True:
        picture, text = best
        near = [
            (round(picture * a, 6), round(text * b, 6))
            for a, b in product(*2 * ((1 / config.ridge_step, 1, config.ridge_step),))
            if (a == 1) != (b == 1)
        ]
        within = [pair for pair in near if LOWEST_RIDGE <= min(pair) <= max(pair) <= HIGHEST_RIDGE]
        better = max(within, key=mean, default=best)
        if not _better(remembered(better), remembered(best), CLEARLY):
            return best
        best = better


def best_of(choices: Sequence[Choice], values: Callable[[Choice], Doubles]) -> Choice:
    """The first choice, unless another is likely to be better.

    Args:
        choices: the usual one first.
        values: of a choice → reciprocal ranks of all held-out texts.
    """
    if len(choices) == 1:
        return choices[0]
    known = {choice: values(choice) for choice in choices}
    best = max(choices, key=lambda choice: float(known[choice].mean()))
    return best if _better(known[best], known[choices[0]], LIKELY) else choices[0]


def _better(some: Doubles, others: Doubles, errors: float) -> bool:
    """Whether the mean is higher by more than some standard errors of the paired difference."""
    gain = some - others
    return bool(gain.mean() > errors * gain.std() / np.sqrt(len(gain)))


def sets_of_encoders(names: Sequence[str]) -> list[tuple[int, ...]]:
    """Places of text encoders to use together: all of them first, then fewer.

    The one that is fitted on the archive is in every set, and so is a dual encoder's text tower,
    which a route needs.
    """
    kept = {FITTED, TOWER}
    fixed = tuple(place for place, name in enumerate(names) if name in kept)
    others = [place for place, name in enumerate(names) if name not in kept]
    found = []
    for count in range(len(others), -1, -1):
        found += [tuple(sorted((*fixed, *some))) for some in combinations(others, count)]
    return [places for places in found if places]


def sets_of_levels(spec: BackboneSpec, blocks: Sequence[Block]) -> list[tuple[float, ...]]:
    """Weights of the levels: as given, without class probabilities, and without maxima, too."""
    levels = list(zip(spec.levels, (block.weight for block in blocks), strict=True))
    given = tuple(weight for _, weight in levels)
    no_classes = tuple(0.0 if level.name == PROBABILITIES else weight for level, weight in levels)
    no_maxima = tuple(
        0.0 if level.pooling == "max" else weight
        for (level, _), weight in zip(levels, no_classes, strict=True)
    )
    return [one for one in dict.fromkeys((given, no_classes, no_maxima)) if any(one)]


def weighted(blocks: Sequence[Block], weights: Sequence[float]) -> tuple[Block, ...]:
    """The blocks with other weights."""
    pairs = zip(blocks, weights, strict=True)
    return tuple(replace(block, weight=weight) for block, weight in pairs)
