"""The three standard streams and text files, whatever state the caller left them in.

Closed, broken, full, in another encoding, or without an end. Knows no verb.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from picturedesk.errors import BadInput, PicturedeskError

MAX_MEGABYTES = 10.0  # of a text; a long novel has 3
STDIN = "-"
_MEGABYTE = 1_000_000  # bytes


class OutputEnded(Exception):
    """The reader of stdout has closed it and wants no more: ``picturedesk … | head -1``."""


class OutputFailed(PicturedeskError):
    """The result cannot be written to stdout."""


def prepare() -> None:
    """Makes all three streams usable; what they cannot encode is written as a question mark.

    A closed descriptor is filled: else the next file that is opened, a database perhaps, would get
    its number and receive what libraries write to stderr.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number
    if sys.stdout is None:  # to write to a descriptor that can only be read fails, as it should
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def write(text: str) -> None:
    """Writes to stdout.

    Raises:
        OutputEnded: the reader wants no more.
        OutputFailed: it is closed, or its disk is full.
    """
    _do(lambda: sys.stdout.write(text))


def flush() -> None:
    """Hands over what was written to stdout; raises as ``write`` does."""
    _do(sys.stdout.flush)


def settle() -> None:
    """Hands over what can be, before an error is told; lets go of the rest."""
    with suppress(OutputEnded, OutputFailed):
        flush()


def tell(text: str) -> None:
    """Writes to stderr. If nobody reads it, work goes on all the same."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(2)


def encodes(text: str) -> bool:
    """Whether stdout can show all of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def from_argument(text: str) -> str:
    """An argument as text: read as UTF-8, whatever the locale says.

    Python reads arguments by the locale, and keeps bytes that do not fit as lone surrogates.
    """
    try:
        return os.fsencode(text).decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text


def read_text(source: Path, max_megabytes: float = MAX_MEGABYTES) -> str:
    """A text from a file or a pipe.

    Args:
        source: its path.
        max_megabytes: a larger one is refused.

    Raises:
        BadInput: it is a folder or device, too large, unreadable, or no text.
    """
    return decoded(_read(source, in_bytes(max_megabytes)), str(source), max_megabytes)


def in_bytes(megabytes: float) -> int:
    """Megabytes as a number of bytes."""
    return int(megabytes * _MEGABYTE)


def decoded(data: bytes | None, name: str, max_megabytes: float) -> str:
    """Bytes as a text.

    Args:
        data: None if there are more than ``max_megabytes``.
        name: where they come from.
        max_megabytes: the limit, for the error.

    Raises:
        BadInput: there are too many, or they are no text.
    """
    from picturedesk.datasets.encoding import decode_text

    if data is None:
        raise BadInput(
            f"{name} has more than {max_megabytes:g} MB: give a shorter text, or raise "
            "--max-megabytes"
        )
    try:
        return decode_text(data)
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def _read(source: Path, most: int) -> bytes | None:
    """The bytes of a file; None if there are more than ``most``."""
    try:
        _refuse_devices(source)
        with open(source, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror or error}") from None
    return data if len(data) <= most else None


def _refuse_devices(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise BadInput(f"{path} is a folder: give one text file")
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise BadInput(f"{path} is a device: give a text file, or - to read stdin")


def _do(act: Callable[[], object]) -> None:
    try:
        act()
    except BrokenPipeError:
        _discard(1)
        raise OutputEnded from None
    except OSError as error:
        _discard(1)
        closed = error.errno == errno.EBADF
        reason = "it is closed" if closed else error.strerror
        raise OutputFailed(f"standard output cannot be written: {reason}") from None


def _discard(number: int) -> None:
    """Lets a stream end in nothing, so that what it still holds raises no error at exit."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)
