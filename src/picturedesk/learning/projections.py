"""Text encoder and principal components of both sides, fitted on a part of an archive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from picturedesk.heads.matcher import Matcher
from picturedesk.learning.alignment import AlignmentConfig, Block, Links, Side, align
from picturedesk.learning.training_pairs import (
    PROJECTED,
    TOWER,
    TextFeatures,
    TrainingPairs,
)
from picturedesk.routes.route import Dual
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints, SomeRows


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
        names: of the parts of the encoder.
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
    names: tuple[str, ...] = ()
    dual: Dual | None = None

    @classmethod
    def of(
        cls, pairs: TrainingPairs, features: TextFeatures, texts: Ints, config: AlignmentConfig
    ) -> Self:
        """Fits encoder and sides on the chosen texts and the pictures that ran with them."""
        pictures, links = pairs.pictures_of(texts)
        encoder = features.fit(texts)
        text_features = features.features(encoder, texts)
        text_side = _text_side(encoder, text_features, config)
        levels = SomeRows(pairs.features, pictures)
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
            names=features.names,
            dual=_dual(pairs, features.names, encoder),
        )

    def by_encoders(self, places: Sequence[int], config: AlignmentConfig) -> Self:
        """The same with some parts of the encoder, which was fitted on the same texts."""
        if list(places) == list(range(len(self.encoder.parts))):
            return self
        encoder = self.encoder.only(places)
        features = self.encoder.narrowed(self.text_features, places)
        side = _text_side(encoder, features, config)
        names = tuple(self.names[place] for place in places)
        return replace(
            self,
            encoder=encoder,
            text_features=features,
            text_side=side,
            text_rows=side(features),
            names=names,
            dual=_dual(self.pairs, names, encoder),
        )

    def by_levels(self, blocks: tuple[Block, ...], config: AlignmentConfig) -> Self:
        """The same with other weights of the levels."""
        if blocks == self.pairs.blocks:
            return self
        pairs = replace(self.pairs, blocks=blocks)
        levels = SomeRows(pairs.features, self.pictures)
        side = Side.fit(levels, blocks, config.level_power, config)
        return replace(self, pairs=pairs, picture_side=side, picture_rows=side(levels))

    @property
    def weighed_links(self) -> Links:
        """The links, which of them were decided, and what was passed over."""
        decided = np.zeros(len(self.texts), dtype=bool)
        if self.pairs.decided:
            decided = np.asarray(self.pairs.decided)[self.texts]
        own = np.flatnonzero(np.isin(self.pairs.against, self.texts))
        passed_over = np.empty((0, 0), dtype=np.float32)
        if len(own):
            passed_over = self.picture_side(self.pairs.passed_over[own])
        against = np.searchsorted(self.texts, self.pairs.against[own])
        return Links(self.links, decided[self.links[:, 0]], against, passed_over)

    def align(self, config: AlignmentConfig) -> Matcher:
        """The matcher with the heads of the aligned sides."""
        sides = (self.text_side, self.picture_side, self.text_rows, self.picture_rows)
        found = align(*sides, self.weighed_links, config)
        return Matcher(self.encoder, found.picture_head, self.pairs.spec, text_head=found.text_head)


def _text_side(encoder: JoinedEncoder, features: Floats, config: AlignmentConfig) -> Side:
    return Side.fit(features, [Block(span) for span in encoder.spans], 1.0, config)


def _dual(pairs: TrainingPairs, names: Sequence[str], encoder: JoinedEncoder) -> Dual | None:
    """The dual encoder's columns; None if its picture or its text vectors are not there."""
    columns = dict(zip(names, encoder.spans, strict=True)).get(TOWER)
    read = any(level.name == PROJECTED for level in pairs.spec.levels)
    return Dual(columns, PROJECTED) if read and columns is not None else None
