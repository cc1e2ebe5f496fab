"""What a picture looks like: its shape, black and white or colour, its dominant colours.

Measured on a thumbnail of a few hundred pixels, in CIELAB (D65). Decodes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from picturedesk.images.colours import to_rgb
from picturedesk.types import Cell, Floats

_SIDE = 24  # pixels of the thumbnail
_SQUARE = 1.05  # sides that differ by less are a square
_LEAST_SHARE = 0.1  # of the pixels, for a dominant colour
_MOST = 3  # dominant colours
_DEEPEST_TONE = 45.0  # chroma of a toned print; stronger colours are colours (sepia: 39)
_GREY = 6.0  # chroma that 98 % of a grey picture's pixels do not exceed
_TONE = 5.0  # distance from the line of its tones that 98 % of a toned picture's do not exceed
_PER_CENT = 98

_NAMES = {  # sRGB of typical pixels, in photographs too
    "black": ((12, 12, 12), (30, 30, 32)),
    "dark grey": ((70, 70, 70), (55, 56, 58)),
    "grey": ((128, 128, 128), (105, 106, 108)),
    "light grey": ((190, 190, 190), (165, 166, 168)),
    "white": ((250, 250, 250), (228, 229, 230)),
    "red": ((205, 30, 35), (180, 50, 50)),
    "dark red": ((105, 15, 20), (80, 25, 25)),
    "pink": ((240, 140, 170), (225, 165, 180)),
    "orange": ((240, 130, 30), (220, 120, 55)),
    "brown": ((120, 75, 40), (95, 65, 45)),
    "dark brown": ((60, 40, 25), (45, 32, 24)),
    "beige": ((220, 200, 165), (195, 170, 140)),
    "yellow": ((245, 215, 40), (215, 190, 80)),
    "green": ((60, 150, 60), (100, 140, 70)),
    "dark green": ((25, 65, 30), (45, 60, 35)),
    "light green": ((160, 215, 130), (175, 205, 155)),
    "turquoise": ((50, 180, 175), (90, 165, 165)),
    "light blue": ((150, 195, 235), (130, 165, 200)),
    "blue": ((40, 95, 190), (60, 105, 165)),
    "dark blue": ((20, 35, 90), (30, 45, 75)),
    "purple": ((120, 60, 150), (110, 80, 130)),
}
_WHITE = np.array([0.9505, 1.0, 1.089], dtype=np.float32)
_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
    dtype=np.float32,
)
_STEPS = np.arange(256, dtype=np.float64) / 255
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def lab_of(rgb: npt.NDArray[np.uint8]) -> Floats:
    """Bytes of sRGB (N, 3) → CIELAB (N, 3): lightness 0 to 100, green-red, blue-yellow."""
    xyz = _LINEAR[rgb] @ _TO_XYZ.T / _WHITE
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = roots.T
    lab: Floats = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1).astype(np.float32)
    return lab


_TABLE = lab_of(np.array([pixel for pixels in _NAMES.values() for pixel in pixels], np.uint8))
_LENGTHS = (_TABLE**2).sum(axis=1)
_WORDS = tuple(name for name, pixels in _NAMES.items() for _ in pixels)


def appearance(image: Image.Image, size: tuple[int, int]) -> dict[str, Cell]:
    """Facts of a decoded, upright picture.

    Args:
        image: the picture, perhaps reduced.
        size: width and height of the upright file, pixels.

    Returns:
        width and height (pixels), orientation ("landscape", "portrait", "square"), colour (False
        for black and white and for one tone, as sepia), and colours: the names of up to three
        that cover a tenth of the picture or more, the largest first.
    """
    width, height = size
    small = to_rgb(image).resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    lab = lab_of(np.asarray(small).reshape(-1, 3))
    return {
        "width": float(width),
        "height": float(height),
        "orientation": _orientation(width, height),
        "colour": _has_colour(lab),
        "colours": _dominant(lab),
    }


def _orientation(width: int, height: int) -> str:
    if max(width, height) < _SQUARE * min(width, height):
        return "square"
    return "landscape" if width > height else "portrait"


def _has_colour(lab: Floats) -> bool:
    """Whether a picture has more than greys, or tones of one hue.

    The tones of a sepia print lie on a curve in CIELAB: green-red and blue-yellow are functions of
    lightness, here of the second degree. A real scene leaves it.
    """
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    strongest = float(np.percentile(chroma, _PER_CENT))
    if not _GREY < strongest <= _DEEPEST_TONE:
        return strongest > _GREY
    light = lab[:, :1] / 100
    curve = np.hstack([np.ones_like(light), light, light**2])  # (N, 3)
    square = curve.T @ curve + 1e-6 * np.eye(3, dtype=np.float32)
    fitted = curve @ np.linalg.solve(square, curve.T @ lab[:, 1:])
    away = np.hypot(*(lab[:, 1:] - fitted).T)
    return bool(np.percentile(away, _PER_CENT) > _TONE)


def _dominant(lab: Floats) -> tuple[str, ...]:
    """Every pixel votes for the name of the nearest colour of the table."""
    gaps = _LENGTHS - 2 * lab @ _TABLE.T  # (N, colours), squared distances less a constant per row
    votes: dict[str, int] = {}
    for index, count in enumerate(np.bincount(gaps.argmin(axis=1), minlength=len(_WORDS))):
        votes[_WORDS[index]] = votes.get(_WORDS[index], 0) + int(count)
    least = _LEAST_SHARE * len(lab)
    ranked = sorted(votes, key=lambda name: -votes[name])
    return tuple(name for name in ranked[:_MOST] if votes[name] >= least)
