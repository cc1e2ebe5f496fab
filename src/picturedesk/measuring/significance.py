"""Significance of differences: paired bootstrap over queries (Efron and Tibshirani 1993).

Takes values per query and returns intervals; knows nothing of their origin.

An interval covers the choice of queries: would the result hold with other texts of this kind? It
does not cover training: with several seeds, give each query's mean over them, and report the
deviation between seeds separately. Queries that share a picture (five captions of one photograph)
are not independent: name their groups, and whole groups are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.types import Bools, Doubles, Ints

RESAMPLES = 10_000
MOST_RESAMPLES = 10_000_000
PERCENTILES = (2.5, 97.5)
ALPHA = 0.05  # a p-value below it is significant
_CELLS = 1 << 21  # values drawn at a time: 16 MB


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries with its 95 % bootstrap interval (percentiles 2.5 and 97.5)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of ``a`` and ``b`` on the same queries.

    Attributes:
        mean: mean over queries of a - b.
        low: 2.5th percentile of the resampled means.
        high: 97.5th percentile of the resampled means.
        p: two-sided: twice the share of resamples on the other side of zero, at most 1. The
            observed sample counts as one resample, so p is never zero. A resample at zero counts
            for both sides.
    """

    mean: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the 95 % interval excludes zero."""
        return self.low > 0 or self.high < 0


def bootstrap_interval(
    values: Doubles | Bools,
    groups: Ints | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """The mean of per-query values with its interval.

    Args:
        values: (Q,), e.g. whether the right picture is among the first ten.
        groups: (Q,) queries with the same number are drawn together; None draws each alone.
        seed: seed of the resampling.
        resamples: number of resamples.

    Raises:
        BadInput: there are no queries, a value is not finite, shapes differ, or there is no such
            number of resamples.
    """
    checked = _checked(values)
    checks.seed(seed)
    checks.whole_number("resamples", resamples, 1, MOST_RESAMPLES)
    low, high = np.percentile(_resampled_means(checked, groups, seed, resamples), PERCENTILES)
    return Interval(float(checked.mean()), float(low), float(high))


def paired_difference(
    a: Doubles | Bools,
    b: Doubles | Bools,
    groups: Ints | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Compares two systems on the same queries, in the same order.

    Args:
        a: per-query values (Q,), e.g. 1.0 where the right picture is among the first ten; with
            several seeds, their mean per query.
        b: the same for the other system.
        groups: (Q,) queries with the same number are drawn together; None draws each alone.
        seed: seed of the resampling.
        resamples: number of resamples.

    Raises:
        BadInput: the lengths differ, there are no queries, or a value is not finite.
    """
    a, b = checks.array("a", a, "bfiu"), checks.array("b", b, "bfiu")
    if groups is not None:
        groups = checks.array("groups", groups, "iu")
        if groups.shape != a.shape:
            raise BadInput(f"groups of shape {groups.shape} are not one per query {a.shape}")
    seed = checks.seed(seed)
    resamples = checks.whole_number("resamples", resamples, 1, MOST_RESAMPLES)
    if a.shape != b.shape:
        raise BadInput(f"paired values need the same queries: {a.shape} against {b.shape}")
    differences = _checked(a) - _checked(b)
    means = _resampled_means(differences, groups, seed, resamples)
    low, high = np.percentile(means, PERCENTILES)
    other_side = min(np.sum(means <= 0), np.sum(means >= 0))
    p = 2 * (other_side + 1) / (resamples + 1)
    return Difference(float(differences.mean()), float(low), float(high), float(min(1.0, p)))


def holm(ps: Sequence[float]) -> list[float]:
    """Corrects p-values for the number of comparisons (Holm 1979, step down).

    If all hypotheses of the family hold, the chance that any corrected p is below a level is at
    most that level, however the tests depend on each other.

    Args:
        ps: the p-values of one family of comparisons, 0 to 1, in any order.

    Returns:
        The corrected p-values in the same order, each at least as high as its own p, at most 1.
    """
    corrected = [0.0] * len(ps)
    highest = 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        highest = max(highest, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = highest
    return corrected


def _checked(values: Doubles | Bools) -> Doubles:
    if values.ndim != 1 or not len(values):
        raise BadInput(f"a bootstrap needs one value per query, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise BadInput("a bootstrap needs finite values: a query without one must be left out")
    return values.astype(np.float64)


def _resampled_means(values: Doubles, groups: Ints | None, seed: int, resamples: int) -> Doubles:
    """Means (R,) of resamples: as many groups as there are, drawn with replacement."""
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    if groups is None:
        for part in _parts(resamples, len(values)):
            drawn = _drawn(random, part, len(values))
            means[part] = values[drawn].mean(axis=1)
        return means
    if groups.shape != values.shape:
        raise BadInput(f"groups of shape {groups.shape} are not one per query {values.shape}")
    group = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(group, weights=values), np.bincount(group)
    for part in _parts(resamples, len(sums)):
        drawn = _drawn(random, part, len(sums))
        means[part] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means


def _drawn(random: np.random.Generator, part: slice, count: int) -> Ints:
    return random.integers(count, size=(part.stop - part.start, count))


def _parts(resamples: int, count: int) -> Iterator[slice]:
    """Consecutive resamples, few enough to hold their draws in memory."""
    step = max(1, _CELLS // count)
    return (slice(start, min(start + step, resamples)) for start in range(0, resamples, step))
