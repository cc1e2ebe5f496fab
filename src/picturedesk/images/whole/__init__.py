"""Loads pictures and detects files that are not whole, which Pillow does not always report.

Downloads break in two ways. The file may end too early: then Pillow raises, or leaves the rest of
the picture blank. Or it has its full length and the rest is zeros: then many decoders make a
picture of the zeros. Only files that look suspicious are examined, so that all others cost nothing.

A format with no checksum, no end mark and no order in its data cannot show that its rest is
missing: uncompressed BMP and TIFF are such, and zeros are black there. A format that has none of
its own here is loaded as Pillow loads it. Knows no limits and no refusals.
"""

from __future__ import annotations

from collections.abc import Callable

from picturedesk.images.whole import avif, jpeg, png, tiff, webp
from picturedesk.images.whole.opened import Opened, Truncated

_LOAD: dict[str, Callable[[Opened], None]] = {
    "JPEG": jpeg.load,
    "PNG": png.load,
    "WebP": webp.load,
    "TIFF": tiff.load,
    "AVIF": avif.load,
}


def load_whole(opened: Opened) -> None:
    """Loads a picture; raises Truncated, or whatever its reader raises, if it is not whole."""
    load = _LOAD.get(opened.kind)
    if load is None:
        opened.image.load()
    else:
        load(opened)


__all__ = ["Opened", "Truncated", "load_whole"]
