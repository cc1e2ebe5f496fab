"""Settings of a server. Knows no library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import picturedesk.checks as checks

if TYPE_CHECKING:
    from picturedesk.web.access.config import AccessConfig

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
        names: others under which the server is reached ("desk.example.org").
        origins: web sites that may embed it ("https://cms.example.org").
        rate: requests per second for each key, and for each address without one; inf for no limit.
        log_texts: whether queries, which may hold words of texts, are logged.
        max_files: files of one upload.
        max_megabytes: of one uploaded file.
        max_request: megabytes of one upload.
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
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: float = 200.0
    log_texts: bool = False
    max_files: int = 500
    max_megabytes: float = 50.0
    max_request: float = 2000.0
    max_megapixels: float = 100.0
    at_once: int = 4
    thumbnail_megabytes: float = 500.0

    def __post_init__(self) -> None:
        checks.settings(
            self, limits=("rate", "max_megabytes", "max_megapixels", "thumbnail_megabytes")
        )
        checks.number("max_request", self.max_request, 0.001, 1e9)
        for name in ("workers", "threads", "max_files", "at_once"):
            checks.whole_number(name, getattr(self, name), 1)
        checks.whole_number("port", self.port, 0, 65535)

    @property
    def access(self) -> AccessConfig:
        """Who may reach the server, and how much of it; raises BadInput for names that are none."""
        from picturedesk.web.access.config import AccessConfig

        return AccessConfig(
            desk=self.desk,
            host=self.host,
            hosts=self.names,
            origins=self.origins,
            rate=self.rate,
            max_upload=round(self.max_request * 1e6),
            log_texts=self.log_texts,
        )

    @property
    def folder(self) -> Path:
        """Where the server keeps its own files."""
        if self.state is not None:
            return self.state
        root = self.desk.absolute()
        return root.with_name(f"{root.name}.served")
