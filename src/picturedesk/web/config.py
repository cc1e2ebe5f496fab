"""Settings of a server. Knows no library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import picturedesk.checks as checks

PORT = 8642


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """How a desk is served.

    Attributes:
        desk: folder of the desk.
        host: address to listen on.
        port: 0 for any that is free.
        workers: processes that answer; they share the desk's files in memory.
        threads: requests that one worker works on at a time; others wait.
        state: folder for uploads, thumbnails and jobs; None for one beside the desk,
            "NAME.served".
        max_files: files of one upload.
        max_megabytes: of one uploaded file.
        max_megapixels: of one uploaded picture.
        at_once: pictures of an upload that is answered at once; more become a job.
        thumbnail_megabytes: of thumbnails that are kept on disk.

    Raises:
        BadInput: a field is of another kind, or out of range.
    """

    desk: Path
    host: str = "127.0.0.1"
    port: int = PORT
    workers: int = 1
    threads: int = 8
    state: Path | None = None
    max_files: int = 500
    max_megabytes: float = 50.0
    max_megapixels: float = 100.0
    at_once: int = 4
    thumbnail_megabytes: float = 500.0

    def __post_init__(self) -> None:
        checks.settings(self, limits=("max_megabytes", "max_megapixels", "thumbnail_megabytes"))
        for name in ("workers", "threads", "max_files", "at_once"):
            checks.whole_number(name, getattr(self, name), 1)
        checks.whole_number("port", self.port, 0, 65535)

    @property
    def folder(self) -> Path:
        """Where the server keeps its own files."""
        if self.state is not None:
            return self.state
        root = self.desk.absolute()
        return root.with_name(f"{root.name}.served")
