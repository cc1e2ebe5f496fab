"""Text, HTML and DOCX files as plain text. Opens no address and runs nothing.

What a file is says its content. HTML is read by ``markup``; of DOCX only the text of
the document is unpacked, up to a limit.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from picturedesk.datasets.encoding import decode_text
from picturedesk.web.markup import plain_text
from picturedesk.web.problems import Refused

MOST_BYTES = 20_000_000  # of a file, and of a DOCX file's text when it is unpacked
_ZIP = b"PK\x03\x04"
_BODY = "word/document.xml"
_WORDS = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SIGNS = {f"{_WORDS}tab": "\t", f"{_WORDS}br": "\n", f"{_WORDS}cr": "\n"}
_HTML = re.compile(r"\s*<(!doctype html|html|head|body|article|section|div|p|h[1-6])\b", re.I)
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_GAPS = re.compile(r"\n\s*\n+")


@dataclass(frozen=True, slots=True)
class Document:
    """A file as text.

    Attributes:
        kind: "text", "html" or "docx".
        text: its words; paragraphs are divided by empty lines.
    """

    kind: str
    text: str


def read_document(data: bytes, name: str) -> Document:
    """A file as text.

    Args:
        data: its bytes.
        name: for messages, and to know HTML that has no mark of it.

    Raises:
        Refused: it is none of the kinds, or cannot be read.
    """
    if data.startswith(_ZIP):
        return Document("docx", _of_docx(data, name))
    try:
        text = decode_text(data)
    except UnicodeDecodeError:
        raise _unreadable(name, "is neither text in UTF-8 nor HTML nor DOCX") from None
    if "\0" in text:
        raise _unreadable(name, "is no text: it has NUL bytes")
    if _HTML.match(text) or name.lower().endswith((".html", ".htm", ".xhtml")):
        return Document("html", plain_text(text))
    return Document("text", text.strip())


def _of_docx(data: bytes, name: str) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, packed.open(_BODY) as file:
            body = file.read(MOST_BYTES + 1)
    except KeyError:
        raise _unreadable(name, "is a zip archive, and no DOCX file") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ):
        raise _unreadable(name, "is a broken DOCX file") from None
    if len(body) > MOST_BYTES:
        raise Refused(
            413, "Too large", f"{name} unpacks to more than {MOST_BYTES / 1e6:g} megabytes of text"
        )
    try:
        return _tidy(_paragraphs(body))
    except (ParseError, DefusedXmlException, ValueError):
        raise _unreadable(name, "is a broken DOCX file") from None


def _paragraphs(body: bytes) -> str:
    pieces: list[str] = []
    for _, element in iterparse(io.BytesIO(body), forbid_dtd=True):
        if element.tag == f"{_WORDS}t":
            pieces.append(element.text or "")
        elif element.tag == f"{_WORDS}p":
            pieces.append("\n\n")
            element.clear()
        else:
            pieces.append(_SIGNS.get(element.tag, ""))
    return "".join(pieces)


def _tidy(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _GAPS.sub("\n\n", "\n".join(lines)).strip()


def _unreadable(name: str, reason: str) -> Refused:
    return Refused(
        415, "Unsupported media type", f"{name} {reason}", "save it as UTF-8 text, HTML or DOCX"
    )
