"""Calibration of probabilities in bins (Guo et al. 2017): arrays → floats.

Knows no texts and no pictures. Intervals and noise assume independent outcomes. Texts that share a
picture are not quite independent, so both are slightly too narrow for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Bools, Doubles, Ints

BINS = 10
DRAWS = 400  # simulated outcomes of all queries
_Z = 1.959964  # standard deviations of a two-sided 95 % interval
_HIGH = 95.0  # percentile up to which an error is within noise


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Queries whose stated probability is between two edges, the upper one included.

    Attributes:
        start: lower edge, 0 to 1.
        end: upper edge, 0 to 1.
        stated: mean of the stated probabilities, 0 to 1.
        observed: share of true outcomes, 0 to 1.
        low: lower end of the 95 % interval of ``observed`` (Wilson 1927).
        high: its upper end.
        count: number of queries, at least one.
    """

    start: float
    end: float
    stated: float
    observed: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """The calibration of stated probabilities.

    Attributes:
        bins: bins with queries, ascending.
        queries: Q.
        ece: expected calibration error, 0 to 1: the distance of stated and observed, averaged over
            the bins by their counts.
        noise: the mean ``ece`` of exact probabilities on as many queries; larger for fewer.
        noise_high: the 95th percentile of that.
        brier: mean squared difference of probability and outcome, 0 to 1; lower is better.
        auc: area under the ROC curve: the probability that a query with a true outcome has a higher
            stated probability than one with a false outcome; ties count half. None if all outcomes
            are equal.
    """

    bins: tuple[ReliabilityBin, ...]
    queries: int
    ece: float
    noise: float
    noise_high: float
    brier: float
    auc: float | None

    @property
    def within_noise(self) -> bool:
        """Whether the error of exact probabilities would often be as large."""
        return self.ece <= self.noise_high


def reliability(
    probabilities: Doubles, outcomes: Bools, bins: int = BINS, seed: int = 0, draws: int = DRAWS
) -> Reliability:
    """Compares probabilities with outcomes, in bins of equal width.

    Args:
        probabilities: (Q,) stated, 0 to 1.
        outcomes: (Q,) true or false.
        bins: number of bins between 0 and 1.
        seed: seed of the simulated outcomes for ``noise``.
        draws: number of simulations.

    Raises:
        BadInput: there are no queries, shapes differ, or a value is out of range.
    """
    stated = _checked(probabilities, outcomes)
    if bins < 1 or draws < 1:
        raise BadInput(f"{bins} bins, {draws} draws: there must be 1 of each or more")
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], stated)  # (Q,) bin of each query
    noise = _noise(stated, place, np.random.default_rng(seed), draws)
    return Reliability(
        bins=tuple(
            _bin(edges[index : index + 2], stated[place == index], outcomes[place == index])
            for index in np.unique(place)
        ),
        queries=len(stated),
        ece=_calibration_error(stated - outcomes, place),
        noise=float(noise.mean()),
        noise_high=float(np.percentile(noise, _HIGH)),
        brier=float(np.mean((stated - outcomes) ** 2)),
        auc=_area_under_roc(stated, outcomes),
    )


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); valid for few draws and shares of 0 and 1."""
    if not 0 <= successes <= count or not count:
        raise BadInput(f"{successes} of {count}: that is no share")
    share, weight = successes / count, _Z**2 / count
    centre = (share + weight / 2) / (1 + weight)
    reach = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # rounding must not exclude a share of 0 or 1 from its own interval
    return max(0.0, min(share, float(centre - reach))), min(1.0, max(share, float(centre + reach)))


def _checked(probabilities: Doubles, outcomes: Bools) -> Doubles:
    if probabilities.ndim != 1 or probabilities.shape != outcomes.shape or not len(outcomes):
        raise BadInput(
            f"probabilities of shape {probabilities.shape}, outcomes of {outcomes.shape}: "
            "there must be one of each per query"
        )
    if outcomes.dtype != np.bool_:
        raise BadInput(f"outcomes of type {outcomes.dtype}: they must be true or false")
    stated = probabilities.astype(np.float64)
    if not ((stated >= 0) & (stated <= 1)).all():  # NaN is neither
        raise BadInput("some probabilities are not between 0 and 1")
    return stated


def _bin(edges: Doubles, stated: Doubles, outcomes: Bools) -> ReliabilityBin:
    true, count = int(outcomes.sum()), len(outcomes)
    low, high = wilson_interval(true, count)
    return ReliabilityBin(
        start=float(edges[0]),
        end=float(edges[1]),
        stated=float(stated.mean()),
        observed=true / count,
        low=low,
        high=high,
        count=count,
    )


def _calibration_error(gaps: Doubles, place: Ints) -> float:
    """From stated minus observed (Q,) and the bin of each query (Q,)."""
    return float(np.abs(np.bincount(place, weights=gaps)).sum() / len(gaps))


def _noise(stated: Doubles, place: Ints, random: np.random.Generator, draws: int) -> Doubles:
    """Calibration errors (draws,) of exact probabilities."""
    return np.array(
        [
            _calibration_error(stated - (random.random(len(stated)) < stated), place)
            for _ in range(draws)
        ]
    )


def _area_under_roc(stated: Doubles, outcomes: Bools) -> float | None:
    """By the sum of ranks (Mann and Whitney 1947)."""
    true = int(outcomes.sum())
    false = len(outcomes) - true
    if not true or not false:
        return None
    place, counts = np.unique(stated, return_inverse=True, return_counts=True)[1:]
    ranks = np.cumsum(counts) - (counts - 1) / 2  # ties get their mean rank
    above = ranks[place][outcomes].sum() - true * (true + 1) / 2
    return float(above / (true * false))
