"""Chooses how texts are ranked for a picture, by cross-validation: weights and corrections.

Held-out texts are ranked for the pictures of their fold; their usual scores are those with pictures
that the fold was fitted on. The ascent is that of ``weighing``; the strength of the correction is
one more weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.learning.cross_validation import FoldScores
from picturedesk.learning.weighing import Ascent, deviations
from picturedesk.measuring.metrics import ranks
from picturedesk.routes import Blend, Fold, Pictures
from picturedesk.routes.blend import total
from picturedesk.routes.route import RoutePlan
from picturedesk.routes.text_ranking import USUAL, Correction, TextRanking
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Floats, Ints

REFERENCES = 512  # pictures of the archive that usual scores are measured with
TEMPERATURE = 0.5  # of the soft maximum, in deviations of the summed scores
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
_STARTS = (0.0, 0.5)  # strengths that the ascent starts from


@dataclass(frozen=True, slots=True, eq=False)
class TextFold:
    """The held-out texts of a fold with the pictures of the fold, and with reference pictures.

    Attributes:
        relevant: (m, 2) indices (text, picture) that ran together.
        scores: route → (Q, n) with the pictures.
        references: route → (Q, R) with reference pictures.
    """

    relevant: Ints
    scores: Mapping[str, Floats]
    references: Mapping[str, Floats]

    @classmethod
    def of(cls, scores: FoldScores, blend: Blend) -> TextFold:
        """From the scores of a fold, by the routes of its blend; words of captions do not count."""
        references = {}
        for route in blend.block_routes:
            others = scores.others[route.name]
            references[route.name] = np.ascontiguousarray(
                others[:, evenly_spaced(others.shape[1], REFERENCES)]
            )
        return cls(scores.held_out.relevant, scores.scores, references)


def reference_pictures(part: Fold) -> Pictures:
    """Evenly spaced pictures of a part of the archive."""
    pictures = part.pictures
    rows = evenly_spaced(len(pictures), REFERENCES)
    keys = [pictures.keys[row] for row in rows.tolist()]
    return Pictures(pictures.matcher, keys, pictures.features[rows])


@dataclass(frozen=True, slots=True)
class ChosenTexts:
    """What cross-validation chose; see ``TextRanking``."""

    weights: Mapping[str, float]
    blended: Correction
    direct: Correction

    def ranking(self, blend: Blend, part: Fold) -> TextRanking:
        """With reference pictures of the archive."""
        pictures = reference_pictures(part)
        vectors = blend.vectors(pictures)
        return TextRanking(self.weights, self.blended, self.direct, vectors, tuple(pictures.keys))


def choose_texts(
    scores: Sequence[FoldScores],
    folds: Sequence[TextFold],
    plans: Sequence[RoutePlan],
    start: Mapping[str, float],
    gain: float,
) -> ChosenTexts:
    """Weights and corrections with a high mean reciprocal rank of the right text.

    The ascent starts from the direct route alone, and from the weights that rank pictures, each
    without a correction and with one; the best end counts.

    Args:
        scores: of the folds, for the units of weights.
        folds: the same with reference pictures.
        plans: of the routes, the direct route first; a route without scores in a fold gets its
            default weight.
        start: weights that rank pictures for a text.
        gain: mean reciprocal rank, 0 to 1, that each route, and the correction, must add.
    """
    units = deviations(scores)
    tried = [plan for plan in plans if plan.name in units]
    names = [*(plan.name for plan in tried), USUAL]
    grids = [*(plan.weights for plan in tried), STRENGTHS]
    scales = [*(units[plan.unit] for plan in tried), 1.0]

    def reached(weights: Mapping[str, float]) -> float:
        return mean_reciprocal_rank_of_texts(folds, weights)

    lowest = tuple(min(grid) for grid in grids)
    wanted = [start.get(name, 0.0) * scale for name, scale in zip(names, scales, strict=True)]
    nearest = tuple(
        min(grid, key=lambda value: abs(value - near))
        for grid, near in zip(grids, wanted, strict=True)
    )
    starts = [(*most[:-1], strength) for most in (lowest, nearest) for strength in _STARTS]
    best = Ascent(reached, names, grids, scales, gain).best(starts)
    alone = Ascent(reached, [tried[0].name, USUAL], [(1.0,), STRENGTHS], [1.0, 1.0], gain)
    defaults = {plan.name: plan.default_weight for plan in plans if plan.name not in units}
    return ChosenTexts(
        {name: weight for name, weight in best.items() if name != USUAL} | defaults,
        correction_of(folds, best),
        correction_of(folds, alone.best([(1.0, 0.0)])),
    )


def correction_of(folds: Sequence[TextFold], weights: Mapping[str, float]) -> Correction:
    """The correction with the strength among the weights, for their sum of scores."""
    spread = [total(fold.references, weights).std(axis=1).mean() for fold in folds]
    temperature = TEMPERATURE * float(np.mean(spread))
    return Correction(weights.get(USUAL, 0.0), max(temperature, 1e-9))


def mean_reciprocal_rank_of_texts(folds: Sequence[TextFold], weights: Mapping[str, float]) -> float:
    """Over all pictures of all folds that have a text, 0 to 1.

    Args:
        folds: scores of texts.
        weights: route → weight; "usual" → strength of the correction.
    """
    correction = correction_of(folds, weights)
    found = []
    for fold in folds:
        scores = total(fold.scores, weights)
        corrected = correction.corrected(scores, total(fold.references, weights))
        columns = np.ascontiguousarray(corrected.T)
        of_each = ranks(columns, np.flip(fold.relevant, axis=1))
        found.append(1 / of_each[of_each > 0])
    return float(np.concatenate(found).mean())
