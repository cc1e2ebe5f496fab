"""Chooses the weights of the routes by cross-validation. Knows scores only.

A route is used only if it raises the mean reciprocal rank by more than a threshold. The direct
route always has weight 1; with its largest weight, another route dominates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from picturedesk.learning.cross_validation import FoldScores
from picturedesk.measuring.metrics import ranks
from picturedesk.routes.blend import total
from picturedesk.routes.route import RoutePlan
from picturedesk.types import Floats

WHOLE = 0.25  # share of the ranks among all pictures, where those that were learned from compete


def scored_routes(folds: Sequence[FoldScores]) -> list[str]:
    """The routes that have scores in every fold."""
    return [name for name in folds[0].scores if all(name in fold.scores for fold in folds)]


def deviations(folds: Sequence[FoldScores]) -> dict[str, float]:
    """Mean standard deviation of each route's scores over the candidates of a text; above 0.

    Texts with equal scores for all candidates, such as those that share no word with any caption,
    do not count.
    """
    found = {}
    for name in scored_routes(folds):
        each = np.concatenate([fold.scores[name].std(axis=1) for fold in folds])
        apart = each[each > 0]
        found[name] = float(apart.mean()) if len(apart) else 1.0
    return found


def choose(
    folds: Sequence[FoldScores], plans: Sequence[RoutePlan], gain: float
) -> dict[str, float]:
    """Weights with a high ``overall`` rank, minus ``gain`` for each route.

    Coordinate ascent: one weight after the other takes its best value, until none changes. It
    starts from the direct route alone, and from each other route with its largest weight; the best
    end counts.

    Args:
        folds: scores of the routes.
        plans: with the weights to try; a route without scores in a fold gets its default weight.
        gain: mean reciprocal rank, 0 to 1, that each route must add to be used.
    """
    units = deviations(folds)
    tried = [plan for plan in plans if plan.name in units]
    ascent = Ascent(
        lambda weights: overall(folds, weights),
        [plan.name for plan in tried],
        [plan.weights for plan in tried],
        [units[plan.unit] for plan in tried],
        gain,
    )
    lowest = tuple(min(plan.weights) for plan in tried)
    starts = [lowest]
    for place, plan in enumerate(tried):
        starts.append((*lowest[:place], max(plan.weights), *lowest[place + 1 :]))
    defaults = {plan.name: plan.default_weight for plan in plans if plan.name not in units}
    return ascent.best(starts) | defaults


class Ascent:
    """Coordinate ascent over weights in units of their own.

    Args:
        reached: weights by name → how good they are, 0 to 1.
        names: of the weights.
        grids: the values to try of each, in its unit.
        units: that the values are divided by.
        gain: how much better each weight above 0 must make it.
    """

    def __init__(
        self,
        reached: Callable[[Mapping[str, float]], float],
        names: Sequence[str],
        grids: Sequence[tuple[float, ...]],
        units: Sequence[float],
        gain: float,
    ) -> None:
        self._reached, self._names, self._grids = reached, names, grids
        self._units, self._gain = units, gain
        self._known: dict[tuple[float, ...], float] = {}

    def best(self, starts: Iterable[tuple[float, ...]]) -> dict[str, float]:
        """The weights at the best end of the ascents from these starts."""
        ends = map(self._climbed, dict.fromkeys(starts))
        return self._weights(max(ends, key=self._value))

    def _weights(self, values: tuple[float, ...]) -> dict[str, float]:
        """Name → weight for scores as they are."""
        each = zip(self._names, values, self._units, strict=True)
        return {name: value / unit for name, value, unit in each}

    def _value(self, values: tuple[float, ...]) -> float:
        """What is reached, minus the gain that each weight must bring."""
        if values not in self._known:
            let_in = sum(weight > 0 for weight in values)
            self._known[values] = self._reached(self._weights(values)) - self._gain * let_in
        return self._known[values]

    def _climbed(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """Where the ascent ends that starts here."""
        while True:
            before = values
            for place, grid in enumerate(self._grids):
                head, rest = values[:place], values[place + 1 :]
                values = max([(*head, weight, *rest) for weight in grid], key=self._value)
            if values == before:
                return values


def mean_reciprocal_rank(folds: Sequence[FoldScores], weights: Mapping[str, float]) -> float:
    """Over all texts of all folds, 0 to 1, among the fold's candidates."""
    reciprocal = [1 / ranks(blended(fold, weights), fold.held_out.relevant) for fold in folds]
    return float(np.concatenate(reciprocal).mean())


def overall(folds: Sequence[FoldScores], weights: Mapping[str, float]) -> float:
    """Mean reciprocal rank, 0 to 1: three quarters among the candidates, one in all pictures.

    New pictures compete with each other, and with pictures that were learned from.
    """
    found = []
    for fold in folds:
        own, relevant = blended(fold, weights), fold.held_out.relevant
        found.append(1 / ranks(own, relevant))
        if fold.others:
            others = total(fold.others, weights).astype(np.float32, copy=False)
            everything = np.concatenate([own, others], axis=1)
            found[-1] = (1 - WHOLE) * found[-1] + WHOLE / ranks(everything, relevant)
    return float(np.concatenate(found).mean())


def blended(fold: FoldScores, weights: Mapping[str, float]) -> Floats:
    """Scores (Q, n) of weighted routes."""
    return total(fold.scores, weights).astype(np.float32, copy=False)
