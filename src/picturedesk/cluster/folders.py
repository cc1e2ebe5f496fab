"""A folder as bytes, for machines that do not share a disk with this one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PackedFolder:
    """The files of a folder.

    Attributes:
        files: their bytes by path below the folder, with "/".
    """

    files: Mapping[str, bytes]

    @classmethod
    def of(cls, folder: Path) -> PackedFolder:
        """All files below a folder."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A temporary folder with the files; removed at the end of the block."""
        with tempfile.TemporaryDirectory(prefix="picturedesk-") as name:
            folder = Path(name)
            for path, data in self.files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
            yield folder
