"""Any of Pillow's modes → RGB: transparency on white, deep greys scaled. Decodes nothing.

Ignores colour profiles: the networks were trained on pictures read without them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

Bytes = npt.NDArray[np.uint8]

_BITS = 258  # TIFF tag BitsPerSample
_PHOTOMETRIC = 262  # TIFF tag PhotometricInterpretation; 0 is "white is zero"
_SAMPLE_FORMAT = 339  # TIFF tag SampleFormat
_UNSIGNED = (1, (1,))
_PALER = {"L;2": 85, "L;4": 17}  # Pillow's factors from 2- and 4-bit greys to 0 … 255


def to_rgb(image: Image.Image) -> Image.Image:
    """Converts a loaded picture of any mode to RGB; returns it unchanged if it is RGB.

    16-bit greys are scaled, not clipped. Transparent parts become white. 32-bit and float greys
    have no standard range: see ``_deep_to_bytes``.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return _deep_grey(image).convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return _on_white(image if image.mode == "RGBA" else image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def scale_transparent_colour(image: ImageFile.ImageFile) -> None:
    """Scales a PNG's transparent colour to the range of its pixels; Pillow keeps the file's range.

    Call it before the picture is loaded: afterwards its depth in the file is unknown.
    """
    colour = image.info.get("transparency")
    if colour is None or not image.tile:
        return
    args = image.tile[0].args
    depth = args[0] if isinstance(args, tuple) else args
    if isinstance(colour, int) and depth in _PALER and colour * _PALER[depth] <= 255:
        image.info["transparency"] = colour * _PALER[depth]
    if isinstance(colour, tuple) and max(colour) > 255:
        image.info["transparency"] = tuple(part >> 8 for part in colour)


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image)
    return white


def _deep_grey(image: Image.Image) -> Image.Image:
    """Greys of 12, 16 or 32 bits or floats → mode L."""
    tags: Any = getattr(image, "tag_v2", {})
    values = np.asarray(image)  # (H, W)
    if image.mode.startswith("I;16"):
        bits = int(tags.get(_BITS, (16,))[0])
        white = 4095 if bits == 12 else 65535
        scale = (np.arange(65536) * 255 + white // 2) // white
        grey = np.minimum(scale, 255).astype(np.uint8)[values]
    else:
        if (
            image.mode == "I"
            and tags.get(_BITS) == (32,)
            and tags.get(_SAMPLE_FORMAT, 1) in _UNSIGNED
        ):
            values = values.view(np.uint32)
        grey = _deep_to_bytes(values)
    if tags.get(_PHOTOMETRIC) == 0:
        grey = 255 - grey
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey = np.where(values == clear, np.uint8(255), grey)
    return Image.fromarray(grey)


def _deep_to_bytes(values: npt.NDArray[Any]) -> Bytes:
    """Numbers (H, W) of unknown range → 0 to 255, by the smallest common range that contains them.

    Common ranges are 0 to 1 (floats only), 0 to 255 and 0 to 65535. Outside these, the lowest value
    becomes black and the highest white. NaN becomes black.
    """
    numbers = values.astype(np.float32)  # all that follows changes it in place, to save memory
    np.nan_to_num(numbers, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(numbers, -1e30, 1e30, out=numbers)  # avoids overflow of differences
    black, white = float(numbers.min()), float(numbers.max())
    for top in (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0):
        if black >= 0 and white <= top:
            black, white = 0.0, top
            break
    numbers -= black
    numbers /= (white - black) or 1.0
    numbers *= 255
    levels: Bytes = np.rint(numbers, out=numbers).astype(np.uint8)
    return levels
