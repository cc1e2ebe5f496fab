"""Loads WebPs. Their decoder makes a picture of zeros; here a rest of zeros is detected."""

from __future__ import annotations

import io

from picturedesk.images.whole.opened import Opened, zeroed, zeros_until

_CUT = 32  # bytes; even, as the size of a chunk in its file is


def load(opened: Opened) -> None:
    """Loads a WebP.

    Raises:
        Truncated: the rest of its data is zeros.
    """
    if _can_spare_its_end(opened):
        raise zeroed()
    opened.image.load()


def _can_spare_its_end(opened: Opened) -> bool:
    """Whether the data of the picture end in zeros that its decoder does not need.

    The data of a whole picture end where its last pixel is complete; those of an even area may end
    in zeros, but without them the decoder reports that its data ran out. To make a picture of zeros
    that belong to no picture, a decoder needs few of them.
    """
    data = opened.data
    start, end = _pixels(data)
    if not zeros_until(data, end, start):
        return False
    size, whole = (end - start - _CUT).to_bytes(4, "little"), len(data) - 8 - _CUT
    shorter = b"RIFF" + whole.to_bytes(4, "little") + data[8 : start - 4] + size
    try:
        image = type(opened.image)(io.BytesIO(shorter + data[start : end - _CUT] + data[end:]))
        image.load()
    except Exception:  # libwebp's own and several built-in ones
        return False
    return True


def _pixels(data: bytes) -> tuple[int, int]:
    """Where the compressed pixels of the first frame begin and end; equal if there are none."""
    at, end = 12, len(data)
    while at + 8 <= end:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8 ", b"VP8L"):
            return at + 8, min(at + 8 + size, end)
        at += 8 + 16 if name == b"ANMF" else 8 + size + size % 2  # a frame holds chunks itself
    return end, end
