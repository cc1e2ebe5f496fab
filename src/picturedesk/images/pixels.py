"""RGB picture → what a network reads, exactly as timm and torchvision make it. Knows no network."""

from __future__ import annotations

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

# A strip one pixel high would be blown up to gigabytes before its middle is cut out. Beyond
# this many pixels only the middle is made, which may differ by a few levels in 255.
_MOST_RESIZED = 32_000_000


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> Floats:
    """Shorter side → ``resize``, centre crop, 0 to 1, normalised: (3, S, S).

    The same numbers, within 1e-5, as timm's evaluation transform (torchvision's Resize,
    CenterCrop, ToTensor and Normalize on a Pillow picture) for every ratio of sides that
    can be met with; see ``_MOST_RESIZED``.

    Raises:
        BadInput: the interpolation is none of nearest, bilinear, bicubic, lanczos.
    """
    pixels = _squared(to_rgb(image), preprocessing)  # (S, S, 3)
    mean = np.asarray(preprocessing.mean)[:, None, None]
    std = np.asarray(preprocessing.std)[:, None, None]
    planes = np.empty((3, preprocessing.size, preprocessing.size), dtype=np.float32)
    planes[...] = pixels.transpose(2, 0, 1)
    planes *= (1 / (255 * std)).astype(np.float32)
    planes -= (mean / std).astype(np.float32)
    return planes


def _squared(image: Image.Image, preprocessing: Preprocessing) -> Bytes:
    """Resized and cropped (S, S, 3)."""
    if preprocessing.interpolation not in _FILTERS:
        known = ", ".join(_FILTERS)
        raise BadInput(f"interpolation {preprocessing.interpolation!r} is none of {known}")
    resample = _FILTERS[preprocessing.interpolation]
    side = preprocessing.size
    width, height = _resized(image.size, preprocessing.resize)
    left, top = _offset(width, side), _offset(height, side)
    if width * height > _MOST_RESIZED and min(left, top) >= 0:
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + side) * across, (top + side) * down)
        return np.asarray(image.resize((side, side), resample, box))
    if (width, height) != image.size:
        image = image.resize((width, height), resample)
    return _cropped(np.asarray(image), left, top, side)


def _resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height with the shorter side at ``shorter``, rounded as torchvision rounds."""
    width, height = size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _offset(length: int, side: int) -> int:
    """Where the centre crop begins, as torchvision rounds; negative where it must pad."""
    return round((length - side) / 2.0) if length >= side else -((side - length) // 2)


def _cropped(pixels: Bytes, left: int, top: int, side: int) -> Bytes:
    """The square of ``side`` from (left, top); black where it hangs over the edge."""
    if left >= 0 and top >= 0:
        return pixels[top : top + side, left : left + side]
    square = np.zeros((side, side, 3), dtype=np.uint8)
    inner = pixels[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side]
    y, x = max(-top, 0), max(-left, 0)
    square[y : y + inner.shape[0], x : x + inner.shape[1]] = inner
    return square
