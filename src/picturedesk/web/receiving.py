"""Bodies with files: written to disk as they come, and refused as soon as one is too large.

Reads multipart/form-data (RFC 7578). A file gets a name of the server's; the caller's name is kept
as a word. Knows no pictures.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from picturedesk.web.problems import Refused
from picturedesk.web.uploads import Upload

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MOST_FIELD = 2_000_000  # bytes of a field that is no file
_MOST_DRAINED = 100_000_000  # bytes
_LONGEST_NAME = 200  # characters of a file's name
_MOST_HEADER = 8192  # bytes of the headers of a part
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one body.

    Attributes:
        files: how many, at most.
        bytes: of one file.
    """

    files: int
    bytes: float


@dataclass(slots=True)
class Form:
    """What a body brought.

    Attributes:
        folder: of its files; gone after the request unless ``keep`` is set.
        fields: texts by name; the last one of a name.
        files: in their order, with the names of their fields.
        keep: whether the folder outlives the request.
    """

    folder: Path
    fields: dict[str, bytes] = field(default_factory=dict)
    files: list[tuple[str, Upload]] = field(default_factory=list)
    keep: bool = False

    def named(self, name: str) -> list[Upload]:
        """The files of a field."""
        return [upload for place, upload in self.files if place == name]


@asynccontextmanager
async def received(
    request: Request,
    incoming: Path,
    limits: Limits,
    files: Collection[str],
    fields: Collection[str],
) -> AsyncIterator[Form]:
    """The body of a request as a form.

    Args:
        request: that has it.
        incoming: a folder for files of requests.
        limits: of the body.
        files: names of the fields that may have files.
        fields: names of other fields.

    Raises:
        Refused: it is no form, too large, or has other fields.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Refused(
            415,
            "Unsupported media type",
            f"the body is {kind.decode('latin-1') or 'of no type'}",
            "send multipart/form-data",
        )
    incoming.mkdir(parents=True, exist_ok=True)
    form = Form(Path(tempfile.mkdtemp(prefix="", dir=incoming)).absolute())
    try:
        with _Parts(form, limits, files, fields) as parts:
            await _fed(request, parts, boundary)
        yield form
    finally:
        if not form.keep:
            shutil.rmtree(form.folder, ignore_errors=True)


async def _fed(request: Request, parts: _Parts, boundary: bytes) -> None:
    pieces = request.stream()
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for piece in pieces:
            parser.write(piece)
        parser.finalize()
    except FormParserError as error:
        await _drained(pieces)
        raise Refused(400, "Invalid request", f"the form cannot be read: {error}") from None
    except Refused:
        await _drained(pieces)
        raise
    if not parts.ended:
        raise Refused(400, "Invalid request", "the form ends in the middle")


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    """Reads on for a while: a caller that still sends would not see the answer."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > _MOST_DRAINED:
            return


class _Parts:
    """Takes the parts of a form as its parser finds them."""

    def __init__(
        self, form: Form, limits: Limits, files: Collection[str], fields: Collection[str]
    ) -> None:
        self._form = form
        self._limits = limits
        self._files, self._fields = files, fields
        self.ended = False
        self._header = (b"", b"")
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._size = 0
        self._file: BinaryIO | None = None
        self._field = bytearray()

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def callbacks(self) -> MultipartCallbacks:
        """For the parser."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._header = {}, (b"", b"")
        self._name, self._size, self._field = "", 0, bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        name, value = self._header
        self._header = (name + data[start:end], value)
        self._require_short_header()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        name, value = self._header
        self._header = (name, value + data[start:end])
        self._require_short_header()

    def _require_short_header(self) -> None:
        known = sum(len(name) + len(value) for name, value in self._headers.items())
        if known + sum(map(len, self._header)) > _MOST_HEADER:
            raise Refused(400, "Invalid request", "a part of the form has too long headers")

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if not self._name:
            raise Refused(400, "Invalid request", "a part of the form has no name")
        is_file = b"filename" in options
        if self._name not in (self._files if is_file else self._fields):
            kind = "file" if is_file else "field"
            known = ", ".join((*self._files, *self._fields))
            detail = f"the form has a {kind} {self._name[:100]!r}"
            raise Refused(400, "Invalid request", detail, f"it may have {known}")
        if not is_file:
            return
        number = len(self._form.files)
        if number >= self._limits.files:
            raise _too_much(f"the form has more than {self._limits.files} files", "send fewer")
        path = self._form.folder / f"{number:05d}"
        self._form.files.append((self._name, Upload(_word(options[b"filename"]), path)))
        self._file = path.open("wb")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is None:
            if self._size > _MOST_FIELD:
                raise _too_much(f"field {self._name} is too long", f"at most {_MOST_FIELD} bytes")
            self._field += data[start:end]
            return
        if self._size > self._limits.bytes:
            name = self._form.files[-1][1].name
            most = f"{self._limits.bytes / 1e6:g} megabytes"
            raise _too_much(f"{name} has more than {most}", "save it smaller")
        self._file.write(data[start:end])

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        else:
            self._form.fields[self._name] = bytes(self._field)

    def _end(self) -> None:
        self.ended = True


def _word(name: bytes) -> str:
    """The name of a file, without folders and signs that mislead."""
    text = re.split(r"[/\\]", name.decode("utf-8", "replace"))[-1]
    return _UNSAFE.sub("", text).strip()[:_LONGEST_NAME] or "file"


def _too_much(detail: str, cure: str) -> Refused:
    return Refused(413, "Too large", detail, cure)
