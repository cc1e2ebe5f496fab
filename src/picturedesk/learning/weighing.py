"""Chooses the weights of the routes by cross-validation. Knows scores only.

A route is used only if it raises the mean reciprocal rank by more than a threshold. The direct
route always has weight 1; with its largest weight, another route dominates it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from picturedesk.learning.cross_validation import FoldScores
from picturedesk.measuring.metrics import ranks
from picturedesk.routes.blend import total
from picturedesk.routes.route import RoutePlan
from picturedesk.types import Floats


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
    """The weights with the highest mean reciprocal rank, minus ``gain`` for each route.

    Args:
        folds: scores of the routes.
        plans: with the weights to try; a route without scores in a fold gets its default weight.
        gain: mean reciprocal rank, 0 to 1, that each route must add to be used.
    """
    units = deviations(folds)
    tried = [plan for plan in plans if plan.name in units]

    def weights(values: Sequence[float]) -> dict[str, float]:
        pairs = zip(tried, values, strict=True)
        return {plan.name: value / units[plan.unit] for plan, value in pairs}

    def value(values: Sequence[float]) -> float:
        let_in = sum(weight > 0 for weight in values)
        return mean_reciprocal_rank(folds, weights(values)) - gain * let_in

    best = weights(max(product(*(plan.weights for plan in tried)), key=value))
    return best | {plan.name: plan.default_weight for plan in plans if plan.name not in units}


def mean_reciprocal_rank(folds: Sequence[FoldScores], weights: Mapping[str, float]) -> float:
    """Over all texts of all folds, 0 to 1."""
    reciprocal = [1 / ranks(blended(fold, weights), fold.held_out.relevant) for fold in folds]
    return float(np.concatenate(reciprocal).mean())


def blended(fold: FoldScores, weights: Mapping[str, float]) -> Floats:
    """Scores (Q, n) of weighted routes."""
    return total(fold.scores, weights).astype(np.float32, copy=False)
