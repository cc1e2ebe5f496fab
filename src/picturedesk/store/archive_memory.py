"""The archive as suggesting needs it: text vectors, picture vectors, links, and words to show.

One folder beside the matcher that made the vectors. Vectors are files of rows, mapped and only
appended to; words lie in SQLite and are read when they are shown. A pair can be added and removed
without a fit. Knows nothing of routes, and nothing of what measuring needs.

    archive.db    records, and how many rows of each file count (``store.archive_records``)
    texts.f32     (T, D) vectors of texts           pictures.f32  (P, D) vectors of pictures
    groups.i64    (T,) near-duplicate groups        links.i64     (M, 2) every link there ever was

Rows keep their number for good. A pair is removed by noting its link as removed.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.database import explained
from picturedesk.errors import BadInput, Mismatch
from picturedesk.store.archive_checks import (
    check_groups,
    check_links,
    check_pictures,
    check_vectors,
    rows_within,
)
from picturedesk.store.archive_records import ArchiveRecords, ArchiveText, Extent
from picturedesk.store.archive_rows import ArchiveRows, Generation, each_once
from picturedesk.types import Floats, Ints, Picture

__all__ = ["EXCERPT", "ArchiveMemory", "ArchiveText", "excerpt"]

EXCERPT = 280  # characters of an archive text that are kept to be shown
_RECORDS = "archive.db"


class ArchiveMemory:
    """An archive in the shared space, as of one generation; ``refresh`` moves on to the newest.

    Arrays of one generation belong together and never change. Words are read when asked for: a
    caption may be newer than the arrays. May be used by several threads of a process, and opened
    by several processes; of those that write, one waits for the other.
    """

    def __init__(self, folder: Path, records: ArchiveRecords) -> None:
        self.folder = folder
        self.matcher = records.matcher
        self.width = records.width
        self._records = records
        self._lock = threading.RLock()
        self._rows = ArchiveRows(folder, self.width)
        self._seen = self._newest()

    @classmethod
    def create(cls, folder: Path, matcher: str, width: int) -> ArchiveMemory:
        """Makes an empty archive memory in a folder that is empty or not there.

        One that is there, of this matcher and width and still empty, is opened.

        Args:
            folder: where.
            matcher: fingerprint of the matcher that makes the vectors.
            width: numbers in a vector, D.

        Raises:
            BadInput: something else is there, or the width is no width.
        """
        if width < 1:
            raise BadInput(f"width {width} of archive memory {folder}: it must be 1 or more")
        with explained(f"archive memory {folder}"):
            there = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if _RECORDS in there:  # as a killed ``create`` leaves it, perhaps
            there -= {_RECORDS, f"{_RECORDS}-wal", f"{_RECORDS}-shm"}
            there -= ArchiveRows(folder, width).names
        if there:
            raise BadInput(f"{folder} already holds {min(there)}: name an empty folder")
        new = {"matcher": matcher, "width": width}
        memory = cls._opened(folder, ArchiveRecords.open(folder / _RECORDS, new))
        if (memory.matcher, memory.width, memory.generation) != (matcher, width, 0):
            memory.close()
            raise BadInput(f"{folder} already holds an archive memory: name an empty folder")
        return memory

    @classmethod
    def open(cls, folder: Path, matcher: str = "") -> ArchiveMemory:
        """Opens what ``create`` made; reads neither vectors nor words, and writes nothing.

        Args:
            folder: where.
            matcher: fingerprint that the vectors must have been made with; "" takes any.

        Raises:
            Mismatch: another matcher made the vectors, or another format version wrote them.
            MissingArtefact: there is none, or a file is damaged.
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
        """Lets go of the records; arrays that were handed out stay."""
        self._records.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def generation(self) -> int:
        """Grows by one with every change; 0 when nothing was ever added."""
        return self._seen.extent.generation

    def __len__(self) -> int:
        """How many texts there are (T), with links or without."""
        return self._seen.extent.texts

    @property
    def text_vectors(self) -> Floats:
        """(T, D), mapped; of length one, or zeros for a text without a known word."""
        return self._seen.texts

    @property
    def picture_vectors(self) -> Floats:
        """(P, D), mapped; fused, of length one."""
        return self._seen.pictures

    @property
    def groups(self) -> Ints:
        """(T,), mapped; texts of one number are near-duplicates."""
        return self._seen.groups

    @property
    def links(self) -> Ints:
        """(M, 2) rows (text, picture) of the pairs there are, by text, then picture."""
        return self._seen.links

    def links_of(self, texts: Ints) -> Ints:
        """The links (m, 2) of these texts, by text, then picture."""
        links, wanted = self.links, np.unique(texts)
        first, last = (np.searchsorted(links[:, 0], wanted, side) for side in ("left", "right"))
        counts = last - first
        before = np.cumsum(counts) - counts
        found: Ints = links[np.repeat(first - before, counts) + np.arange(counts.sum())]
        return found

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
        """Moves on to what other processes have committed; returns whether there was anything."""
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
        """Adds texts, pictures and pairs of them; all of the call is there at its end, or nothing.

        A text known by its id and a picture known by its key keep row and vector; what is said of
        the picture is replaced.

        Args:
            texts: T' texts.
            text_vectors: (T', D) of length one or zero.
            groups: (T',) near-duplicate groups, 0 or more; a number that is there already joins
                that group. None gives each new text a group of its own.
            pictures: P' pictures with keys.
            picture_vectors: (P', D) of length one or zero.
            links: (M', 2) indices (text, picture) into the texts and pictures given.

        Raises:
            BadInput: something given does not fit.
            Mismatch: a fit has replaced the folder since it was opened.
        """
        check_vectors("text", text_vectors, len(texts), self.width)
        check_vectors("picture", picture_vectors, len(pictures), self.width)
        check_pictures(pictures)
        check_links(links, len(texts), len(pictures))
        if groups is not None:
            check_groups(groups, len(texts))
        with self._lock:
            with self._records.writing():
                seen = self._newest()
                rows, extent = self._put_texts(seen.extent, texts, text_vectors, groups)
                columns, extent = self._put_pictures(extent, pictures, picture_vectors)
                pairs = np.stack([rows[links[:, 0]], columns[links[:, 1]]], axis=1)
                extent = self._put_links(extent, seen, each_once(pairs))
                self._records.reach(extent)
            self._seen = self._newest()

    def remove(self, text_id: str, picture_key: str) -> bool:
        """Removes a pair; returns whether there was one. Text and picture keep their rows."""
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

    def _put_texts(
        self, extent: Extent, texts: Sequence[ArchiveText], vectors: Floats, groups: Ints | None
    ) -> tuple[Ints, Extent]:
        """Keeps the texts that are new; returns the rows of all, and the extent with them."""
        ids = [text.id for text in texts]
        rows, new = _placed(self._records.text_rows(ids), ids, extent.texts)
        first = extent.next_group
        own = first + np.arange(len(new)) if groups is None else groups[new].astype(np.int64)
        extent = self._rows.append(extent, texts=_chosen(vectors, new), groups=own[:, None])
        self._records.put_texts(rows[new], [texts[index] for index in new])
        return rows, replace(
            extent,
            texts=extent.texts + len(new),
            next_group=max(first, int(own.max(initial=-1)) + 1),
        )

    def _put_pictures(
        self, extent: Extent, pictures: Sequence[Picture], vectors: Floats
    ) -> tuple[Ints, Extent]:
        """Keeps the pictures; returns the rows of all, and the extent with them."""
        keys = [picture.key for picture in pictures]
        rows, new = _placed(self._records.picture_rows(keys), keys, extent.pictures)
        extent = self._rows.append(extent, pictures=_chosen(vectors, new))
        self._records.put_pictures(rows, pictures)
        return rows, replace(extent, pictures=extent.pictures + len(new))

    def _put_links(self, extent: Extent, seen: Generation, links: Ints) -> Extent:
        """Writes the links (n, 2) that are new, restores the removed; returns the extent."""
        new = links[~seen.has_written(links)]
        extent = self._rows.append(extent, links=new)
        self._records.restore(links[seen.has_removed(links)])
        return replace(extent, links=extent.links + len(new))

    def _newest(self) -> Generation:
        """What is committed now."""
        newest = self._rows.at(*self._records.extent())
        if self._records.is_replaced:
            raise Mismatch(f"{self.folder} was replaced since it was opened: open it again")
        return newest


def excerpt(text: str) -> str:
    """The first ``EXCERPT`` characters of a text, white space folded."""
    folded = " ".join(text[: 4 * EXCERPT].split())
    return folded if len(folded) <= EXCERPT else folded[: EXCERPT - 1] + "…"


def _placed(rows: Ints, names: Sequence[str], count: int) -> tuple[Ints, Ints]:
    """Rows for all names, of which ``count`` are taken; indices of the first of each new name.

    Args:
        rows: (N,) of the names that are known, else -1.
        names: N names; may repeat.
        count: how many rows there are.
    """
    placed = rows.copy()
    new: list[int] = []
    taken: dict[str, int] = {}
    for index in np.flatnonzero(rows < 0).tolist():
        name = names[index]
        if name not in taken:
            taken[name] = count + len(new)
            new.append(index)
        placed[index] = taken[name]
    return placed, np.array(new, dtype=np.int64)


def _chosen(vectors: Floats, rows: Ints) -> Floats:
    """The chosen rows, ascending; no copy where that is all of them."""
    return vectors if len(rows) == len(vectors) else vectors[rows]
