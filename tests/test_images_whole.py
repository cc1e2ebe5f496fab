"""Files that are not whole, as far as their formats show it, and whole ones that look like them."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from PIL import Image

from picture_files import directory_first, encoded, mutations, packed_bmp, photo
from picturedesk.errors import BadPicture
from picturedesk.images import decode

TIFFS = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "zstd", "lzma")
FAXES = ("group3", "group4", "tiff_ccitt")


def black_below(image: Image.Image) -> Image.Image:
    """The picture with its lower half black."""
    image.paste(0, (0, image.height // 2, *image.size))
    return image


def tiff_first(image: Image.Image, way: str) -> bytes:
    return directory_first(encoded(image, "TIFF", compression=way))


def files(image: Image.Image) -> dict[str, bytes]:
    """A picture in every kind of file that shows whether it is whole."""
    moving = {"save_all": True, "append_images": [photo(seed=1)]}
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    fax = image.convert("1", dither=Image.Dither.NONE)
    return {
        "JPEG": encoded(image, "JPEG"),
        "progressive JPEG": encoded(image, "JPEG", progressive=True),
        "optimised JPEG": encoded(image, "JPEG", optimize=True),
        "PNG": encoded(image, "PNG"),
        "moving PNG": encoded(image, "PNG", **moving),
        "GIF": encoded(image, "GIF"),
        "WebP": encoded(image, "WEBP"),
        "WebP with metadata": encoded(image, "WEBP", exif=b"Exif\0\0" + bytes(20)),
        "WebP with alpha": encoded(clear, "WEBP"),
        "lossless WebP": encoded(image, "WEBP", lossless=True),
        "AVIF": encoded(image, "AVIF"),
        "AVIF with alpha": encoded(clear, "AVIF"),
        "AVIF with metadata": encoded(image, "AVIF", exif=b"Exif\0\0II*\0\x08\0\0\0" + bytes(20)),
        "BMP in runs": packed_bmp(image),
        **{
            f"TIFF {way}": directory_first(encoded(image, "TIFF", compression=way)) for way in TIFFS
        },
        **{f"TIFF {way}": directory_first(encoded(fax, "TIFF", compression=way)) for way in FAXES},
        "TIFF with the directory last": encoded(image, "TIFF", compression="tiff_lzw"),
        "TIFF of one strip": directory_first(
            encoded(image, "TIFF", compression="tiff_lzw", tiffinfo={278: image.height})
        ),
    }


WHOLE = files(photo(200, 150))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", WHOLE)
def test_a_file_whose_rest_is_zeros_is_refused(name, share):
    data = WHOLE[name]
    kept = int(len(data) * share)
    for at_least in (0, 20):
        with pytest.raises(BadPicture, match="is a broken"):
            decode(data[:kept] + bytes(len(data) - kept), "test", at_least=at_least)


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_too_early_is_refused(name):
    with pytest.raises(BadPicture, match="is a broken"):
        decode(WHOLE[name][: len(WHOLE[name]) // 2], "test")


BLACK_BELOW = files(black_below(photo(200, 150)))


@pytest.mark.parametrize("name", BLACK_BELOW)
def test_a_whole_picture_with_a_black_lower_half_is_read(name):
    found = np.asarray(decode(BLACK_BELOW[name], "test").convert("L"), int)
    if "alpha" not in name:
        assert found[80:].max() <= 12
    assert found[:70].max() > 100


def even_pictures() -> dict[str, bytes]:
    """Whole files whose data end in many zeros."""
    black, small = black_below(photo(1500, 1000)), black_below(photo(300, 200))
    flat = Image.new("RGB", (1500, 1000), (12, 30, 200))
    return {
        "WebP black below": encoded(black, "WEBP", quality=80),
        "WebP of one colour": encoded(flat, "WEBP", quality=80),
        "lossless WebP": encoded(small, "WEBP", lossless=True, method=0, quality=50),
        "black TIFF": directory_first(encoded(black, "TIFF")),
        "black BMP": encoded(black.transpose(Image.Transpose.FLIP_TOP_BOTTOM), "BMP"),
        "JPEG with zeros after it": encoded(flat, "JPEG") + bytes(4096),
        "PNG with zeros after it": encoded(flat, "PNG") + bytes(4096),
        "GIF with zeros after it": encoded(flat, "GIF") + bytes(4096),
        "TIFF with zeros after it": directory_first(encoded(flat, "TIFF", compression="tiff_lzw"))
        + bytes(4096),
        "AVIF with zeros after it": encoded(small, "AVIF") + b"\0\0\x10\0free" + bytes(4088),
    }


EVEN = even_pictures()


@pytest.mark.parametrize("name", EVEN)
def test_zeros_at_the_end_of_a_whole_file_do_no_harm(name):
    assert EVEN[name].endswith(bytes(64)), "this file is meant to look suspicious"
    assert decode(EVEN[name], "test").size in ((1500, 1000), (300, 200))


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_uncompressed_pixels_do_not_show_that_their_rest_is_missing(kind):
    # docs/pictures.md says so: no format without checksum or end mark can show it.
    whole = encoded(photo(200, 150), kind)
    data = directory_first(whole) if kind == "TIFF" else whole
    half = len(data) // 2
    found = np.asarray(decode(data[:half] + bytes(len(data) - half), "test"))
    assert (found == 0).all(axis=(1, 2)).sum() in (74, 75)


def test_a_png_whose_data_have_another_checksum_is_refused():
    data = bytearray(encoded(photo(), "PNG", compress_level=0))
    data[len(data) // 2] ^= 1
    with pytest.raises(BadPicture, match="checksum"):
        decode(bytes(data), "test")


@pytest.mark.parametrize("name", WHOLE)
def test_damaged_files_before_zeros_give_a_picture_or_a_refusal(name):
    for damaged in mutations(WHOLE[name], 40, seed=3):
        with contextlib.suppress(BadPicture):
            assert decode(damaged + bytes(100), "test").mode == "RGB"
