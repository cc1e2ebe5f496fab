"""What a decoder claims before it decodes covers what decoding takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picture_files import directory_first, encoded, giant_jpeg, oriented
from picturedesk.errors import BadPicture
from picturedesk.images import decode

SIZE = (2000, 1500)
PIXELS = SIZE[0] * SIZE[1]


def picture(mode: str) -> Image.Image:
    """A smooth picture of a mode, quickly written."""
    grey = Image.linear_gradient("L").resize(SIZE)
    if mode == "I;16":
        return Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    bands = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}.get(mode)
    return Image.merge(mode, (grey,) * bands) if bands else grey.convert(mode)


def files() -> dict[str, bytes]:
    rgb, clear = picture("RGB"), picture("RGBA")
    lzw = {"compression": "tiff_lzw"}
    return {
        **{f"PNG {mode}": encoded(picture(mode), "PNG") for mode in ("1", "L", "LA", "P", "I;16")},
        "PNG RGB": encoded(rgb, "PNG"),
        "PNG RGBA": encoded(clear, "PNG"),
        "PNG with a clear colour": encoded(picture("P"), "PNG", transparency=0),
        "turned PNG": oriented(clear, "PNG", 6),
        "JPEG": encoded(rgb, "JPEG"),
        "progressive JPEG": encoded(rgb, "JPEG", progressive=True, subsampling=0),
        "CMYK JPEG": encoded(picture("CMYK"), "JPEG", progressive=True),
        "turned JPEG": oriented(rgb, "JPEG", 6),
        "grey in a corner": giant_jpeg(*SIZE),
        "WebP": encoded(rgb, "WEBP", method=0),
        "WebP with alpha": encoded(clear, "WEBP", method=0),
        "WebP that ends in zeros": encoded(Image.new("RGB", SIZE), "WEBP", method=0),
        "GIF": encoded(picture("P"), "GIF"),
        "BMP": encoded(rgb, "BMP"),
        "TIFF": encoded(rgb, "TIFF"),
        "TIFF of one strip": encoded(clear, "TIFF", **lzw, tiffinfo={278: SIZE[1]}),
        "TIFF of floats": encoded(picture("F"), "TIFF"),
        "TIFF of large numbers": encoded(picture("I"), "TIFF"),
        "TIFF of inks": encoded(picture("CMYK"), "TIFF"),
        "TIFF that ends in zeros": directory_first(encoded(Image.new("RGB", SIZE), "TIFF")),
        "AVIF": encoded(rgb, "AVIF", speed=10),
        "AVIF with alpha": encoded(clear, "AVIF", speed=10, subsampling="4:4:4"),
    }


FILES = files()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Bytes that each file claims, and that reading it takes."""
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / name for name in FILES]
    for path in paths:
        path.write_bytes(FILES[path.name])
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("memory_of_reading.py"), *paths],
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("name", FILES)
def test_what_is_claimed_covers_what_is_taken(name, measured):
    claimed, taken = measured[name]
    assert taken <= claimed + 2_000_000


def claim(data: bytes, at_least: int = 0) -> int:
    claims: list[int] = []
    decode(data, "test", at_least=at_least, claim=claims.append)
    return claims[0]


def test_an_ordinary_picture_claims_its_pixels_twice():
    assert claim(FILES["PNG RGB"]) == 8 * PIXELS + 2 * len(FILES["PNG RGB"])


def test_a_reduced_jpeg_claims_what_it_is_reduced_to():
    assert claim(FILES["JPEG"], at_least=93) * 60 < claim(FILES["JPEG"]) * 2


def test_a_progressive_jpeg_claims_its_coefficients_at_any_size():
    data = FILES["progressive JPEG"]
    assert claim(data, at_least=93) > 6 * PIXELS  # two bytes for each of three samples
    assert claim(data) > (6 + 8) * PIXELS


def test_memory_is_claimed_before_pixels_are_read():
    class NoRoom(Exception):
        pass

    def refuse(held: int) -> None:
        raise NoRoom

    torn = FILES["PNG RGB"][:2000]
    with pytest.raises(BadPicture):
        decode(torn, "test")
    with pytest.raises(NoRoom):
        decode(torn, "test", claim=refuse)


def test_a_picture_over_the_limit_claims_nothing():
    def refuse(held: int) -> None:
        raise AssertionError("claimed")

    with pytest.raises(BadPicture, match="max_megapixels"):
        decode(giant_jpeg(15_000, 14_000), "test", claim=refuse)
