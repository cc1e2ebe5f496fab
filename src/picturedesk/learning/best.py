"""The recipe ``best``, the default.

Closed-form heads for both sides, a blend of several routes, and a confidence. Cross-validation
chooses ridges, text encoders, levels, weights and confidence; then everything is fitted on all
training texts. Needs torch only for routes that are trained; without it they are left out.
docs/recipes.md has the alternatives that were tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.calibration import Case, calibrate
from picturedesk.learning.choices import Ridges
from picturedesk.learning.cross_fitting import cross_fit
from picturedesk.learning.cross_validation import (
    FoldScores,
    divide,
    fit_routes,
    fold_of,
    held_out_scores,
)
from picturedesk.learning.folds import ChosenFold, chosen_folds
from picturedesk.learning.known_queries import (
    KnownQueries,
    ShortQueries,
    cases,
    reference_rows,
)
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
from picturedesk.learning.weighing_texts import ChosenTexts, TextFold, choose_texts
from picturedesk.parallel import side_by_side
from picturedesk.routes import BLEND, Blend, Confidence, Fold, Pictures, Queries
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.route import Classes, RoutePlan
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Progress, silent, step

FEWEST_TEXTS = 10  # for cross-validation
SCOUTS = 2  # folds that show which routes are worth their training


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The result of the recipe.

    Attributes:
        blend: matcher, routes, weights and confidence.
        text_features: (T, I) of the training texts.
        ridges: the chosen (picture, text).
        decisions: how often a decided pair counts, and for what share a picture that was passed
            over; None if there are none.
        encoders: names of the chosen text encoders.
        levels: names of the chosen levels.
        cross_validated: mean reciprocal rank of each route on held-out texts, 0 to 1.
        held_out: number of held-out texts that were ranked.
    """

    blend: Blend
    text_features: Floats
    ridges: Ridges
    decisions: tuple[int, float] | None
    encoders: tuple[str, ...]
    levels: tuple[str, ...]
    cross_validated: dict[str, float]
    held_out: int

    @property
    def matcher(self) -> Matcher:
        """Text encoder and both heads."""
        return self.blend.matcher


@dataclass(frozen=True, slots=True, eq=False)
class _FittedFold:
    """A fold with its fitted routes; what they were fitted on is let go, except for its texts.

    Attributes:
        features: (Q, I) of the held-out texts.
        learned: the texts that the routes were fitted on.
        blend: the routes, without weights; archive pictures are placed by cross-fitted heads.
        scores: of every route for the held-out texts.
    """

    features: Floats
    learned: Queries
    blend: Blend
    scores: FoldScores


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
    parts = divide(pairs.split_groups, config)
    choices, chosen = chosen_folds(pairs, features, parts, config, progress)
    features = features.only(choices.encoders)
    pairs = replace(pairs, blocks=choices.blocks)
    alignment = choices.alignment
    words = _class_words(pairs, features)

    def fitted(fold: ChosenFold, plans: Sequence[RoutePlan]) -> _FittedFold:
        matcher = cross_fit(fold.projections, fold.matcher, parts, alignment)
        part = _part(fold.projections, matcher, features, words)
        blend = Blend(matcher, fit_routes(plans, part), {})
        scores = held_out_scores(blend, part.archive, fold.features, pairs, fold.held_out)
        return _FittedFold(fold.features, part.queries, blend, scores)

    folds, weighed = _weighed(chosen, fitted, config, progress)
    del chosen
    weights = weighed.weights
    confidence = _calibrated(folds, weights, pairs, config, progress)
    scores = [fold.scores for fold in folds]
    alone = _summary(scores, replace(folds[0].blend, weights=weights))
    held_out = sum(len(fold.held_out.texts) for fold in scores)
    del folds, scores
    everything = np.arange(len(pairs.texts), dtype=np.int64)
    with step(progress, "fitting on all training texts"):
        projections = Projections.of(pairs, features, everything, config.alignment)
        matcher = cross_fit(projections, projections.align(alignment), parts, alignment)
        part = _part(projections, matcher, features, words)
        blend = Blend(matcher, fit_routes(config.routes, part), weights, confidence=confidence)
        if confidence is not None:
            blend = replace(blend, references=reference_rows(blend, part.queries))
        blend = replace(blend, texts=weighed.texts.ranking(blend, part))
    return Fitted(
        blend=blend,
        text_features=projections.text_features,
        ridges=(alignment.picture_ridge, alignment.text_ridge),
        decisions=(alignment.decided, alignment.against) if pairs.has_decisions else None,
        encoders=choices.encoders,
        levels=pairs.active_levels,
        cross_validated={name: alone[name] for name in blend.names if name in alone},
        held_out=held_out,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """What the folds' scores chose: weights of the routes for pictures, and for texts."""

    weights: dict[str, float]
    texts: ChosenTexts

    @classmethod
    def of(cls, folds: Sequence[_FittedFold], config: BestConfig, progress: Progress) -> _Weighed:
        scores = [fold.scores for fold in folds]
        with step(progress, "choosing the weights of the routes"):
            weights = choose(scores, config.routes, config.gain)
        with step(progress, "choosing how texts are ranked"):
            rankings = [TextFold.of(fold.scores, fold.blend) for fold in folds]
            texts = choose_texts(scores, rankings, config.routes, weights, config.gain)
        return cls(weights, texts)

    def useful(self, plans: Sequence[RoutePlan]) -> tuple[RoutePlan, ...]:
        """The plans up to the last one with a weight; a route may build on those before it."""
        used = [
            place
            for place, plan in enumerate(plans)
            if self.weights.get(plan.name, 0) > 0 or self.texts.weights.get(plan.name, 0) > 0
        ]
        return tuple(plans[: max(used, default=0) + 1])


def _weighed(
    chosen: Sequence[ChosenFold],
    fitted: Callable[[ChosenFold, Sequence[RoutePlan]], _FittedFold],
    config: BestConfig,
    progress: Progress,
) -> tuple[list[_FittedFold], _Weighed]:
    """Fits the routes of all folds, and weighs them.

    The first folds show whether the last routes, which are trained, add anything. If they do not,
    the other folds do without them, and they get their default weights.
    """

    def fit_all(some: Sequence[ChosenFold], plans: Sequence[RoutePlan]) -> list[_FittedFold]:
        return list(side_by_side(lambda fold: fitted(fold, plans), some, "routes", progress))

    scouts, others = chosen[:SCOUTS], chosen[SCOUTS:]
    folds = fit_all(scouts, config.routes)
    weighed = _Weighed.of(folds, config, progress)
    if others:
        folds += fit_all(others, weighed.useful(config.routes))
        weighed = _Weighed.of(folds, config, progress)
    return folds, weighed


def _calibrated(
    folds: Sequence[_FittedFold],
    weights: dict[str, float],
    pairs: TrainingPairs,
    config: BestConfig,
    progress: Progress,
) -> Confidence | None:
    """The confidence, from held-out texts and short queries against all pictures of the archive."""
    shorts = ShortQueries(pairs)

    def known(fold: _FittedFold) -> tuple[list[Case], list[Case]]:
        blend = replace(fold.blend, weights=weights)
        blend = replace(blend, references=reference_rows(blend, fold.learned))
        pictures = Pictures(blend.matcher, pairs.keys, pairs.features)
        held = fold.scores.held_out.texts
        texts = [pairs.texts[index] for index in held]
        whole = KnownQueries(texts, fold.features, links_of(held, pairs.links))
        queries, suiting = shorts.of(held[: config.short_queries], config.seed)
        few = KnownQueries(queries, blend.matcher.text_encoder.encode(queries), suiting)
        with ExitStack() as stack:
            index = None
            if any(pairs.catalogue_words):
                index = stack.enter_context(CaptionIndex(pairs.catalogue_words))
            found = [
                cases(blend, fold.learned.archive, pictures, some, index, config.seed)
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


def _part(
    projections: Projections, matcher: Matcher, features: TextFeatures, words: Floats | None
) -> Fold:
    """A part of the archive for fitting routes."""
    classes = _classes(projections.pairs, words, features, projections.encoder)
    return fold_of(projections, matcher, classes)


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
