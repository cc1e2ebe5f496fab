"""Do stated probabilities come true? Calibration in bins (Guo et al. 2017): arrays → floats.

Knows no texts and no pictures. Intervals and noise take every outcome for an independent draw;
texts that share a picture are not quite that, so that both are a little narrow for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Bools, Doubles, Ints

BINS = 10
DRAWS = 400  # simulated outcomes of all queries
_Z = 1.959964  # standard deviations that leave out 2.5 % on either side
_HIGH = 95.0  # percentile up to which an error is put down to chance


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Queries whose stated probability lies between two edges; the upper one is inside.

    Attributes:
        start: lower edge, 0 to 1.
        end: upper edge, 0 to 1.
        stated: mean of what was stated, 0 to 1.
        observed: share of what came true, 0 to 1.
        low: lower end of the 95 % interval of ``observed`` (Wilson 1927).
        high: its upper end.
        count: queries in it, at least one.
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
    """How well stated probabilities fit what happened.

    Attributes:
        bins: those with a query in them, ascending.
        queries: Q.
        ece: expected calibration error, 0 to 1: how far stated and observed lie apart, averaged
            over the bins by their counts.
        noise: the ``ece`` that exactly right probabilities would show on average, for no query
            comes true by halves; the fewer the queries, the higher.
        noise_high: 95th percentile of the same.
        brier: mean squared distance of probability and outcome, 0 to 1, lower is better.
        auc: area under the ROC curve: the chance that of two queries, one of each outcome, the
            one that came true was stated to be likelier; ties count half. None where all
            outcomes are the same.
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
        """Whether exactly right probabilities would often show an error as large."""
        return self.ece <= self.noise_high


def reliability(
    probabilities: Doubles, outcomes: Bools, bins: int = BINS, seed: int = 0, draws: int = DRAWS
) -> Reliability:
    """Compares probabilities with outcomes, in bins of equal width.

    Args:
        probabilities: (Q,) as stated, 0 to 1.
        outcomes: (Q,) whether it came true.
        bins: how many between 0 and 1.
        seed: of the simulated outcomes behind ``noise``.
        draws: how often all outcomes are simulated.

    Raises:
        BadInput: there are no queries, shapes differ, or a value is none of the above.
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
    """95 % interval of a share (Wilson 1927); sound for few draws and for shares of 0 and 1."""
    if not 0 <= successes <= count or not count:
        raise BadInput(f"{successes} of {count}: that is no share")
    share, weight = successes / count, _Z**2 / count
    centre = (share + weight / 2) / (1 + weight)
    reach = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    # rounding must not put a share of 0 or 1 out of its own interval
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
    """From stated minus observed, query by query (Q,), and the bin that each is in (Q,)."""
    return float(np.abs(np.bincount(place, weights=gaps)).sum() / len(gaps))


def _noise(stated: Doubles, place: Ints, random: np.random.Generator, draws: int) -> Doubles:
    """Calibration errors (draws,) were every stated probability exactly right."""
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
    ranks = np.cumsum(counts) - (counts - 1) / 2  # of tied ones the mean
    above = ranks[place][outcomes].sum() - true * (true + 1) / 2
    return float(above / (true * false))
