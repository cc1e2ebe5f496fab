"""Nearest vectors on a server. Knows numbers of vectors and entries, and no pictures.

The server's inner products are in single precision and choose candidates; these are fetched and
scored again as an exact catalogue does, in double precision of the stored numbers. The server is
asked for more until no other vector could be among the first k, or equal the last of them. So the
result is exact, unless the server searches in a graph, which may not propose what is near; then it
is asked for more at first.

A condition is a set of entries. If it lets many pass, the server is asked for more neighbours and
those that pass are kept; if few, their vectors are compared here, without a search; between the
two, the server searches among their numbers, some thousands at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.store.catalogue.nearest import cosines, nearest
from picturedesk.store.catalogue.remote.server import MOST
from picturedesk.types import Doubles, Ints

if TYPE_CHECKING:
    from picturedesk.store.catalogue.remote.mirror import MirrorStock

FEW = 1000  # entries that are compared here
AMONG = 10_000  # numbers of vectors in one question
_SPARE = 16  # neighbours more than are needed, so that equal ones are seen
_AT_LEAST = 400  # neighbours of a search that is not exact
_GROWS = 8  # times as many are asked for next
_BLOCK = 4096  # vectors in memory at once

Best = tuple[Ints, Doubles]
"""Indices and cosines of the best entries (k,)."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question: the ``k`` best ``among`` some entries of a snapshot."""

    snapshot: MirrorStock
    k: int
    among: Ints

    @property
    def slack(self) -> float:
        """Twice the largest error of a product in single precision, with room for its order."""
        width = self.snapshot.place.width if self.snapshot.place else 0
        return (width + 4) * 2.0**-21


def nearest_on_server(snapshot: MirrorStock, queries: Doubles, k: int, among: Ints) -> list[Best]:
    """Per query the k entries of highest cosine, best first; ties go to the lower index.

    Args:
        snapshot: all entries.
        queries: (Q, W), of length one or zero.
        k: how many; the result has fewer if there are fewer.
        among: indices of the entries to rank, ascending.

    Raises:
        Lost: the catalogue has been changed meanwhile.
    """
    k = min(k, len(among))
    if k < 1 or not len(queries):
        return [(among[:0], np.empty(0)) for _ in queries]
    asked = _Asked(snapshot, k, among)
    if len(among) <= FEW:
        return _compared(asked, queries)
    candidates = _candidates(asked, queries)
    waiting = [n for n, found in enumerate(candidates) if found is None]
    best = dict(zip(waiting, _compared(asked, queries[waiting]), strict=True)) if waiting else {}
    scored = _scored(asked, queries, candidates)
    return [best.get(n, found) for n, found in enumerate(scored)]


def _candidates(asked: _Asked, queries: Doubles) -> list[Ints | None]:
    """Per query the indices that may be among the best; None if the server returns too few."""
    found: list[Ints | None] = [None] * len(queries)
    among, every = asked.among, len(asked.snapshot.keys)
    wanted = int((asked.k + _SPARE) * every / len(among) * 1.2)
    if not asked.snapshot.is_exact:
        wanted = max(wanted, _AT_LEAST)
    blocks: list[Ints | None] = [None]
    limit = min(MOST, wanted)
    if wanted > MOST and asked.k + _SPARE <= MOST:
        blocks = [among[start : start + AMONG] for start in range(0, len(among), AMONG)]
        limit = min(MOST, 2 * asked.k + _SPARE)
    waiting = list(range(len(queries)))
    while waiting and asked.k <= MOST:
        some = _search(asked, queries[waiting], limit, blocks)
        for place, indices in zip(waiting, some, strict=True):
            found[place] = indices
        waiting = [place for place in waiting if found[place] is None]
        if limit == MOST:
            break
        limit = min(MOST, limit * _GROWS)
    return found


def _search(
    asked: _Asked, queries: Doubles, limit: int, blocks: list[Ints | None]
) -> list[Ints | None]:
    """Per query the candidates of one look at each block; None if it may have missed some."""
    snapshot, place = asked.snapshot, asked.snapshot.place
    assert place is not None
    is_among = np.zeros(len(snapshot.keys), dtype=bool)
    is_among[asked.among] = True
    together: list[list[tuple[Ints, Doubles, float]]] = [[] for _ in queries]
    for block in blocks:
        numbers = None if block is None else snapshot.handles["number"][block]
        found = place.server.search(place.collection, queries.astype(np.float32), limit, numbers)
        for kept, (hits, rough) in zip(together, found, strict=True):
            lowest = float(rough[-1]) if len(rough) >= limit else -np.inf  # others are below it
            indices = snapshot.indices_of(hits)
            passing = is_among[indices] & (indices >= 0)
            kept.append((indices[passing], rough[passing], lowest))
    return [_chosen(asked, kept) for kept in together]


def _chosen(asked: _Asked, kept: list[tuple[Ints, Doubles, float]]) -> Ints | None:
    indices = np.concatenate([some for some, _, _ in kept])
    rough = np.concatenate([some for _, some, _ in kept])
    lowest = max(one for _, _, one in kept)
    if len(indices) < asked.k:
        return None
    least = np.partition(rough, -asked.k)[-asked.k] - asked.slack
    return None if lowest >= least else np.sort(indices[rough >= least])


def _scored(asked: _Asked, queries: Doubles, candidates: list[Ints | None]) -> list[Best]:
    """Scores candidates in double precision; nothing where there are none."""
    nothing = asked.among[:0]
    chosen = [nothing if some is None else some for some in candidates]
    every = np.unique(np.concatenate([nothing, *chosen]))
    matrix = asked.snapshot.vectors(every)
    best = []
    for query, some in zip(queries, chosen, strict=True):
        scores = cosines(matrix, query, np.searchsorted(every, some))
        order = np.argsort(-scores, kind="stable")[: asked.k]
        best.append((some[order], scores[order]))
    return best


def _compared(asked: _Asked, queries: Doubles) -> list[Best]:
    """Compares all entries here, block by block."""
    best = [(asked.among[:0], np.empty(0)) for _ in queries]
    for start in range(0, len(asked.among), _BLOCK):
        block = asked.among[start : start + _BLOCK]
        matrix = asked.snapshot.vectors(block)
        found = nearest(matrix, queries, asked.k, np.arange(len(block)))
        for n, (places, scores) in enumerate(found):
            indices = np.concatenate([best[n][0], block[places]])
            every = np.concatenate([best[n][1], scores])
            order = np.lexsort((indices, -every))[: asked.k]
            best[n] = (indices[order], every[order])
    return best
