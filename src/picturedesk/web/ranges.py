"""Bytes of a file, or the range of them that a caller asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from picturedesk.web.originals import Original
from picturedesk.web.problems import problem

_PIECE = 2**18  # bytes that are read at a time
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def ranged(found: Original, asked: str, headers: dict[str, str]) -> Response:
    """A picture's bytes as a response: all, a part (206), or a refusal (416).

    Args:
        found: the bytes.
        asked: the header Range; of several ranges, none counts.
        headers: of the response, beside those of its length.
    """
    size = len(found.data) if found.path is None else found.path.stat().st_size
    span = _span(asked, size)
    if span is None:
        wanted = {"Content-Range": f"bytes */{size}"}
        return problem(416, "No such range", f"the file has {size} bytes", headers=wanted)
    start, end = span
    headers = headers | {
        "Accept-Ranges": "bytes",
        "Content-Length": str(end - start),
        "Content-Disposition": f"inline; filename*=utf-8''{quote(_plain(found.name))}",
    }
    is_part = end - start < size
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    pieces = _pieces(found.path, found.data, start, end)
    return StreamingResponse(pieces, 206 if is_part else 200, headers, found.media_type)


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Begin and end of what is asked for; all without a range; None if there is no such part."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def _pieces(path: Path | None, data: bytes, start: int, end: int) -> Iterator[bytes]:
    source: BinaryIO = BytesIO(data) if path is None else path.open("rb")
    with source:
        source.seek(start)
        left = end - start
        while left and (piece := source.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece


def _plain(name: str) -> str:
    return name.encode("utf-8", "replace").decode()
