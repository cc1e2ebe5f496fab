"""Ridge regression and CCA from levels to text vectors: no gradients, no seeds.

Both use the moments of an archive: means and covariances over links, many to many, in float64,
summed block by block, so that 30,000 pictures with 4,096 numbers each need little more memory than
one covariance. If there are fewer pictures than numbers, the dual form computes the same in the
space that the pictures span.

Level features are standardised, text vectors centred; see ``towers.Standard``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.measuring.metrics import retrieval_scores
from picturedesk.research.baselines.towers import (
    Affine,
    LinearTowers,
    Standard,
    blocks,
    check_pair,
)
from picturedesk.types import Doubles, Floats, Ints, Progress, silent

if TYPE_CHECKING:
    from picturedesk.learning.training import TrainingSet


@dataclass(frozen=True, slots=True)
class RidgeConfig:
    """The settings that the validation set chooses from.

    Attributes:
        penalties: on the squared weights, in units of the variance of a standardised level
            feature; above 0.
    """

    penalties: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)

    def __post_init__(self) -> None:
        _check_positive("penalties", self.penalties)


@dataclass(frozen=True, slots=True)
class CcaConfig:
    """The settings that the validation set chooses from: both penalties, then dimension and power.

    Attributes:
        text_penalties: added to the variances of texts, in units of their mean; above 0.
        picture_penalties: the same of standardised level features.
        dimensions: numbers of canonical directions to keep.
        powers: directions are weighted by their correlation to this power (Gong et al. 2014: 4).
    """

    text_penalties: tuple[float, ...] = (0.01, 0.1, 1.0)
    picture_penalties: tuple[float, ...] = (0.1, 1.0, 10.0, 30.0, 100.0)
    dimensions: tuple[int, ...] = (32, 64, 128, 256, 512)
    powers: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0)

    def __post_init__(self) -> None:
        _check_positive("text_penalties", self.text_penalties)
        _check_positive("picture_penalties", self.picture_penalties)
        _check_positive("dimensions", self.dimensions)
        if not self.powers or min(self.powers) < 0:
            raise BadInput(f"powers {self.powers}: give at least one, each 0 or more")


def ridge(
    training: TrainingSet,
    validation: TrainingSet,
    config: RidgeConfig | None = None,
    progress: Progress = silent,
) -> LinearTowers:
    """Predicts the vector of a picture's text from its levels, by least squares with a penalty.

    Args:
        training: the training set.
        validation: chooses the penalty by mean reciprocal rank.
        config: the penalties to choose from.
        progress: receives the number of penalties tried.

    Raises:
        BadInput: if a set is empty, malformed or not finite.
    """
    from scipy.linalg import cho_factor, cho_solve

    config = config or RidgeConfig()
    check_pair(training, validation)
    moments = _Moments.of(training)
    held_out = _Validation.of(moments, validation)
    best: tuple[float, float, Doubles] | None = None
    for done, penalty in enumerate(config.penalties):
        progress(done, len(config.penalties), "penalties")
        factor = cho_factor(_penalised(moments.pictures, penalty), lower=True)
        weights = cho_solve(factor, moments.across)  # (R, D)
        mrr = held_out.mrr(held_out.texts, held_out.pictures @ weights)
        if best is None or mrr > best[0]:
            best = mrr, penalty, weights
    progress(len(config.penalties), len(config.penalties), "penalties")
    assert best is not None  # the config has a penalty
    mrr, penalty, weights = best
    identity = np.eye(len(moments.texts))
    return moments.towers(identity, weights, {"penalty": penalty, "mrr": mrr})


def cca(
    training: TrainingSet,
    validation: TrainingSet,
    config: CcaConfig | None = None,
    progress: Progress = silent,
) -> LinearTowers:
    """Canonical correlation analysis with penalties: the directions of highest correlation.

    With C the covariances of texts x and pictures z over links, L the Cholesky factors of the
    penalised C_xx and C_zz, and U S Vᵀ the singular value decomposition of L_x⁻¹ C_xz L_z⁻ᵀ, the
    directions are L_x⁻ᵀ U and L_z⁻ᵀ V, weighted by Sᵖ (Hardoon et al. 2004; Gong et al. 2014).

    Args:
        training: the training set.
        validation: chooses penalties, dimension and power by mean reciprocal rank.
        config: the settings to choose from.
        progress: receives the number of pairs of penalties tried.

    Raises:
        BadInput: if a set is empty, malformed or not finite.
    """
    config = config or CcaConfig()
    check_pair(training, validation)
    moments = _Moments.of(training)
    held_out = _Validation.of(moments, validation)
    best: tuple[float, _Directions] | None = None
    total = len(config.text_penalties) * len(config.picture_penalties)
    progress(0, total, "penalties")
    for done, directions in enumerate(_all_directions(moments, config), start=1):
        mrr = directions.mrr(held_out, directions.count, 1.0)
        if best is None or mrr > best[0]:
            best = mrr, directions
        progress(done, total, "penalties")
    assert best is not None  # the config has penalties
    chosen = best[1]
    dimensions = dict.fromkeys(min(wanted, chosen.count) for wanted in config.dimensions)
    tried = {
        (dimension, power): chosen.mrr(held_out, dimension, power)
        for dimension in dimensions
        for power in config.powers
    }
    dimension, power = max(tried, key=lambda key: tried[key])  # the first of equal ones
    text, picture = chosen.weighted(dimension, power)
    settings = {
        "text penalty": chosen.text_penalty,
        "picture penalty": chosen.picture_penalty,
        "dimensions": dimension,
        "power": power,
        "mrr": tried[dimension, power],
    }
    return moments.towers(text, picture, settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """The moments of an archive that both methods use. Pictures are in coordinates: (N, R).

    Attributes:
        standard: means and deviations.
        basis: (ΣD_l, R) orthonormal basis of the space that standardised pictures span; None if
            they are used as they are, with R = ΣD_l.
        texts: (D, D) covariance.
        pictures: (R, R) covariance.
        across: (R, D) covariance of pictures and texts.
    """

    standard: Standard
    basis: Doubles | None
    texts: Doubles
    pictures: Doubles
    across: Doubles

    @classmethod
    def of(cls, training: TrainingSet) -> _Moments:
        from scipy.sparse import csr_array

        texts, pictures = training.texts, training.pictures
        links = np.unique(training.links, axis=0)
        count = len(links)
        standard = Standard.of(training)
        centred = texts - standard.text_mean
        linked = csr_array(
            (np.full(count, 1 / count), (links[:, 1], links[:, 0])),
            shape=(len(pictures), len(texts)),
        )
        own = linked @ centred  # (N, D) share-weighted sums of each picture's texts
        basis = None
        if len(pictures) < pictures.shape[1]:
            basis = np.linalg.qr(standard.pictures(pictures).T)[0]  # (ΣD_l, N)
        width = pictures.shape[1] if basis is None else basis.shape[1]
        covariance, across = np.zeros((width, width)), np.zeros((width, texts.shape[1]))
        for part in blocks(len(pictures)):
            block = _coordinates(pictures[part], standard, basis)
            across += block.T @ own[part]
            block *= np.sqrt(standard.picture_shares[part])[:, None]
            covariance += block.T @ block
        weighted = centred * np.sqrt(standard.text_shares)[:, None]
        return cls(standard, basis, weighted.T @ weighted, covariance, across)

    def coordinates(self, pictures: Floats) -> Doubles:
        """Level features (N, ΣD_l) → (N, R)."""
        return _coordinates(pictures, self.standard, self.basis)

    def towers(self, text: Doubles, picture: Doubles, chosen: dict[str, float]) -> LinearTowers:
        """Weights on centred texts (D, S) and on coordinates (R, S) → maps of raw input vectors."""
        weights = picture if self.basis is None else self.basis @ picture
        return LinearTowers(
            _affine(self.standard.text_mean, text),
            _affine(self.standard.picture_mean, weights / self.standard.scale[:, None]),
            chosen,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Validation:
    """The validation set: texts (T, D) centred, pictures (N, R) in coordinates, links (M, 2)."""

    texts: Doubles
    pictures: Doubles
    links: Ints

    @classmethod
    def of(cls, moments: _Moments, validation: TrainingSet) -> _Validation:
        texts = moments.standard.texts(validation.texts)
        return cls(texts, moments.coordinates(validation.pictures), validation.links)

    def mrr(self, texts: Doubles, pictures: Doubles) -> float:
        """Mean reciprocal rank by cosine of texts (T, S) and pictures (N, S)."""
        ours, theirs = texts.astype(np.float32), pictures.astype(np.float32)
        return retrieval_scores(length_one(ours) @ length_one(theirs).T, self.links).mrr


@dataclass(frozen=True, slots=True, eq=False)
class _Directions:
    """Canonical directions of one pair of penalties, strongest first.

    Attributes:
        text: (D, S).
        picture: (R, S).
        correlations: (S,) 0 to 1.
        text_penalty: in units of the mean variance.
        picture_penalty: likewise.
    """

    text: Doubles
    picture: Doubles
    correlations: Doubles
    text_penalty: float
    picture_penalty: float

    @property
    def count(self) -> int:
        return len(self.correlations)

    def weighted(self, dimension: int, power: float) -> tuple[Doubles, Doubles]:
        weight = self.correlations[:dimension] ** power
        return self.text[:, :dimension] * weight, self.picture[:, :dimension] * weight

    def mrr(self, held_out: _Validation, dimension: int, power: float) -> float:
        text, picture = self.weighted(dimension, power)
        return held_out.mrr(held_out.texts @ text, held_out.pictures @ picture)


def _all_directions(moments: _Moments, config: CcaConfig) -> Iterator[_Directions]:
    """The directions of every pair of penalties."""
    from scipy.linalg import solve_triangular

    unit = max(float(moments.texts.diagonal().mean()), 1e-30)  # 0 if all texts are equal
    for picture_penalty in config.picture_penalties:
        right = np.linalg.cholesky(_penalised(moments.pictures, picture_penalty))
        half = solve_triangular(right, moments.across, lower=True)  # (R, D)
        for text_penalty in config.text_penalties:
            left = np.linalg.cholesky(_penalised(moments.texts, text_penalty * unit))
            inner = solve_triangular(left, half.T, lower=True)  # (D, R)
            u, correlations, vt = np.linalg.svd(inner, full_matrices=False)
            yield _Directions(
                solve_triangular(left, u, lower=True, trans="T"),
                solve_triangular(right, vt.T, lower=True, trans="T"),
                correlations,
                text_penalty,
                picture_penalty,
            )


def _coordinates(pictures: Floats, standard: Standard, basis: Doubles | None) -> Doubles:
    standardised = standard.pictures(pictures)
    return standardised if basis is None else standardised @ basis


def _penalised(covariance: Doubles, penalty: float) -> Doubles:
    return covariance + penalty * np.eye(len(covariance))


def _affine(mean: Doubles, weights: Doubles) -> Affine:
    bias = np.zeros(weights.shape[1], dtype=np.float32)
    return Affine(mean.astype(np.float32), weights.astype(np.float32), bias)


def _check_positive(name: str, values: tuple[float, ...]) -> None:
    if not values or min(values) <= 0:
        raise BadInput(f"{name} {values}: give at least one, each above 0")
