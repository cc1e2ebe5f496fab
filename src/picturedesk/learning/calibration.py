"""Fits the confidence on held-out texts, whose right pictures are known.

Right is a picture that ran with the text; for a query of a few words, one that ran with a text that
holds them all. Knows scores only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.routes.confidence import (
    DIRECTIONS,
    SIGNALS,
    TEN,
    Calibration,
    Confidence,
    Curve,
    Pool,
    Usual,
    curve_features,
    logit,
)
from picturedesk.types import Bools, Doubles, Floats

FEWEST = 50  # texts that a calibration needs
FEWEST_FOUND = 20  # of them whose picture was among the first ten
FALSE_DOUBT = 0.06  # share of these that may be doubted
BEST = 200  # scores of a text that are kept one by one
SAMPLE = 256  # of the others
PASSING = (1.0, 0.5, 0.1)  # shares of the pictures that a filter lets pass
_USUAL = 64  # quantiles of usual scores
_QUANTILES = 101  # of each signal
_TEMPERATURES = np.geomspace(0.1, 10, 40)
_TEXTS = 400  # that the temperature is chosen on
_OTHERS = 64  # of the sample that the curve is fitted on, for each text
_PRIOR = 10.0  # strength of the pull of the curve's weights towards 0
_WEAK, _STRONG = 0.1, 0.5  # quantiles of the matches of right pictures


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One query with known right pictures, against all pictures of the archive.

    Attributes:
        pool: its scores.
        right: (C,) which of the pool's scores are of right pictures.
        deep: (m,) scores of the right pictures that are not among them.
        matches: (K,) of the first ten, see ``confidence.standardised``.
        signals: (S,) see ``confidence.signals_of``.
    """

    pool: Pool
    right: Bools
    deep: Doubles
    matches: Doubles
    signals: Doubles

    @property
    def found(self) -> bool:
        """Whether a right picture is among the first ten."""
        return bool(self.right[:TEN].any())


def case_of(
    scores: Floats,
    right: Bools,
    matches: Doubles,
    signals: Doubles,
    random: np.random.Generator,
) -> Case:
    """A query from its scores (n,) for all pictures; many are kept as a sample."""
    order = np.argsort(-scores, kind="stable")
    best, rest = order[:BEST], order[BEST:]
    wrong = rest[~right[rest]]
    sample = random.choice(wrong, size=min(SAMPLE, len(wrong)), replace=False)
    kept = scores.astype(np.float64)
    return Case(
        Pool.of(kept[best], kept[sample], len(scores)),
        right[best],
        kept[rest[right[rest]]],
        matches,
        signals,
    )


def calibrate(
    texts: Sequence[Case],
    short: Sequence[Case] = (),
    short_below: int = 0,
    captions: bool = False,
    seed: int = 0,
) -> Confidence | None:
    """The confidence that fits known queries; None if there are too few.

    Args:
        texts: whole texts.
        short: queries of a few words.
        short_below: words from which on a query counts as a whole text.
        captions: whether captions were part of the scores.
        seed: of samples.
    """
    whole = _calibration(texts, seed)
    if whole is None:
        return None
    ranks = (np.arange(_USUAL) + 0.5) / _USUAL
    usual = np.mean([_quantiles(case.pool, ranks) for case in texts], axis=0)
    return Confidence(
        texts=whole,
        short=_calibration(short, seed),
        short_below=short_below,
        usual=tuple(map(float, usual)),
        entries=texts[0].pool.total,
        captions=captions,
    )


def _calibration(cases: Sequence[Case], seed: int) -> Calibration | None:
    found = [case for case in cases if case.found]
    if len(cases) < FEWEST or len(found) < FEWEST_FOUND:
        return None
    curve = _curve(cases, np.random.default_rng(seed))
    matches = np.concatenate([case.matches[case.right[: len(case.matches)]] for case in found])
    fair, strong = np.quantile(matches, (_WEAK, _STRONG))
    return Calibration(curve, _usual(found), float(fair), float(strong))


def _curve(cases: Sequence[Case], random: np.random.Generator) -> Curve:
    temperature = _temperature(cases)
    temperatures = (temperature, 2 * temperature)
    features, outcomes, counts = [], [], []
    for case in cases:
        pool, others = case.pool, case.pool.others
        some = random.choice(others, size=min(_OTHERS, len(others)), replace=False)
        values = np.concatenate([pool.scores, case.deep, some])
        features.append(curve_features(pool, values, temperatures))
        outcomes.append(np.r_[case.right, np.ones(len(case.deep)), np.zeros(len(some))] > 0)
        rest = pool.total - len(pool.scores) - len(case.deep)
        each = rest / len(some) if len(some) else 0.0
        known = len(pool.scores) + len(case.deep)
        counts.append(np.r_[np.ones(known), np.full(len(some), each)])
    weights = _fit(
        np.concatenate(features),
        np.concatenate(outcomes),
        np.concatenate(counts),
        signs=DIRECTIONS,
    )
    alone = Curve(temperatures, weights, 1.0)
    chances, found = [], []
    for case in cases:
        of_all = alone.chances(case.pool, case.pool.scores)
        for share in PASSING:
            shown = np.flatnonzero(random.random(len(of_all)) < share)[:TEN]
            chances.append(of_all[shown])
            found.append(bool(case.right[shown].any()))
    exclusive = _exclusive(chances, found)
    return Curve(temperatures, weights, exclusive, _joint(chances, found, exclusive))


def _temperature(cases: Sequence[Case]) -> float:
    """Of the softmax under which the right pictures are likeliest."""
    step = -(-len(cases) // _TEXTS)

    def surprise(temperature: float) -> float:
        values = []
        for case in cases[::step]:
            right = np.concatenate([case.pool.scores[case.right], case.deep])
            values.append(np.log(max(float(case.pool.shares(right, temperature).sum()), 1e-12)))
        return -float(np.mean(values))

    return float(min(_TEMPERATURES, key=surprise))


def _exclusive(chances: Sequence[Doubles], found: Sequence[bool]) -> float:
    """How far chances of the first ten add up, where right pictures come alone or together."""
    outcomes = np.array(found)

    def surprise(exclusive: float) -> float:
        said = np.array([Curve((1, 1), (), exclusive).added_up(each) for each in chances])
        said = np.clip(said, 1e-6, 1 - 1e-6)
        return -float(np.log(np.where(outcomes, said, 1 - said)).mean())

    return float(min(np.linspace(0, 1, 11), key=surprise))


def _joint(
    chances: Sequence[Doubles], found: Sequence[bool], exclusive: float
) -> tuple[float, float]:
    """Offset and slope from what chances add up to, to how often one of them was right."""
    curve = Curve((1, 1), (), exclusive)
    odds = logit(np.array([curve.added_up(each) for each in chances]))
    offset, slope = _fit(odds[:, None], np.array(found), np.ones(len(odds)), toward=(1.0,))
    return offset, slope


def _fit(
    features: Doubles,
    outcomes: Bools,
    counts: Doubles,
    toward: Sequence[float] = (),
    signs: Sequence[int] = (),
) -> tuple[float, ...]:
    """Offset and weights (1 + F) of a logistic curve.

    Args:
        features: (n, F).
        outcomes: (n,).
        counts: (n,) how many pictures each row stands for.
        toward: (F,) what the weights are pulled to; () for zeros.
        signs: (F,) 1 for weights of 0 or more, -1 for 0 or less; () for any.
    """
    from scipy.optimize import minimize

    rows = np.concatenate([np.ones((len(features), 1)), features], axis=1)
    sides = np.where(outcomes, 1.0, -1.0)
    pull = np.r_[0.0, np.full(features.shape[1], _PRIOR)]
    start = np.r_[0.0, toward] if len(toward) else np.zeros(rows.shape[1])

    def surprise(weights: Doubles) -> tuple[float, Doubles]:
        margins = sides * (rows @ weights)
        apart = weights - start
        value = counts @ np.logaddexp(0, -margins) + pull @ apart**2 / 2
        slope = -(counts * sides / (1 + np.exp(np.clip(margins, -500, 500)))) @ rows
        return float(value), slope + pull * apart

    ranges = {1: (0, None), -1: (None, 0)}
    bounds = [(None, None), *(ranges[sign] for sign in signs)] if signs else None
    found = minimize(
        surprise, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}
    )
    return tuple(map(float, found.x))


def _usual(found: Sequence[Case]) -> Usual:
    """What the signals of these queries are, and the limit that few of them fall below."""
    signals = np.stack([case.signals for case in found])
    points = np.linspace(0, 1, _QUANTILES)
    known = tuple(
        tuple(map(float, np.quantile(signals[:, signal], points))) for signal in range(len(SIGNALS))
    )
    unlimited = Usual(known, float("-inf"), len(found))
    sums = [float(unlimited.surprise(row).sum()) for row in signals]
    return Usual(known, float(np.quantile(sums, FALSE_DOUBT)), len(found))


def _quantiles(pool: Pool, points: Doubles) -> Doubles:
    """Quantiles of a catalogue's scores, of which the others are known by a sample."""
    if not len(pool.others):
        return np.quantile(pool.scores, points)
    rest = pool.total - len(pool.scores)
    values = np.concatenate([np.sort(pool.others), pool.scores[::-1]])
    each = np.r_[np.full(len(pool.others), rest / len(pool.others)), np.ones(len(pool.scores))]
    order = np.argsort(values, kind="stable")
    places = (np.cumsum(each[order]) - each[order] / 2) / each.sum()
    found: Doubles = np.interp(points, places, values[order])
    return found
