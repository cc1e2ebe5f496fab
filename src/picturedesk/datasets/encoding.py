"""Bytes → text: byte order marks, UTF-8, a named fallback. Knows nothing of archives."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import TextIO

from picturedesk.types import Rejection

MAX_TEXT_BYTES = 64 * 2**20  # larger files are not read as texts
GB18030 = "gb18030"  # includes GBK and GB2312

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: it begins with the mark of that
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_UTF8 = "save it as UTF-8"
_BLOCK = 2**20  # bytes
_UTF8_SIGN = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")  # the beginning of any but rare ones
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # in Windows-1252
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_MOST_IN_PAIRS = 0.2


def marked_encoding(head: bytes) -> str:
    """The encoding of a byte order mark at the start; "" without a mark."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "")


def decode_text(data: bytes, fallback: str = "") -> str:
    """Decodes by byte order mark, else as UTF-8, else by ``fallback``; guesses no other encoding.

    Raises:
        UnicodeDecodeError: none of them fits.
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
    """The text of a file, or a rejection if it cannot be read or has only white space.

    Args:
        path: the file.
        fallback: encoding to try if the bytes are not UTF-8; "" for none.
    """
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            limit = MAX_TEXT_BYTES // 2**20
            return Rejection(
                str(path), f"it is larger than {limit} MiB", "check that it is a text file"
            )
        data = path.read_bytes()
    except OSError as error:
        return Rejection(str(path), f"cannot be read: {error.strerror}", "make it readable")
    try:
        text = decode_text(data, fallback)
    except UnicodeDecodeError as error:
        tried = f"neither UTF-8 nor {fallback}" if fallback else "not UTF-8"
        return Rejection(str(path), f"is {tried} (byte {error.start})", _AS_UTF8)
    if "\0" in text:
        return Rejection(
            str(path), "contains NUL bytes: it may be UTF-16 without a byte order mark", _AS_UTF8
        )
    if not text.strip():
        return Rejection(str(path), "is empty", "write the text into it")
    return text


def table_encoding(path: Path) -> str:
    """The encoding of a table without a byte order mark: UTF-8 or Windows-1252.

    It is Windows-1252 if it is not UTF-8 anywhere beyond ASCII, and its signs beyond ASCII stand
    alone between others, as umlauts and accents do; in Chinese encodings they stand in pairs.
    """
    signs = pairs = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if _UTF8_SIGN.search(block) or _UNDEFINED.search(block):
                return "utf-8"
            runs = _BEYOND_ASCII.findall(block)
            signs += sum(map(len, runs))
            pairs += sum(len(run) for run in runs if len(run) > 1)
    return "cp1252" if signs and pairs <= _MOST_IN_PAIRS * signs else "utf-8"


def open_lines(path: Path, encoding: str = "utf-8") -> TextIO:
    r"""Opens a text file for reading by lines; bytes of another encoding raise no error.

    Such bytes become lone surrogates, so that ``broken_text`` can find the line. Lines keep their
    ends ("\r\n", "\r", "\n").
    """
    with path.open("rb") as file:
        marked = marked_encoding(file.read(4))
    errors = "replace" if marked.startswith(("utf-16", "utf-32")) else "surrogateescape"
    return path.open(encoding=marked or encoding, errors=errors, newline="")


def broken_text(text: str) -> str:
    """Why a decoded line cannot be used; "" if it can."""
    if "\0" in text:
        return "contains NUL bytes: it may be UTF-16 without a byte order mark"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8"
    return ""
