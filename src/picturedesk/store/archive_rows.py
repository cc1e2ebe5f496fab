"""The rows of an archive memory: vectors, groups and links, mapped as of one generation.

Knows neither words nor what was removed last: ``store.archive_records`` says how many rows count
and which links are removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from picturedesk.disk.rows import RowFile
from picturedesk.store.archive_records import CURE, Extent
from picturedesk.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Generation:
    """One generation: mapped rows and removed links.

    Attributes:
        extent: how many rows there are.
        texts: (T, D) vectors.
        pictures: (P, D) vectors.
        groups: (T,) of texts.
        written: (m, 2) links, each once, in the order in which they were first added.
        removed: (R, 2) those that do not count.
    """

    extent: Extent
    texts: Floats
    pictures: Floats
    groups: Ints
    written: Ints
    removed: Ints

    @cached_property
    def links(self) -> Ints:
        """The links (M, 2) that count, by text, then picture."""
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
        self.texts = RowFile(folder / "texts.f32", np.float32, width, CURE)
        self.pictures = RowFile(folder / "pictures.f32", np.float32, width, CURE)
        self.groups = RowFile(folder / "groups.i64", np.int64, 1, CURE)
        self.links = RowFile(folder / "links.i64", np.int64, 2, CURE)

    @property
    def files(self) -> set[str]:
        """Names of the files."""
        return {file.path.name for file in (self.texts, self.pictures, self.groups, self.links)}

    def at(self, extent: Extent, removed: Ints) -> Generation:
        """Maps so many rows; raises MissingArtefact where a file holds fewer."""
        return Generation(
            extent,
            self.texts.read(extent.texts),
            self.pictures.read(extent.pictures),
            self.groups.read(extent.texts)[:, 0],
            self.links.read(extent.links),
            removed,
        )


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
