"""Ensembles whose members each learn without one part of the archive.

A network places the pictures that it learned from nearer to texts than other pictures. Every member
of the ensemble leaves out one part of the archive. A picture of this part is placed by this member
alone, every other picture by all members (cross-fitting: Stone 1974; Chernozhukov et al. 2018).
Knows no networks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from picturedesk.routes.route import Fold
from picturedesk.types import Bools, Floats, Ints

Member = TypeVar("Member")


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """An archive, divided into parts of about equal size that share no picture.

    Attributes:
        of_picture: (P,) part of each picture.
        of_link: (M,) part of each link.
        count: number of parts.
    """

    of_picture: Ints
    of_link: Ints
    count: int

    @classmethod
    def of(cls, fold: Fold, count: int, seed: int) -> Division:
        """Texts and pictures that are linked, directly or through others, have one part.

        Where this links more than a part's worth of pictures, these are divided one by one: a text
        may then be learned from by all members, but each of its links not by all.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links, texts, pictures = fold.archive.links, len(fold.archive.texts), len(fold.pictures)
        size = texts + pictures
        pairs = (links[:, 0], texts + links[:, 1])
        graph = coo_array((np.ones(len(links)), pairs), shape=(size, size))
        names = connected_components(graph, directed=False)[1][texts:].astype(np.int64)
        large = (np.bincount(names, minlength=1) * count > pictures)[names]
        names[large] = size + np.flatnonzero(large)
        kinds, place = np.unique(names, return_inverse=True)
        sizes = np.bincount(place)
        order = np.random.default_rng(seed).permutation(len(kinds))
        part = np.zeros(len(kinds), dtype=np.int64)
        # In random order; a group belongs to the part in which its last picture falls.
        part[order] = (np.cumsum(sizes[order]) - 1) * count // max(pictures, 1)
        of_picture = part[place]
        return cls(of_picture, of_picture[links[:, 1]], int(of_picture.max(initial=0)) + 1)

    def members(self, learn: Callable[[int, Bools], Member]) -> list[Member]:
        """What each member learns, by its part and the links (M,) of all other parts.

        All at a time: three that share two cores end sooner than two and then one.
        """

        def without(part: int) -> Member:
            return learn(part, self.of_link != part)

        with ThreadPoolExecutor(self.count, "picturedesk networks") as pool:
            return list(pool.map(without, range(self.count)))


@dataclass(frozen=True)
class Members:
    """The member of every archive picture.

    Attributes:
        keys: content keys of archive pictures.
        parts: (P,) the part of each, and so its member.
        count: number of members K.
    """

    keys: tuple[str, ...]
    parts: Ints
    count: int

    @cached_property
    def _part(self) -> dict[str, int]:
        return dict(zip(self.keys, self.parts.tolist(), strict=True))

    def of(self, keys: Sequence[str]) -> Ints:
        """The part of each picture (N,); -1 for pictures that no member learned from."""
        return np.array([self._part.get(key, -1) for key in keys], dtype=np.int64)

    def shares(self, keys: Sequence[str], alone: float) -> Floats:
        """Weight of each member for each picture (K, N).

        Args:
            keys: of N pictures.
            alone: weight of a member that places a picture alone; together each has 1/K.
        """
        parts = self.of(keys)
        found = np.full((self.count, len(keys)), 1 / self.count, dtype=np.float32)
        known = np.flatnonzero(parts >= 0)
        found[:, known] = 0
        found[parts[known], known] = alone
        return found
