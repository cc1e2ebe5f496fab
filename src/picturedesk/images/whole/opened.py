"""A picture file that is opened and not loaded, and the error for one that is not whole."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageFile

_RUN = 64  # zero bytes at the end of a file that make it suspicious


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A picture whose header has been read.

    Attributes:
        kind: the kind of its file, one of ``KINDS``.
        data: the whole file.
        image: Pillow's reader, not loaded; a JPEG already reduced.
        full: width and height in the file.
        header: bytes that were read to open it; a JPEG's first scan begins there.
        at_least: needed length of the shorter side, pixels; 0 for full size.
    """

    kind: str
    data: bytes
    image: ImageFile.ImageFile
    full: tuple[int, int]
    header: int
    at_least: int


class Truncated(Exception):
    """The data of a file end before its picture is complete."""


def zeros_until(data: bytes, end: int, start: int = 0) -> bool:
    """Whether ``data[start:end]`` ends in 64 zero bytes, or in zeros only if it is shorter."""
    tail = data[max(start, end - _RUN) : end]
    return len(tail) >= min(_RUN, end - start) > 0 and not any(tail)


def zeroed() -> Truncated:
    """The error for a file whose rest is zeros."""
    return Truncated("the rest of its data is zeros, as after a broken download")
