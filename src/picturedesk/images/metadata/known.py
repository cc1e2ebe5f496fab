"""The facts of all blocks of a file, joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from picturedesk.images.metadata.blocks import Blocks
from picturedesk.images.metadata.exif import read_exif
from picturedesk.images.metadata.iptc import read_iptc
from picturedesk.images.metadata.licences import licence_of
from picturedesk.images.metadata.xmp import read_xmp
from picturedesk.types import Cell

_Block = TypeVar("_Block")
Known = dict[str, Cell]
"""Facts of a file by the names of a picture's fields and columns."""


def known_facts(blocks: Blocks) -> Known:
    """What a file says of its picture; fields of ``Picture`` and own columns, by name.

    Fields: caption, credit (the credit line, else the creators, else the source), licence (a known
    one that usage terms or the web statement name), date (when it was taken), tags, embargo,
    expiry. Own columns: headline, title, creator, source, copyright, usage_terms, place, city,
    state, country, latitude, longitude, rating.
    """
    facts: Known = {}
    if blocks.exif is not None:
        facts |= _whole(read_exif, blocks.exif)
    if blocks.iptc:
        facts |= _whole(read_iptc, blocks.iptc)
    if blocks.xmp:
        facts |= _whole(read_xmp, blocks.xmp)
    statement = facts.pop("web_statement", "")
    licence = licence_of(*(str(text) for text in (statement, _text(facts, "usage_terms")) if text))
    credit = next(
        filter(None, (_text(facts, name) for name in ("credit", "creator", "source"))), ""
    )
    for name, value in (("licence", licence), ("credit", credit)):
        if value:
            facts[name] = value
    if statement and not licence and "usage_terms" not in facts:
        facts["usage_terms"] = statement
    return facts


def _text(facts: Mapping[str, Cell], name: str) -> str:
    return str(facts.get(name, ""))


def _whole(read: Callable[[_Block], Known], block: _Block) -> Known:
    """What a reader finds; {} where a damaged block stops it in a way that nobody foresaw."""
    try:
        return read(block)
    except Exception:  # one broken file must not end a run over an archive
        return {}
