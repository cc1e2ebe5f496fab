"""Addresses of catalogues on a Milvus server, or in a file of milvus-lite. Opens nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import picturedesk.checks as checks
from picturedesk.errors import BadInput

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
_WANTED = "milvus://HOST:PORT/NAME or milvus:///FOLDER/FILE.db/NAME"
_OPTIONS = ("fresh", "index", "tls")
EXACT, GRAPH = "flat", "hnsw"  # indexes of new vectors


@dataclass(frozen=True, slots=True)
class Address:
    """Where a catalogue is.

    Attributes:
        text: as it was given.
        uri: for the client: ``http://host:port``, or the path of a file.
        name: of the catalogue there; the names of its collections begin with it.
        fresh: seconds for which an answer of the server about changes holds; 0 asks each time.
        is_file: whether milvus-lite keeps it in a file, for one process at a time.
        index: of vectors that are put there anew, ``EXACT`` or ``GRAPH``.
    """

    text: str
    uri: str
    name: str
    fresh: float = 0.0
    is_file: bool = False
    index: str = EXACT

    @classmethod
    def of(cls, text: str) -> Address:
        """Reads an address; raises BadInput for one that cannot be used."""
        checks.encodable("the address of a catalogue", text)
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query))
        if parts.scheme != "milvus" or parts.fragment or options.keys() - {*_OPTIONS}:
            raise checks.refusal("the address of a catalogue", text, _WANTED)
        if "@" in parts.netloc:
            raise BadInput(
                "the address of a catalogue holds a password: put it into the environment variable "
                "PICTUREDESK_MILVUS_TOKEN, as user:password"
            )
        place, _, name = parts.path.rpartition("/")
        if not _NAME.fullmatch(name) or bool(parts.netloc) == bool(place):
            raise checks.refusal("the address of a catalogue", text, _WANTED)
        fresh = _seconds(options.get("fresh", "0"))
        index = options.get("index", EXACT)
        if index not in (EXACT, GRAPH):
            raise checks.refusal("index", index, f"{EXACT} or {GRAPH}")
        if not parts.netloc:
            if not place.endswith(".db"):
                raise checks.refusal("the address of a catalogue", text, _WANTED)
            return cls(text, str(Path(place)), name, fresh, is_file=True, index=index)
        secure = options.get("tls", "false") == "true"
        uri = f"http{'s' if secure else ''}://{parts.netloc}"
        return cls(text, uri, name, fresh, index=index)


def _seconds(given: str) -> float:
    try:
        return checks.number("fresh", float(given), 0.0)
    except ValueError:
        raise checks.refusal("fresh", given, "seconds, 0 or more") from None
