"""Text encoder and both sides, fitted on some part of an archive; what alignments are tried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from picturedesk.learning.alignment import Alignment, AlignmentConfig, Block, Side, align
from picturedesk.learning.training_pairs import Material, TextParts
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints


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
    ) -> Self:
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
