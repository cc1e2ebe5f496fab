"""RGB picture → network input, as timm and torchvision make it. Knows no network."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from picturedesk.errors import BadInput
from picturedesk.images.colours import Bytes, to_rgb
from picturedesk.types import Floats, Preprocessing

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

# Pixels on each side of a sample, in steps of the finer grid, that the widest filter looks at.
_REACH = 3


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> Floats:
    """A square of the picture, by its framing, 0 to 1, then normalised: (3, S, S).

    Framing "centre" resizes the shorter side to ``resize`` and crops the centre. The result is that
    of timm's evaluation transform (torchvision's Resize, CenterCrop, ToTensor and Normalize on a
    Pillow picture). Only the pixels of the crop are computed, in Pillow's single precision, at half
    the cost; about 0.1 % of the values differ by one level in 255.

    Framing "whole" is Pillow's resize to S x S; nothing is cut, and the aspect ratio changes.

    Raises:
        BadInput: the interpolation is not nearest, bilinear, bicubic or lanczos.
    """
    pixels = _squared(to_rgb(image), preprocessing)  # (S, S, 3)
    std = np.asarray(preprocessing.std)
    scale = (1 / (255 * std)).astype(np.float32)
    shift = (np.asarray(preprocessing.mean) / std).astype(np.float32)
    planes = np.empty((3, preprocessing.size, preprocessing.size), dtype=np.float32)
    for number, plane in enumerate(planes):  # one at a time stays in the processor's cache
        np.multiply(pixels[..., number], scale[number], out=plane)
        plane -= shift[number]
    return planes


def _squared(image: Image.Image, preprocessing: Preprocessing) -> Bytes:
    """Resized, and cropped unless it is framed whole: (S, S, 3)."""
    if preprocessing.interpolation not in _FILTERS:
        known = ", ".join(_FILTERS)
        raise BadInput(f"unknown interpolation {preprocessing.interpolation!r}: use one of {known}")
    resample = _FILTERS[preprocessing.interpolation]
    side = preprocessing.size
    if preprocessing.framing == "whole":
        return np.asarray(image.resize((side, side), resample))
    width, height = _resized(image.size, preprocessing.resize)
    left, top = _offset(width, side), _offset(height, side)
    if min(left, top) < 0:
        whole = np.asarray(image.resize((width, height), resample))
        return _padded(whole, left, top, side)
    x = _stretch(left, side, image.width / width, image.width)
    y = _stretch(top, side, image.height / height, image.height)
    image = image.crop((x.first, y.first, x.last, y.last))
    # One direction after the other: given both, Pillow chooses the order by the sizes.
    image = image.resize((side, image.height), resample, (x.start, 0, x.stop, image.height))
    return np.asarray(image.resize((side, side), resample, (0, y.start, side, y.stop)))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The part of one side of a picture that a crop needs.

    Attributes:
        first: the first pixel needed.
        last: the pixel after the last one needed.
        start: where the crop begins, in pixels from ``first``.
        stop: where it ends, in pixels from ``first``.
    """

    first: int
    last: int
    start: float
    stop: float


def _stretch(offset: int, side: int, scale: float, length: int) -> _Stretch:
    """The part of ``length`` pixels that ``side`` samples need, ``scale`` pixels apart."""
    start, stop = offset * scale, (offset + side) * scale
    reach = math.ceil(_REACH * max(scale, 1.0)) + 1
    first, last = max(0, int(start) - reach), min(length, math.ceil(stop) + reach)
    return _Stretch(first, last, start - first, min(stop, length) - first)


def _resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height with the shorter side at ``shorter``, rounded as torchvision rounds."""
    width, height = size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _offset(length: int, side: int) -> int:
    """Start of the centre crop, as torchvision rounds; negative if padding is needed."""
    return round((length - side) / 2.0) if length >= side else -((side - length) // 2)


def _padded(pixels: Bytes, left: int, top: int, side: int) -> Bytes:
    """The square of ``side`` from (left, top); black outside the picture."""
    square = np.zeros((side, side, 3), dtype=np.uint8)
    inner = pixels[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return square
