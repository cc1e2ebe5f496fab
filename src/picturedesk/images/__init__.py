"""Bytes → RGB picture → network input, and hashes of both. Knows no backbone and no storage."""

from __future__ import annotations

from picturedesk.images.decode import DecodePolicy, content_key, decode, full_size, read_picture
from picturedesk.images.hashes import near_duplicate_groups, perceptual_hash
from picturedesk.images.pixels import to_pixels

__all__ = [
    "DecodePolicy",
    "content_key",
    "decode",
    "full_size",
    "near_duplicate_groups",
    "perceptual_hash",
    "read_picture",
    "to_pixels",
]
