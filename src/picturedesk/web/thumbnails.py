"""Small pictures, made once and kept on disk in a folder that stays below a size.

Made by the decoder of ``images``, with its guards against hostile files. A thumbnail never changes:
its name is the content key of the picture, its width and its format.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from picturedesk.desk.desk import Desk
from picturedesk.disk.artifacts import atomic_path
from picturedesk.images import DecodePolicy, decode
from picturedesk.web.originals import MEDIA_TYPES, Originals

WIDTHS = (160, 240, 320, 480, 640, 960, 1280, 1920)  # pixels; others are rounded up
FORMATS = {"webp": "WebP", "avif": "AVIF", "jpeg": "JPEG"}  # of a name → of a picture
_QUALITY = {"webp": 80, "avif": 60, "jpeg": 85}
_TALL = 3  # a thumbnail is at most so many times as high as wide
_SWEEP = 64  # thumbnails between two looks at the size of the folder
_LEFT = 0.8  # of the limit, after old ones were removed
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Size:
    """What is asked for.

    Attributes:
        key: of the picture.
        width: pixels, one of ``WIDTHS``.
        format: one of ``FORMATS``.
    """

    key: str
    width: int
    format: str

    @property
    def etag(self) -> str:
        """Names the bytes for caches."""
        return f'"{self.key}-{self.width}-{self.format}"'

    @property
    def media_type(self) -> str:
        """Of HTTP."""
        return MEDIA_TYPES[FORMATS[self.format]]


class Memory:
    """Memory for pictures that are being decoded, shared by threads.

    Args:
        limit: bytes; a picture that takes more waits until it is alone.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def budget(self) -> Iterator[list[int]]:
        """A claim that is given back at the end of the block; ``take`` fills it."""
        claim: list[int] = []
        try:
            yield claim
        finally:
            with self._changed:
                self._held -= sum(claim)
                self._changed.notify_all()

    def take(self, claim: list[int], size: int) -> None:
        """Waits until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + size <= self._limit)
            self._held += size
            claim.append(size)


class Thumbnails:
    """Makes and keeps thumbnails.

    Args:
        folder: for the files.
        originals: files of pictures.
        megabytes: of all files, at most.
        memory: megabytes for pictures in decoding.
    """

    def __init__(
        self, folder: Path, originals: Originals, megabytes: float, memory: float = 1000.0
    ) -> None:
        self._folder = folder
        self._originals = originals
        self._limit = megabytes * 1e6
        self._memory = Memory(memory * 1e6)
        self._made = 0
        self._lock = threading.Lock()

    def read(self, desk: Desk, size: Size) -> bytes:
        """The bytes of a thumbnail; makes it if there is none.

        Raises:
            Refused: the picture's file is gone.
            BadPicture: it cannot be read any more.
        """
        path = self._folder / size.key[:2] / f"{size.key}-{size.width}.{size.format}"
        with suppress(OSError):
            data = path.read_bytes()
            os.utime(path)
            return data
        data = self._make(desk, size)
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
        self._keep_small()
        return data

    def _make(self, desk: Desk, size: Size) -> bytes:
        policy: DecodePolicy = desk.limits.decode
        source = self._originals.read(desk, size.key, policy)
        box = (size.width, _TALL * size.width)
        with self._memory.budget() as claim:
            image = decode(
                source, size.key, policy, size.width, lambda held: self._memory.take(claim, held)
            )
            image.thumbnail(box)
        buffer = io.BytesIO()
        settings = {"speed": 8} if size.format == "avif" else {}
        image.save(buffer, FORMATS[size.format], quality=_QUALITY[size.format], **settings)
        return buffer.getvalue()

    def _keep_small(self) -> None:
        with self._lock:
            self._made += 1
            if self._made % _SWEEP:
                return
        found = []
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._limit:
            return
        for _, size, path in sorted(found, key=lambda one: one[0]):
            with suppress(OSError):
                path.unlink()
            total -= size
            if total <= _LEFT * self._limit:
                break
        _LOG.info("old thumbnails were removed")


def rounded(width: int) -> int:
    """The width that is made for one that is asked for."""
    return next((one for one in WIDTHS if one >= width), WIDTHS[-1])


def best_format(accept: str) -> str:
    """The format for a header Accept: WebP or AVIF where it names them, else JPEG.

    Of two that are equally welcome WebP counts, which is made in a tenth of the time.
    """
    qualities = {"image/webp": 0.0, "image/avif": 0.0}
    for one in accept.split(","):
        name, _, parameters = one.strip().partition(";")
        if name.strip().lower() in qualities:
            qualities[name.strip().lower()] = _quality(parameters)
    best = max(qualities, key=lambda name: qualities[name])
    return best.removeprefix("image/") if qualities[best] > 0 else "jpeg"


def _quality(parameters: str) -> float:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
