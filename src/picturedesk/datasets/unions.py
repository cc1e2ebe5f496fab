"""Disjoint sets that grow together: what hangs together with what. Knows only numbers."""

from __future__ import annotations


class Unions:
    """N items, each in its own set at first.

    Args:
        size: N.
    """

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """The smallest item of the set that ``item`` is in."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]  # shortens the way for the next
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Makes the sets of two items one."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first
