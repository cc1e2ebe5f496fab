"""Explains scores: the shares of routes, parts of pictures, words and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.explaining.explanation import ExplainConfig, Explanation, Share
from picturedesk.explaining.texts import ReadText, shared_out
from picturedesk.explaining.views import Views
from picturedesk.routes import Blend, Pictures, Queries
from picturedesk.routes.blend import QueryVectors
from picturedesk.routes.route import BlockRoute, PictureShare, ShareConfig
from picturedesk.types import Doubles, Floats

SHARES = ShareConfig()
TEXTS = ExplainConfig()


@dataclass(frozen=True, slots=True, eq=False)
class SuggestedPictures:
    """K suggested pictures to explain.

    Attributes:
        pictures: their level features.
        vectors: (K, W) their catalogue vectors.
        bm25: (K,) of their captions; None if captions are not used.
    """

    pictures: Pictures
    vectors: Floats
    bm25: Doubles | None = None

    def __post_init__(self) -> None:
        """Raises BadInput if the counts differ."""
        counts = [len(self.pictures), len(self.vectors)]
        if self.bm25 is not None:
            counts.append(len(self.bm25))
        if len(set(counts)) > 1:
            raise BadInput(f"pictures, vectors and BM25 are {counts}: the counts must be equal")


def explain(
    blend: Blend,
    route: str,
    queries: Queries,
    shown: SuggestedPictures,
    shares: ShareConfig = SHARES,
    config: ExplainConfig = TEXTS,
) -> list[Explanation]:
    """Explains the scores of K pictures for one text; encodes the text once.

    Args:
        blend: routes and weights.
        route: the route that suggested the pictures: "blend", or one alone.
        queries: one text.
        shown: the pictures.
        shares: effort for the pictures' shares.
        config: effort for the text's shares.

    Raises:
        BadInput: there is not exactly one text, or a width differs.
    """
    if len(queries) != 1:
        raise BadInput(f"{len(queries)} texts: one is explained at a time")
    weights = blend.weights_of(route)
    vectors = blend.ask(queries)
    parts = blend.layout.split(shown.vectors)
    scored = blend.exact_scores(vectors, shown.vectors, shown.bm25, weights)
    pictures = _picture_shares(blend, weights, vectors, shown, shares)
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
    vectors: QueryVectors,
    shown: SuggestedPictures,
    config: ShareConfig,
) -> dict[str, list[tuple[PictureShare, ...]]]:
    """Kind of part → the shares of each picture's parts; the first route of a block gives them."""
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
            np.float32(weights[route.name]) * _best_rows(route, vectors, stored[name])
            for route in sharing
        )
        each = _shared(owner, shown.pictures, np.asarray(toward), config)
        if each is not None:
            found[each[0]] = each[1]
    return found


def _best_rows(route: BlockRoute, vectors: QueryVectors, stored: Floats) -> Floats:
    """The best query row (K, w) of a route for each picture."""
    rows = vectors.rows[route.name].vectors
    best: Floats = rows[np.argmax(rows @ stored.T, axis=0)]
    return best


def _shared(
    owner: BlockRoute, pictures: Pictures, toward: Floats, config: ShareConfig
) -> tuple[str, list[tuple[PictureShare, ...]]] | None:
    """Kind and shares of K pictures, each for its own direction (K, w)."""
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
