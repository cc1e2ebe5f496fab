"""Bytes → text: byte order marks, UTF-8, a named fallback. Knows nothing of archives."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

from picturedesk.types import Rejection

MAX_TEXT_BYTES = 64 * 2**20  # a single text file beyond this is not a text
GB18030 = "gb18030"  # holds GBK and GB2312

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_UTF8 = "save it as UTF-8"


def marked_encoding(head: bytes) -> str:
    """The encoding that a byte order mark at the start states, "" without a mark."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "")


def decode_text(data: bytes, fallback: str = "") -> str:
    """Decodes by byte order mark, else as UTF-8, else by ``fallback``.

    Raises:
        UnicodeDecodeError: if none of them fits; nothing is guessed beyond that.
    """
    marked = marked_encoding(data)
    if marked:
        return data.decode(marked)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if not fallback:
            raise
        return data.decode(fallback)


def read_text(path: Path, fallback: str = "") -> str | Rejection:
    """The text of a file, which is not only white space, or why it cannot be used.

    Args:
        path: the file.
        fallback: encoding that is tried where the bytes are not UTF-8, "" for none.
    """
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            limit = MAX_TEXT_BYTES // 2**20
            return Rejection(str(path), f"it is larger than {limit} MiB", "is it a text?")
        data = path.read_bytes()
    except OSError as error:
        return Rejection(str(path), f"cannot be read: {error.strerror}", "make it readable")
    try:
        text = decode_text(data, fallback)
    except UnicodeDecodeError as error:
        tried = f"neither UTF-8 nor {fallback}" if fallback else "not UTF-8"
        return Rejection(str(path), f"is {tried} (byte {error.start})", _AS_UTF8)
    if "\0" in text:
        return Rejection(str(path), "holds NUL: UTF-16 without a byte order mark?", _AS_UTF8)
    if not text.strip():
        return Rejection(str(path), "is empty", "write the text into it")
    return text


def open_lines(path: Path) -> TextIO:
    r"""A text file for reading line by line, in which no bad byte stops the run.

    What is not UTF-8 comes through as lone surrogates (``broken_text`` finds them), so that
    the one line can be named. Lines keep their ends ("\r\n", "\r", "\n").
    """
    with path.open("rb") as file:
        marked = marked_encoding(file.read(4))
    errors = "replace" if marked.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return path.open(encoding=marked or "utf-8", errors=errors, newline="")


def broken_text(text: str) -> str:
    """Why a decoded line cannot be used, "" if it can."""
    if "\0" in text:
        return "holds NUL: UTF-16 without a byte order mark?"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""
