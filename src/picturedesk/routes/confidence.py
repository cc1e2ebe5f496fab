"""Confidence in a ranking, from its scores; calibrated on texts with known pictures.

The softmax of the scores of N entries at a fitted temperature is the probability that each is the
right one (Guo et al. 2017); a logistic curve corrects over- and underconfidence (Platt 1999), also
for other N. Knows scores only; ``learning`` fits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.types import Doubles, Floats, Ints, Json

TEN = 10  # "one of the first ten"
_CLIP = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The scores that the confidence in a ranking is computed from.

    Attributes:
        scores: (C,) of the candidates.
        others: (B,) of a random sample of other entries; (0,) if all are candidates.
        total: N entries, candidates among them.
    """

    scores: Doubles
    others: Doubles
    total: int

    @classmethod
    def whole(cls, scores: Doubles) -> Pool:
        """All entries are candidates."""
        return cls(scores, np.empty(0), len(scores))

    def shares(self, temperature: float) -> Doubles:
        """The candidates' shares (C,) of a softmax over all N entries.

        The sum over the other entries is estimated from their sample.
        """
        highest = max(self.scores.max(initial=-np.inf), self.others.max(initial=-np.inf))
        exponents = np.exp((self.scores - highest) / temperature)
        total = exponents.sum()
        if len(self.others):
            mean = np.exp((self.others - highest) / temperature).mean()
            total += (self.total - len(self.scores)) * mean
        shares: Doubles = exponents / total
        return shares


@dataclass(frozen=True, slots=True)
class Confidence:
    """Maps pools of scores to probabilities.

    Attributes:
        temperature: of the softmax, in units of the blended score.
        picture: offset, and weights of the logit of a picture's share, of log N and of log rank.
        ten: offset, and weights of the logit of the first ten's share, of log N and of the
            similarity of the nearest archive text.
        familiar: limit of the cosine with the most similar archive text; a text below it is
            unlike the archive. 1 % of the archive's own texts, held out, are below.
        weakest: limit of the best score; below it even the best picture is hardly right. Less than
            2 % of held-out texts whose picture was among the first ten are below (a conformal
            limit).
    """

    temperature: float
    picture: tuple[float, float, float, float]
    ten: tuple[float, float, float, float]
    familiar: float
    weakest: float

    @classmethod
    def from_json(cls, content: Json) -> Confidence:
        """From its JSON."""
        lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
        return cls(**{**content, **lists})

    def of_pictures(self, pool: Pool, ranked: Ints) -> Doubles:
        """Probability (K,) that each of the ranked pictures is acceptable.

        Args:
            pool: scores of candidates and of a sample of the others.
            ranked: (K,) places of the suggested pictures among the candidates, best first.
        """
        return _logistic(self.picture, picture_features(pool, ranked, self.temperature))

    def of_ten(self, pool: Pool, nearest: float) -> float:
        """Probability that one of the first ten is acceptable.

        Args:
            pool: scores of candidates and of a sample of the others.
            nearest: cosine of the most similar archive text.
        """
        features = ten_features(pool, nearest, self.temperature)
        return float(_logistic(self.ten, features[None])[0])

    def is_familiar(self, nearest: float) -> bool:
        """Whether a text is similar enough to the archive for the confidence to be valid."""
        return nearest >= self.familiar

    def is_strong(self, pool: Pool) -> bool:
        """Whether the best candidate scores as high as right pictures usually do."""
        return float(pool.scores.max(initial=-np.inf)) >= self.weakest


def logit(shares: Doubles | Floats) -> Doubles:
    """log(p / (1 - p)), with p clipped away from 0 and 1."""
    kept = np.clip(np.asarray(shares, dtype=np.float64), _CLIP, 1 - _CLIP)
    odds: Doubles = np.log(kept / (1 - kept))
    return odds


def picture_features(pool: Pool, ranked: Ints, temperature: float) -> Doubles:
    """The inputs of ``Confidence.picture``, (K, 3)."""
    shares = pool.shares(temperature)[ranked]
    entries = np.full(len(ranked), np.log(pool.total))
    return np.stack([logit(shares), entries, np.log(1 + np.arange(len(ranked)))], axis=1)


def ten_features(pool: Pool, nearest: float, temperature: float) -> Doubles:
    """The inputs of ``Confidence.ten``, (3,)."""
    shares = np.sort(pool.shares(temperature))[::-1][:TEN]
    return np.array([float(logit(shares.sum())), np.log(pool.total), nearest])


def _logistic(weights: tuple[float, ...], features: Doubles) -> Doubles:
    offset, *slopes = weights
    values: Doubles = 1 / (1 + np.exp(-(offset + features @ np.array(slopes))))
    return values
