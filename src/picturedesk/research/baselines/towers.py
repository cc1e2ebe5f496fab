"""Two linear maps as ``TwoTowers``, the result of ridge regression, CCA and VSE++.

Also the checks and the standardised input that these three share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Doubles, Floats

if TYPE_CHECKING:
    from picturedesk.learning.training import TrainingSet

_BLOCK = 4096  # pictures held in float64 at a time


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """Rows (N, W) → (rows - mean) @ weights + bias, (N, S).

    The mean is subtracted first and not folded into the bias: a column that hardly varies has a
    large weight, and float32 would lose its variation.

    Attributes:
        mean: (W,).
        weights: (W, S).
        bias: (S,).
    """

    mean: Floats
    weights: Floats
    bias: Floats

    def __call__(self, rows: Floats, what: str) -> Floats:
        """Raises BadInput if the rows have another width; the message calls them ``what``."""
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise BadInput(
                f"{what} of shape {rows.shape} do not fit a baseline that was fitted on "
                f"(rows, {len(self.mean)}): use the same encoder or levels"
            )
        mapped = (rows - self.mean) @ self.weights + self.bias
        return mapped.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class LinearTowers:
    """A fitted baseline.

    Attributes:
        text: the map of text vectors.
        picture: the map of level features.
        chosen: settings that the validation set chose, and their score ("mrr").
    """

    text: Affine
    picture: Affine
    chosen: Mapping[str, float]

    def texts(self, vectors: Floats) -> Floats:
        """Text vectors (Q, D) → (Q, S); zeros (no known word) stay zeros."""
        mapped = self.text(vectors, "text vectors")
        mapped[~np.asarray(vectors.any(axis=1))] = 0
        return mapped

    def pictures(self, features: Floats) -> Floats:
        """Level features (N, ΣD_l) → (N, S)."""
        return self.picture(features, "level features")


def check_pair(training: TrainingSet, validation: TrainingSet) -> None:
    """Raises BadInput unless both sets can be used and have the same widths."""
    training.check("training", "give an archive with pictures that can be read")
    validation.check("validation", "hold out a part of the archive's texts")
    given = (training.texts.shape[1], training.pictures.shape[1])
    other = (validation.texts.shape[1], validation.pictures.shape[1])
    if given != other:
        raise BadInput(
            f"training texts and pictures have widths {given}, validation ones {other}: "
            "make both with the same text encoder, backbone and levels"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """How all three baselines see their input: texts centred, level features standardised.

    Text vectors are not scaled, because their scale carries the weight of a topic.

    Attributes:
        text_mean: (D,) over links.
        picture_mean: (ΣD_l,) over links.
        scale: (ΣD_l,) standard deviations over links; 1 where a column does not vary.
        text_shares: (T,) share of the links that each text has.
        picture_shares: (N,) the same of each picture.
    """

    text_mean: Doubles
    picture_mean: Doubles
    scale: Doubles
    text_shares: Doubles
    picture_shares: Doubles

    @classmethod
    def of(cls, training: TrainingSet) -> Standard:
        """Measures a training set; each link counts once."""
        texts, pictures = training.texts, training.pictures
        links = np.unique(training.links, axis=0)
        text_shares = np.bincount(links[:, 0], minlength=len(texts)) / len(links)
        picture_shares = np.bincount(links[:, 1], minlength=len(pictures)) / len(links)
        text_mean = text_shares @ texts.astype(np.float64)
        picture_mean, scale = mean_and_deviation(pictures, picture_shares)
        return cls(text_mean, picture_mean, scale, text_shares, picture_shares)

    def texts(self, vectors: Floats) -> Doubles:
        """Text vectors (T, D), centred; zeros (no known word) stay zeros."""
        centred: Doubles = (vectors - self.text_mean) * vectors.any(axis=1, keepdims=True)
        return centred

    def pictures(self, features: Floats) -> Doubles:
        """Level features (N, ΣD_l), standardised."""
        standardised: Doubles = (features - self.picture_mean) / self.scale
        return standardised


def mean_and_deviation(pictures: Floats, shares: Doubles) -> tuple[Doubles, Doubles]:
    """Mean and standard deviation of each column, in float64.

    Args:
        pictures: (N, W).
        shares: (N,) weight of each picture; they sum to 1.

    Returns:
        (W,) and (W,); the deviation of a column that does not vary is 1.
    """
    mean, variance = np.zeros(pictures.shape[1]), np.zeros(pictures.shape[1])
    for part in blocks(len(pictures)):
        mean += shares[part] @ pictures[part].astype(np.float64)
    for part in blocks(len(pictures)):
        variance += shares[part] @ (pictures[part] - mean) ** 2
    deviation = np.sqrt(variance)
    varies = deviation > np.finfo(np.float32).eps * np.abs(mean)  # otherwise it is rounding
    return mean, np.where(varies, deviation, 1.0)


def blocks(rows: int) -> Iterator[slice]:
    """Consecutive rows, few enough to hold in float64."""
    return (slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK))
