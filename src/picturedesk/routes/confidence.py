"""How sure a ranking is, from its scores: calibrated on texts whose pictures are known.

Among N entries, the softmax of the scores at the right temperature is the chance that each is the
one that ran with the text (Guo et al. 2017); a logistic curve takes off what is left of over- and
underconfidence (Platt 1999), also where N varies. Knows scores only; ``learning`` fits it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.types import Doubles, Floats, Ints, Json

TEN = 10  # "one of the first ten"
_CLIP = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The scores from which confidence in a ranking is worked out.

    Attributes:
        scores: (C,) of the candidates.
        others: (B,) of a random sample of the entries that are no candidates; (0,) where all are.
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

        The sum over entries that are no candidates is estimated from their sample.
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
    """Pools of scores → probabilities.

    Attributes:
        temperature: of the softmax, in units of the blended score.
        picture: offset, and weights of the logit of a picture's share, of log N and of log rank.
        ten: offset, and weights of the logit of the first ten's share, of log N and of the
            similarity of the nearest archive text.
        familiar: cosine of the most similar archive text below which a text is unlike the
            archive: 1 % of its own texts, held out, lie below.
        weakest: best score below which even the best picture hardly suits: of the texts, held
            out, whose picture was among the first ten, under 2 % lie below (a conformal limit).
    """

    temperature: float
    picture: tuple[float, float, float, float]
    ten: tuple[float, float, float, float]
    familiar: float
    weakest: float

    @classmethod
    def from_json(cls, content: Json) -> Confidence:
        """From what JSON made of one."""
        lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
        return cls(**{**content, **lists})

    def of_pictures(self, pool: Pool, ranked: Ints) -> Doubles:
        """Probability (K,) that each of the ranked pictures is acceptable.

        Args:
            pool: scores of candidates and of a sample of the others.
            ranked: (K,) places of the suggested ones among the candidates, best first.
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
        """Whether a text is like those that the confidence was learned on."""
        return nearest >= self.familiar

    def is_strong(self, pool: Pool) -> bool:
        """Whether the best candidate scores as the right picture usually does."""
        return float(pool.scores.max(initial=-np.inf)) >= self.weakest


def logit(shares: Doubles | Floats) -> Doubles:
    """log(p / (1 - p)), with p kept off 0 and 1."""
    kept = np.clip(np.asarray(shares, dtype=np.float64), _CLIP, 1 - _CLIP)
    odds: Doubles = np.log(kept / (1 - kept))
    return odds


def picture_features(pool: Pool, ranked: Ints, temperature: float) -> Doubles:
    """What ``Confidence.picture`` weighs, (K, 3)."""
    shares = pool.shares(temperature)[ranked]
    entries = np.full(len(ranked), np.log(pool.total))
    return np.stack([logit(shares), entries, np.log(1 + np.arange(len(ranked)))], axis=1)


def ten_features(pool: Pool, nearest: float, temperature: float) -> Doubles:
    """What ``Confidence.ten`` weighs, (3,)."""
    shares = np.sort(pool.shares(temperature))[::-1][:TEN]
    return np.array([float(logit(shares.sum())), np.log(pool.total), nearest])


def _logistic(weights: tuple[float, ...], features: Doubles) -> Doubles:
    offset, *slopes = weights
    values: Doubles = 1 / (1 + np.exp(-(offset + features @ np.array(slopes))))
    return values
