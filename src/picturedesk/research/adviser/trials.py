"""Cross-validates sets of levels with the recipe's closed form; shared steps run once.

In every fold, the texts are projected once and every level is reduced once. A set then costs one
joint reduction and one alignment. Scores by the direct route alone, without hub correction. Takes
arrays; ``adviser`` decides which sets to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.learning.alignment import AlignmentConfig, Block, Links, Side, align
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.cross_validation import divide, held_out_folds
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.metrics import ranks
from picturedesk.parallel import side_by_side
from picturedesk.types import Doubles, Floats, Ints, Progress

Ridges = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Components of one fold's pictures.

    Attributes:
        training: (n, C) of the training pictures.
        candidates: (n', C) of the pictures to rank.
    """

    training: Floats
    candidates: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Texts that are held out as queries, with projections fitted on the others.

    Attributes:
        queries: (Q,) indices of the texts that are held out.
        training_texts: (t, C) components of the training texts.
        query_texts: (Q, C) components of the queries; zeros if no word of a text is known.
        links: (m, 2) indices of (training text, training picture).
        relevant: (m', 2) indices of (query, candidate) that ran together.
        levels: level → components.
    """

    queries: Ints
    training_texts: Floats
    query_texts: Floats
    links: Ints
    relevant: Ints
    levels: dict[str, Rows]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The cross-validated ranks of a set of levels.

    Attributes:
        levels: in the order given.
        ridges: the best (picture, text) ridges, percent.
        ranks: (Q,) rank of the right picture, from 1, in the order of ``Trials.queries``.
        rows: joint components of the set, one per fold.
    """

    levels: tuple[str, ...]
    ridges: Ridges
    ranks: Ints
    rows: tuple[Rows, ...]

    @property
    def reciprocal(self) -> Doubles:
        """Reciprocal ranks (Q,)."""
        return 1 / self.ranks.astype(np.float64)

    @property
    def mrr(self) -> float:
        """Their mean, 0 to 1."""
        return float(self.reciprocal.mean())

    @property
    def recall10(self) -> float:
        """Share of texts whose picture is among the first ten, 0 to 1."""
        return float((self.ranks <= 10).mean())


class Trials:
    """All folds of an archive, ready for any set of levels.

    Args:
        pairs: the archive's training part.
        features: text features.
        levels: the levels of all sets.
        config: folds, ridges, widths.
        progress: receives the number of folds.

    Attributes:
        queries: (Q,) indices of the texts, fold after fold.
        candidates: number of pictures ranked for a text, mean over folds.
        folds: number of folds.
    """

    def __init__(
        self,
        pairs: TrainingPairs,
        features: TextFeatures,
        levels: Sequence[str],
        config: BestConfig,
        progress: Progress,
    ) -> None:
        self._config = config
        blocks = dict(zip(map(str, pairs.spec.levels), pairs.blocks, strict=True))
        self._weights = {level: max(blocks[level].weight, 1e-6) for level in levels}
        scaled = {level: blocks[level] for level in levels}

        def fold(queries: Ints) -> Fold:
            return _fold(pairs, features, queries, scaled, config.alignment)

        held_out = held_out_folds(divide(pairs.split_groups, config), config)
        self._folds = list(side_by_side(fold, held_out, "folds", progress))
        self.folds = len(self._folds)
        self.queries: Ints = np.concatenate([fold.queries for fold in self._folds])
        ranked = [len(fold.levels[levels[0]].candidates) for fold in self._folds]
        self.candidates = float(np.mean(ranked))

    def run(self, sets: Sequence[Sequence[str]], what: str, progress: Progress) -> list[Outcome]:
        """Cross-validates some sets, each with the best of the recipe's ridges."""
        pieces = [(levels, fold) for levels in sets for fold in self._folds]

        def piece(given: tuple[Sequence[str], Fold]) -> tuple[Rows, list[Ints]]:
            levels, fold = given
            weights = [self._weights[level] for level in levels]
            rows = self._joined([fold.levels[level] for level in levels], weights)
            return rows, [self._ranks(fold, rows, ridges) for ridges in self._config.ridges]

        done = list(side_by_side(piece, pieces, what, progress))
        return [
            self._best(tuple(levels), done[place * self.folds : (place + 1) * self.folds])
            for place, levels in enumerate(sets)
        ]

    def best_addition(
        self, base: Outcome, others: Sequence[str], what: str, progress: Progress
    ) -> str:
        """The level that adds most to the mean reciprocal rank of a set.

        An approximation that is quick: the set's joint components stand for its levels, and its
        ridges are kept.
        """
        weight = sum(self._weights[level] for level in base.levels)

        def gain(level: str) -> float:
            weights = [weight, self._weights[level]]
            found = []
            for fold, known in zip(self._folds, base.rows, strict=True):
                rows = self._joined([known, fold.levels[level]], weights)
                found.append(self._ranks(fold, rows, base.ridges))
            return float((1 / np.concatenate(found)).mean())

        gains = list(side_by_side(gain, others, what, progress))
        return others[int(np.argmax(gains))]

    def _best(self, levels: tuple[str, ...], done: Sequence[tuple[Rows, list[Ints]]]) -> Outcome:
        rows = tuple(row for row, _ in done)
        outcomes = [
            Outcome(levels, ridges, np.concatenate([found[place] for _, found in done]), rows)
            for place, ridges in enumerate(self._config.ridges)
        ]
        return max(outcomes, key=lambda outcome: outcome.mrr)

    def _joined(self, rows: Sequence[Rows], weights: Sequence[float]) -> Rows:
        """Several components → joint components, at most as many as the recipe keeps."""
        if len(rows) == 1:
            return rows[0]
        config = replace(self._config.alignment, block_width=self._config.alignment.side_width)
        roots = [np.float32(np.sqrt(weight)) for weight in weights]
        training, candidates = (
            np.concatenate([part * root for part, root in zip(parts, roots, strict=True)], axis=1)
            for parts in ([row.training for row in rows], [row.candidates for row in rows])
        )
        side = Side.fit(training, [Block(slice(None))], 1.0, config)
        return Rows(side(training), side(candidates))

    def _ranks(self, fold: Fold, rows: Rows, ridges: Ridges) -> Ints:
        """Rank (Q,) of the best right picture of each query among the candidates."""
        alignment = align(
            _identity(fold.training_texts),
            _identity(rows.training),
            fold.training_texts,
            rows.training,
            Links.alike(fold.links),
            self._config.with_ridges(ridges),
        )
        texts = length_one(alignment.text_head(fold.query_texts))
        pictures = length_one(alignment.picture_head(rows.candidates))
        return ranks(texts @ pictures.T, fold.relevant)


def _fold(
    pairs: TrainingPairs,
    features: TextFeatures,
    queries: Ints,
    blocks: dict[str, Block],
    config: AlignmentConfig,
) -> Fold:
    training = np.setdiff1d(np.arange(len(pairs.texts)), queries)
    pictures, links = pairs.pictures_of(training)
    candidates, relevant = pairs.pictures_of(queries)
    encoder = features.fit(training)
    known, held_out = features.features(encoder, training), features.features(encoder, queries)
    texts = Side.fit(known, [Block(span) for span in encoder.spans], 1.0, config)
    levels = {}
    for level, block in blocks.items():
        columns = pairs.features[:, block.columns]
        side = level_side(columns[pictures], block, config)
        levels[level] = Rows(side(columns[pictures]), side(columns[candidates]))
    has_words = held_out.any(axis=1, keepdims=True)
    return Fold(queries, texts(known), texts(held_out) * has_words, links, relevant, levels)


def level_side(columns: Floats, block: Block, config: AlignmentConfig) -> Side:
    """One level's columns (N, D_l) alone, reduced as in the recipe."""
    alone = Block(slice(None), 1.0, block.scaled)
    return Side.fit(columns, [alone], config.level_power, config)


def _identity(components: Floats) -> Side:
    """The side that leaves components (N, C) as they are."""
    width = components.shape[1]
    unchanged = np.eye(width, dtype=np.float32)
    return Side(1.0, unchanged, np.zeros(width, np.float32), components.var(axis=0))
