"""The index of an archive memory's texts: made, extended, asked for candidates.

An index has the first texts of the archive, with or without links; texts keep row and vector for
good. So an older index stays right: its owner compares later texts one by one, and asks only for
texts that have pictures now. Knows no files of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from picturedesk.store.index_folder import is_much, still_suits
from picturedesk.store.vector_index import IndexConfig, Nearest, Rows, VectorIndex, sample_size
from picturedesk.types import Bools, Floats, Ints, RowSource

NEAREST = 50  # texts that an index should find, as many as evidence looks at
_ASKED = 200  # texts with which it is measured
_MORE = 4  # times as many candidates as are wanted, at least
_PART = 20_000  # vectors that are read at once
_TYPICAL = 512  # texts that are asked, to choose how much of an index is looked through
_CONFIG = IndexConfig(recall=0.98, top=NEAREST, depth=400)


class TextIndex:
    """Proposes texts; implements ``routes.archive.NearTexts``. Threads may share it.

    Args:
        index: has the rows below its number of vectors.
    """

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    @property
    def count(self) -> int:
        """The texts in rows below it are in the index, no others."""
        return self._index.facts.count

    def near(self, queries: Floats, count: int, may: Bools | None) -> list[Ints]:
        """Candidates for the nearest texts; see ``NearTexts``."""
        rows = None if may is None else Rows(may)
        depth = max(_CONFIG.depth, _MORE * count)
        return self._index.search(queries.astype(np.float64), depth, rows)

    def recall(self, vectors: RowSource) -> float:
        """Share of the 50 nearest of all texts (T, D) that it finds for some of them.

        Each text is the nearest to itself; this one counts, too.
        """
        queries = vectors[_some(len(vectors), _ASKED)]
        nearest = Nearest(queries, NEAREST)
        for rows, part in _parts(vectors, 0):
            nearest.see(rows, part)
        added = np.arange(self.count, len(vectors))
        found = self.near(queries, NEAREST, None)
        return nearest.recall([np.concatenate([rows, added]) for rows in found])


def updated(
    vectors: RowSource, old: VectorIndex | None, only_if_needed: bool
) -> VectorIndex | None:
    """An index of all texts (T, D), made or extended from one of the first texts.

    None if the old one has them all, or nearly all and no more is needed.
    """
    count = len(vectors)
    if old is None or not still_suits(old, count):
        sample = vectors[_some(count, sample_size(count, _CONFIG))]
        typical = vectors[_some(count, _TYPICAL)]
        return VectorIndex.build(count, sample, _parts(vectors, 0), typical, _CONFIG)
    missing = count - old.facts.count
    if not missing or (only_if_needed and not is_much(missing, count)):
        return None
    return old.extended(np.empty(0, dtype=np.int64), _parts(vectors, old.facts.count))


def _some(count: int, most: int) -> Ints:
    """Rows at random, ascending, the same each time."""
    chosen = np.random.default_rng(0).choice(count, min(count, most), replace=False)
    rows: Ints = np.sort(chosen)
    return rows


def _parts(vectors: RowSource, first: int) -> Iterator[tuple[Ints, Floats]]:
    for start in range(first, len(vectors), _PART):
        part = vectors[start : start + _PART]
        yield np.arange(start, start + len(part)), part
