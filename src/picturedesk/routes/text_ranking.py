"""Ranks texts for a picture: weights of their own, and a correction for texts that suit everything.

Weights that rank pictures for a text do not rank texts for a picture: what all pictures get from
one text counts for nothing there, and much here. So the usual score of a text with the pictures of
the archive is subtracted: texts are hubs too (Radovanović et al. 2010), and this is the inverted
softmax (Smith et al. 2017) in the other direction. Knows scores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.types import Bools, Doubles, Floats, Json

USUAL = "usual"  # what the strength of the correction is called among weights


@dataclass(frozen=True, slots=True)
class Correction:
    """How much of a text's usual score is subtracted.

    Attributes:
        strength: factor of the usual score, 0 or more; 0 for no correction.
        temperature: of the soft maximum, above 0, in units of the scores.
    """

    strength: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.strength < 0 or self.temperature <= 0:
            raise BadInput(f"{self}: the strength is 0 or more, the temperature above 0")

    def corrected(
        self, scores: Floats | Doubles, references: Floats | Doubles, own: Bools | None = None
    ) -> Floats:
        """Scores (Q, N) less the usual score of each text.

        Args:
            scores: (Q, N) of texts and pictures.
            references: (Q, R) of the same texts with reference pictures.
            own: (Q, R) pictures that ran with the text, which are not usual; None for none.
        """
        found: Floats = scores.astype(np.float32, copy=False)
        if not self.strength or not references.shape[1]:
            return found
        usual = soft_maximum(references, self.temperature, own)
        return found - np.float32(self.strength) * usual[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class TextRanking:
    """What ranks texts for a picture, as cross-validation chose it.

    Attributes:
        weights: route → weight.
        blended: correction of the weighted sum.
        direct: correction of the direct route alone.
        pictures: (R, W) catalogue vectors of reference pictures of the archive.
        keys: (R) their content keys.
    """

    weights: Mapping[str, float]
    blended: Correction
    direct: Correction
    pictures: Floats
    keys: tuple[str, ...]

    def as_json(self) -> Json:
        """All fields but the vectors."""
        return {
            "weights": dict(self.weights),
            "blended": self.blended,
            "direct": self.direct,
            "keys": list(self.keys),
        }

    @classmethod
    def from_json(cls, saved: Json, pictures: Floats) -> TextRanking:
        """The record from ``as_json`` and the vectors."""
        corrections = {name: Correction(**saved[name]) for name in ("blended", "direct")}
        return cls(saved["weights"], **corrections, pictures=pictures, keys=tuple(saved["keys"]))


def soft_maximum(
    scores: Floats | Doubles, temperature: float, left_out: Bools | None = None
) -> Floats:
    """The soft maximum of each row: temperature · log mean exp(score / temperature).

    Args:
        scores: (Q, R), R at least 1.
        temperature: above 0; lower values are closer to the maximum.
        left_out: (Q, R) scores that do not count; None for none. A row without others is 0.

    Returns:
        (Q,).
    """
    exponents = scores.astype(np.float32, copy=False) / np.float32(temperature)
    counted = np.full(len(scores), scores.shape[1], dtype=np.float32)
    if left_out is not None:
        exponents = np.where(left_out, -np.inf, exponents)
        counted = counted - left_out.sum(axis=1)
    highest = exponents.max(axis=1)
    highest = np.where(np.isfinite(highest), highest, 0)
    sums = np.exp(exponents - highest[:, None]).sum(axis=1)
    mean = np.where(counted > 0, sums, 1) / np.maximum(counted, 1)
    found: Floats = (temperature * (highest + np.log(mean))).astype(np.float32)
    return found
