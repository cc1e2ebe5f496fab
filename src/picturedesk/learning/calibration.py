"""Fits the confidence on held-out texts, whose right pictures are known.

A picture counts as acceptable if it ran with the text. An editor would accept more pictures, so the
probabilities are conservative. Knows scores only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.routes.confidence import TEN, Confidence, Pool, picture_features, ten_features
from picturedesk.types import Bools, Doubles, Floats, Ints

FEWEST = 50  # texts that a calibration needs
POOLS = (1.0, 0.5, 0.25)  # shares of the candidates: the curve must hold for any number of them
FALSE_DOUBTS = 0.02  # share of the texts whose picture was found that may be doubted
MARGIN = 0.5  # of the way from the median to those, again
STRANGE = 0.01  # share of the archive's own texts that may be called unlike it
PRIOR = 1.0  # deviation of offset and weights from the softmax alone, before any data
_TEMPERATURES = np.geomspace(0.1, 10, 80)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """One text's scores.

    Attributes:
        scores: (n,) of the candidates.
        right: (n,) which of them ran with the text.
        nearest: cosine of the nearest archive text.
    """

    scores: Doubles
    right: Bools
    nearest: float


def rankings(scores: Floats, relevant: Ints, nearest: Floats) -> list[Ranking]:
    """The rows of a score matrix (Q, n) that have a right picture."""
    right = np.zeros(scores.shape, dtype=bool)
    right[relevant[:, 0], relevant[:, 1]] = True
    return [
        Ranking(scores[row].astype(np.float64), right[row], float(nearest[row]))
        for row in np.flatnonzero(right.any(axis=1))
    ]


def calibrate(known: Sequence[Ranking], seed: int = 0) -> Confidence | None:
    """The confidence that fits these rankings, None if they are too few.

    Args:
        known: with scores as the blend gives them.
        seed: of the candidates left out, to see smaller catalogues.
    """
    random = np.random.default_rng(seed)
    seen = [_among(ranking, share, random) for share in POOLS for ranking in known]
    seen = [ranking for ranking in seen if len(ranking.scores) > TEN]
    if len(known) < FEWEST or len(seen) < FEWEST:
        return None
    temperature = _temperature(known)
    of_pictures, right = [], []
    of_ten, found = [], []
    for ranking in seen:
        best = np.argsort(-ranking.scores, kind="stable")[:TEN].astype(np.int64)
        pool = Pool.whole(ranking.scores)
        of_pictures.append(picture_features(pool, best, temperature))
        right.append(ranking.right[best])
        of_ten.append(ten_features(pool, ranking.nearest, temperature))
        found.append(ranking.right[best].any())
    picture = _fit(np.concatenate(of_pictures), np.concatenate(right))
    ten = _fit(np.stack(of_ten), np.array(found))
    return Confidence(
        temperature=temperature,
        picture=(picture[0], picture[1], picture[2], picture[3]),
        ten=(ten[0], ten[1], ten[2], ten[3]),
        familiar=float(np.quantile([ranking.nearest for ranking in known], STRANGE)),
        weakest=_weakest(known),
    )


def _among(ranking: Ranking, share: float, random: np.random.Generator) -> Ranking:
    """The same text among fewer candidates; its right pictures stay."""
    if share >= 1:
        return ranking
    kept = ranking.right | (random.random(len(ranking.scores)) < share)
    return Ranking(ranking.scores[kept], ranking.right[kept], ranking.nearest)


def _temperature(known: Sequence[Ranking]) -> float:
    """Of the softmax under which the right pictures are likeliest."""

    def surprise(temperature: float) -> float:
        shares = (Pool.whole(r.scores).shares(temperature)[r.right].sum() for r in known)
        return -float(np.mean([np.log(max(share, 1e-12)) for share in shares]))

    return float(min(_TEMPERATURES, key=surprise))


def _weakest(known: Sequence[Ranking]) -> float:
    """Best score below which hardly any of the texts lie whose picture was among the first ten.

    Their lowest 2 %, and half the way from the median to there again: in a small archive, pictures
    that the heads have learned from are hubs for its texts, and score lower than unseen ones.
    """
    best = []
    for ranking in known:
        first = np.argsort(-ranking.scores, kind="stable")[:TEN]
        if ranking.right[first].any():
            best.append(ranking.scores.max())
    if not best:
        return float("-inf")
    low, median = np.quantile(best, [FALSE_DOUBTS, 0.5])
    return float(low - MARGIN * (median - low))


def _fit(features: Doubles, outcomes: Bools) -> list[float]:
    """Offset and weights (1 + F,) of a logistic curve.

    The first feature is the logit of what the softmax says. A prior keeps the curve near to just
    that, so that only what the rankings really contradict is changed: candidates and shares go
    together, and without a prior one would be given what is the other's.
    """
    from scipy.optimize import minimize

    rows = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    softmax_alone = np.eye(rows.shape[1])[1]
    signs = np.where(outcomes, 1.0, -1.0)

    def surprise(weights: Doubles) -> tuple[float, Doubles]:
        margins = signs * (rows @ weights)
        apart = (weights - softmax_alone) / PRIOR**2
        value = np.logaddexp(0, -margins).sum() + apart @ (weights - softmax_alone) / 2
        slope = -(signs / (1 + np.exp(margins))) @ rows + apart
        return float(value), slope

    found = minimize(surprise, softmax_alone, jac=True, method="L-BFGS-B")
    return [float(weight) for weight in found.x]
