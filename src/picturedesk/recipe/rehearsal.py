"""Rehearsals: the recipe fitted on a part of the archive, and asked about the rest.

What comes out are the scores that every route gives for texts and pictures that nothing was fitted
on; weights and confidence are learned from these and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.alignment import Alignment, AlignmentConfig, Block, Side, align
from picturedesk.blend import ClassNames, hubness
from picturedesk.fusion import length_one
from picturedesk.recipe.config import PROBABILITIES, BestConfig
from picturedesk.recipe.material import Material, TextParts
from picturedesk.routes import Memory, Neighbourhood
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints

CaptionScores = Callable[[Sequence[str], Sequence[str]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Both sides of some part of the archive, reduced; what alignments are tried on.

    Attributes:
        encoder: text encoder, fitted on that part.
        texts: the text side.
        pictures: the picture side.
        text_features: (t, I) of the part's texts.
        text_rows: (t, C) their components.
        picture_rows: (n, C') components of the part's pictures.
        links: (m, 2) into both.
        chosen: (t,) indices of the texts.
        shown: (n,) indices of the pictures.
    """

    encoder: JoinedEncoder
    texts: Side
    pictures: Side
    text_features: Floats
    text_rows: Floats
    picture_rows: Floats
    links: Ints
    chosen: Ints
    shown: Ints

    @classmethod
    def of(
        cls, material: Material, parts: TextParts, chosen: Ints, config: AlignmentConfig
    ) -> Sides:
        """Fits encoder and sides on the chosen texts and the pictures that ran with them."""
        shown, links = material.pictures_of(chosen)
        encoder = parts.fit(chosen)
        features = parts.features(encoder, chosen)
        texts = Side.fit(features, [Block(span) for span in encoder.spans], 1.0, config)
        levels = material.features[shown]
        pictures = Side.fit(levels, material.blocks, config.level_power, config)
        return cls(
            encoder=encoder,
            texts=texts,
            pictures=pictures,
            text_features=features,
            text_rows=texts(features),
            picture_rows=pictures(levels),
            links=links,
            chosen=chosen,
            shown=shown,
        )

    def align(self, config: AlignmentConfig) -> Alignment:
        """Heads that bring both sides together."""
        return align(
            self.texts, self.pictures, self.text_rows, self.picture_rows, self.links, config
        )


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
    material: Material,
    sides: Sides,
    alignment: Alignment,
    asked: Ints,
    parts: TextParts,
    names: ClassNames | None,
    captions: CaptionScores | None,
    config: BestConfig,
) -> Rehearsal:
    """Asks the fitted sides about texts they have not seen, among those texts' own pictures.

    Args:
        material: the archive.
        sides: fitted without the texts that are asked.
        alignment: of these sides.
        asked: (Q',) texts; of very many, some are asked, all their pictures stay candidates.
        parts: of the text features.
        names: the space of class names, None without that route.
        captions: texts and captions → BM25, None where there are no captions.
        config: settings.
    """
    offered, links = material.pictures_of(asked)
    random = np.random.default_rng(config.seed)
    few = np.sort(random.permutation(len(asked))[: config.most_asked])
    links = links[np.isin(links[:, 0], few)]
    relevant = np.stack([np.searchsorted(few, links[:, 0]), links[:, 1]], axis=1)
    asked = asked[few]
    features = parts.features(sides.encoder, asked)
    texts = length_one(alignment.text_head(features))
    levels = material.features[offered]
    pictures = length_one(alignment.picture_head(levels))
    archive = Memory(
        length_one(alignment.text_head(sides.text_features)),
        length_one(alignment.picture_head(material.features[sides.shown])),
        sides.links,
    )
    neighbours = Neighbourhood.of(archive, material.alike[sides.chosen])
    spoken, nearest = neighbours(texts, config.nearest, config.temperature)
    named = None
    if names is not None:
        columns = material.spec.columns(PROBABILITIES)
        first, last = parts.sentence_columns(sides.encoder)
        route = names.centred(
            sides.text_features[:, first:last], material.features[sides.shown][:, columns]
        )
        named = route.texts(features[:, first:last]) @ route.pictures(levels[:, columns]).T
    words = None
    if captions is not None:
        words = captions(
            [material.texts[index] for index in asked],
            [material.captions[index] for index in offered],
        )
    return Rehearsal(
        texts=asked,
        relevant=relevant,
        direct=texts @ pictures.T,
        hubs=hubness(archive.texts, pictures, config.hub_temperature),
        transfer=spoken @ pictures.T,
        names=named,
        words=words,
        nearest=nearest,
    )
