"""Groups: connected components of links, and runs of equal values. Knows only numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.types import Bools, Ints

_PAIRS = 1 << 20  # pairs that are listed at a time: some 40 MB
_PENDING = 1 << 16  # links that are collected, at least, before groups are computed


def connected_groups(ones: Ints, others: Ints, count: int) -> Ints:
    """Group (N,) of each of N items: the connected components of the links.

    Args:
        ones: (P,) items.
        others: (P,) the item that each of ``ones`` is linked to; links may repeat.
        count: N.

    Returns:
        Numbers from 0, in the order of the groups' first members.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not count:
        return np.empty(0, dtype=np.int64)
    there = np.ones(len(ones), dtype=np.bool_)
    graph = coo_array((there, (ones, others)), shape=(count, count))
    return numbered(connected_components(graph, directed=False)[1])


def numbered(labels: Ints) -> Ints:
    """The same groups (N,), numbered from 0 in the order of their first members."""
    first, place = np.unique(labels, return_index=True, return_inverse=True)[1:]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[place.reshape(-1)]


class GrowingGroups:
    """Connected components that grow link by link; holds at most about N links.

    Args:
        count: N; at first each item is alone.

    Attributes:
        labels: (N,) equal for items that are known to be connected. Includes the last links after
            ``settle``.
    """

    def __init__(self, count: int) -> None:
        self.labels: Ints = np.arange(count, dtype=np.int64)
        self._waiting: list[tuple[Ints, Ints]] = []
        self._size = 0

    def link(self, ones: Ints, others: Ints) -> None:
        """Links each of ``ones`` (P,) with the item at its place in ``others``."""
        one, other = self.labels[ones], self.labels[others]
        apart = one != other
        self._waiting.append((one[apart], other[apart]))
        self._size += int(apart.sum())
        if self._size > max(_PENDING, len(self.labels) // 8):
            self.settle()

    def settle(self) -> None:
        """Merges the collected links into ``labels``."""
        if self._size:
            ones, others = (np.concatenate(side) for side in zip(*self._waiting, strict=True))
            self.labels = connected_groups(ones, others, len(self.labels))[self.labels]
        self._waiting, self._size = [], 0


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """N items sorted by value, with the runs of equal values.

    Attributes:
        order: (N,) the items.
        starts: (R,) where each run begins in ``order``.
        sizes: (R,) number of items in each run.
    """

    order: Ints
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Runs:
        """The runs of values (N,); within a run, items ascend."""
        order = np.argsort(values, kind="stable")
        ranked = values[order]
        begins = np.ones(len(values), dtype=np.bool_)
        begins[1:] = ranked[1:] != ranked[:-1]
        starts = np.flatnonzero(begins)
        return cls(order, starts, np.diff(starts, append=len(values)))

    @property
    def pairs(self) -> int:
        """Number of pairs of items with equal values."""
        return int((self.sizes * (self.sizes - 1)).sum()) // 2

    def longer_than(self, size: int) -> Iterator[Ints]:
        """The items of each run of more than ``size``."""
        for run in np.flatnonzero(self.sizes > size):
            yield self.order[self.starts[run] : self.starts[run] + self.sizes[run]]

    def pairs_up_to(self, size: int) -> Iterator[tuple[Ints, Ints]]:
        """All pairs of items in runs of at most ``size``, some at a time."""
        sizes = np.where(self.sizes <= size, self.sizes, 0)
        place = np.arange(len(self.order)) - np.repeat(self.starts, self.sizes)  # within its run
        later = np.maximum(np.repeat(sizes, self.sizes) - place - 1, 0)  # (N,) of the same run
        firsts = np.flatnonzero(later)
        step = max(1, _PAIRS // size)
        for begin in range(0, len(firsts), step):
            first = firsts[begin : begin + step]
            counts = later[first]
            one = np.repeat(first, counts)
            skipped = np.repeat(np.cumsum(counts) - counts, counts)
            yield self.order[one], self.order[one + 1 + np.arange(len(one)) - skipped]


def link_by_search(labels: Ints, near: Callable[[int, Ints], Bools]) -> tuple[Ints, Ints]:
    """Links that connect near items, found by a graph search.

    Each item is compared only with items that the search has not reached. If all are near to most
    others, this takes about N comparisons; if no two are near, N²/2.

    Args:
        labels: (N,) equal for items that are already connected.
        near: an item and others (W,) → which of the others (W,) are near to it.

    Returns:
        Two of (P,): items, and the item that each is near to.
    """
    waiting = np.arange(len(labels))
    reached: list[int] = []
    ones, others = [waiting[:0]], [waiting[:0]]
    while len(waiting):
        if not reached:
            known = labels[waiting] == labels[waiting[0]]
        else:
            one = reached.pop()
            found = waiting[near(one, waiting)]
            if not len(found):
                continue
            ones.append(np.full(len(found), one))
            others.append(found)
            known = np.isin(labels[waiting], labels[found])
        reached += waiting[known].tolist()
        waiting = waiting[~known]
    return np.concatenate(ones), np.concatenate(others)
