"""How sure a ranking is, from its scores: calibrated on texts whose pictures are known.

Among N candidates, the score's softmax at the right temperature is the chance that each is the one
that ran with the text (Guo et al. 2017); a logistic curve takes off what is left of over- and
underconfidence (Platt 1999), also across numbers of candidates. Knows scores only; fitting is the
recipe's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.types import Doubles, Floats, Ints

TEN = 10  # "one of the first ten"
_CLIP = 1e-6  # probabilities are kept this far from 0 and 1


@dataclass(frozen=True, slots=True)
class Confidence:
    """Scores of all candidates → probabilities.

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

    def of_pictures(self, scores: Doubles, ranked: Ints) -> Doubles:
        """Probability (K,) that each of the ranked pictures is acceptable.

        Args:
            scores: (N,) of all candidates.
            ranked: (K,) indices of the suggested ones, best first.
        """
        return _logistic(self.picture, picture_features(scores, ranked, self.temperature))

    def of_ten(self, scores: Doubles, nearest: float) -> float:
        """Probability that one of the first ten is acceptable.

        Args:
            scores: (N,) of all candidates.
            nearest: cosine of the most similar archive text.
        """
        features = ten_features(scores, nearest, self.temperature)
        return float(_logistic(self.ten, features[None])[0])

    def is_familiar(self, nearest: float) -> bool:
        """Whether a text is like those that the confidence was learned on."""
        return nearest >= self.familiar

    def is_strong(self, scores: Doubles) -> bool:
        """Whether the best of all candidates (N,) scores as the right picture usually does."""
        return float(scores.max(initial=-np.inf)) >= self.weakest


def softmax(scores: Doubles, temperature: float) -> Doubles:
    """Shares (N,) that sum to one."""
    exponents = np.exp((scores - scores.max()) / temperature)
    shares: Doubles = exponents / exponents.sum()
    return shares


def logit(shares: Doubles | Floats) -> Doubles:
    """log(p / (1 - p)), with p kept off 0 and 1."""
    kept = np.clip(np.asarray(shares, dtype=np.float64), _CLIP, 1 - _CLIP)
    odds: Doubles = np.log(kept / (1 - kept))
    return odds


def picture_features(scores: Doubles, ranked: Ints, temperature: float) -> Doubles:
    """What ``Confidence.picture`` weighs, (K, 3)."""
    shares = softmax(scores, temperature)[ranked]
    candidates = np.full(len(ranked), np.log(len(scores)))
    return np.stack([logit(shares), candidates, np.log(1 + np.arange(len(ranked)))], axis=1)


def ten_features(scores: Doubles, nearest: float, temperature: float) -> Doubles:
    """What ``Confidence.ten`` weighs, (3,)."""
    shares = np.sort(softmax(scores, temperature))[::-1][:TEN]
    return np.array([float(logit(shares.sum())), np.log(len(scores)), nearest])


def _logistic(weights: tuple[float, ...], features: Doubles) -> Doubles:
    offset, *slopes = weights
    values: Doubles = 1 / (1 + np.exp(-(offset + features @ np.array(slopes))))
    return values
