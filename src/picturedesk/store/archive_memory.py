"""The archive memory, for suggesting: text vectors, picture vectors, links, excerpts.

One folder beside the matcher that made the vectors. Vectors are files of rows, memory-mapped and
appended to; excerpts and metadata are in SQLite and are read when needed. Pairs can be added and
removed without a fit. Knows neither routes nor measuring.

    archive.db    records, and the number of valid rows of each file (``store.archive_records``)
    texts.f32     (T, D) vectors of texts           pictures.f32  (P, D) vectors of pictures
    groups.i64    (T,) near-duplicate groups        links.i64     (m, 2) links, with removed ones

In large archives vectors are in half precision, with a checksum each: texts.f16, texts.crc32.

Rows keep their number. To remove a pair, its link is recorded as removed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import explained
from picturedesk.errors import BadInput, Mismatch
from picturedesk.store.archive_additions import Additions
from picturedesk.store.archive_checks import (
    check_groups,
    check_links,
    check_pictures,
    check_vectors,
    rows_within,
)
from picturedesk.store.archive_index import TextIndex, updated
from picturedesk.store.archive_records import ArchiveRecords, ArchiveText
from picturedesk.store.archive_rows import ArchiveRows, Generation
from picturedesk.store.index_folder import INDEX_FROM, IndexFolder, IndexRecord
from picturedesk.types import Floats, Ints, Picture, Vectors

__all__ = ["EXCERPT", "ArchiveMemory", "ArchiveText", "excerpt"]

EXCERPT = 280  # characters of an archive text that are stored, to be shown
_RECORDS = "archive.db"


class ArchiveMemory:
    """One generation of an archive in the shared space; ``refresh`` loads the newest.

    The arrays of one generation fit each other and never change. Records are read when needed, so
    a caption may be newer than the arrays. Several threads may use one object, and several
    processes may open one folder; writers wait for each other.

    Attributes:
        index_from: number of texts from which on ``optimize`` makes an index.
    """

    index_from = INDEX_FROM

    def __init__(self, folder: Path, records: ArchiveRecords) -> None:
        self.folder = folder
        self.matcher = records.matcher
        self.width = records.width
        self._records = records
        self._lock = threading.RLock()
        self._rows = ArchiveRows(folder, self.width, records.half)
        self._indexes = IndexFolder(folder / "texts.index")
        self._seen = self._newest()

    @classmethod
    def create(cls, folder: Path, matcher: str, width: int, texts: int = 0) -> ArchiveMemory:
        """Makes an empty archive memory in a folder that is empty or missing.

        Opens an existing one of the same kind if it is still empty.

        Args:
            folder: its folder.
            matcher: fingerprint of the matcher that makes the vectors.
            width: width D of the vectors.
            texts: how many it is going to hold, more or less. From ``INDEX_FROM`` on, vectors are
                kept in half precision, however many there are later.

        Raises:
            BadInput: the folder holds something else, or the width is below 1.
        """
        if width < 1:
            raise BadInput(f"width {width} of archive memory {folder}: it must be 1 or more")
        with explained(f"archive memory {folder}"):
            there = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if _RECORDS in there:  # a killed ``create`` may leave it
            there -= {_RECORDS, f"{_RECORDS}-wal", f"{_RECORDS}-shm"}
            for half in (False, True):
                there -= ArchiveRows(folder, width, half).names
        if there:
            raise BadInput(f"{folder} already holds {min(there)}: name an empty folder")
        new = {"matcher": matcher, "width": width, "half": texts >= INDEX_FROM}
        memory = cls._opened(folder, ArchiveRecords.open(folder / _RECORDS, new))
        if {**memory._records.kind, "generation": memory.generation} != {**new, "generation": 0}:
            memory.close()
            raise BadInput(f"{folder} already holds an archive memory: name an empty folder")
        return memory

    @classmethod
    def open(cls, folder: Path, matcher: str = "") -> ArchiveMemory:
        """Opens what ``create`` made; reads neither vectors nor records, and writes nothing.

        Args:
            folder: its folder.
            matcher: required fingerprint of the vectors' matcher; "" accepts any.

        Raises:
            Mismatch: another matcher made the vectors, or another format version wrote them.
            MissingArtefact: it is missing, or a file is damaged.
        """
        memory = cls._opened(folder, ArchiveRecords.open(folder / _RECORDS))
        if matcher and memory.matcher != matcher:
            memory.close()
            raise Mismatch(
                f"{folder} was made by matcher {memory.matcher}, the desk has {matcher}: {CURE}"
            )
        return memory

    @classmethod
    def _opened(cls, folder: Path, records: ArchiveRecords) -> ArchiveMemory:
        try:
            return cls(folder, records)
        except BaseException:
            records.close()
            raise

    def close(self) -> None:
        """Closes the records; arrays that were returned stay valid."""
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def generation(self) -> int:
        """Grows by one with every change; 0 for a new archive memory."""
        return self._seen.extent.generation

    def __len__(self) -> int:
        """Number of texts T, with or without links."""
        return self._seen.extent.texts

    @property
    def text_vectors(self) -> Vectors:
        """(T, D), memory-mapped; of length one, or zeros for a text without a known word.

        In a large archive an object that reads rows as they are asked for: take some at a time.
        """
        return self._seen.texts

    @property
    def picture_vectors(self) -> Vectors:
        """(P, D), likewise; fused, of length one."""
        return self._seen.pictures

    @property
    def groups(self) -> Ints:
        """(T,), memory-mapped; texts with the same number are near-duplicates."""
        return self._seen.groups

    @property
    def links(self) -> Ints:
        """(M, 2) rows (text, picture) of the current pairs, by text, then picture."""
        return self._seen.links

    def links_of(self, texts: Ints) -> Ints:
        """The links (m, 2) of these texts, by text, then picture."""
        links, wanted = self.links, np.unique(texts)
        first, last = (np.searchsorted(links[:, 0], wanted, side) for side in ("left", "right"))
        counts = last - first
        before = np.cumsum(counts) - counts
        found: Ints = links[np.repeat(first - before, counts) + np.arange(counts.sum())]
        return found

    def reading(self) -> AbstractContextManager[None]:
        """Records that this thread reads inside the block are of one moment, and quicker."""
        return self._records.reading()

    def texts(self, rows: Ints | Sequence[int]) -> list[ArchiveText]:
        """The texts of these rows, in their order; rows may repeat. Raises BadInput."""
        return self._records.texts(rows_within(rows, len(self), "text"))

    def pictures(self, rows: Ints | Sequence[int]) -> list[Picture]:
        """The pictures of these rows, in their order; rows may repeat. Raises BadInput."""
        return self._records.pictures(rows_within(rows, self._seen.extent.pictures, "picture"))

    def text_rows(self, ids: Sequence[str]) -> Ints:
        """Rows (N,) of the texts with these ids, -1 where there is none."""
        rows = self._records.text_rows(ids)
        return np.where(rows < len(self), rows, -1)

    def picture_rows(self, keys: Sequence[str]) -> Ints:
        """Rows (N,) of the pictures with these keys, -1 where there is none."""
        rows = self._records.picture_rows(keys)
        return np.where(rows < self._seen.extent.pictures, rows, -1)

    def refresh(self) -> bool:
        """Loads what other processes have committed; returns whether there was a change."""
        with self._lock:
            if self._records.generation() == self.generation:
                return False
            self._seen = self._newest()
            return True

    def add(
        self,
        texts: Sequence[ArchiveText],
        text_vectors: Floats,
        groups: Ints | None,
        pictures: Sequence[Picture],
        picture_vectors: Floats,
        links: Ints,
    ) -> None:
        """Adds texts, pictures and pairs of them, in one transaction.

        A text with a known id and a picture with a known key keep row and vector; the picture's
        metadata is replaced.

        Args:
            texts: T' texts.
            text_vectors: (T', D) of length one or zero.
            groups: (T',) near-duplicate groups, 0 or more; a known number is that group. None gives
                each new text a group of its own.
            pictures: P' pictures with keys.
            picture_vectors: (P', D) of length one or zero.
            links: (M', 2) indices (text, picture) into the texts and pictures given.

        Raises:
            BadInput: an argument does not fit.
            Mismatch: a fit has replaced the folder since it was opened.
        """
        check_vectors("text", text_vectors, len(texts), self.width)
        check_vectors("picture", picture_vectors, len(pictures), self.width)
        check_pictures(pictures)
        check_links(links, len(texts), len(pictures))
        if groups is not None:
            check_groups(groups, len(texts))
        with self._adding() as additions:
            rows = additions.put_texts(texts, text_vectors, groups)
            columns = additions.put_pictures(pictures, picture_vectors)
            additions.put_links(np.stack([rows[links[:, 0]], columns[links[:, 1]]], axis=1))

    def add_pictures(self, pictures: Sequence[Picture], vectors: Floats) -> Ints:
        """Adds pictures without links, in one transaction; for large archives, part by part.

        Args:
            pictures: P' pictures with keys; metadata of a known key is replaced.
            vectors: (P', D) of length one or zero.

        Returns:
            Their rows (P',), for the links of ``add_texts``.

        Raises:
            BadInput: an argument does not fit.
            Mismatch: a fit has replaced the folder since it was opened.
        """
        check_vectors("picture", vectors, len(pictures), self.width)
        check_pictures(pictures)
        with self._adding() as additions:
            return additions.put_pictures(pictures, vectors)

    def add_texts(
        self, texts: Sequence[ArchiveText], vectors: Floats, groups: Ints | None, links: Ints
    ) -> Ints:
        """Adds texts that ran with pictures that are there, in one transaction.

        Args:
            texts: T' texts; a known id keeps row, record and vector.
            vectors: (T', D) of length one or zero.
            groups: (T',), see ``add``.
            links: (M', 2) index of a given text, row of a picture.

        Returns:
            Their rows (T',).

        Raises:
            BadInput: an argument does not fit.
            Mismatch: a fit has replaced the folder since it was opened.
        """
        check_vectors("text", vectors, len(texts), self.width)
        if groups is not None:
            check_groups(groups, len(texts))
        with self._adding() as additions:
            check_links(links, len(texts), additions.pictures)
            rows = additions.put_texts(texts, vectors, groups)
            additions.put_links(np.stack([rows[links[:, 0]], links[:, 1]], axis=1))
            return rows

    @property
    def index(self) -> TextIndex | None:
        """Proposes texts near a query; None for small archives, or if it cannot be used."""
        index = self._indexes.of(self._seen.extent.index)
        return None if index is None else TextIndex(index)

    def optimize(self, only_if_needed: bool = False) -> None:
        """Makes the index of the texts, or extends it, from ``index_from`` texts on.

        Others may read and write meanwhile. Texts that an index does not have are found all the
        same.

        Args:
            only_if_needed: only if there is none, or many texts are not in it.

        Raises:
            MissingExtra: FAISS is not installed.
            Mismatch: a fit has replaced the folder since it was opened.
        """
        self.refresh()
        seen = self._seen
        if seen.extent.texts < self.index_from:
            return
        index = updated(seen.texts, self._indexes.of(seen.extent.index), only_if_needed)
        if index is None:
            return
        record = self._indexes.save(index, seen.extent.generation)
        if not self._name(record):
            self._indexes.remove(record)
        self._indexes.sweep(self._seen.extent.index)

    def recall(self) -> float:
        """Share of the 50 texts nearest to some of the texts that are found; 1 without an index."""
        index = self.index
        return 1.0 if index is None else index.recall(self.text_vectors)

    def remove(self, text_id: str, picture_key: str) -> bool:
        """Removes a pair; returns whether it existed. Text and picture keep their rows."""
        with self._lock:
            with self._records.writing():
                seen = self._newest()
                row = self._records.text_rows([text_id])
                column = self._records.picture_rows([picture_key])
                pair = np.stack([row, column], axis=1)  # (1, 2)
                found = bool((seen.has_written(pair) & ~seen.has_removed(pair)).all())
                if found:
                    self._records.remove(pair)
                    self._records.reach(seen.extent)
            self._seen = self._newest()
            return found

    @contextmanager
    def _adding(self) -> Iterator[Additions]:
        """One transaction, after which the newest generation is loaded."""
        with self._lock:
            with self._records.writing():
                additions = Additions(self._records, self._rows, self._newest())
                yield additions
                additions.finish()
            self._seen = self._newest()

    def _name(self, record: IndexRecord) -> bool:
        """Makes an index the current one, unless there is a newer one."""
        with self._lock:
            with self._records.writing():
                extent = self._newest().extent
                newer = extent.index is None or extent.index.generation < record.generation
                if newer:
                    self._records.reach(replace(extent, index=record))
            self._seen = self._newest()
            return newer

    def _newest(self) -> Generation:
        """The generation that is committed now."""
        newest = self._rows.at(*self._records.extent())
        if self._records.is_replaced:
            raise Mismatch(f"{self.folder} was replaced since it was opened: open it again")
        return newest


def excerpt(text: str) -> str:
    """The first ``EXCERPT`` characters of a text, white space folded."""
    folded = " ".join(text[: 4 * EXCERPT].split())
    return folded if len(folded) <= EXCERPT else folded[: EXCERPT - 1] + "…"
