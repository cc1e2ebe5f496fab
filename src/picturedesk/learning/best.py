"""Runs the recipe: rehearse, choose, calibrate, fit on everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best_config import PROBABILITIES, BestConfig
from picturedesk.learning.calibration import calibrate, rankings
from picturedesk.learning.cross_validation import Rehearsal, divide, rehearse
from picturedesk.learning.ingredients import CaptionScores, Ingredients
from picturedesk.learning.parallel import side_by_side
from picturedesk.learning.training_pairs import Material, TextParts
from picturedesk.learning.weighing import blended, choose, mean_reciprocal_rank
from picturedesk.routes import Blend, CatalogueSpace, Kernel, Weights
from picturedesk.routes.blend import ALONE, BLEND, DIRECT, NAMES, WORDS
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Ints, Progress, silent

FEWEST_TEXTS = 10  # that can be divided and still be learned from
_SATURATION = 10.0  # BM25 that counts half
_SPREAD = 5.0  # deviations of other routes that lie between no word in common and all of them


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What the recipe leaves.

    Attributes:
        encoder: the matcher's text encoder.
        matcher: text encoder and both heads.
        blend: weights, class names and confidence.
        ridges: (picture, text) that were chosen.
        rehearsed: mean reciprocal rank of each route in the rehearsals, 0 to 1.
        asked: texts that were asked in them.
    """

    encoder: JoinedEncoder
    matcher: Matcher
    blend: Blend
    ridges: tuple[float, float]
    rehearsed: dict[str, float]
    asked: int


def fit_best(
    material: Material,
    parts: TextParts,
    config: BestConfig,
    captions: CaptionScores | None = None,
    progress: Progress = silent,
) -> Fitted:
    """Fits heads, weights and confidence on an archive.

    Args:
        material: the training part.
        parts: text features of its texts; without a pretrained encoder among them there is no
            class-name route.
        config: settings.
        captions: texts and captions → BM25; None where archive pictures have no captions.
        progress: told of rehearsals.

    Raises:
        BadInput: if the archive is too small.
    """
    if len(material.texts) < FEWEST_TEXTS:
        raise BadInput(
            f"{len(material.texts)} texts to learn from, at least {FEWEST_TEXTS} are needed"
        )
    ingredients = Ingredients.of(material, parts, captions, config)
    ridges, rehearsals = _rehearsals(ingredients, progress)
    weights = choose(rehearsals, config, _SATURATION)
    known = [
        ranking
        for r in rehearsals
        for ranking in rankings(blended(r, weights, _SATURATION), r.relevant, r.nearest)
    ]
    if captions is None:
        weights = _with_default_words(weights, config)
    encoder, matcher, blend = _fit_all(ingredients, ridges, weights)
    return Fitted(
        encoder=encoder,
        matcher=matcher,
        blend=replace(blend, confidence=calibrate(known, config.seed)),
        ridges=ridges,
        rehearsed=_summary(rehearsals, weights),
        asked=len(known),
    )


def _rehearsals(
    ingredients: Ingredients, progress: Progress
) -> tuple[tuple[float, float], list[Rehearsal]]:
    """The best ridges, and the rehearsals with them."""
    material, config = ingredients.material, ingredients.config
    held = divide(material.together, config)
    everything = np.arange(len(material.texts))

    def rehearsed(asked: Ints) -> list[Rehearsal]:
        sides = ingredients.sides(np.setdiff1d(everything, asked))
        return [
            rehearse(ingredients, sides, sides.align(config.with_ridges(ridges)), asked)
            for ridges in config.ridges
        ]

    runs = list(side_by_side(rehearsed, held, "rehearsals", progress))
    tried = {ridges: [run[i] for run in runs] for i, ridges in enumerate(config.ridges)}
    best = max(tried, key=lambda r: mean_reciprocal_rank(tried[r], ALONE[DIRECT], _SATURATION))
    return best, tried[best]


def _fit_all(
    ingredients: Ingredients, ridges: tuple[float, float], weights: Weights
) -> tuple[JoinedEncoder, Matcher, Blend]:
    """Everything once more, on all texts."""
    material, config = ingredients.material, ingredients.config
    sides = ingredients.sides(np.arange(len(material.texts), dtype=np.int64))
    alignment = sides.align(config.with_ridges(ridges))
    matcher = Matcher(
        sides.encoder,
        alignment.picture_head,
        material.spec,
        text_head=alignment.text_head,
    )
    names = ingredients.named(sides)
    blend = Blend(
        space=CatalogueSpace(matcher.width, names.width if names is not None else 0, hubs=True),
        weights=weights,
        kernel=Kernel(config.nearest, config.temperature),
        hub_temperature=config.hub_temperature,
        words_scale=_SATURATION,
        names=names,
        probabilities=PROBABILITIES if names is not None else "",
        sentences=ingredients.parts.sentence_columns(sides.encoder),
    )
    return sides.encoder, matcher, blend


def _with_default_words(weights: Weights, config: BestConfig) -> Weights:
    """Captions that may come later are heard too, as loudly as a deviation or so."""
    return replace(weights, words=config.default_words * _SPREAD)


def _summary(rehearsals: Sequence[Rehearsal], weights: Weights) -> dict[str, float]:
    """Mean reciprocal rank of each route alone, and of the blend."""
    some = rehearsals[0]
    left_out = {NAMES} if some.names is None else set()
    left_out |= {WORDS} if some.words is None else set()
    return {
        name: mean_reciprocal_rank(rehearsals, alone, _SATURATION)
        for name, alone in {**ALONE, BLEND: weights}.items()
        if name not in left_out
    }
