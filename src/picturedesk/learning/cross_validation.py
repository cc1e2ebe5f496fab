"""Rehearsals: the recipe fitted on a part of the archive, and asked about the rest.

What comes out are the scores that every route gives for texts and pictures that nothing was fitted
on; weights and confidence are learned from these and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.learning.alignment import Alignment
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.ingredients import Ingredients
from picturedesk.learning.projections import Sides
from picturedesk.routes import hubness
from picturedesk.routes.scores import Memory, Neighbourhood
from picturedesk.types import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """Scores of every route for texts that nothing was fitted on.

    Attributes:
        texts: (Q,) indices of the texts asked.
        relevant: (m, 2) which of the candidates ran with which of them.
        direct: (Q, n) cosines.
        hubs: (n,) hubness of the candidates.
        transfer: (Q, n) cosines.
        names: (Q, n) cosines, None without class names.
        words: (Q, n) BM25 of the captions, None where there are no captions.
        nearest: (Q,) cosine of the nearest archive text.
    """

    texts: Ints
    relevant: Ints
    direct: Floats
    hubs: Floats
    transfer: Floats
    names: Floats | None
    words: Floats | None
    nearest: Floats


def divide(together: Ints, config: BestConfig) -> list[Ints]:
    """Texts (T,) → the texts asked in each rehearsal; those of one number stay together.

    A large archive is rehearsed once.
    """
    random = np.random.default_rng(config.seed)
    names, sizes = np.unique(together, return_counts=True)
    order = random.permutation(len(names))
    filled = np.zeros(config.folds, dtype=np.int64)
    fold_of = np.zeros(len(names), dtype=np.int64)
    for name in order:
        fold = int(np.argmin(filled))
        fold_of[name] = fold
        filled[fold] += sizes[name]
    of_text = fold_of[np.searchsorted(names, together)]
    used = 1 if len(together) > config.rehearse_all else config.folds
    return [np.flatnonzero(of_text == fold).astype(np.int64) for fold in range(used)]


def rehearse(
    ingredients: Ingredients, sides: Sides, alignment: Alignment, asked: Ints
) -> Rehearsal:
    """Asks the fitted sides about texts they have not seen, among those texts' own pictures.

    Args:
        ingredients: the archive, and what the routes are made of.
        sides: fitted without the texts that are asked.
        alignment: of these sides.
        asked: (Q',) texts; of very many, some are asked, all their pictures stay candidates.
    """
    material, config = ingredients.material, ingredients.config
    offered, links = material.pictures_of(asked)
    few = _some(len(asked), config)
    links = links[np.isin(links[:, 0], few)]
    relevant = np.stack([np.searchsorted(few, links[:, 0]), links[:, 1]], axis=1)
    asked = asked[few]
    features = ingredients.parts.features(sides.encoder, asked)
    texts = length_one(alignment.text_head(features))
    pictures = length_one(alignment.picture_head(material.features[offered]))
    archive = Memory(
        length_one(alignment.text_head(sides.text_features)),
        length_one(alignment.picture_head(material.features[sides.shown])),
        sides.links,
    )
    neighbours = Neighbourhood.of(archive, material.alike[sides.chosen])
    spoken, nearest = neighbours(texts, config.nearest, config.temperature)
    return Rehearsal(
        texts=asked,
        relevant=relevant,
        direct=texts @ pictures.T,
        hubs=hubness(archive.texts, pictures, config.hub_temperature),
        transfer=spoken @ pictures.T,
        names=_named(ingredients, sides, features, offered),
        words=_spoken(ingredients, asked, offered),
        nearest=nearest,
    )


def _some(texts: int, config: BestConfig) -> Ints:
    """Which of so many texts are asked, ascending."""
    drawn = np.random.default_rng(config.seed).permutation(texts)
    return np.sort(drawn[: config.most_asked]).astype(np.int64)


def _named(
    ingredients: Ingredients, sides: Sides, features: Floats, offered: Ints
) -> Floats | None:
    """Cosines (Q, n) of the class-name route; None where there is none."""
    route = ingredients.named(sides)
    if route is None:
        return None
    probabilities = ingredients.probabilities(offered)
    spoken = features[:, slice(*ingredients.parts.sentence_columns(sides.encoder))]
    return route.texts(spoken) @ route.pictures(probabilities).T


def _spoken(ingredients: Ingredients, asked: Ints, offered: Ints) -> Floats | None:
    """BM25 (Q, n) of the captions; None where there are none."""
    if ingredients.captions is None:
        return None
    material = ingredients.material
    texts = [material.texts[index] for index in asked]
    return ingredients.captions(texts, [material.captions[index] for index in offered])
