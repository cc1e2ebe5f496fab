"""An index of many vectors: finds those near a query without comparing all of them.

Of each vector, its numbers along the main directions are kept, each in a code of 4 bits, in lists
around centres (an inverted file: Jégou, Douze and Schmid 2011). FAISS keeps the lists, in the order
in which a processor compares 32 vectors at once (André, Kermarrec and Le Scouarnec 2015). A query
looks through the lists whose centres are nearest; how many is chosen when the index is made, so
that typical queries find what an exact search finds. What it finds are candidates: their owner, who
has the whole vectors, scores them exactly. A condition is given as rows that may be found, and
holds inside the search.

Derived: it can be made again at any time. Knows rows and vectors, not their meaning.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    atomic_folder,
    checked_file,
    fingerprint,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import Mismatch, MissingExtra
from picturedesk.parallel import cpus
from picturedesk.types import Bools, Doubles, Floats, Ints

KIND = "table of vector codes"
CURE = "run picturedesk optimize, which makes it again"
_LISTS = "lists.faiss"
# A query looks through one list in so many.
_SHARES = (64, 48, 32, 24, 16, 12, 8, 6, 5, 4, 3.5, 3, 2.5, 2, 1.5, 1)
_SHARE = 8  # … where no typical queries are known
_NEARLY = 0.005  # of the nearest, which fewer lists may lose
_WORTH_SHARING = 100_000  # vectors that a thread compares in about a millisecond
_ROUNDS = 8  # of k-means
_BITS = 4  # of a code: a table of all its values fits into a register of the processor
_VALUES = 2**_BITS
_AT_ONCE = 32  # vectors that a processor compares at once
_ANY = 0.5  # how far queries may be others than the typical ones: 0 not at all, 1 anything
_RIDGE = 1e-4  # of the spread of vectors, which every direction has at least
_SAMPLE = 50_000  # vectors that the main directions are taken from

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """How an index is made.

    Attributes:
        width: numbers that are kept of each vector, at most.
        per_list: vectors in a list, on average, in an index of a million; smaller indexes have
            smaller lists.
        trained_on: vectors that each centre is learned from.
        recall: share of the nearest vectors that must be among the candidates.
        top: how many of the nearest.
        depth: number of candidates.
    """

    width: int = 256
    per_list: int = 500
    trained_on: int = 64
    recall: float = 0.99
    top: int = 10
    depth: int = 256

    def lists(self, count: int) -> int:
        """Number of lists for so many vectors."""
        return int(max(1, min(count / self.trained_on, np.sqrt(count * 1e6) / self.per_list)))


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What is known of an index.

    Attributes:
        count: vectors in it.
        width: numbers of the whole vectors, W.
        kept: numbers of each that are kept.
        lists: number of lists.
        learned_from: number of vectors when the lists were made.
        share: a query without a condition looks through one list in so many.
        recall: share of the nearest that the queries found, with which ``share`` was chosen; None
            if there were none.
    """

    count: int
    width: int
    kept: int
    lists: int
    learned_from: int
    share: float
    recall: float | None


class Rows:
    """Rows that may be found, as one bit each.

    Args:
        may: (R,) whether the row of this number may be found.
    """

    def __init__(self, may: Bools) -> None:
        self.count = int(np.count_nonzero(may))
        self.mask: Mask = np.packbits(may, bitorder="little")

    @property
    def rows(self) -> Ints:
        """Their numbers (count,), ascending."""
        return np.flatnonzero(np.unpackbits(self.mask, bitorder="little"))


class Directions(NamedTuple):
    """Into which numbers vectors and queries are turned; inner products stay nearly the same.

    But for a constant of each query, which changes no order. The numbers of vectors and of queries
    are stretched so that errors of codes count least: the errors' expected square is the product
    of the spread of both, and least where vectors and queries spread alike (the geometric mean of
    two matrices, of one and of the other's inverse). Then both are turned at random, so that each
    number has as much of the spread.

    Attributes:
        mean: (W,) of the vectors.
        vectors: (W, d).
        queries: (W, d).
    """

    mean: Floats
    vectors: Floats
    queries: Floats

    @classmethod
    def of(cls, sample: Floats, queries: Floats | None, width: int) -> Self:
        """The main directions of vectors.

        Args:
            sample: (S, W) vectors.
            queries: (Q, W) typical queries; None if none are known.
            width: d, at most.
        """
        some = sample[:_SAMPLE]
        mean = _single(some.mean(axis=0))
        centred, same = some - mean, np.eye(some.shape[1]) / some.shape[1]
        spread = _share_of(centred) + _RIDGE * same
        asked = same if queries is None else (1 - _ANY) * _share_of(queries) + _ANY * same
        root, inverse = _roots(spread)
        stretch, back = _roots(inverse @ _roots(root @ asked @ root)[0] @ inverse)
        _, main = np.linalg.eigh(stretch @ spread @ stretch)
        main = main[:, ::-1][:, : min(width, len(main))]
        turned, _ = np.linalg.qr(np.random.default_rng(0).standard_normal(2 * main.shape[1:]))
        return cls(mean, *(_single(by @ main @ turned) for by in (stretch, back)))

    def of_vectors(self, vectors: Floats) -> Floats:
        """The numbers (n, d) that are kept of vectors (n, W)."""
        return _single((vectors - self.mean) @ self.vectors)

    def of_queries(self, queries: Doubles) -> Floats:
        """The numbers (Q, d) that queries (Q, W) are compared by."""
        return _single(queries.astype(np.float32) @ self.queries)


class VectorIndex:
    """Rows with vectors, see above. Threads may share it; it never changes.

    Made by ``build``, ``extended`` or ``open``.
    """

    def __init__(self, lists: Any, by: Directions, rows: Ints, facts: IndexFacts) -> None:  # noqa: ANN401
        self.facts = facts
        self._rows = rows  # ascending
        self._lists = lists  # of FAISS
        self._directions = by

    @classmethod
    def build(
        cls,
        count: int,
        sample: Floats,
        parts: Iterable[tuple[Ints, Floats]],
        queries: Floats | None = None,
        config: IndexConfig = IndexConfig(),
    ) -> Self:
        """Makes an index.

        Args:
            count: number of vectors.
            sample: (S, W) some of the vectors, at random; best ``sample_size`` of them.
            parts: rows (n,) and vectors (n, W), until all are given.
            queries: (Q, W) typical queries; None if none are known. Every other one tells which
                directions matter, the rest how much of the lists must be looked through.
            config: how it is made.

        Raises:
            MissingExtra: FAISS is not installed.
        """
        faiss = _faiss()
        known = (None, None) if queries is None else (queries[::2], queries[1::2])
        directions = Directions.of(sample, known[0], config.width)
        width = directions.vectors.shape[1]
        lists = config.lists(count)
        inside = faiss.IndexIVFPQFastScan(
            faiss.IndexFlatIP(width),
            *(width, lists, width, _BITS, faiss.METRIC_INNER_PRODUCT, _AT_ONCE),
        )
        inside.by_residual = False
        inside.cp.niter, inside.cp.max_points_per_centroid = _ROUNDS, config.trained_on
        for one in (inside.cp, inside.pq.cp):
            one.min_points_per_centroid = 1
        some = directions.of_vectors(sample)
        some = np.resize(some, (max(len(some), _VALUES), width))
        faiss.omp_set_num_threads(cpus())
        inside.train_q1(len(some), faiss.swig_ptr(some), False, faiss.METRIC_INNER_PRODUCT)
        faiss.omp_set_num_threads(1)  # codes are learned in steps that are too small to share
        inside.train(some)
        faiss.omp_set_num_threads(cpus())
        wanted = None if known[1] is None else Nearest(known[1], config.top)
        every = []
        for rows, vectors in parts:
            inside.add_with_ids(directions.of_vectors(vectors), rows)
            if wanted is not None:
                wanted.see(rows, vectors)
            every.append(rows)
        facts = IndexFacts(count, sample.shape[1], width, lists, count, _SHARES[0], None)
        rows = np.sort(np.concatenate([*every, np.empty(0, dtype=np.int64)]))
        return cls(inside, directions, rows, facts)._with_share(wanted, config)

    def extended(self, removed: Ints, parts: Iterable[tuple[Ints, Floats]]) -> Self:
        """The same index without some rows and with others; lists and directions stay."""
        faiss = _faiss()
        lists = faiss.clone_index(self._lists)
        if len(removed):
            _remove(lists, removed)
        every = [np.setdiff1d(self._rows, removed, assume_unique=True)]
        for rows, vectors in parts:
            lists.add_with_ids(self._directions.of_vectors(vectors), rows)
            every.append(rows)
        there = np.sort(np.concatenate(every))
        return type(self)(lists, self._directions, there, replace(self.facts, count=len(there)))

    def count_without(self, rows: Ints) -> int:
        """Number of its rows that are none of these (n,), which are different."""
        places = np.searchsorted(self._rows, rows)
        inside = places < len(self._rows)
        return len(self._rows) - int((self._rows[places[inside]] == rows[inside]).sum())

    def rows_among(self, passing: Ints | None, without: Ints) -> Rows:
        """The rows of the index that are among some (None: all), and not among others."""
        highest = int(max(self._rows.max(initial=0), without.max(initial=0)))
        if passing is not None:
            highest = max(highest, int(passing.max(initial=0)))
        may = np.zeros(highest + 1, dtype=bool)
        may[self._rows] = True
        if passing is not None:
            passes = np.zeros(highest + 1, dtype=bool)
            passes[passing] = True
            may &= passes
        may[without] = False
        return Rows(may)

    def search(
        self, queries: Doubles, depth: int, may: Rows | None = None, everywhere: bool = False
    ) -> list[Ints]:
        """Rows near each of the queries (Q, W): the candidates, most promising first.

        Returns ``depth`` rows, or fewer if fewer may be found.

        Args:
            queries: (Q, W).
            depth: how many for each.
            may: the rows that may be found; None for all.
            everywhere: whether all lists are looked through.
        """
        if may is not None and may.count <= depth:
            return [may.rows for _ in queries]
        available = self.facts.count if may is None else may.count
        wanted = min(depth, available)
        if not wanted or not len(queries):
            return [np.empty(0, dtype=np.int64) for _ in queries]
        projected = self._directions.of_queries(queries)
        probes = self.facts.lists if everywhere else self._probes(may)
        found = self._looked_up(projected, depth, probes, may)
        if probes < self.facts.lists and any(len(rows) < wanted for rows in found):
            found = self._looked_up(projected, depth, self.facts.lists, may)
        # Codes that are all alike, and a query of zeros, tell FAISS nothing: it finds none.
        return [
            rows if len(rows) >= wanted else self._filled_up(rows, wanted, may) for rows in found
        ]

    def far(self, query: Doubles, rows: Ints, may: Rows | None = None) -> Bools:
        """Which rows (n,) are not in the nearer half of the lists that a query looks through.

        None where it looks through all lists.

        Args:
            query: (W,).
            rows: of the index.
            may: the rows that may be found; None for all.
        """
        probes = self._probes(may)
        if probes == self.facts.lists:
            return np.zeros(len(rows), dtype=bool)
        _faiss().omp_set_num_threads(1)
        asked = self._directions.of_queries(query[None])
        _, near = self._lists.quantizer.search(asked, max(1, probes // 2))
        return ~np.isin(self._list_of[rows], near)

    @cached_property
    def _list_of(self) -> npt.NDArray[np.int32]:
        """The list that each row is in; of numbers that are none of its rows, any."""
        faiss = _faiss()
        stored = faiss.downcast_InvertedLists(self._lists.invlists)
        found = np.zeros(int(self._rows.max(initial=-1)) + 1, dtype=np.int32)
        for one in range(self._lists.nlist):
            if size := stored.list_size(one):
                found[faiss.rev_swig_ptr(stored.get_ids(one), size)] = one
        return found

    def save(self, folder: Path) -> str:
        """Writes a folder, atomically; returns the checksum that ``open`` wants."""
        faiss = _faiss()
        with atomic_folder(folder) as temporary:
            faiss.write_index(self._lists, str(temporary / _LISTS))
            write_arrays(temporary, {**self._directions._asdict(), "rows": self._rows})
            write_manifest(temporary, KIND, {"facts": asdict(self.facts)})
        return fingerprint(read_manifest(folder, KIND, CURE))  # it names the files' checksums

    @classmethod
    def open(cls, folder: Path, checksum: str) -> Self:
        """Opens what ``save`` wrote; the lists are read into memory.

        Raises:
            MissingArtefact: it is missing or damaged.
            Mismatch: it is another one than was saved with this checksum.
            MissingExtra: FAISS is not installed.
        """
        faiss = _faiss()
        manifest = read_manifest(folder, KIND, CURE)
        if fingerprint(manifest) != checksum:
            raise Mismatch(f"{folder} is of another state of the pictures: {CURE}")
        file = checked_file(folder, _LISTS, manifest, CURE)
        try:
            file.check()  # before FAISS reads it
        finally:
            file.close()
        lists = faiss.read_index(str(folder / _LISTS))
        arrays = read_arrays(folder, manifest)
        facts = IndexFacts(**manifest["facts"])
        directions = Directions(*(arrays[name] for name in Directions._fields))
        return cls(lists, directions, arrays["rows"], facts)

    def _probes(self, may: Rows | None) -> int:
        """Number of lists that a query looks through.

        A condition empties the lists: so many more are looked through as there are fewer rows.
        """
        available = self.facts.count if may is None else may.count
        probes = max(1, int(self.facts.lists / self.facts.share))
        return min(self.facts.lists, -(-probes * self.facts.count // max(1, available)))

    def _looked_up(
        self, projected: Floats, depth: int, probes: int, may: Rows | None
    ) -> list[Ints]:
        faiss = _faiss()
        faiss.omp_set_num_threads(1)
        chosen = {} if may is None else {"sel": faiss.IDSelectorBitmap(may.mask)}
        compared = probes * self.facts.count // self.facts.lists
        parts = min(cpus(), compared // _WORTH_SHARING)
        if len(projected) == 1 and parts > 1:
            rows = self._shared(projected, depth, probes, chosen, parts)
        else:
            how = faiss.SearchParametersIVF(nprobe=probes, **chosen)
            _, rows = self._lists.search(projected, depth, params=how)
        return [some[some >= 0].astype(np.int64) for some in rows]

    def _shared(
        self, query: Floats, depth: int, probes: int, chosen: dict[str, Any], parts: int
    ) -> Ints:
        """Rows near a query (1, d), as (1, depth) or more; each thread looks through some lists."""
        faiss = _faiss()
        likeness, near = self._lists.quantizer.search(query, probes)

        def look(part: int) -> tuple[Floats, Ints]:
            some = np.ascontiguousarray(near[:, part::parts])
            how = faiss.SearchParametersIVF(nprobe=some.shape[1], **chosen)
            scores = np.empty((1, depth), dtype=np.float32)
            rows = np.empty((1, depth), dtype=np.int64)
            given = (query, some, np.ascontiguousarray(likeness[:, part::parts]), scores, rows)
            at, lists, near_by, *found = map(faiss.swig_ptr, given)
            # Its wrapper takes no parameters.
            self._lists.search_preassigned_c(1, at, depth, lists, near_by, *found, False, how)
            return scores, rows

        others = _helpers(os.getpid()).map(look, range(1, parts))
        every = [look(0), *others]
        scores, rows = (np.concatenate(some, axis=1) for some in zip(*every, strict=True))
        best = np.argsort(np.where(rows < 0, -np.inf, scores), axis=1)[:, ::-1][:, :depth]
        return np.take_along_axis(rows, best, axis=1)

    def _filled_up(self, found: Ints, wanted: int, may: Rows | None) -> Ints:
        """Rows that were found, and others that may be, up to as many as are wanted."""
        others = np.setdiff1d(self._rows if may is None else may.rows, found)
        return np.concatenate([found, others[: wanted - len(found)]])

    def _with_share(self, wanted: Nearest | None, config: IndexConfig) -> Self:
        """Looks through as few lists as still find what typical queries want.

        Where not even all lists find it, through as few as find nearly what all find.
        """
        if wanted is None:
            return self._with(replace(self.facts, share=_SHARE))

        def reached(share: float) -> float:
            known = self._with(replace(self.facts, share=share))
            return wanted.recall(known.search(wanted.queries.astype(np.float64), config.depth))

        enough = min(config.recall, reached(1) - _NEARLY)
        for share in _SHARES:
            recall = reached(share)
            if recall >= enough:
                break
        return self._with(replace(self.facts, share=share, recall=recall))

    def _with(self, facts: IndexFacts) -> Self:
        return type(self)(self._lists, self._directions, self._rows, facts)


def sample_size(count: int, config: IndexConfig = IndexConfig()) -> int:
    """How many vectors an index of so many is learned from."""
    return min(count, max(_SAMPLE, config.trained_on * config.lists(count)))


class Nearest:
    """The nearest of all vectors to some queries, exactly, seen part by part.

    Args:
        queries: (Q, W).
        k: how many.
    """

    def __init__(self, queries: Floats, k: int) -> None:
        self.queries = queries
        self._k = k
        self._rows = np.empty((len(queries), 0), dtype=np.int64)
        self._scores = np.empty((len(queries), 0), dtype=np.float32)

    def see(self, rows: Ints, vectors: Floats) -> None:
        """Takes in rows (n,) with their vectors (n, W)."""
        scores = np.concatenate([self._scores, self.queries @ vectors.T], axis=1)
        every = np.broadcast_to(rows, (len(self.queries), len(rows)))
        every = np.concatenate([self._rows, every], axis=1)
        if scores.shape[1] > self._k:
            best = np.argpartition(-scores, self._k - 1, axis=1)[:, : self._k]
            every = np.take_along_axis(every, best, axis=1)
            scores = np.take_along_axis(scores, best, axis=1)
        self._rows, self._scores = every, scores

    def recall(self, found: Sequence[Ints]) -> float:
        """Share of them that is among the rows that were found for each query."""
        pairs = zip(self._rows, found, strict=True)
        shares = [np.isin(best, rows).mean() for best, rows in pairs if len(best)]
        return float(np.mean(shares)) if shares else 1.0


def _remove(lists: Any, rows: Ints) -> None:  # noqa: ANN401
    """Removes rows, and clears their places.

    FAISS leaves the codes of the last ones where they were, and adds to them what comes next.
    """
    stored = _faiss().downcast_InvertedLists(lists.invlists)
    before = [stored.list_size(one) for one in range(lists.nlist)]
    lists.remove_ids(rows)
    packer = lists.get_CodePacker()
    nothing = np.zeros(packer.code_size, dtype=np.uint8)
    for one, was in enumerate(before):
        now = stored.list_size(one)
        for place in range(now, min(was, -(-now // _AT_ONCE) * _AT_ONCE)):
            packer.pack_1_c(_faiss().swig_ptr(nothing), place, stored.get_codes(one))


def _single(numbers: Floats | Doubles) -> Floats:
    """In single precision, side by side in memory."""
    return np.ascontiguousarray(numbers, dtype=np.float32)


def _share_of(rows: Floats) -> Doubles:
    """(W, W): how rows (n, W) spread, as a matrix whose diagonal sums to one; zeros for none."""
    spread = (rows.T @ rows).astype(np.float64)
    return spread / max(float(np.trace(spread)), 1e-30)


def _roots(matrix: Doubles) -> tuple[Doubles, Doubles]:
    """Square root of a symmetric matrix without negative eigenvalues, and the root's inverse."""
    values, vectors = np.linalg.eigh(matrix)
    roots = np.sqrt(np.maximum(values, 1e-12 * max(values[-1], 1e-30)))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


@cache
def _helpers(process: int) -> ThreadPoolExecutor:
    """Threads that take part in searches; a forked process starts its own."""
    return ThreadPoolExecutor(cpus(), f"picturedesk index {process}")


def _faiss() -> Any:  # noqa: ANN401 - it has no types
    try:
        import faiss
    except ImportError:
        raise MissingExtra("an index of pictures (with faiss)", "index") from None
    return faiss
