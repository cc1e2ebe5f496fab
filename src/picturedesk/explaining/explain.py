"""Puts together what routes, parts of pictures, words and sentences add to a picture's score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.explaining.explanation import ExplainConfig, Explanation, Share
from picturedesk.explaining.texts import ReadText, shared_out
from picturedesk.explaining.views import Views
from picturedesk.routes import Blend, Pictures, Queries
from picturedesk.routes.blend import Asked
from picturedesk.routes.route import BlockRoute, PictureShare, ShareConfig
from picturedesk.types import Doubles, Floats

SHARES = ShareConfig()
TEXTS = ExplainConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """K pictures whose suggestion is to be explained.

    Attributes:
        pictures: their level features.
        vectors: (K, W) as the catalogue holds them.
        bm25: (K,) of their captions; None where captions play no part.
    """

    pictures: Pictures
    vectors: Floats
    bm25: Doubles | None = None

    def __post_init__(self) -> None:
        """Raises BadInput where the counts differ."""
        counts = [len(self.pictures), len(self.vectors)]
        if self.bm25 is not None:
            counts.append(len(self.bm25))
        if len(set(counts)) > 1:
            raise BadInput(f"pictures, vectors and BM25 are {counts}: the counts must be equal")


def explain(
    blend: Blend,
    route: str,
    queries: Queries,
    shown: Shown,
    shares: ShareConfig = SHARES,
    config: ExplainConfig = TEXTS,
) -> list[Explanation]:
    """What adds to the scores of K pictures as answers to a text; the text is encoded once.

    Args:
        blend: routes and weights.
        route: that suggested the pictures: "blend", or one alone.
        queries: one text, as the routes see it.
        shown: the pictures.
        shares: how much is spent on pictures.
        config: how much is spent on the text.

    Raises:
        BadInput: if more or fewer than one text is given, or a width is another one.
    """
    if len(queries) != 1:
        raise BadInput(f"{len(queries)} texts: one is explained at a time")
    weights = blend.weights_of(route)
    asked = blend.ask(queries)
    parts = blend.layout.split(shown.vectors)
    scored = blend.exact_scores(asked, shown.vectors, shown.bm25, weights)
    pictures = _picture_shares(blend, weights, asked, shown, shares)
    read = ReadText(blend.matcher.text_encoder, queries.texts[0])
    texts = shared_out(read, Views(blend, weights, parts, queries), config)
    return [
        Explanation(
            score=sum(weights[name] * float(values[row]) for name, values in scored.items()),
            routes=tuple(
                Share(name, weights[name] * float(values[row])) for name, values in scored.items()
            ),
            pictures={kind: found[row] for kind, found in pictures.items()},
            words=texts[row][0],
            sentences=texts[row][1],
            offset=texts[row][2],
        )
        for row in range(len(shown.vectors))
    ]


def _picture_shares(
    blend: Blend,
    weights: Mapping[str, float],
    asked: Asked,
    shown: Shown,
    config: ShareConfig,
) -> dict[str, list[tuple[PictureShare, ...]]]:
    """Kind of part → the parts of each picture; every block is shared out by its first route."""
    found: dict[str, list[tuple[PictureShare, ...]]] = {}
    owners: dict[str, BlockRoute] = {}
    for route in blend.block_routes:
        owners.setdefault(route.block.name, route)
    stored = blend.layout.split(shown.vectors)
    for name, owner in owners.items():
        sharing = [
            route
            for route in blend.block_routes
            if route.block.name == name and weights.get(route.name)
        ]
        if not sharing:
            continue
        toward = sum(
            np.float32(weights[route.name]) * _best_rows(route, asked, stored[name])
            for route in sharing
        )
        each = _shared(owner, shown.pictures, np.asarray(toward), config)
        if each is not None:
            found[each[0]] = each[1]
    return found


def _best_rows(route: BlockRoute, asked: Asked, stored: Floats) -> Floats:
    """The row (K, w) of a route that counts for each picture: of several the best one."""
    rows = asked.rows[route.name].vectors
    best: Floats = rows[np.argmax(rows @ stored.T, axis=0)]
    return best


def _shared(
    owner: BlockRoute, pictures: Pictures, toward: Floats, config: ShareConfig
) -> tuple[str, list[tuple[PictureShare, ...]]] | None:
    """Kind and parts of K pictures, each toward its own direction (K, w)."""
    directions, of_picture = np.unique(toward, axis=0, return_inverse=True)
    parts: list[tuple[PictureShare, ...]] = [()] * len(pictures)
    kind = ""
    for place, direction in enumerate(directions):
        rows = np.flatnonzero(of_picture.reshape(-1) == place).tolist()
        some = Pictures(
            pictures.matcher, [pictures.keys[row] for row in rows], pictures.features[rows]
        )
        shares = owner.picture_shares(some, direction, config)
        if shares is None:
            return None
        kind = shares.kind
        for row, share in zip(rows, shares.shares, strict=True):
            parts[row] = share
    return kind, parts
