"""Bytes → RGB picture → network input, and hashes of both. Knows no backbone and no storage."""

from __future__ import annotations

from picturedesk.images.decode import (
    Decoded,
    DecodePolicy,
    check_header,
    content_key,
    decode,
    decode_file,
    read_picture,
)
from picturedesk.images.facts import facts_of, with_file_facts
from picturedesk.images.hashes import near_duplicate_groups, perceptual_hash
from picturedesk.images.pixels import to_pixels

__all__ = [
    "DecodePolicy",
    "Decoded",
    "check_header",
    "content_key",
    "decode",
    "decode_file",
    "facts_of",
    "near_duplicate_groups",
    "perceptual_hash",
    "read_picture",
    "to_pixels",
    "with_file_facts",
]
