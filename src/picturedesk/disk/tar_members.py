"""Members of tar files, read where they lie: nothing is unpacked and nothing is copied.

A member's uri is ``<path>.tar!<name>``; a tar may be an object in object storage. The name of a
member is only looked up in the tar, so one with ".." or a leading "/" is harmless. Knows bytes and
names, neither pictures nor texts.

Formats: ustar, GNU and pax, not compressed (POSIX.1-2017, pax, "ustar Interchange Format").

Why not ``tarfile``: it needs two to three times as long to list 50,000 members, and ends without
an error at a damaged header or a missing end mark, so that members would be lost unreported; in
Python 3.11.7 a negative size makes it loop (``benchmarks/tar_members.py`` shows all of this).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from picturedesk.disk import object_storage
from picturedesk.disk.object_storage import ObjectFile, is_object

SUFFIX = ".tar"
_MARK = f"{SUFFIX}!"
_BLOCK = 512  # bytes; headers and members begin at multiples of it
_BUFFER = 8192  # bytes read at a header: includes small members, skips large ones
_MAX_EXTRA = 1 << 16  # bytes of an extended header
_INDEXED = 4  # tars whose member names stay in memory; pictures are read tar by tar
_REGULAR = (b"0", b"\0", b"7")
_WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, directories, pipes
_LONG_NAME, _PAX, _SPARSE = b"L", b"x", b"S"
_PAX_SPARSE = b"GNU.sparse."  # first characters of GNU tar's records about a sparse file


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file in a tar.

    Attributes:
        name: as the tar has it; bytes that are not UTF-8 are lone surrogates.
        offset: where its bytes begin.
        size: bytes.
    """

    name: str
    offset: int
    size: int


class Readable(Protocol):
    """A file, as far as tars need one."""

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Moves to a byte; returns which."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer at the end."""


class BrokenTar(Exception):
    """A tar that cannot be read to its end; the members before the fault can.

    Attributes:
        reason: what is wrong, and at which byte.
        cure: how to make the rest readable.
    """

    def __init__(self, reason: str, cure: str = "fetch or write it again") -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


def member_uri(tar: str, name: str) -> str:
    """The uri of a member of a tar, whose path ends in ``.tar``."""
    return f"{tar}!{name}"


def locate(uri: str) -> tuple[str, str]:
    """The file or object of a uri, and the name of a member in it, "" for the file itself."""
    path, mark, name = uri.partition(_MARK)
    if not (mark and name) or (not is_object(uri) and os.path.lexists(uri)):
        return uri, ""
    return path + SUFFIX, name


def absolute(uri: str) -> str:
    """The uri with an absolute path; the name of a member and the address of an object stay."""
    if is_object(uri):
        return uri
    path, name = locate(uri)
    path = os.path.abspath(path)
    return member_uri(path, name) if name else path


def opened(path: str | os.PathLike[str]) -> AbstractContextManager[Readable]:
    """A tar, to be read; an object, if the path is the address of one."""
    if is_object(str(path)):
        return closing(ObjectFile(str(path)))
    return open(path, "rb", buffering=_BUFFER)


def members(path: str | os.PathLike[str]) -> Iterator[Member]:
    """The regular files of a tar, in its order, in one pass over the headers.

    Raises:
        BrokenTar: at the end, if the tar is incomplete or damaged.
        OSError: if it cannot be read.
    """
    with opened(path) as file:
        yield from members_of(file)


def members_of(file: Readable) -> Iterator[Member]:
    """Like ``members``, of an open tar, from which members may be read meanwhile."""
    total = file.seek(0, os.SEEK_END)
    extra: dict[str, bytes] = {}  # from extended headers, for the next member
    at = 0
    while True:
        header = _header(file, at)
        if header is None:
            return
        start = at + _BLOCK
        size = int(extra.get("size", header.size))
        at = start if header.kind in _WITHOUT_DATA else start + -(-size // _BLOCK) * _BLOCK
        if start + size > total and header.kind not in _WITHOUT_DATA:
            raise BrokenTar(f"is cut short: a member ends at byte {start + size} of {total}")
        if header.kind in (_LONG_NAME, _PAX):
            extra |= _extra(file, header)
        elif header.kind != b"g":
            name = _decoded(extra.get("path", header.name))
            extra = {}
            if header.kind in _REGULAR and not name.endswith("/"):
                yield Member(name, start, size)


def find(path: str, name: str) -> Member | None:
    """The first member with this name, None if there is none before the end or a fault.

    Thread-safe. The names of a tar are read once, and again after the tar has changed.
    """
    if is_object(path):
        found = object_storage.state(path)
        state = found.size, found.mark
    else:
        status = os.stat(path)
        state = status.st_size, status.st_mtime_ns
    with _lock:  # one thread indexes a new tar, the others wait
        return _index(path, *state).get(name)


def read_member(file: Readable, member: Member) -> bytes:
    """The bytes of a member of an open tar."""
    file.seek(member.offset)
    return file.read(member.size)


_lock = threading.Lock()


@lru_cache(maxsize=_INDEXED)
def _index(path: str, size: int, mark: int) -> dict[str, Member]:
    """Members by name; size and time of last change (of objects: the mark) identify a state."""
    found: dict[str, Member] = {}
    with suppress(BrokenTar):
        for member in members(path):
            found.setdefault(member.name, member)
    return found


@dataclass(frozen=True, slots=True)
class _Header:
    """One header; ``size`` is of what follows it."""

    name: bytes
    kind: bytes
    size: int


def _header(file: Readable, at: int) -> _Header | None:
    """The header at a byte, None at the end mark of a tar; the file's position is behind it."""
    file.seek(at)
    block = file.read(_BLOCK)
    if not block and not at:
        raise BrokenTar("is empty (0 bytes)")
    if len(block) < _BLOCK and at:
        raise BrokenTar("ends without an end mark, so that members may be missing")
    if block.startswith(b"\x1f\x8b"):
        raise BrokenTar("is compressed, so that no member can be found in it", "gunzip it")
    if not block.strip(b"\0"):
        return None
    try:
        return _parsed(block)
    except ValueError:
        raise BrokenTar(f"is no tar from byte {at} on") from None


def _parsed(block: bytes) -> _Header:
    """Parses a header; raises ValueError if it is none."""
    checksum = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if len(block) < _BLOCK or _number(block[148:156]) != checksum:
        raise ValueError
    kind = block[156:157]
    if kind == _SPARSE:
        raise _sparse()
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0]
    if prefix and block[257:263] == b"ustar\0":  # GNU tar has other data there
        name = prefix + b"/" + name
    return _Header(name, kind, _number(block[124:136]))


def _number(field: bytes) -> int:
    """A number in octal digits; from 8 GiB in binary, marked by the first bit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    digits = field.split(b"\0", 1)[0].strip() or b"0"
    if not digits.isdigit():  # int() accepts a sign, and a negative size would loop
        raise ValueError
    return int(digits, 8)


def _extra(file: Readable, header: _Header) -> dict[str, bytes]:
    """Path and size of the next member, from a GNU long name or a pax header."""
    if header.size > _MAX_EXTRA:
        raise BrokenTar(f"has a header of {header.size} bytes")
    data = file.read(header.size)
    if header.kind == _LONG_NAME:
        return {"path": data.split(b"\0", 1)[0]}
    found = {}
    while data.strip(b"\0"):
        length, _, _ = data.partition(b" ")
        if len(length) > 7 or not (length.isdigit() and len(length) < int(length) <= len(data)):
            raise BrokenTar("has a pax header that cannot be read")
        record, data = data[len(length) + 1 : int(length) - 1], data[int(length) :]
        key, _, value = record.partition(b"=")
        if key.startswith(_PAX_SPARSE):
            raise _sparse()
        if key == b"path" or (key == b"size" and value.isdigit() and len(value) < 20):
            found[key.decode()] = value
    return found


def _sparse() -> BrokenTar:
    return BrokenTar("holds a sparse file, which is not read", "pack it without --sparse")


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
