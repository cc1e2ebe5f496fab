"""How far suggestions can be trusted, from scores: calibrated on texts whose pictures are known.

Two statements. *Found* is the chance that a picture is the one that an editor ran with the text.
It follows from the share of the picture in a softmax over the whole catalogue (Guo et al. 2017) and
from its rank there, by a logistic curve (Platt 1999). A filter leaves share and rank as they are,
so it can only lower the chance. *Match* compares a picture's score with its scores for texts that
it did not run with. Doubt follows from how unusual a text is among those whose picture was found:
its best score, its nearest archive text and its known words, each with a conformal p-value (Vovk et
al. 2005), combined as Fisher did (1932), with weights. Knows scores only; it is fitted by
``learning.calibration``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from picturedesk.types import Doubles, Floats, Json

TEN = 10  # "among the first ten"
WEAK, FAIR, STRONG = "weak", "fair", "strong"
KINKS = (2, 10, 40)  # ranks where the curve may bend
# Signs of the weights of ``curve_features``: a better score never has a lower chance.
DIRECTIONS = (1, 1, *[-1] * (len(KINKS) + 1), 1)
# Of a text: best score, nearest archive text, share of known words. The first two say much the
# same, so that together they weigh as much as the third.
SIGNALS = (0.5, 0.5, 1.0)
_CLIP = 1e-7  # probabilities are kept this far from 0 and 1
_BEYOND = 1.0  # log probability lost for each distance from the median to the lowest, below it
_REASONS = (
    "even the best of these pictures suits the text less than nearly all that ran with one",
    "the archive has no similar text",
    "the archive knows few words of this text",
)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """One text's scores over a whole catalogue, whatever a filter lets pass.

    Attributes:
        scores: (C,) of the best entries, best first.
        others: (B,) of a random sample of the other entries; (0,) if there are none.
        total: N entries in the catalogue.
        usual: (U,) scores that pictures of the archive usually have, evenly spaced quantiles.
        absent: how many such pictures to count in: a catalogue that is smaller than the archive
            says no more about a picture than the archive would.
    """

    scores: Doubles
    others: Doubles
    total: int
    usual: Doubles
    absent: int = 0

    @classmethod
    def of(cls, scores: Doubles, others: Doubles | None = None, total: int = -1) -> Pool:
        """Scores (C,) of the best of ``total`` entries, and of a sample of the others."""
        rest = np.empty(0) if others is None else others
        count = len(scores) if total < 0 else total
        return cls(np.sort(scores)[::-1], rest, count, np.empty(0))

    def beside(self, usual: Doubles, entries: int) -> Pool:
        """The same catalogue, filled up to a number of entries with usual scores."""
        return replace(self, usual=usual, absent=max(0, entries - self.total))

    def shares(self, values: Doubles, temperature: float) -> Doubles:
        """What entries of these scores (K,) have of a softmax over all entries."""
        highest = max(
            (float(some.max()) for some in (self.scores, self.others, values) if len(some)),
            default=0.0,
        )

        def exponents(some: Doubles) -> Doubles:
            found: Doubles = np.exp((some - highest) / temperature)
            return found

        total = exponents(self.scores).sum()
        if len(self.others):
            total += (self.total - len(self.scores)) * exponents(self.others).mean()
        if self.absent:
            total += self.absent * exponents(np.minimum(self.usual, highest)).mean()
        shares: Doubles = np.minimum(exponents(values) / max(float(total), 1e-300), 1.0)
        return shares

    def ranks(self, values: Doubles) -> Doubles:
        """How many entries (K,) score higher; estimated where not all entries are known."""
        ascending = self.scores[::-1]
        above = (len(ascending) - np.searchsorted(ascending, values, side="right")).astype(float)
        if len(self.others):
            rest = self.total - len(self.scores)
            above += rest * (self.others[None, :] > values[:, None]).mean(axis=1)
        if self.absent:
            above += self.absent * (self.usual[None, :] > values[:, None]).mean(axis=1)
        return above


@dataclass(frozen=True, slots=True)
class Curve:
    """Scores → the chance that a picture is the one that was run.

    Attributes:
        temperatures: of two softmaxes, in units of the blended score.
        weights: offset, then a weight for each of ``curve_features``.
        exclusive: 0 to 1: 1 where a text has one right picture, so that chances add up.
        joint: offset and slope of a logistic curve from what chances add up to, to the chance that
            one of several pictures is the one: chances of one text err together.
    """

    temperatures: tuple[float, float]
    weights: tuple[float, ...]
    exclusive: float
    joint: tuple[float, float] = (0.0, 1.0)

    def chances(self, pool: Pool, values: Doubles) -> Doubles:
        """The chance (K,) of each entry with these scores."""
        offset, *slopes = self.weights
        sums = offset + curve_features(pool, values, self.temperatures) @ np.array(slopes)
        found: Doubles = 1 / (1 + np.exp(-np.clip(sums, -500, 500)))
        return found

    def together(self, chances: Doubles) -> float:
        """The chance that one of several pictures is the one; no less than that of each."""
        highest = float(chances.max(initial=0.0))
        if len(chances) < 2:
            return highest
        offset, slope = self.joint
        odds = float(logit(np.array([self.added_up(chances)]))[0])
        return max(highest, float(1 / (1 + np.exp(-(offset + slope * odds)))))

    def added_up(self, chances: Doubles) -> float:
        """What several chances add up to, 0 to 1."""
        one = 1 - float(np.prod(1 - chances))
        return min(1.0, self.exclusive * float(chances.sum()) + (1 - self.exclusive) * one)


@dataclass(frozen=True, slots=True)
class Usual:
    """What texts look like whose picture was found.

    Attributes:
        signals: for each signal evenly spaced quantiles of held-out texts, ascending.
        limit: weighted sum of log p-values below which a text is unlike them.
        count: number of these texts: what lies below them all has a p-value of 1 / (count + 1).
    """

    signals: tuple[tuple[float, ...], ...]
    limit: float
    count: int

    def surprise(self, signals: Doubles) -> Doubles:
        """The log p-value (S,) of each signal, weighted; 0 is usual, lower is rarer."""
        return np.array(
            [
                weight * _log_p(known, float(value), self.count)
                for weight, known, value in zip(SIGNALS, self.signals, signals, strict=True)
            ]
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was calibrated on one kind of query.

    Attributes:
        curve: for the chance of being found.
        usual: for doubt.
        fair: match, in standard deviations, from which on it is fair; below it is weak.
        strong: the same for strong.
    """

    curve: Curve
    usual: Usual
    fair: float
    strong: float

    def level(self, match: float) -> str:
        """The name of a match."""
        return STRONG if match >= self.strong else FAIR if match >= self.fair else WEAK


class Judgement(NamedTuple):
    """What is said of K suggestions.

    Attributes:
        chances: (K,) each is the picture that an editor ran.
        found: chance that one of them is.
        matches: (K) names.
        doubt: why there may be no good picture among them; "" without a reason.
        unusual: how far the text is from those whose picture was found; above 0 there is a doubt.
    """

    chances: Doubles
    found: float
    matches: tuple[str, ...]
    doubt: str
    unusual: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """Scores → what can be said of suggestions.

    Attributes:
        texts: calibrated on whole texts.
        short: calibrated on queries of a few words; None where the archive cannot tell.
        short_below: words from which on a query counts as a whole text.
        usual: scores that archive pictures usually have, evenly spaced quantiles.
        entries: pictures that it was calibrated among.
        captions: whether captions were part of the scores.
    """

    texts: Calibration
    short: Calibration | None
    short_below: int
    usual: tuple[float, ...]
    entries: int
    captions: bool

    @classmethod
    def from_json(cls, content: Json) -> Confidence:
        """From what JSON made of one."""
        short = content["short"]
        return cls(
            texts=_calibration(content["texts"]),
            short=_calibration(short) if short else None,
            short_below=content["short_below"],
            usual=tuple(content["usual"]),
            entries=content["entries"],
            captions=content["captions"],
        )

    def of_words(self, count: int) -> Calibration:
        """The calibration for a query of so many words."""
        if self.short is not None and count < self.short_below:
            return self.short
        return self.texts

    def judge(
        self,
        pool: Pool,
        scores: Doubles,
        matches: Doubles,
        nearest: float,
        known: float,
        words: int,
    ) -> Judgement:
        """What can be said of K suggestions.

        Args:
            pool: scores over the whole catalogue.
            scores: (K,) of the suggestions, at least one.
            matches: (K,) scores against those with other texts, in standard deviations.
            nearest: cosine of the most similar archive text.
            known: share of the text's words that the archive knows, 0 to 1.
            words: words of the text.
        """
        calibration = self.of_words(words)
        pool = pool.beside(np.array(self.usual), self.entries)
        chances = calibration.curve.chances(pool, scores)
        usual = calibration.usual
        surprise = usual.surprise(signals_of(scores, nearest, known))
        unusual = usual.limit - float(surprise.sum())
        # Nothing was calibrated on such texts: the rarer they are, the less the curve says of them.
        chances = chances * np.exp(-max(0.0, unusual))
        return Judgement(
            chances=chances,
            found=calibration.curve.together(chances),
            matches=tuple(calibration.level(float(match)) for match in matches),
            doubt=_REASONS[int(np.argmin(surprise))] if unusual > 0 else "",
            unusual=unusual,
        )


def signals_of(scores: Doubles, nearest: float, known: float) -> Doubles:
    """The signals (S,) of a text and the pictures that are shown for it."""
    return np.array([scores.max(), nearest, known])


def standardised(scores: Doubles, references: Floats | Doubles) -> Doubles:
    """Match: scores (K,) against each picture's scores (R, K) with other texts.

    In standard deviations from the mean.
    """
    spread = references.std(axis=0) + 1e-9
    found: Doubles = (scores - references.mean(axis=0)) / spread
    return found


def curve_features(pool: Pool, values: Doubles, temperatures: tuple[float, float]) -> Doubles:
    """What ``Curve.weights`` weighs, (K, F), each in its ``DIRECTIONS``.

    Logits of shares, log rank from the best one to the first kink, from each kink to the next, and
    whether it is the best.
    """
    ranks = pool.ranks(values)
    depth = np.log1p(ranks)
    bends = [0.0, *np.log1p(KINKS), np.inf]
    return np.stack(
        [
            *(logit(pool.shares(values, temperature)) for temperature in temperatures),
            *(np.clip(depth, start, stop) - start for start, stop in pairwise(bends)),
            ranks < 1,
        ],
        axis=1,
    )


def logit(shares: Doubles | Floats) -> Doubles:
    """log(p / (1 - p)), with p kept off 0 and 1."""
    kept = np.clip(np.asarray(shares, dtype=np.float64), _CLIP, 1 - _CLIP)
    odds: Doubles = np.log(kept / (1 - kept))
    return odds


def _log_p(known: Sequence[float], value: float, count: int) -> float:
    """Log of the share of known values (ascending) that are as low; lower still below them all."""
    share = math.log(max((bisect_right(known, value) + 1) / (len(known) + 1), 1 / (count + 1)))
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2  # the median
    distance = max(middle - known[0], 1e-9)
    return share - _BEYOND * max(0.0, known[0] - value) / distance


def _calibration(content: Json) -> Calibration:
    curve, usual = content["curve"], content["usual"]
    first, second = curve["temperatures"]
    return Calibration(
        curve=Curve(
            (first, second), tuple(curve["weights"]), curve["exclusive"], tuple(curve["joint"])
        ),
        usual=Usual(
            tuple(tuple(known) for known in usual["signals"]), usual["limit"], usual["count"]
        ),
        fair=content["fair"],
        strong=content["strong"],
    )
