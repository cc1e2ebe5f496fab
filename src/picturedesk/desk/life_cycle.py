"""Removes, lists and finds pictures of a desk's catalogue. Reads no picture file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picturedesk.desk.facade.parts import opened_again
from picturedesk.disk.tar_members import absolute
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Changes, Picture

if TYPE_CHECKING:
    from picturedesk.desk.facade.keeping import Keeping

MOST = 1_000_000  # pictures of one page, and of one removal by a condition
_DEPTH = 200  # hits by words and by meaning that are merged, at least
_FLAT = 60.0  # of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)
_WORDS_WEIGHT = 3.0  # so that some hundred hits by words come before any by meaning alone


@dataclass(frozen=True, slots=True)
class Removal:
    """The result of ``Desk.remove``.

    Attributes:
        removed: pictures that were removed.
        unknown: keys and names that no picture of the catalogue has.
        catalogue: pictures in the catalogue now.
    """

    removed: int
    unknown: tuple[str, ...]
    catalogue: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that ``Desk.search`` found.

    Attributes:
        picture: the picture.
        rank: from 1.
        score: by which hits are ordered, above 0.
        words: BM25 of caption, tags and own columns; 0 if none has a word of the query.
        meaning: cosine of query and picture in the shared space, -1 to 1; None if the picture is
            not among the best by meaning.
    """

    picture: Picture
    rank: int
    score: float
    words: float
    meaning: float | None


def remove(desk: Keeping, pictures: Sequence[str], where: str) -> Removal:
    """See ``Desk.remove``."""
    with desk.folder.changing():
        if desk.folder.is_current(desk.fitted):
            catalogue = desk.catalogue
            keys, unknown = _chosen(catalogue, pictures, where)
            before = catalogue.count()
            if keys:
                catalogue.change(Changes(removed=keys, keep_out=True))
            now = catalogue.count()
            return Removal(before - now, unknown, now)
    with opened_again(desk) as again:
        return again.remove(pictures, where)


def _chosen(
    catalogue: Catalogue, pictures: Sequence[str], where: str
) -> tuple[list[str], tuple[str, ...]]:
    """Keys of the pictures that are meant, and names that are unknown."""
    if where.strip():
        return [one.key for one in catalogue.page(where, limit=MOST)], ()
    places = catalogue.places()
    key_of = {absolute(name): key for key, names in places.items() for name in names}
    found: dict[str, None] = {}
    unknown = []
    for name in pictures:
        key = name if name in places else key_of.get(absolute(name))
        if key is None:
            unknown.append(name)
        else:
            found[key] = None
    return list(found), tuple(unknown)


def search(desk: Keeping, query: str, k: int, where: str) -> tuple[Hit, ...]:
    """See ``Desk.search``."""
    catalogue, depth = desk.catalogue, max(k, _DEPTH)
    said = catalogue.mentioning(words(query), depth, where)
    pictures = {one.key: one for one in said.entries.pictures}
    bm25 = dict(zip(pictures, said.scores.tolist(), strict=True))
    cosines = {}
    for picture, cosine in _by_meaning(desk, query, depth, where):
        pictures.setdefault(picture.key, picture)
        cosines[picture.key] = cosine
    fused = dict.fromkeys(pictures, 0.0)
    for weight, ranked in ((_WORDS_WEIGHT, bm25), (1.0, cosines)):
        for rank, key in enumerate(ranked, start=1):
            fused[key] += weight / (_FLAT + rank)
    best = sorted(fused, key=lambda key: (-fused[key], key))[:k]
    return tuple(
        Hit(pictures[key], rank, fused[key], bm25.get(key, 0.0), cosines.get(key))
        for rank, key in enumerate(best, start=1)
    )


def _by_meaning(desk: Keeping, query: str, k: int, where: str) -> list[tuple[Picture, float]]:
    """The best pictures by the direct route, best first; none if it knows no word of the query."""
    if not desk.suggester.knows(query):
        return []
    return desk.suggester.by_meaning(query, k, where)
