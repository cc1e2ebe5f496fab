"""Pillow's readers under this project's rules: its pixel limit decides, and nothing is warned of.

Pillow keeps its own pixel limit (``Image.MAX_IMAGE_PIXELS``: a warning at 89 million pixels, an
error at 179 million) in a global of the process, and Python keeps its warning filters in another.
Both belong to the user, and decoders run in threads, so neither is switched on and off here:

* readers are called as classes, past ``Image.open`` and its check. That also means that only
  the readers named here ever run. Where a reader checks again while it works, it is given a
  stand-in for the module it asks, in which the check is ours;
* one warning filter and one log filter are left in place which act only in a thread that is
  reading a picture.

Knows nothing of files, colours or refusals.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, new_class
from typing import Any, cast

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

_CHECK = "_decompression_bomb_check"  # what Pillow calls its check


class TooManyPixels(Exception):
    """A header claims more pixels than the limit in force: ``size`` is (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(f"{size[0]} x {size[1]} pixels")
        self.size = size


class _Rules(threading.local):
    """What holds in this thread: the most pixels, while it reads a picture; None while not."""

    pixels: float | None = None


_RULES = _Rules()


class _AnyWhileReading:
    """In a warning filter's place for a pattern: matches any text, in a reading thread only."""

    def match(self, text: str) -> bool:
        return _RULES.pixels is not None


_QUIET = ("ignore", _AnyWhileReading(), Warning, re.compile(r"PIL\."), 0)
_FILTERS_LOCK = threading.Lock()


@contextmanager
def reading(pixels: float) -> Iterator[None]:
    """Holds the rules in this thread: at most ``pixels`` per picture, and no word from Pillow."""
    _keep_quiet()
    before, _RULES.pixels = _RULES.pixels, pixels
    try:
        yield
    finally:
        _RULES.pixels = before


def _silent_while_reading(record: logging.LogRecord) -> bool:
    """A log filter: drops what Pillow's TIFF reader says of a file that is refused anyway."""
    return _RULES.pixels is None


def _keep_quiet() -> None:
    """Puts both filters in place, before those that were set since; once is the usual case."""
    logging.getLogger(TiffImagePlugin.__name__).addFilter(_silent_while_reading)
    filters = cast("list[Any]", warnings.filters)
    if filters and filters[0] is _QUIET:
        return
    with _FILTERS_LOCK:
        if _QUIET in filters:
            filters.remove(_QUIET)
        filters.insert(0, _QUIET)


def check_size(size: tuple[int, int], **_: object) -> None:
    """Raises TooManyPixels if the limit in force in this thread is passed."""
    if _RULES.pixels is not None and size[0] * size[1] > _RULES.pixels:
        raise TooManyPixels(size)


class _ImageModule:
    """The module ``PIL.Image`` with our check in the place of Pillow's."""

    def __getattr__(self, name: str) -> object:
        return check_size if name == _CHECK else getattr(Image, name)


def _under_our_limit(reader: type[ImageFile.ImageFile]) -> type[ImageFile.ImageFile]:
    """The same reader with Pillow's check replaced in its own methods, and nowhere else."""
    rebound: dict[str, FunctionType] = {}
    for name, method in vars(reader).items():
        if isinstance(method, FunctionType) and _CHECK in method.__code__.co_names:
            names = {**method.__globals__, "Image": _ImageModule()}
            rebound[name] = FunctionType(
                method.__code__, names, name, method.__defaults__, method.__closure__
            )
    return new_class(reader.__name__, (reader,), exec_body=lambda body: body.update(rebound))


READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": _under_our_limit(JpegImagePlugin.JpegImageFile),
    "PNG": _under_our_limit(PngImagePlugin.PngImageFile),
    "WebP": _under_our_limit(WebPImagePlugin.WebPImageFile),
    "GIF": _under_our_limit(GifImagePlugin.GifImageFile),
    "TIFF": _under_our_limit(TiffImagePlugin.TiffImageFile),
    "BMP": _under_our_limit(BmpImagePlugin.BmpImageFile),
    "AVIF": _under_our_limit(AvifImagePlugin.AvifImageFile),
}
