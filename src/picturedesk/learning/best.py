"""The recipe ``best``, the default. Needs no torch.

Closed-form heads for both sides, a blend of several routes, and a confidence. Cross-validation
chooses ridges, weights and confidence; then everything is fitted on all training texts.
docs/recipes.md has the alternatives that were tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.calibration import Case, calibrate
from picturedesk.learning.cross_fitting import cross_fit
from picturedesk.learning.cross_validation import (
    FoldScores,
    HeldOut,
    divide,
    fit_routes,
    fold_of,
    held_out_folds,
    held_out_scores,
)
from picturedesk.learning.known_queries import (
    KnownQueries,
    ShortQueries,
    cases,
    reference_rows,
)
from picturedesk.learning.parallel import side_by_side
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import (
    PROBABILITIES,
    TextFeatures,
    TrainingPairs,
    links_of,
)
from picturedesk.learning.weighing import (
    choose,
    mean_reciprocal_rank,
    scored_routes,
)
from picturedesk.measuring.metrics import ranks
from picturedesk.routes import BLEND, Blend, Confidence, Pictures
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.route import Classes
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Doubles, Floats, Ints, Progress, silent, step

FEWEST_TEXTS = 10  # for cross-validation
LOWEST_RIDGE, HIGHEST_RIDGE = 0.003, 100.0  # percent; what lies beyond is not tried
# Standard errors by which other ridges must be better: many are tried, and texts of one story are
# not independent, so that true errors are larger.
CLEARLY = 4.0

Ridges = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The result of the recipe.

    Attributes:
        blend: matcher, routes, weights and confidence.
        text_features: (T, I) of the training texts.
        ridges: the chosen (picture, text).
        cross_validated: mean reciprocal rank of each route on held-out texts, 0 to 1.
        held_out: number of held-out texts that were ranked.
    """

    blend: Blend
    text_features: Floats
    ridges: Ridges
    cross_validated: dict[str, float]
    held_out: int

    @property
    def matcher(self) -> Matcher:
        """Text encoder and both heads."""
        return self.blend.matcher


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """A fold before routes are fitted.

    Attributes:
        held_out: texts and candidates.
        projections: of the other texts and their pictures.
        features: (Q, I) of the held-out texts.
        matcher: with the chosen ridges; None before they are chosen.
    """

    held_out: HeldOut
    projections: Projections
    features: Floats
    matcher: Matcher | None = None

    def aligned(self, config: AlignmentConfig) -> Matcher:
        """The matcher of these ridges."""
        return self.projections.align(config)

    def reciprocal(self, config: AlignmentConfig) -> Doubles:
        """Reciprocal ranks (Q,) by the direct route."""
        matcher = self.aligned(config)
        levels = self.projections.pairs.features[self.held_out.candidates]
        scores = matcher.placed(self.features) @ matcher.pictures(levels).T
        return 1 / ranks(scores, self.held_out.relevant)


def fit_best(
    pairs: TrainingPairs,
    features: TextFeatures,
    config: BestConfig,
    progress: Progress = silent,
) -> Fitted:
    """Fits heads, routes, weights and confidence on an archive.

    Args:
        pairs: the training part.
        features: of its texts; without a pretrained encoder there is no class-name route.
        config: settings.
        progress: called for each finished fold.

    Raises:
        BadInput: the archive is too small.
    """
    checks.instance("pairs", pairs, TrainingPairs)
    checks.instance("features", features, TextFeatures)
    checks.instance("config", config, BestConfig)
    checks.function("progress", progress)
    if len(pairs.texts) < FEWEST_TEXTS:
        raise BadInput(
            f"{len(pairs.texts)} texts to learn from, at least {FEWEST_TEXTS} are needed"
        )
    words = _class_words(pairs, features)
    parts = divide(pairs.split_groups, config)
    ridges, folds, scores = _cross_validated(pairs, features, words, parts, config, progress)
    with step(progress, "choosing the weights of the routes"):
        weights = choose(scores, config.routes, config.gain)
    confidence = _calibrated(folds, features, words, parts, ridges, weights, config, progress)
    everything = np.arange(len(pairs.texts), dtype=np.int64)
    with step(progress, "fitting on all training texts"):
        projections = Projections.of(pairs, features, everything, config.alignment)
        alignment = config.with_ridges(ridges)
        matcher = cross_fit(projections, projections.align(alignment), parts, alignment)
        fold = fold_of(projections, matcher, _classes(pairs, words, features, projections.encoder))
        blend = Blend(matcher, fit_routes(config.routes, fold), weights, confidence=confidence)
        if confidence is not None:
            blend = replace(blend, references=reference_rows(blend, fold))
    return Fitted(
        blend=blend,
        text_features=projections.text_features,
        ridges=ridges,
        cross_validated=_summary(scores, blend),
        held_out=sum(len(fold.held_out.texts) for fold in scores),
    )


def _cross_validated(
    pairs: TrainingPairs,
    features: TextFeatures,
    words: Floats | None,
    parts: Ints,
    config: BestConfig,
    progress: Progress,
) -> tuple[Ridges, list[_Fold], list[FoldScores]]:
    """The best ridges by the direct route, the folds, and the scores of every route with them."""

    def projected(held: Ints) -> _Fold:
        return _projected(pairs, features, held, config)

    held = held_out_folds(parts, config)
    folds = list(side_by_side(projected, held, "folds", progress))

    def values(ridges: Ridges) -> Doubles:
        """Reciprocal ranks by the direct route, of all folds."""

        def reciprocal(fold: _Fold) -> Doubles:
            return fold.reciprocal(config.with_ridges(ridges))

        each = side_by_side(reciprocal, folds, "folds with other ridges", progress)
        return np.concatenate(list(each))

    best = best_ridges(values, config)
    aligned = [replace(fold, matcher=fold.aligned(config.with_ridges(best))) for fold in folds]

    def scored(fold: _Fold) -> FoldScores:
        assert fold.matcher is not None
        classes = _classes(pairs, words, features, fold.projections.encoder)
        part = fold_of(fold.projections, fold.matcher, classes)
        return held_out_scores(part, fold.features, pairs, fold.held_out, config.routes)

    return best, aligned, list(side_by_side(scored, aligned, "routes", progress))


def best_ridges(values: Callable[[Ridges], Doubles], config: BestConfig) -> Ridges:
    """The best ridges of the grid, then of the neighbours of the best, step by step.

    So the best does not lie at the edge of what was tried. A neighbour must be better by more than
    ``CLEARLY`` standard errors of the paired difference: the best of many that are equally good is
    only the luckiest. One pair in the settings is taken as it is.

    Args:
        values: (picture, text) ridges → reciprocal ranks of all held-out texts; higher is better.
        config: the grid, and by what factor neighbours differ.
    """
    if len(config.ridges) == 1:
        return config.ridges[0]
    known: dict[Ridges, Doubles] = {}

    def remembered(ridges: Ridges) -> Doubles:
        if ridges not in known:
            known[ridges] = values(ridges)
        return known[ridges]

    def mean(ridges: Ridges) -> float:
        return float(remembered(ridges).mean())

    best = max(config.ridges, key=mean)
    while True:
        picture, text = best
        near = [
            (round(picture * a, 6), round(text * b, 6))
            for a, b in product(*2 * ((1 / config.ridge_step, 1, config.ridge_step),))
            if (a == 1) != (b == 1)
        ]
        within = [pair for pair in near if LOWEST_RIDGE <= min(pair) <= max(pair) <= HIGHEST_RIDGE]
        better = max(within, key=mean, default=best)
        gain = remembered(better) - remembered(best)
        if gain.mean() <= CLEARLY * gain.std() / np.sqrt(len(gain)):
            return best
        best = better


def _calibrated(
    folds: Sequence[_Fold],
    features: TextFeatures,
    words: Floats | None,
    parts: Ints,
    ridges: Ridges,
    weights: dict[str, float],
    config: BestConfig,
    progress: Progress,
) -> Confidence | None:
    """The confidence, from held-out texts and short queries against all pictures of the archive."""
    pairs = folds[0].projections.pairs
    shorts = ShortQueries(pairs)

    def known(fold: _Fold) -> tuple[list[Case], list[Case]]:
        alignment = config.with_ridges(ridges)
        assert fold.matcher is not None
        matcher = cross_fit(fold.projections, fold.matcher, parts, alignment)
        part = fold_of(
            fold.projections, matcher, _classes(pairs, words, features, fold.projections.encoder)
        )
        blend = Blend(matcher, fit_routes(config.routes, part), weights)
        blend = replace(blend, references=reference_rows(blend, part))
        pictures = Pictures(matcher, pairs.keys, pairs.features)
        held = fold.held_out.texts
        texts = [pairs.texts[index] for index in held]
        whole = KnownQueries(texts, fold.features, links_of(held, pairs.links))
        queries, suiting = shorts.of(held[: config.short_queries], config.seed)
        few = KnownQueries(queries, matcher.text_encoder.encode(queries), suiting)
        with ExitStack() as stack:
            index = None
            if any(pairs.catalogue_words):
                index = stack.enter_context(CaptionIndex(pairs.catalogue_words))
            found = [
                cases(blend, part.archive, pictures, some, index, config.seed)
                for some in (whole, few)
            ]
        return found[0], found[1]

    found = list(side_by_side(known, folds, "folds calibrated", progress))
    return calibrate(
        [case for whole, _ in found for case in whole],
        [case for _, few in found for case in few],
        shorts.below,
        any(pairs.catalogue_words),
        config.seed,
    )


def _projected(
    pairs: TrainingPairs, features: TextFeatures, held: Ints, config: BestConfig
) -> _Fold:
    """Projections of both sides, without the held-out texts."""
    held_out = HeldOut.of(pairs, held, config)
    rest = np.setdiff1d(np.arange(len(pairs.texts), dtype=np.int64), held)
    projections = Projections.of(pairs, features, rest, config.alignment)
    queries = features.features(projections.encoder, held_out.texts)
    return _Fold(held_out, projections, queries)


def _class_words(pairs: TrainingPairs, features: TextFeatures) -> Floats | None:
    """Vectors (C, S) of the class names; None if backbone, levels or text features lack them."""
    levels = {str(level) for level in pairs.spec.levels}
    if not features.pretrained or not pairs.classes or PROBABILITIES not in levels:
        return None
    return features.pretrained[_reader(features)].encode(pairs.classes)


def _reader(features: TextFeatures) -> str:
    """The name of the encoder that reads class names: the first pretrained one."""
    return next(iter(features.pretrained))


def _classes(
    pairs: TrainingPairs, words: Floats | None, features: TextFeatures, encoder: JoinedEncoder
) -> Classes | None:
    if words is None:
        return None
    columns = features.columns_of(encoder, _reader(features))
    return Classes(pairs.classes, words, columns, PROBABILITIES)


def _summary(folds: Sequence[FoldScores], blend: Blend) -> dict[str, float]:
    """Mean reciprocal rank of each scored route alone, and of the blend."""
    scored = {*scored_routes(folds), BLEND}
    return {
        name: mean_reciprocal_rank(folds, blend.weights_of(name))
        for name in blend.names
        if name in scored
    }
