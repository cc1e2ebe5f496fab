"""Cross-validation: fits on a part of the archive and scores the held-out texts.

Weights, ridges and confidence are learned from these scores only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import TrainingPairs, links_of
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.route import Classes, Route, RoutePlan
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Floats, Ints

_CANDIDATES = 6000  # held-out pictures that compete
_OTHERS = 4000  # pictures that a fold learned from, among which its held-out ones compete


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """The held-out texts of a fold, and the pictures that are ranked for each of them.

    Attributes:
        texts: (Q,) indices of the texts.
        candidates: (n,) indices of pictures that ran with texts of the fold: all, or of very many
            those of the held-out texts, and others at random.
        relevant: (m, 2) indices (text, candidate) that ran together.
        others: (o,) indices of some of the pictures that the fold learns from, which compete, too.
    """

    texts: Ints
    candidates: Ints
    relevant: Ints
    others: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, pairs: TrainingPairs, fold: Ints, config: BestConfig) -> HeldOut:
        """The texts (n,) of a fold, or a sample of many, and their pictures; of many, a sample."""
        candidates, links = pairs.pictures_of(fold)
        random = np.random.default_rng(config.seed)
        sample = np.sort(random.permutation(len(fold))[: config.max_queries]).astype(np.int64)
        relevant = links_of(sample, links)
        own = np.unique(relevant[:, 1])
        rest = random.permutation(np.setdiff1d(np.arange(len(candidates)), own))
        kept = np.sort(np.concatenate([own, rest[: max(0, _CANDIDATES - len(own))]]))
        relevant[:, 1] = np.searchsorted(kept, relevant[:, 1])
        learned = np.setdiff1d(np.arange(len(pairs.keys), dtype=np.int64), candidates)
        few = evenly_spaced(len(learned), _OTHERS)
        return cls(fold[sample], candidates[kept], relevant, learned[few])


@dataclass(frozen=True, slots=True, eq=False)
class FoldScores:
    """Scores of every route for held-out texts.

    Attributes:
        held_out: the texts and candidates.
        scores: route → (Q, n), of the candidates.
        nearest: (Q,) cosine of the most similar training text of the fold.
        others: route → (Q, m), of pictures that the fold learned from, by heads that did not.
    """

    held_out: HeldOut
    scores: dict[str, Floats]
    nearest: Floats
    others: dict[str, Floats] = field(default_factory=dict)


def divide(split_groups: Ints, config: BestConfig) -> Ints:
    """Groups (T,) of texts → the part of each text (T,); groups stay together.

    With few groups there are fewer parts than the settings have folds.

    Raises:
        BadInput: there is only one group, so that nothing can be held out.
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
    found: Ints = fold_of[np.searchsorted(names, split_groups)]
    return found


def held_out_folds(parts: Ints, config: BestConfig) -> list[Ints]:
    """Parts (T,) of the texts → the texts of each part that is held out; few of a large archive."""
    folds: list[Ints] = []
    for part in range(int(parts.max()) + 1):
        if sum(map(len, folds)) < config.held_out_texts:
            folds.append(np.flatnonzero(parts == part).astype(np.int64))
    return folds


def fold_of(projections: Projections, matcher: Matcher, classes: Classes | None) -> Fold:
    """The projected part of the archive in the matcher's space, for fitting routes."""
    pairs, rows = projections.pairs, projections.pictures
    features = pairs.features if len(rows) == len(pairs.keys) else pairs.features[rows]
    pictures = Pictures(matcher, [pairs.keys[row] for row in rows], features)
    archive = ArchiveVectors(
        matcher.placed(projections.text_features),
        matcher.pictures(pictures.features),
        projections.links,
        pairs.duplicate_groups[projections.texts],
    )
    texts = [pairs.texts[index] for index in projections.texts]
    queries = Queries(matcher, texts, projections.text_features, archive)
    return Fold(queries, pictures, classes, projections.dual, pairs.active_columns)


def fit_routes(plans: Sequence[RoutePlan], fold: Fold) -> tuple[Route, ...]:
    """The fitted routes that suit the archive, in the order of the plans."""
    fitted: dict[str, Route] = {}
    for plan in plans:
        route = plan.fit(replace(fold, fitted=dict(fitted)))
        if route is not None:
            fitted[route.name] = route
    return tuple(fitted.values())


def held_out_scores(
    blend: Blend, archive: ArchiveVectors, features: Floats, pairs: TrainingPairs, held_out: HeldOut
) -> FoldScores:
    """Scores the candidates of held-out texts by routes that were fitted without them.

    Args:
        blend: the routes; weights do not matter.
        archive: that they were fitted on.
        features: (Q, I) of the held-out texts, from the blend's text encoder.
        pairs: the whole training part.
        held_out: texts and candidates.
    """
    texts = [pairs.texts[index] for index in held_out.texts]
    queries = blend.ask(Queries(blend.matcher, texts, features, archive))

    def scores(rows: Ints) -> dict[str, Floats]:
        keys = [pairs.keys[row] for row in rows]
        parts = blend.store(Pictures(blend.matcher, keys, pairs.features[rows]))
        if not any(pairs.captions):
            return blend.scores(queries, parts, None)
        with CaptionIndex([pairs.captions[row] for row in rows]) as index:
            return blend.scores(queries, parts, index)

    own, others = scores(held_out.candidates), scores(held_out.others)
    return FoldScores(held_out, own, queries.nearest, others)
