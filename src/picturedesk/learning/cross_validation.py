"""Cross-validation: fitting on a part of the archive, scoring the texts that are held out.

Weights, ridges and confidence are learned from these scores and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import TrainingPairs
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.route import Classes, Route, RoutePlan
from picturedesk.types import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Texts of a fold, and the pictures that are ranked for each of them.

    Attributes:
        texts: (Q,) indices of the texts.
        candidates: (n,) indices of all pictures that ran with texts of the fold.
        relevant: (m, 2) which of the candidates ran with which of the texts.
    """

    texts: Ints
    candidates: Ints
    relevant: Ints

    @classmethod
    def of(cls, pairs: TrainingPairs, fold: Ints, config: BestConfig) -> HeldOut:
        """The texts (n,) of a fold, or a sample of very many; all their pictures are candidates."""
        candidates, links = pairs.pictures_of(fold)
        drawn = np.random.default_rng(config.seed).permutation(len(fold))
        sample = np.sort(drawn[: config.max_queries]).astype(np.int64)
        links = links[np.isin(links[:, 0], sample)]
        relevant = np.stack([np.searchsorted(sample, links[:, 0]), links[:, 1]], axis=1)
        return cls(fold[sample], candidates, relevant)


@dataclass(frozen=True, slots=True, eq=False)
class FoldScores:
    """Scores of every route for texts that it was not fitted on.

    Attributes:
        held_out: the texts and candidates.
        scores: route → (Q, n).
        nearest: (Q,) cosine of the most similar text that they were fitted on.
    """

    held_out: HeldOut
    scores: dict[str, Floats]
    nearest: Floats


def divide(split_groups: Ints, config: BestConfig) -> list[Ints]:
    """Texts (T,) → the texts held out in each fold; those of one number stay together.

    Of a large archive one fold is enough. Few groups give fewer folds than the settings name.

    Raises:
        BadInput: all texts have one number, so that nothing can be held out.
    """
    random = np.random.default_rng(config.seed)
    names, sizes = np.unique(split_groups, return_counts=True)
    if len(names) < 2:
        raise BadInput(
            f"all {len(split_groups)} texts to learn from share their pictures, so none can be "
            "held out: give texts with different pictures"
        )
    order = random.permutation(len(names))
    folds = min(config.folds, len(names))
    filled = np.zeros(folds, dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for name in order:
        fold = int(np.argmin(filled))
        fold_of[name] = fold
        filled[fold] += sizes[name]
    of_text = fold_of[np.searchsorted(names, split_groups)]
    used = 1 if len(split_groups) > config.max_texts_for_all_folds else folds
    return [np.flatnonzero(of_text == fold).astype(np.int64) for fold in range(used)]


def fold_of(projections: Projections, matcher: Matcher, classes: Classes | None) -> Fold:
    """What routes are fitted on: the part that was projected, in the matcher's space."""
    pairs, rows = projections.pairs, projections.pictures
    pictures = Pictures(matcher, [pairs.keys[row] for row in rows], pairs.features[rows])
    archive = ArchiveVectors(
        matcher.placed(projections.text_features),
        pictures.vectors,
        projections.links,
        pairs.duplicate_groups[projections.texts],
    )
    texts = [pairs.texts[index] for index in projections.texts]
    queries = Queries(matcher, texts, projections.text_features, archive)
    return Fold(queries, pictures, classes)


def fit_routes(plans: Sequence[RoutePlan], fold: Fold) -> tuple[Route, ...]:
    """The routes that an archive can have."""
    fitted = (plan.fit(fold) for plan in plans)
    return tuple(route for route in fitted if route is not None)


def held_out_scores(
    fold: Fold,
    features: Floats,
    pairs: TrainingPairs,
    held_out: HeldOut,
    plans: Sequence[RoutePlan],
) -> FoldScores:
    """Fits routes on a part of the archive and scores the candidates of the texts held out.

    Args:
        fold: the part that they are fitted on.
        features: (Q, I) of the texts held out, by the fold's text encoder.
        pairs: the whole training part.
        held_out: texts and candidates.
        plans: kinds of routes.
    """
    matcher = fold.queries.matcher
    blend = Blend(matcher, fit_routes(plans, fold), {})
    texts = [pairs.texts[index] for index in held_out.texts]
    candidates = Pictures(
        matcher,
        [pairs.keys[index] for index in held_out.candidates],
        pairs.features[held_out.candidates],
    )
    captions = [pairs.captions[index] for index in held_out.candidates]
    asked = blend.ask(Queries(matcher, texts, features, fold.archive))
    parts = blend.store(candidates)
    if not any(pairs.captions):
        return FoldScores(held_out, blend.scores(asked, parts, None), asked.nearest)
    with CaptionIndex(captions) as index:
        return FoldScores(held_out, blend.scores(asked, parts, index), asked.nearest)
