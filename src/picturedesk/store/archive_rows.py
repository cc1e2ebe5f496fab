"""The rows of an archive memory: vectors, groups and links of one generation, memory-mapped.

Files are compared with their checksums when they are first used; in large archives vectors row by
row. ``store.archive_records`` knows how
many rows are valid and which links are removed; this module does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import CURE
from picturedesk.disk.rows import RowFile
from picturedesk.disk.summed_rows import SummedRowFile
from picturedesk.disk.sums import Sums
from picturedesk.store.archive_checks import complaint
from picturedesk.store.archive_records import Extent
from picturedesk.types import Bools, Ints, Vectors


@dataclass(frozen=True, eq=False)
class Generation:
    """One generation: memory-mapped rows and removed links.

    Attributes:
        extent: numbers of rows.
        rows: file → function that returns its rows.
        removed: (R, 2) removed links.
    """

    extent: Extent
    rows: Mapping[str, Callable[[], Any]]
    removed: Ints

    @cached_property
    def texts(self) -> Vectors:
        """(T, D) vectors."""
        vectors: Vectors = self.rows["texts"]()
        return vectors

    @cached_property
    def pictures(self) -> Vectors:
        """(P, D) vectors."""
        vectors: Vectors = self.rows["pictures"]()
        return vectors

    @cached_property
    def groups(self) -> Ints:
        """(T,) of texts."""
        groups: Ints = self.rows["groups"]()[:, 0]
        return groups

    @cached_property
    def written(self) -> Ints:
        """(m, 2) links, removed ones included, each once, in the order of their addition."""
        written: Ints = self.rows["links"]()
        return written

    @cached_property
    def links(self) -> Ints:
        """The links (M, 2) without removed ones, by text, then picture."""
        codes = _codes(self.written)
        in_order = bool((codes[1:] > codes[:-1]).all())  # unless texts that were there got pictures
        if in_order and not len(self.removed):
            return self.written
        codes = codes if in_order else np.sort(codes)
        links = _pairs(codes[np.isin(codes, _codes(self.removed), invert=True)])
        links.flags.writeable = False
        return links

    def has_written(self, links: Ints) -> Bools:
        """Which of these links (n, 2) have a row, removed or not."""
        near = self.written[np.isin(self.written[:, 0], links[:, 0])]
        return np.isin(_codes(links), _codes(near))

    def has_removed(self, links: Ints) -> Bools:
        """Which of these links (n, 2) are removed."""
        return np.isin(_codes(links), _codes(self.removed))


class ArchiveRows:
    """The files of rows in a folder.

    Args:
        folder: where they are.
        width: numbers of a vector.
        half: whether vectors are in half precision, with a checksum each, as in large archives.
    """

    def __init__(self, folder: Path, width: int, half: bool) -> None:
        self.files: dict[str, RowFile[Any] | SummedRowFile] = {
            "texts": _vectors(folder / "texts", width, half),
            "groups": RowFile(folder / "groups.i64", np.int64, 1, CURE),
            "pictures": _vectors(folder / "pictures", width, half),
            "links": RowFile(folder / "links.i64", np.int64, 2, CURE),
        }

    @property
    def names(self) -> set[str]:
        """Names of the files."""
        return {path.name for file in self.files.values() for path in file.paths}

    def at(self, extent: Extent, removed: Ints) -> Generation:
        """Maps the rows of an extent; raises MissingArtefact if a file has fewer."""
        rows = {name: file.open(self._sums(extent, name)) for name, file in self.files.items()}
        return Generation(extent, rows, removed)

    def append(self, extent: Extent, **rows: npt.NDArray[Any]) -> Extent:
        """Appends rows to some of the files; returns the extent with their checksums."""
        new = {
            name: self.files[name].append(self._sums(extent, name), some)
            for name, some in rows.items()
        }
        return replace(extent, sums={**extent.sums, **new})

    def _sums(self, extent: Extent, name: str) -> Sums:
        return extent.sums.get(name, self.files[name].empty)


def _vectors(path: Path, width: int, half: bool) -> RowFile[Any] | SummedRowFile:
    if half:
        return SummedRowFile(path.with_suffix(".f16"), width, CURE, complaint)
    return RowFile(path.with_suffix(".f32"), np.float32, width, CURE, complaint)


def each_once(links: Ints) -> Ints:
    """The links by text, then picture, without repeats."""
    return _pairs(np.unique(_codes(links)))


def _codes(links: Ints) -> Ints:
    """One number for each link (n, 2), in the order of text, then picture."""
    codes: Ints = (links[:, 0] << 32) | links[:, 1]
    return codes


def _pairs(codes: Ints) -> Ints:
    """The links (n, 2) of these codes."""
    return np.stack([codes >> 32, codes & 0xFFFFFFFF], axis=1)
