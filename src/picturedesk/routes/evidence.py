"""Archive texts and pictures that support a suggestion, with what they add to its score.

Takes arrays; knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.routes.archive import ArchiveVectors, Neighbours
from picturedesk.routes.blend import Blend
from picturedesk.routes.route import NeighbourRoute, Queries, TextShares
from picturedesk.types import RAN_WITH, SIMILAR, SIMILAR_TEXT, Doubles, Floats, Ints

NEAR = 50  # most similar archive texts that evidence is taken from
_HALF = 0.5  # of the highest cosine, which a text that the picture ran with must have, at least


class SupportingPair(NamedTuple):
    """An archive text and one of its pictures that support a suggestion.

    Attributes:
        text: row of the archive text.
        text_similarity: cosine with the query, -1 to 1.
        picture: row of the archive picture.
        picture_similarity: cosine with the suggested picture, -1 to 1; None if it is the same.
        kind: as in ``types.Evidence``.
        share: as in ``types.Evidence``.
    """

    text: int
    text_similarity: float
    picture: int
    picture_similarity: float | None
    kind: str = SIMILAR
    share: float | None = None


def text_shares(
    blend: Blend, weights: Mapping[str, float], queries: Queries, vectors: Floats
) -> TextShares | None:
    """What each archive text adds to the scores of K pictures, by all routes that use such texts.

    Args:
        blend: the routes.
        weights: of the routes.
        queries: one text.
        vectors: (K, W) catalogue vectors of the pictures.

    Returns:
        Texts with exact summands of the scores; None if no such route has a weight.
    """
    parts = blend.layout.split(vectors)
    found = [
        (weights[route.name], route.text_shares(queries, parts[route.block.name]))
        for route in blend.block_routes
        if isinstance(route, NeighbourRoute) and weights.get(route.name)
    ]
    if not found:
        return None
    rows = np.unique(np.concatenate([shares.rows for _, shares in found]))
    summed = np.zeros((len(vectors), len(rows)))
    for weight, shares in found:
        summed[:, np.searchsorted(rows, shares.rows)] += weight * shares.shares
    return TextShares(rows, summed)


def net_shares(shares: Doubles) -> Doubles:
    """Exact summands (n,) of one score → the sum, divided among those that raise the score.

    In proportion to what they add; 0 for the others. Where none lowers the score, these are the
    summands themselves. Zeros if the sum is not above 0.
    """
    total, raising = float(shares.sum()), np.maximum(shares, 0)
    if total <= 0:
        return np.zeros(len(shares))
    net: Doubles = raising * (total / float(raising.sum()))
    return net


def supporting_pairs(
    near: Neighbours,
    pictures: Floats,
    archive: ArchiveVectors,
    n: int = 3,
    own: Ints | None = None,
    shares: TextShares | None = None,
) -> list[list[SupportingPair]]:
    """The archive pairs that support K suggested pictures for one text most strongly.

    First, the most similar archive text that the suggested picture ran with, if there is one among
    the nearest, at least half as similar as the nearest. Then, if archive texts count in the score,
    those that raise it most, each with the one of its pictures that is most similar. Otherwise the
    links of the nearest archive texts with the highest product of text similarity and picture
    similarity, each clipped at zero, so that both must be similar. Each archive text and each
    archive picture is used once per suggestion.

    Args:
        near: neighbours of one query; only these texts are used, and those of ``shares``.
        pictures: (K, D) the suggested pictures, of length one, in the space of the archive's.
        archive: texts and pictures.
        n: maximum number of pairs per suggestion.
        own: (K,) rows of the suggested pictures among the archive's, -1 for others; None for none.
        shares: from ``text_shares``.

    Returns:
        (K) strongest first; fewer than n, or none, if fewer pairs support it.

    Raises:
        BadInput: the pictures have another width than the archive's.
    """
    if pictures.ndim != 2 or pictures.shape[1] != archive.pictures.shape[1]:
        raise BadInput(
            f"pictures of shape {pictures.shape} cannot be compared with the archive's of width "
            f"{archive.pictures.shape[1]}: were they made by the same matcher?"
        )
    links = _Links.of(near, pictures, archive)
    rows = np.full(len(pictures), -1, dtype=np.int64) if own is None else own
    found = []
    for place, row in enumerate(rows.tolist()):
        net = None if shares is None else net_shares(shares.shares[place])
        adds: dict[int, float] = {}
        if shares is not None and net is not None and net.any():
            adds = dict(zip(shares.rows.tolist(), net.tolist(), strict=True))
        pairs = links.ran_with(row, adds if shares is not None else None)
        others = links.adding(place, row, adds) if adds else links.similar(place, row)
        found.append(_each_once(chain(pairs, others), n))
    return found


class _Links(NamedTuple):
    """The links (m) of the nearest archive texts, by text, then picture.

    Attributes:
        texts: (m,) rows.
        to_texts: (m,) cosines of the texts with the query.
        pictures: (m,) rows.
        to_pictures: (K, m) cosines of the pictures with the suggested ones.
    """

    texts: Ints
    to_texts: Floats
    pictures: Ints
    to_pictures: Floats

    @classmethod
    def of(cls, near: Neighbours, suggested: Floats, archive: ArchiveVectors) -> _Links:
        own, counts = archive.links_of(near.rows[0])
        texts, to_texts = np.repeat(near.rows[0], counts), np.repeat(near.cosines[0], counts)
        order = np.lexsort((own, texts))  # of equal pairs, the lower rows come first
        own = own[order]
        return cls(texts[order], to_texts[order], own, products(suggested, archive.pictures[own]))

    def ran_with(self, row: int, adds: Mapping[int, float] | None) -> list[SupportingPair]:
        """The most similar text that a picture of the archive ran with."""
        least = max(_HALF * float(self.to_texts.max(initial=0.0)), 1e-9)
        places = np.flatnonzero((self.pictures == row) & (self.to_texts >= least))
        if row < 0 or not len(places):
            return []
        best = int(places[np.argmax(self.to_texts[places])])
        text = int(self.texts[best])
        share = None if adds is None else adds.get(text, 0.0)
        return [SupportingPair(text, float(self.to_texts[best]), row, None, RAN_WITH, share)]

    def adding(self, place: int, row: int, adds: Mapping[int, float]) -> Iterator[SupportingPair]:
        """Texts that raise the score, the strongest first, with their most similar pictures."""
        for text in sorted(adds, key=lambda text: (-adds[text], text)):
            links = np.flatnonzero(self.texts == text)
            if adds[text] <= 0 or not len(links):
                continue
            best = int(links[np.argmax(self.to_pictures[place, links])])
            yield self._pair(place, row, best, SIMILAR_TEXT, adds[text])

    def similar(self, place: int, row: int) -> Iterator[SupportingPair]:
        """Links whose text and picture are similar, the strongest first."""
        strength = np.maximum(self.to_texts, 0) * np.maximum(self.to_pictures[place], 0)
        strength = np.where(self.pictures == row, 0, strength)  # of itself: see ``ran_with``
        order = np.argsort(-strength, kind="stable")
        for link in order.tolist():
            if strength[link] > 0:
                yield self._pair(place, row, link, SIMILAR, None)

    def _pair(
        self, place: int, row: int, link: int, kind: str, share: float | None
    ) -> SupportingPair:
        picture = int(self.pictures[link])
        itself = picture == row
        return SupportingPair(
            int(self.texts[link]),
            float(self.to_texts[link]),
            picture,
            None if itself else float(self.to_pictures[place, link]),
            RAN_WITH if itself else kind,
            share,
        )


def _each_once(pairs: Iterable[SupportingPair], n: int) -> list[SupportingPair]:
    """The first n pairs without one whose text or picture came before."""
    found: list[SupportingPair] = []
    for pair in pairs:
        known = any(pair.text == one.text or pair.picture == one.picture for one in found)
        if not known:
            found.append(pair)
        if len(found) == n:
            break
    return found
