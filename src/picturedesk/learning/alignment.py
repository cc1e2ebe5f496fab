"""Fits a text head and a picture head in closed form: canonical correlation of two sides.

Each side has a few blocks of columns (levels; text encoders). Each block is centred, scaled,
reduced to its principal components and scaled to a weight; the blocks are joined and reduced again.
Canonical correlation analysis finds the directions in which linked texts and pictures agree (with a
ridge: Vinod 1976; directions weighted by a power of their correlation: Gong et al. 2014, "A
multi-view embedding space"). All steps are linear, so the result is one matrix per side. Needs no
gradients, no seed, no torch. Knows neither texts nor backbones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.linear import LinearHead, signed_power
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Bools, Doubles, Floats, Ints, RowSource

_NOTHING = 1e-5  # a component below this share of the first one's variance is rounding
_SOFTENING = 0.1  # of the mean deviation, added to each, so that rare channels do not dominate
_FITTED = 32_768  # rows that components are fitted on, at most; evenly spaced of more
_BLOCK = 8192  # rows that are mapped together


@dataclass(frozen=True, slots=True)
class Block:
    """A block of columns of one side.

    Attributes:
        columns: of the block.
        weight: variance of the block after scaling, relative to the others'; 0 or more.
        scaled: whether each column is first scaled to a deviation of about one. For channels of a
            network; not for probabilities or text vectors, whose scale is meaningful.
    """

    columns: slice
    weight: float = 1.0
    scaled: bool = False


@dataclass(frozen=True, slots=True)
class AlignmentConfig:
    """Settings of the alignment; the defaults were chosen on training folds.

    Attributes:
        level_power: exponent of the magnitude of level features, applied first.
        block_width: principal components of a block, at most.
        side_width: principal components of a side, at most.
        picture_ridge: added to the variance of each component, percent of the side's variance.
        text_ridge: the same for texts.
        correlation_power: weight of a direction is its correlation to this power.
        width: directions, at most: D of the shared space.
        decided: how often a link counts that an editor decided, 1 or more.
        against: share of a link, 0 or more, that a picture that was passed over counts against.
    """

    level_power: float = 0.5
    block_width: int = 800
    side_width: int = 900
    picture_ridge: float = 0.3
    text_ridge: float = 0.5
    correlation_power: float = 0.75
    width: int = 500
    decided: int = 2
    against: float = 0.1

    def __post_init__(self) -> None:
        checks.settings(self)
        if min(self.block_width, self.side_width, self.width) < 1:
            raise BadInput(f"{self}: widths start at 1")
        if min(self.picture_ridge, self.text_ridge) <= 0 or self.level_power <= 0:
            raise BadInput(f"{self}: ridges and level_power are above 0")
        if self.decided < 1 or self.against < 0:
            raise BadInput(f"{self}: decided is 1 or more, against 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side's columns → principal components of its joined blocks, as one affine map.

    Attributes:
        power: exponent of every column's magnitude.
        weights: (I, C).
        bias: (C,).
        variances: (C,) of the components over the rows it was fitted on; they sum to at most 1.
    """

    power: float
    weights: Floats
    bias: Floats
    variances: Floats

    @classmethod
    def fit(
        cls, features: RowSource, blocks: Sequence[Block], power: float, config: AlignmentConfig
    ) -> Side:
        """Fits on rows (N, I), or evenly spaced ones of very many.

        Columns outside all blocks are ignored.

        Raises:
            BadInput: no block has a weight, or all rows are equal.
        """
        few = evenly_spaced(len(features), _FITTED)
        chosen = few if len(few) < len(features) else slice(None)
        raised = signed_power(features[chosen].astype(np.float32, copy=False), power)
        joined, maps = [], []
        for block in blocks:
            if block.weight > 0:
                reduced = _Reduction.of(raised[:, block.columns], block, config.block_width)
                joined.append(reduced(raised[:, block.columns]))
                maps.append((block.columns, reduced))
        if not joined:
            raise BadInput("no block of a side has a weight above 0: name one")
        together = np.concatenate(joined, axis=1)
        if not together.shape[1]:
            raise BadInput(
                f"a part of the archive has {len(features)} texts or pictures and no two that "
                "differ: give an archive with more different ones"
            )
        last = _Reduction.of(together, Block(slice(None)), config.side_width)
        weights = np.zeros((features.shape[1], last.basis.shape[1]), dtype=np.float32)
        bias = (-last.mean @ last.basis).astype(np.float32)
        start = 0
        for columns, reduced in maps:
            own = last.basis[start : start + reduced.basis.shape[1]]
            start += len(own)
            weights[columns] = reduced.basis @ own
            bias -= (reduced.mean @ reduced.basis) @ own
        return cls(power, weights, bias.astype(np.float32), last.variances)

    def __call__(self, features: RowSource) -> Floats:
        """Rows (N, I) → components (N, C)."""
        components = np.empty((len(features), len(self.bias)), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            rows = features[start : start + _BLOCK].astype(np.float32, copy=False)
            raised = signed_power(rows, self.power)
            components[start : start + _BLOCK] = raised @ self.weights + self.bias
        return components

    def head(self, directions: Floats) -> LinearHead:
        """This map, and then directions (C, D)."""
        return LinearHead(self.power, self.weights @ directions, self.bias @ directions)


@dataclass(frozen=True, slots=True, eq=False)
class _Reduction:
    """Principal components of some columns, total variance scaled to a weight.

    Attributes:
        mean: (d,).
        basis: (d, q), includes all scaling.
        variances: (q,) of the components.
    """

    mean: Floats
    basis: Floats
    variances: Floats

    @classmethod
    def of(cls, rows: Floats, block: Block, most: int) -> _Reduction:
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        centred = rows - mean
        scale: Floats = np.ones(rows.shape[1], dtype=np.float32)
        if block.scaled:
            deviation = np.sqrt(np.einsum("nd,nd->d", centred, centred) / max(len(rows), 1))
            scale = np.reciprocal(deviation + _SOFTENING * deviation.mean() + 1e-12)
            centred *= scale
        variances, directions = _components(centred, most)
        total = max(float(np.einsum("nd,nd->", centred, centred)) / max(len(rows), 1), 1e-12)
        stretch = np.sqrt(block.weight / total)
        basis = (scale[:, None] * directions * stretch).astype(np.float32)
        return cls(mean, basis, (variances * stretch**2).astype(np.float32))

    def __call__(self, rows: Floats) -> Floats:
        return np.asarray((rows - self.mean) @ self.basis, dtype=np.float32)


def _components(centred: Floats, most: int) -> tuple[Doubles, Floats]:
    """The strongest variances (q,) and unit directions (d, q) of centred rows (N, d)."""
    from scipy.linalg import eigh

    rows, columns = centred.shape
    dual = rows < columns
    gram = centred @ centred.T if dual else centred.T @ centred
    size = len(gram)
    first = max(0, size - most)
    # A few of many are cheaper by themselves; for most of them, all together are cheaper.
    subset = (first, size - 1) if most < size // 2 else None
    values, vectors = eigh(gram, subset_by_index=subset, overwrite_a=True, check_finite=False)
    values, vectors = values[::-1][:most], vectors[:, ::-1][:, :most]
    kept = values > _NOTHING * max(float(values[0]), 1e-12)
    values, vectors = values[kept], vectors[:, kept]
    if dual:
        vectors = centred.T @ vectors / np.sqrt(values)
    return values.astype(np.float64) / max(rows, 1), vectors.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which texts and pictures ran together, and which did not although they might have.

    Attributes:
        pairs: (M, 2) indices (text, picture), many to many.
        decided: (M,) whether an editor decided it, so that it counts more.
        against: (A,) texts for which a picture was passed over.
        passed_over: (A, C') components of these pictures.
    """

    pairs: Ints
    decided: Bools
    against: Ints
    passed_over: Floats

    @classmethod
    def alike(cls, pairs: Ints) -> Links:
        """Pairs (M, 2) that all count the same."""
        nothing = np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.float32)
        return cls(pairs, np.zeros(len(pairs), dtype=bool), *nothing)

    def of(self, texts: Bools) -> Links:
        """Those of some of the texts (T,)."""
        own, apart = texts[self.pairs[:, 0]], texts[self.against]
        return Links(
            self.pairs[own], self.decided[own], self.against[apart], self.passed_over[apart]
        )

    def repeated(self, times: int) -> Ints:
        """The pairs, those that were decided ``times`` times."""
        if times == 1 or not self.decided.any():
            return self.pairs
        return np.repeat(self.pairs, np.where(self.decided, times, 1), axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The two heads that map both sides to one space.

    Attributes:
        text_head: text features → (Q, D).
        picture_head: level features → (N, D).
        correlations: (D,) canonical correlations over the links, strongest first, 0 to 1.
    """

    text_head: LinearHead
    picture_head: LinearHead
    correlations: Floats


def align(
    texts: Side,
    pictures: Side,
    text_rows: Floats,
    picture_rows: Floats,
    links: Links,
    config: AlignmentConfig,
) -> Alignment:
    """Directions in which linked texts and pictures agree.

    Args:
        texts: the fitted text side.
        pictures: the fitted picture side.
        text_rows: (T, C) components of the texts, from ``texts``.
        picture_rows: (N, C') components of the pictures.
        links: between them.
        config: ridges, power, width, and how much decisions count.

    Raises:
        BadInput: there are fewer than two links.
    """
    pairs = links.repeated(config.decided)
    if len(links.pairs) < 2:
        raise BadInput(
            f"{len(links.pairs)} links: at least two are needed to align texts and pictures"
        )
    linked_texts, linked_pictures = text_rows[pairs[:, 0]], picture_rows[pairs[:, 1]]
    text_white = _whitening(linked_texts, config.text_ridge)  # (C,)
    picture_white = _whitening(linked_pictures, config.picture_ridge)
    usual_text, usual_picture = linked_texts.mean(axis=0), linked_pictures.mean(axis=0)
    across = (linked_texts - usual_text).T @ linked_pictures / len(pairs)
    if len(links.against) and config.against:
        share = np.float32(config.against / len(pairs))
        apart = text_rows[links.against] - usual_text
        across -= share * (apart.T @ (links.passed_over - usual_picture))
    across *= text_white[:, None] * picture_white
    left, correlations, right = _singular(across)
    kept = min(config.width, int((correlations > 1e-3 * correlations[0]).sum()))
    weight = correlations[:kept] ** config.correlation_power
    return Alignment(
        texts.head((text_white[:, None] * left[:, :kept] * weight).astype(np.float32)),
        pictures.head((picture_white[:, None] * right[:, :kept] * weight).astype(np.float32)),
        correlations[:kept].astype(np.float32),
    )


def _whitening(rows: Floats, ridge: float) -> Floats:
    """Factors (C,) that scale components (M, C) to a deviation of about one; ridge in percent."""
    factor: Floats = (1 / np.sqrt(rows.var(axis=0) + ridge / 100)).astype(np.float32)
    return factor


def _singular(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """U (C, S), singular values (S,) and V (C', S), by the eigenvectors of the smaller side."""
    flip = matrix.shape[0] > matrix.shape[1]
    small = (matrix.T if flip else matrix).astype(np.float64)
    squares, left = np.linalg.eigh(small @ small.T)
    values = np.sqrt(np.maximum(squares[::-1], 1e-12))
    left = left[:, ::-1]
    right = small.T @ left / values
    pair = (right, left) if flip else (left, right)
    return pair[0].astype(np.float32), values.astype(np.float32), pair[1].astype(np.float32)
