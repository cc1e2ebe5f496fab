"""Pillow's readers with this project's pixel limit and without warnings.

Pillow has its own pixel limit (``Image.MAX_IMAGE_PIXELS``: a warning at 89 million pixels, an error
at 179 million) in a global variable; Python has its warning filters in another. Both belong to the
user, and decoders run in threads, so this module does not switch them on and off:

* it calls readers as classes, which bypasses ``Image.open`` and its check; so only the readers
  named here ever run. If a reader checks again while it works, it gets a replacement of the module
  with the check, in which the check is ours;
* it installs one warning filter, one log filter and one handler for libtiff's messages that act
  only in threads that are reading a picture.

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

from picturedesk.images.libtiff import silence

_CHECK = "_decompression_bomb_check"  # name of Pillow's check


class TooManyPixels(Exception):
    """A header claims more pixels than the current limit: ``size`` is (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(f"{size[0]} x {size[1]} pixels")
        self.size = size


class _Rules(threading.local):
    """The limit of this thread while it reads a picture, in pixels; None while it does not."""

    pixels: float | None = None


_RULES = _Rules()


def _is_reading() -> bool:
    """Whether this thread is reading a picture."""
    return _RULES.pixels is not None


class _AnyWhileReading:
    """Stands for the pattern of a warning filter: matches any text in a reading thread only."""

    def match(self, text: str) -> bool:
        return _is_reading()


_QUIET = ("ignore", _AnyWhileReading(), Warning, re.compile(r"PIL\."), 0)
_FILTERS_LOCK = threading.Lock()


@contextmanager
def reading(pixels: float) -> Iterator[None]:
    """Limits this thread to ``pixels`` per picture and silences Pillow in it."""
    _keep_quiet()
    before, _RULES.pixels = _RULES.pixels, pixels
    try:
        yield
    finally:
        _RULES.pixels = before


def _silent_while_reading(record: logging.LogRecord) -> bool:
    """A log filter: drops messages of Pillow's TIFF reader on files that are refused anyway."""
    return not _is_reading()


def _keep_quiet() -> None:
    """Installs the filters in front of all others; usually once."""
    silence(_is_reading)
    logging.getLogger(TiffImagePlugin.__name__).addFilter(_silent_while_reading)
    filters = cast("list[Any]", warnings.filters)
    if filters and filters[0] is _QUIET:
        return
    with _FILTERS_LOCK:
        if _QUIET in filters:
            filters.remove(_QUIET)
        filters.insert(0, _QUIET)


def check_size(size: tuple[int, int], **_: object) -> None:
    """Raises TooManyPixels if the limit of this thread is exceeded."""
    if _RULES.pixels is not None and size[0] * size[1] > _RULES.pixels:
        raise TooManyPixels(size)


class _ImageModule:
    """The module ``PIL.Image`` with our check instead of Pillow's."""

    def __getattr__(self, name: str) -> object:
        return check_size if name == _CHECK else getattr(Image, name)


def _under_our_limit(reader: type[ImageFile.ImageFile]) -> type[ImageFile.ImageFile]:
    """The same reader with Pillow's check replaced, only in its own methods."""
    rebound: dict[str, FunctionType] = {}
    for name, method in vars(reader).items():
        if isinstance(method, FunctionType) and _CHECK in method.__code__.co_names:
            names = {**method.__globals__, "Image": _ImageModule()}
            rebound[name] = FunctionType(
                method.__code__, names, name, method.__defaults__, method.__closure__
            )
    return new_class(reader.__name__, (reader,), exec_body=lambda body: body.update(rebound))


def _heic() -> dict[str, type[ImageFile.ImageFile]]:
    """The reader of pillow-heif, where the extra heic is installed.

    It is not registered with Pillow. It checks no size, and decodes when the picture is loaded;
    ``check_size`` comes before that. libheif keeps its own limits.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        return {}
    return {"HEIC": HeifImageFile}


READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": _under_our_limit(JpegImagePlugin.JpegImageFile),
    "PNG": _under_our_limit(PngImagePlugin.PngImageFile),
    "WebP": _under_our_limit(WebPImagePlugin.WebPImageFile),
    "GIF": _under_our_limit(GifImagePlugin.GifImageFile),
    "TIFF": _under_our_limit(TiffImagePlugin.TiffImageFile),
    "BMP": _under_our_limit(BmpImagePlugin.BmpImageFile),
    "AVIF": _under_our_limit(AvifImagePlugin.AvifImageFile),
    **_heic(),
}
