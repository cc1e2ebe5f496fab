"""Text encoder and principal components of both sides, fitted on a part of an archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig, Block, Side, align
from picturedesk.learning.training_pairs import PROJECTED, TOWER, TextFeatures, TrainingPairs
from picturedesk.routes.route import Dual
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Projections:
    """Both sides of a part of the archive, reduced to components.

    Attributes:
        pairs: the whole training part.
        encoder: text encoder, fitted on the part.
        text_side: the text side.
        picture_side: the picture side.
        text_features: (t, I) of the part's texts.
        text_rows: (t, C) their components.
        picture_rows: (n, C') components of the part's pictures.
        texts: (t,) indices of the part's texts.
        pictures: (n,) indices of its pictures.
        links: (m, 2) into both.
        dual: where the vectors of a dual encoder are; None without one.
    """

    pairs: TrainingPairs
    encoder: JoinedEncoder
    text_side: Side
    picture_side: Side
    text_features: Floats
    text_rows: Floats
    picture_rows: Floats
    texts: Ints
    pictures: Ints
    links: Ints
    dual: Dual | None = None

    @classmethod
    def of(
        cls, pairs: TrainingPairs, features: TextFeatures, texts: Ints, config: AlignmentConfig
    ) -> Self:
        """Fits encoder and sides on the chosen texts and the pictures that ran with them."""
        pictures, links = pairs.pictures_of(texts)
        encoder = features.fit(texts)
        text_features = features.features(encoder, texts)
        blocks = [Block(span) for span in encoder.spans]
        text_side = Side.fit(text_features, blocks, 1.0, config)
        levels = pairs.features[pictures]
        picture_side = Side.fit(levels, pairs.blocks, config.level_power, config)
        return cls(
            pairs=pairs,
            encoder=encoder,
            text_side=text_side,
            picture_side=picture_side,
            text_features=text_features,
            text_rows=text_side(text_features),
            picture_rows=picture_side(levels),
            texts=texts,
            pictures=pictures,
            links=links,
            dual=_dual(pairs, features, encoder),
        )

    def align(self, config: AlignmentConfig) -> Matcher:
        """The matcher with the heads of the aligned sides."""
        found = align(
            self.text_side,
            self.picture_side,
            self.text_rows,
            self.picture_rows,
            self.links,
            config,
        )
        return Matcher(self.encoder, found.picture_head, self.pairs.spec, text_head=found.text_head)


def _dual(pairs: TrainingPairs, features: TextFeatures, encoder: JoinedEncoder) -> Dual | None:
    """The dual encoder's columns; None if its picture or its text vectors are not there."""
    columns = features.columns_of(encoder, TOWER)
    read = any(level.name == PROJECTED for level in pairs.spec.levels)
    return Dual(columns, PROJECTED) if read and columns.stop > columns.start else None
