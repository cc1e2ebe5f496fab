"""Objects of object storage, such as ``s3://bucket/key.jpg``, read by fsspec. Knows no pictures.

An archive may come from anybody, and whoever reads it has keys to buckets that its author may not
read. So addresses are read only below those that the environment variable ``PICTUREDESK_OBJECTS``
names; nothing else is asked or fetched. Objects are only read; nothing is listed or written.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ALLOWED = "PICTUREDESK_OBJECTS"
EXTRA = "picturedesk[remote]"
_SETTINGS: Mapping[str, Mapping[str, Any]] = {  # scheme → of its file system
    "s3": {
        "config_kwargs": {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}
    },
    "gs": {},
    "az": {},
}
_BEGINNINGS = tuple(f"{scheme}://" for scheme in _SETTINGS)
_ADDRESS = re.compile(rf"(?P<scheme>{'|'.join(_SETTINGS)})://[^/\s]+/.+", re.DOTALL)
_MARK = 2**63 - 1  # largest
_BLOCK = 4 * 2**20  # bytes that a file asks for at once


class Unreadable(OSError):
    """An object that cannot be read.

    Attributes:
        reason: why.
        cure: how to make it readable.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


class Refused(Unreadable):
    """An address that may not be read, or cannot be as this machine is set up."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object as it is at the moment.

    Attributes:
        size: bytes.
        mark: another number for other content; made of the entity tag, or of the time of change.
    """

    size: int
    mark: int


def is_object(uri: str) -> bool:
    """Whether a uri is the address of an object; it may still be refused."""
    return uri.startswith(_BEGINNINGS)


def refusal(uri: str) -> Refused | None:
    """Why an address may not be read; None if it may. Asks nobody."""
    if not _ADDRESS.fullmatch(uri) or {".", ".."} & set(uri.split("/")):
        return Refused("is no address of an object", "write s3://BUCKET/KEY")
    if any(uri.startswith(f"{one.rstrip('/')}/") for one in _allowed()):
        return None
    bucket = "/".join(uri.split("/")[:3])
    return Refused(
        f"may not be read: it is not below what {ALLOWED} names",
        f"if this bucket may be read for this archive, set {ALLOWED}={bucket}/",
    )


def state(uri: str) -> ObjectState:
    """Size and mark of an object.

    Raises:
        FileNotFoundError: there is none.
        PermissionError: the storage does not allow it.
        Unreadable: anything else.
    """
    files = _files(uri)
    with _translated():
        found = files.info(uri)
    if found.get("type") != "file":
        raise Unreadable("is a folder of objects", "give the objects themselves")
    marks = ("ETag", "etag", "LastModified", "last_modified", "updated")
    mark = next((str(found[name]) for name in marks if found.get(name)), "")
    digest = hashlib.sha256(mark.encode()).digest()
    return ObjectState(int(found["size"]), int.from_bytes(digest[:8]) & _MARK)


def read(uri: str, start: int, end: int) -> bytes:
    """The bytes of an object from ``start`` to before ``end``, fewer at its end.

    Raises as ``state``.
    """
    files = _files(uri)
    with _translated():
        data: bytes = files.cat_file(uri, start=start, end=end)
    return data


def _allowed() -> list[str]:
    return [one for one in re.split(r"[\s,]+", os.environ.get(ALLOWED, "")) if is_object(one)]


def _files(uri: str) -> Any:  # noqa: ANN401 - a file system of fsspec
    """The file system of an address; raises Refused if it may not or cannot be read."""
    refused = refusal(uri)
    if refused is not None:
        raise refused
    scheme = uri.partition(":")[0]
    try:
        import fsspec

        return fsspec.filesystem(scheme, use_listings_cache=False, **_SETTINGS[scheme])
    except ImportError:
        library = {"s3": EXTRA, "gs": "gcsfs", "az": "adlfs"}[scheme]
        reason = f"is in object storage, and the library for {scheme}:// is not installed"
        raise Refused(reason, f'pip install "{library}"') from None


class ObjectFile:
    """An object as a file that is read, mostly forwards; a few megabytes are in memory.

    Args:
        uri: its address; asked for when it is opened.

    Raises:
        FileNotFoundError, PermissionError, Unreadable: also while it is read.
    """

    def __init__(self, uri: str) -> None:
        files = _files(uri)
        with _translated():
            self._file = files.open(uri, "rb", block_size=_BLOCK, cache_type="readahead")

    def seek(self, at: int, whence: int = 0) -> int:
        """Moves to a byte."""
        return int(self._file.seek(at, whence))

    def tell(self) -> int:
        """The present byte."""
        return int(self._file.tell())

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        with _translated():
            data: bytes = self._file.read(size)
        return data

    def close(self) -> None:
        """Ends it."""
        self._file.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Turns what libraries raise into the errors of ``state``."""
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # those of botocore have no base in common with OSError
        said = " ".join(str(error).split()) or type(error).__name__
        cure = "check address, network and credentials"
        raise Unreadable(f"cannot be read ({said[:120]})", cure) from None
