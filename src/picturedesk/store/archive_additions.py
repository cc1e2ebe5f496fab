"""Additions to an archive memory inside one transaction: rows of vectors, records, links.

The cost follows what is added, not what is there. Knows neither folders nor generations of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from picturedesk.store.archive_records import ArchiveRecords, ArchiveText
from picturedesk.store.archive_rows import ArchiveRows, Generation, each_once
from picturedesk.types import Floats, Ints, Picture


class Additions:
    """What is added to one generation; ``finish`` comes last.

    Args:
        records: in a transaction.
        rows: files of rows.
        seen: the generation that the transaction began with.
    """

    def __init__(self, records: ArchiveRecords, rows: ArchiveRows, seen: Generation) -> None:
        self._records = records
        self._rows = rows
        self._seen = seen
        self._extent = seen.extent

    @property
    def pictures(self) -> int:
        """Number of pictures, new ones included."""
        return self._extent.pictures

    def put_texts(self, texts: Sequence[ArchiveText], vectors: Floats, groups: Ints | None) -> Ints:
        """Stores new texts; returns the rows of all given texts."""
        ids = [text.id for text in texts]
        extent = self._extent
        rows, new = _placed(self._records.text_rows(ids), ids, extent.texts)
        first = extent.next_group
        own = first + np.arange(len(new)) if groups is None else groups[new].astype(np.int64)
        extent = self._rows.append(extent, texts=_chosen(vectors, new), groups=own[:, None])
        self._records.put_texts(rows[new], [texts[index] for index in new])
        self._extent = replace(
            extent,
            texts=extent.texts + len(new),
            next_group=max(first, int(own.max(initial=-1)) + 1),
        )
        return rows

    def put_pictures(self, pictures: Sequence[Picture], vectors: Floats) -> Ints:
        """Stores the pictures; returns their rows."""
        keys = [picture.key for picture in pictures]
        rows, new = _placed(self._records.picture_rows(keys), keys, self._extent.pictures)
        extent = self._rows.append(self._extent, pictures=_chosen(vectors, new))
        self._records.put_pictures(rows, pictures)
        self._extent = replace(extent, pictures=extent.pictures + len(new))
        return rows

    def put_links(self, links: Ints) -> None:
        """Writes new links of rows (n, 2), restores removed ones."""
        links = each_once(links)
        known = links[:, 0] < self._seen.extent.texts  # a new text has no link yet
        written = np.zeros(len(links), dtype=bool)
        if known.any():
            written[known] = self._seen.has_written(links[known])
            self._records.restore(links[self._seen.has_removed(links)])
        new = links[~written]
        extent = self._rows.append(self._extent, links=new)
        self._extent = replace(extent, links=extent.links + len(new))

    def finish(self) -> None:
        """Writes how far the rows reach."""
        self._records.reach(self._extent)


def _placed(rows: Ints, names: Sequence[str], count: int) -> tuple[Ints, Ints]:
    """Rows for all names, and the indices of the first of each new name.

    Args:
        rows: (N,) of known names, -1 for new ones.
        names: N names; may repeat.
        count: number of rows so far; new names get the next ones.
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
    """The chosen rows, ascending; no copy if all are chosen."""
    return vectors if len(rows) == len(vectors) else vectors[rows]
