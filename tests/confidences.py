"""A confidence of round numbers, and scores whose exact chances are known."""

from __future__ import annotations

import numpy as np

from picturedesk.learning.calibration import Case, case_of
from picturedesk.routes import Confidence, Pool
from picturedesk.routes.confidence import Calibration, Curve, Usual, signals_of

CURVE = Curve((0.5, 1.0), (0.0, 1.0, *[0.0] * 6), 1.0)  # the chance is the share at 0.5
USUAL = Usual(
    signals=(
        tuple(np.linspace(1, 3, 21)),  # best score
        tuple(np.linspace(0.4, 0.8, 21)),  # nearest archive text
        tuple(np.linspace(0.6, 1, 21)),  # share of known words
    ),
    limit=-4.0,
    count=1000,
)
SURE = Confidence(
    texts=Calibration(CURVE, USUAL, fair=1.0, strong=2.0),
    short=None,
    short_below=4,
    usual=tuple(np.linspace(-1, 1, 16)),
    entries=0,
    captions=True,
)
COUNT, STRENGTH = 300, 2.5  # pictures, and by how much the right one scores higher


def posterior(scores):
    """The chance (N,) that each is right, where wrong ones are N(0, 1), right N(STRENGTH, 1)."""
    exponents = np.exp(STRENGTH * (scores - scores.max()))
    return exponents / exponents.sum()


def known_scores(queries, seed, count=COUNT):
    """Scores (Q, N), and which of them is right (Q,)."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(queries, count))
    right = random.integers(count, size=queries)
    scores[np.arange(queries), right] += STRENGTH
    return scores, right


def known_cases(scores, right, seed=0) -> list[Case]:
    """One case for each row of scores; its signals follow the best score, and chance."""
    random = np.random.default_rng(seed)
    made = []
    for row, place in zip(scores.astype(np.float32), right, strict=True):
        best = np.sort(row)[::-1][:10].astype(np.float64)
        matches = best + random.normal(scale=0.3, size=len(best))
        signals = signals_of(best, random.uniform(0.3, 0.9), random.uniform(0.7, 1))
        made.append(case_of(row, np.arange(len(row)) == place, matches, signals, random))
    return made


def judged(confidence, case: Case):
    """What is said of the first ten of a case."""
    shown = case.pool.scores[:10]
    nearest, known = case.signals[1:]
    return confidence.judge(case.pool, shown, case.matches, nearest, known, words=50)


def whole(scores) -> Pool:
    """A pool of which all entries are known."""
    return Pool.of(np.asarray(scores, dtype=np.float64))
