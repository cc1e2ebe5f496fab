"""Tries sets of levels out of fold, by the recipe's closed form; what they share is made once.

Of every fold the text side is fitted once, and every level alone is reduced once; to try a set then
costs one joint reduction and one alignment. The direct route only: no hubs, no transfer, no class
names. Knows arrays; which sets to try is not its affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.learning.alignment import AlignmentConfig, Block, Side, align
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.cross_validation import divide
from picturedesk.learning.parallel import side_by_side
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.metrics import ranks
from picturedesk.types import Doubles, Floats, Ints, Progress

Ridges = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Components of one fold's pictures.

    Attributes:
        fitted: (n, C) of those that were fitted on.
        candidates: (n', C) of those that are ranked.
    """

    fitted: Floats
    candidates: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A part of the texts that is held out, with both sides fitted on the others.

    Attributes:
        held_out: (Q,) indices of the texts.
        fitted_texts: (t, C) components of the others.
        queries: (Q, C) components of the texts held out; zeros for one without a known word.
        links: (m, 2) of the others, into both sides.
        relevant: (m', 2) which of the candidates ran with which of the texts held out.
        levels: level → components.
    """

    held_out: Ints
    fitted_texts: Floats
    queries: Floats
    links: Ints
    relevant: Ints
    levels: dict[str, Rows]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How a set of levels did.

    Attributes:
        levels: in the order in which they came.
        ridges: (picture, text) in percent, the best of those tried.
        ranks: (Q,) of the right picture, from 1, in the order of ``Trials.held_out``.
        rows: components of all of them together, of every fold.
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
        features: of its texts.
        levels: those that sets may be made of.
        config: folds, ridges, widths.
        progress: told of folds.

    Attributes:
        held_out: (Q,) indices of the texts, fold after fold.
        candidates: pictures that are ranked for each text, mean over folds.
        folds: how many.
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

        def fold(held_out: Ints) -> Fold:
            return _fold(pairs, features, held_out, scaled, config.alignment)

        held = divide(pairs.split_groups, config)
        self._folds = list(side_by_side(fold, held, "folds", progress))
        self.folds = len(self._folds)
        self.held_out: Ints = np.concatenate([fold.held_out for fold in self._folds])
        counts = [len(fold.levels[levels[0]].candidates) for fold in self._folds]
        self.candidates = float(np.mean(counts))

    def tried(self, sets: Sequence[Sequence[str]], what: str, progress: Progress) -> list[Outcome]:
        """Tries some sets on every fold; of the recipe's ridges, those that do best count."""
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

        Found quickly: the set counts by the components that it has left, with its own ridges.
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
        """Several components → those of all together, at most as many as the recipe keeps."""
        if len(rows) == 1:
            return rows[0]
        config = replace(self._config.alignment, block_width=self._config.alignment.side_width)
        roots = [np.float32(np.sqrt(weight)) for weight in weights]
        fitted, candidates = (
            np.concatenate([part * root for part, root in zip(parts, roots, strict=True)], axis=1)
            for parts in ([row.fitted for row in rows], [row.candidates for row in rows])
        )
        side = Side.fit(fitted, [Block(slice(None))], 1.0, config)
        return Rows(side(fitted), side(candidates))

    def _ranks(self, fold: Fold, rows: Rows, ridges: Ridges) -> Ints:
        """Rank (Q,) of each text's own picture among the candidates."""
        alignment = align(
            _as_it_is(fold.fitted_texts),
            _as_it_is(rows.fitted),
            fold.fitted_texts,
            rows.fitted,
            fold.links,
            self._config.with_ridges(ridges),
        )
        texts = length_one(alignment.text_head(fold.queries))
        pictures = length_one(alignment.picture_head(rows.candidates))
        return ranks(texts @ pictures.T, fold.relevant)


def _fold(
    pairs: TrainingPairs,
    features: TextFeatures,
    held_out: Ints,
    blocks: dict[str, Block],
    config: AlignmentConfig,
) -> Fold:
    rest = np.setdiff1d(np.arange(len(pairs.texts)), held_out)
    pictures, links = pairs.pictures_of(rest)
    candidates, relevant = pairs.pictures_of(held_out)
    encoder = features.fit(rest)
    texts, queries = features.features(encoder, rest), features.features(encoder, held_out)
    side = Side.fit(texts, [Block(span) for span in encoder.spans], 1.0, config)
    levels = {}
    for level, block in blocks.items():
        columns = pairs.features[:, block.columns]
        reduced = level_side(columns[pictures], block, config)
        levels[level] = Rows(reduced(columns[pictures]), reduced(columns[candidates]))
    known = queries.any(axis=1, keepdims=True)
    return Fold(held_out, side(texts), side(queries) * known, links, relevant, levels)


def level_side(columns: Floats, block: Block, config: AlignmentConfig) -> Side:
    """One level's columns (N, D_l) alone, as the recipe would reduce them."""
    alone = Block(slice(None), 1.0, block.scaled)
    return Side.fit(columns, [alone], config.level_power, config)


def _as_it_is(components: Floats) -> Side:
    """The side whose features are components (N, C) already."""
    width = components.shape[1]
    unchanged = np.eye(width, dtype=np.float32)
    return Side(1.0, unchanged, np.zeros(width, np.float32), components.var(axis=0))
