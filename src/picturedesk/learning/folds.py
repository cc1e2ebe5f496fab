"""The folds of the recipe ``best``: what is chosen on them, and the heads with these choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig, Block
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.choices import (
    DECISIONS,
    best_of,
    best_ridges,
    sets_of_encoders,
    sets_of_levels,
    weighted,
)
from picturedesk.learning.cross_validation import HeldOut, held_out_folds
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.metrics import ranks
from picturedesk.parallel import side_by_side
from picturedesk.types import Doubles, Floats, Ints, Progress


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What cross-validation of the direct route chose.

    Attributes:
        alignment: ridges, and how much editors' decisions count.
        encoders: names of the text encoders.
        blocks: the levels with their weights.
    """

    alignment: AlignmentConfig
    encoders: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ChosenFold:
    """A fold with its heads, before routes are fitted.

    Attributes:
        held_out: texts and candidates.
        projections: of the other texts and their pictures.
        features: (Q, I) of the held-out texts.
        matcher: of the projections.
    """

    held_out: HeldOut
    projections: Projections
    features: Floats
    matcher: Matcher


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """A fold before anything is chosen; see ``ChosenFold``."""

    held_out: HeldOut
    projections: Projections
    features: Floats

    def by_encoders(self, places: Sequence[int], config: AlignmentConfig) -> _Fold:
        """With some of the text encoders."""
        if len(places) == len(self.projections.encoder.parts):
            return self
        features = self.projections.encoder.narrowed(self.features, places)
        projections = self.projections.by_encoders(places, config)
        return replace(self, projections=projections, features=features)

    def by_levels(self, weights: Sequence[float], config: AlignmentConfig) -> _Fold:
        """With other weights of the levels."""
        blocks = weighted(self.projections.pairs.blocks, weights)
        return replace(self, projections=self.projections.by_levels(blocks, config))

    def chosen(self, config: AlignmentConfig) -> ChosenFold:
        """With heads of these ridges."""
        matcher = self.projections.align(config)
        return ChosenFold(self.held_out, self.projections, self.features, matcher)

    def reciprocal(self, config: AlignmentConfig) -> Doubles:
        """Reciprocal ranks (Q,) by the direct route."""
        matcher = self.projections.align(config)
        levels = self.projections.pairs.features[self.held_out.candidates]
        scores = matcher.placed(self.features) @ matcher.pictures(levels).T
        return 1 / ranks(scores, self.held_out.relevant)


def chosen_folds(
    pairs: TrainingPairs,
    features: TextFeatures,
    parts: Ints,
    config: BestConfig,
    progress: Progress,
) -> tuple[Choices, list[ChosenFold]]:
    """Chooses text encoders, then levels, then ridges, and fits the heads of every fold.

    Args:
        pairs: the training part.
        features: of its texts, by all encoders.
        parts: (T,) the part of each text.
        config: settings.
        progress: called for each finished fold.
    """
    folds = _folds(pairs, features, parts, config, progress)
    start = config.with_ridges(config.ridges[0])

    def values(change: Callable[[_Fold], _Fold], alignment: AlignmentConfig) -> Doubles:
        return _values(folds, change, alignment, progress)

    places = _best_encoders(folds, features.names, start, progress)
    folds = [fold.by_encoders(places, start) for fold in folds]
    weights = [block.weight for block in pairs.blocks]
    if config.choose_levels:
        sets = sets_of_levels(pairs.spec, pairs.blocks)
        weights = list(
            best_of(sets, lambda some: values(lambda fold: fold.by_levels(some, start), start))
        )
    folds = [fold.by_levels(weights, start) for fold in folds]
    ridges = best_ridges(
        lambda pair: values(lambda fold: fold, config.with_ridges(pair)),
        config,
    )
    alignment = config.with_ridges(ridges)
    if pairs.has_decisions:
        decided, against = best_of(
            DECISIONS, lambda pair: values(lambda fold: fold, _counting(alignment, pair))
        )
        alignment = _counting(alignment, (decided, against))
    chosen = [fold.chosen(alignment) for fold in folds]
    names = tuple(features.names[place] for place in places)
    return Choices(alignment, names, weighted(pairs.blocks, weights)), chosen


def worthwhile_encoders(
    pairs: TrainingPairs,
    features: TextFeatures,
    parts: Ints,
    config: BestConfig,
    progress: Progress,
) -> tuple[str, ...]:
    """Names of the text encoders that cross-validation chooses; arguments as above."""
    folds = _folds(pairs, features, parts, config, progress)
    start = config.with_ridges(config.ridges[0])
    places = _best_encoders(folds, features.names, start, progress)
    return tuple(features.names[place] for place in places)


def _folds(
    pairs: TrainingPairs,
    features: TextFeatures,
    parts: Ints,
    config: BestConfig,
    progress: Progress,
) -> list[_Fold]:
    """The folds that are held out."""

    def projected(held: Ints) -> _Fold:
        return _projected(pairs, features, held, config)

    return list(side_by_side(projected, held_out_folds(parts, config), "folds", progress))


def _values(
    folds: Sequence[_Fold],
    change: Callable[[_Fold], _Fold],
    alignment: AlignmentConfig,
    progress: Progress,
) -> Doubles:
    """Reciprocal ranks by the direct route, of all folds, after a change."""

    def reciprocal(fold: _Fold) -> Doubles:
        return change(fold).reciprocal(alignment)

    each = side_by_side(reciprocal, folds, "folds with other settings", progress)
    return np.concatenate(list(each))


def _best_encoders(
    folds: Sequence[_Fold], names: Sequence[str], start: AlignmentConfig, progress: Progress
) -> tuple[int, ...]:
    """Places of the text encoders to use."""
    return best_of(
        sets_of_encoders(names),
        lambda some: _values(folds, lambda fold: fold.by_encoders(some, start), start, progress),
    )


def _counting(alignment: AlignmentConfig, decisions: tuple[int, float]) -> AlignmentConfig:
    """The alignment in which decisions count so much: (pairs, pictures passed over)."""
    return replace(alignment, decided=decisions[0], against=decisions[1])


def _projected(
    pairs: TrainingPairs, features: TextFeatures, held: Ints, config: BestConfig
) -> _Fold:
    """Projections of both sides, without the held-out texts."""
    held_out = HeldOut.of(pairs, held, config)
    rest = np.setdiff1d(np.arange(len(pairs.texts), dtype=np.int64), held)
    projections = Projections.of(pairs, features, rest, config.alignment)
    queries = features.features(projections.encoder, held_out.texts)
    return _Fold(held_out, projections, queries)
