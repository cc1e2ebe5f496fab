"""A record that only its owner may read, shared by processes: read again when it has changed.

Does not know what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.disk.lock import locked
from picturedesk.types import Json

_PATIENCE = 10.0  # seconds that a change waits for another


class PrivateRecord:
    """One record.

    Args:
        path: of the file; missing before the first change.
        kind: of the record.
        cure: what a user can do about a damaged one.
    """

    def __init__(self, path: Path, kind: str, cure: str) -> None:
        self._path, self._kind, self._cure = path, kind, cure
        self._seen: tuple[int, int, int] | None = None
        self._content: Json = {}

    def read(self) -> Json:
        """The content; {} if there is no file.

        Raises:
            MissingArtefact: the file is damaged.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._content, self._seen = {}, None
            return {}
        state = (found.st_mtime_ns, found.st_size, found.st_ino)
        if state != self._seen:
            self._content = read_record(self._path, self._kind, self._cure)
            self._seen = state
        return self._content

    def write(self, content: Json) -> None:
        """Replaces the content, inside ``changing``."""
        write_record(self._path, self._kind, content, private=True)

    @contextmanager
    def changing(self) -> Iterator[Json]:
        """The lock for changing the record; gives its content."""
        lock = self._path.with_name(f".{self._path.stem}")
        held = f"another process is changing {self._path}: run again"
        with locked(lock, _PATIENCE, held):
            yield self.read()
