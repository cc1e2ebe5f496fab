"""The rows of an archive memory: vectors, groups and links of one generation, memory-mapped.

Each file is compared with its checksums when it is first used. ``store.archive_records`` knows how
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
from picturedesk.disk.sums import Sums
from picturedesk.store.archive_checks import complaint
from picturedesk.store.archive_records import Extent
from picturedesk.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Generation:
    """One generation: memory-mapped rows and removed links.

    Attributes:
        extent: numbers of rows.
        rows: file → function that returns its rows.
        removed: (R, 2) removed links.
    """

    extent: Extent
    rows: Mapping[str, Callable[[], npt.NDArray[Any]]]
    removed: Ints

    @cached_property
    def texts(self) -> Floats:
        """(T, D) vectors."""
        return self.rows["texts"]()

    @cached_property
    def pictures(self) -> Floats:
        """(P, D) vectors."""
        return self.rows["pictures"]()

    @cached_property
    def groups(self) -> Ints:
        """(T,) of texts."""
        return self.rows["groups"]()[:, 0]

    @cached_property
    def written(self) -> Ints:
        """(m, 2) links, removed ones included, each once, in the order of their addition."""
        return self.rows["links"]()

    @cached_property
    def links(self) -> Ints:
        """The links (M, 2) without removed ones, by text, then picture."""
        codes = np.sort(_codes(self.written))
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
    """The files of rows in a folder, with vectors of ``width`` numbers."""

    def __init__(self, folder: Path, width: int) -> None:
        self.files: dict[str, RowFile[Any]] = {
            "texts": RowFile(folder / "texts.f32", np.float32, width, CURE, complaint),
            "groups": RowFile(folder / "groups.i64", np.int64, 1, CURE),
            "pictures": RowFile(folder / "pictures.f32", np.float32, width, CURE, complaint),
            "links": RowFile(folder / "links.i64", np.int64, 2, CURE),
        }

    @property
    def names(self) -> set[str]:
        """Names of the files."""
        return {file.path.name for file in self.files.values()}

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
