"""Archive texts and pictures that support a suggestion, with what they add to its score.

Takes arrays; knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.routes.archive import ArchiveVectors, Neighbours
from picturedesk.routes.blend import Blend
from picturedesk.routes.route import Queries, TextShares
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
    found = [
        (
            weights[route.name],
            route.text_shares(queries, blend.layout.part(vectors, route.block.name)),
        )
        for route in blend.neighbour_routes
        if weights.get(route.name)
    ]
    if not found:
        return None
    rows = np.unique(np.concatenate([shares.rows for _, shares in found]))
    summed = np.zeros((len(vectors), len(rows)))
    for weight, shares in found:
        summed[:, np.searchsorted(rows, shares.rows)] += weight * shares.shares
    return TextShares(rows, summed)


def net_shares(shares: Doubles) -> Doubles:
    """Exact summands (..., n) of scores → each score, divided among those that raise it.

    In proportion to what they add; 0 for the others. Where none lowers the score, these are the
    summands themselves. Zeros if the score is not above 0.
    """
    total = shares.sum(axis=-1, keepdims=True)
    raising = np.maximum(shares, 0)
    above = total > 0
    factors = np.divide(
        total, raising.sum(axis=-1, keepdims=True), np.zeros_like(total), where=above
    )
    net: Doubles = raising * factors
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
    rows = np.full(len(pictures), -1, dtype=np.int64) if own is None else own
    links = _Links.of(near, pictures, archive, rows)
    texts = [] if shares is None else shares.rows.tolist()
    net = None if shares is None else net_shares(shares.shares).tolist()  # (K, S)
    helped = [False] * len(pictures) if net is None else [any(row) for row in net]
    order = [] if all(helped) else links.by_similarity()
    found = []
    for place in range(len(pictures)):
        adds = None if net is None else dict(zip(texts, net[place], strict=True))
        pairs = links.ran_with(place, adds)
        if adds is not None and helped[place]:
            others = links.adding(place, adds)
        else:
            others = links.similar(place, order[place])
        found.append(_each_once(chain(pairs, others), n))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """The links (m) of the nearest archive texts, by text, then picture.

    Lists, since a few of them are looked at one by one.

    Attributes:
        texts: (m) rows.
        to_texts: (m) cosines of the texts with the query.
        pictures: (m) rows.
        to_pictures: (K, m) cosines of the pictures with the suggested ones.
        own: (K) rows of the suggested pictures, -1 for those that the archive does not have.
        of_text: text → the places of its links.
        of_picture: picture → the places of its links.
    """

    texts: list[int]
    to_texts: list[float]
    pictures: list[int]
    to_pictures: Floats
    own: list[int]
    of_text: dict[int, list[int]]
    of_picture: dict[int, list[int]]

    @classmethod
    def of(cls, near: Neighbours, suggested: Floats, archive: ArchiveVectors, own: Ints) -> _Links:
        linked, counts = archive.links_of(near.rows[0])
        texts, to_texts = np.repeat(near.rows[0], counts), np.repeat(near.cosines[0], counts)
        order = np.lexsort((linked, texts))  # of equal pairs, the lower rows come first
        linked = linked[order]
        rows, columns = texts[order].tolist(), linked.tolist()
        return cls(
            rows,
            to_texts[order].tolist(),
            columns,
            products(suggested, archive.pictures[linked]),
            own.tolist(),
            _places(rows),
            _places(columns),
        )

    def by_similarity(self) -> list[list[int]]:
        """For each suggested picture (K) the links whose text and picture are similar, best first.

        Those of the picture itself are left out: see ``ran_with``.
        """
        strength = np.maximum(np.array(self.to_texts, dtype=np.float32), 0)
        strength = strength * np.maximum(self.to_pictures, 0)  # (K, m)
        strength[np.equal.outer(self.own, self.pictures)] = 0
        order = np.argsort(-strength, axis=1, kind="stable")
        counts = np.count_nonzero(strength, axis=1).tolist()
        return [row[:count] for row, count in zip(order.tolist(), counts, strict=True)]

    def ran_with(self, place: int, adds: Mapping[int, float] | None) -> list[SupportingPair]:
        """The most similar text that a picture of the archive ran with."""
        links = self.of_picture.get(self.own[place], ())
        best = max(links, key=self.to_texts.__getitem__, default=None)
        least = max(_HALF * max(self.to_texts, default=0.0), 1e-9)
        if best is None or self.to_texts[best] < least:
            return []
        share = None if adds is None else adds.get(self.texts[best], 0.0)
        return [self._pair(place, best, RAN_WITH, share)]

    def adding(self, place: int, adds: Mapping[int, float]) -> Iterator[SupportingPair]:
        """Texts that raise the score, the strongest first, with their most similar pictures.

        Args:
            place: of the suggested picture.
            adds: text → what it adds, by ascending rows.
        """
        similarities = self.to_pictures[place].tolist()
        for text in sorted(adds, key=adds.__getitem__, reverse=True):  # keeps the order of equals
            links = self.of_text.get(text)
            if adds[text] > 0 and links:
                best = max(links, key=similarities.__getitem__)
                yield self._pair(place, best, SIMILAR_TEXT, adds[text])

    def similar(self, place: int, order: Sequence[int]) -> Iterator[SupportingPair]:
        """Links in this order, which ``by_similarity`` gives."""
        return (self._pair(place, link, SIMILAR, None) for link in order)

    def _pair(self, place: int, link: int, kind: str, share: float | None) -> SupportingPair:
        picture = self.pictures[link]
        itself = picture == self.own[place]
        return SupportingPair(
            self.texts[link],
            self.to_texts[link],
            picture,
            None if itself else float(self.to_pictures[place, link]),
            RAN_WITH if itself else kind,
            share,
        )


def _places(rows: Iterable[int]) -> dict[int, list[int]]:
    """Row → the places where it is, ascending."""
    found: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(row, []).append(place)
    return found


def _each_once(pairs: Iterable[SupportingPair], n: int) -> list[SupportingPair]:
    """The first n pairs without one whose text or picture came before."""
    found: list[SupportingPair] = []
    texts, pictures = set[int](), set[int]()
    for pair in pairs:
        if pair.text not in texts and pair.picture not in pictures:
            texts.add(pair.text)
            pictures.add(pair.picture)
            found.append(pair)
        if len(found) == n:
            break
    return found
