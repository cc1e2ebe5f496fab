"""Pictures that must be decoded: every kind, colour model, depth and orientation."""

from __future__ import annotations

import os
import pickle
import struct

import numpy as np
import pytest
from PIL import Image

from picture_files import (
    KINDS,
    chunk,
    encoded,
    giant_jpeg,
    interlaced_png,
    oriented,
    photo,
    png,
    tiff,
)
from picturedesk.errors import BadInput, BadPicture
from picturedesk.images import DecodePolicy, content_key, decode, read_picture

WHITE = (255, 255, 255)


def pixels(data: bytes) -> list[tuple[int, ...]]:
    """The decoded pixels of a small picture, row by row."""
    return [tuple(pixel) for pixel in np.asarray(decode(data, "test")).reshape(-1, 3).tolist()]


def greys(data: bytes) -> list[int]:
    triples = pixels(data)
    assert all(red == green == blue for red, green, blue in triples)
    return [red for red, _, _ in triples]


def difference(data: bytes, image: Image.Image) -> float:
    """Mean difference in levels of 255."""
    found = decode(data, "test")
    assert found.mode == "RGB"
    assert found.size == image.size
    return float(np.abs(np.asarray(found, float) - np.asarray(image, float)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_decoded_to_rgb(kind):
    worst = {"PNG": 0, "TIFF": 0, "BMP": 0}.get(kind, 8)
    assert difference(encoded(photo(), kind), photo()) <= worst


def test_the_kind_is_read_from_the_bytes_and_not_from_the_name():
    assert decode(encoded(photo(), "PNG"), "holiday.jpg").size == photo().size


def test_a_decoded_picture_is_a_plain_one_that_can_cross_processes():
    for kind in KINDS:
        picture = decode(encoded(photo(), kind), "test")
        assert type(picture) is Image.Image
        assert picture.info == {}
        assert pickle.loads(pickle.dumps(picture)).tobytes() == picture.tobytes()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    data = encoded(photo(seed=1), kind, save_all=True, append_images=[photo(seed=2)])
    assert difference(data, photo(seed=1)) < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pictures_are_turned_upright(kind, orientation):
    dark_corner = Image.new("RGB", (48, 32), WHITE)
    dark_corner.paste((0, 0, 0), (0, 0, 16, 16))
    found = np.asarray(decode(oriented(dark_corner, kind, orientation), "test").convert("L"))
    assert found.shape == ((32, 48) if orientation < 5 else (48, 32))
    corners = {"top left": found[8, 8], "top right": found[8, -8],
               "bottom left": found[-8, 8], "bottom right": found[-8, -8]}  # fmt: skip
    where = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
             5: "top left", 6: "top right", 7: "bottom right", 8: "bottom left"}  # fmt: skip
    assert min(corners, key=corners.__getitem__) == where[orientation]


@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" * 3, b""])
def test_a_corrupt_exif_block_does_not_cost_the_picture(exif):
    for kind in ("JPEG", "PNG", "WEBP"):
        assert decode(encoded(photo(), kind, exif=exif), "test").size == photo().size


def test_an_absurd_orientation_is_passed_over():
    assert decode(oriented(photo(), "JPEG", 77), "test").size == photo().size


def test_transparent_parts_are_laid_on_white():
    half = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    half.putpixel((1, 0), (0, 0, 255, 128))
    assert pixels(encoded(half, "PNG")) == [WHITE, (127, 127, 255)]
    assert pixels(encoded(half, "TIFF")) == [WHITE, (127, 127, 255)]
    assert pixels(encoded(half, "WEBP", lossless=True, exact=True)) == [WHITE, (127, 127, 255)]
    grey = Image.new("LA", (2, 1), (0, 0))
    grey.putpixel((1, 0), (0, 128))
    assert greys(encoded(grey, "PNG")) == [255, 127]


def test_a_palette_with_a_transparent_colour_is_laid_on_white():
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    expected = [(0, 0, 0), WHITE, (0, 0, 255)]
    assert pixels(encoded(image, "PNG", transparency=1)) == expected
    assert pixels(encoded(image, "GIF", transparency=1)) == expected


def test_a_palette_with_an_alpha_for_each_colour_is_laid_on_white():
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    data = encoded(image, "PNG", transparency=bytes([255, 128, 0]))
    assert pixels(data) == [(0, 0, 0), (255, 127, 127), WHITE]


def test_a_palette_with_its_own_alpha_channel_is_laid_on_white():
    palette = struct.pack("<768H", *([65535] + [0] * 255 + [0] * 512))  # colour 0 is red
    body = bytes([0, 255, 0, 0, 1, 255])  # red, clear red, black
    data = tiff((3, 1), body, bits=(8, 8), photometric=3, extra_samples=2, colours=palette)
    assert pixels(data) == [(255, 0, 0), WHITE, (0, 0, 0)]


@pytest.mark.parametrize(
    ("depth", "row", "clear", "expected"),
    [
        (1, b"\x40", 1, [0, 255]),
        (1, b"\x40", 0, [255, 255]),
        (2, b"\x1b", 1, [0, 255, 170, 255]),
        (4, b"\x01\x23", 2, [0, 17, 255, 51]),
        (8, bytes([0, 1, 2, 3]), 3, [0, 1, 2, 255]),
        (16, struct.pack(">4H", 0, 25700, 25701, 65535), 25700, [0, 255, 100, 255]),
    ],
)
def test_a_transparent_grey_is_laid_on_white_at_every_depth(depth, row, clear, expected):
    data = png((len(expected), 1), depth, 0, [row], chunk(b"tRNS", struct.pack(">H", clear)))
    assert greys(data) == expected


@pytest.mark.parametrize(("depth", "code"), [(8, "B"), (16, "H")])
def test_a_transparent_colour_is_laid_on_white_at_every_depth(depth, code):
    one, other = (18, 52, 86), (86, 52, 18)
    scale = 257 if depth == 16 else 1
    row = struct.pack(f">6{code}", *(part * scale for part in one + other))
    clear = struct.pack(">3H", *(part * scale for part in one))
    assert pixels(png((2, 1), depth, 2, [row], chunk(b"tRNS", clear))) == [WHITE, other]


def test_16_bit_greys_are_scaled_and_not_clipped():
    row = [0, 257, 128 * 257, 65535]
    expected = [0, 1, 128, 255]
    assert greys(png((4, 1), 16, 0, [struct.pack(">4H", *row)])) == expected
    assert greys(tiff((4, 1), struct.pack("<4H", *row), bits=(16,))) == expected
    assert greys(tiff((4, 1), struct.pack(">4H", *row), bits=(16,), order=">")) == expected


def test_a_dark_16_bit_picture_stays_dark():
    assert greys(png((2, 1), 16, 0, [struct.pack(">2H", 100, 200)])) == [0, 1]


def test_12_bit_greys_fill_the_whole_range():
    assert greys(tiff((2, 1), b"\x00\x0f\xff", bits=(12,))) == [0, 255]


def test_16_bit_greys_where_white_is_zero_are_turned_round():
    body = struct.pack("<3H", 0, 128 * 257, 65535)
    assert greys(tiff((3, 1), body, bits=(16,), photometric=0)) == [255, 127, 0]


def test_16_bit_colour_and_alpha_are_scaled():
    row = struct.pack(">8H", 65535, 32896, 0, 65535, 0, 0, 0, 0)
    assert pixels(png((2, 1), 16, 6, [row])) == [(255, 128, 0), WHITE]
    row = struct.pack(">4H", 32896, 65535, 0, 0)
    assert greys(png((2, 1), 16, 4, [row])) == [128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 128, 255], [0, 128, 255]),
        ([0, 128 * 257, 65535], [0, 128, 255]),
        ([0, 2**31, 2**32 - 1], [0, 128, 255]),
        ([7, 7, 7], [7, 7, 7]),
    ],
)
def test_32_bit_greys_take_the_smallest_range_that_holds_them(values, expected):
    assert greys(tiff((3, 1), struct.pack("<3I", *values), bits=(32,))) == expected


def test_signed_greys_run_from_the_lowest_to_the_highest():
    body = struct.pack("<3i", -1000, 0, 1000)
    assert greys(tiff((3, 1), body, bits=(32,), sample_format=2)) == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-5.0, 0.0, 5.0], [0, 128, 255]),
        ([float("nan"), float("inf"), 1.0], [0, 0, 255]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ([9e9, 9e9, 9e9], [0, 0, 0]),
    ],
)
def test_float_greys_take_the_smallest_range_that_holds_them(values, expected):
    data = tiff((3, 1), struct.pack("<3f", *values), bits=(32,), sample_format=3)
    assert greys(data) == expected


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_black_and_white_and_grey_pictures_become_rgb(kind):
    image = Image.new("L", (2, 1))
    image.putpixel((1, 0), 255)
    assert greys(encoded(image, kind)) == [0, 255]
    assert greys(encoded(image.convert("1"), kind)) == [0, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_become_colours(kind):
    # Adobe's JPEGs hold inks inverted, TIFFs do not; both must come out alike.
    for name, colour in (("white", WHITE), ("red", (255, 0, 0)), ("black", (0, 0, 0))):
        inks = Image.new("CMYK", (16, 16), (*(255 - part for part in colour), 0))
        found = np.asarray(decode(encoded(inks, kind), name), int)
        assert np.abs(found - colour).max() <= 3


def test_a_lab_picture_becomes_rgb():
    lab = Image.new("LAB", (1, 1), (255, 128, 128))
    assert min(pixels(encoded(lab, "TIFF"))[0]) >= 253


@pytest.mark.parametrize(
    ("at_least", "width"), [(0, 1600), (100, 400), (120, 400), (150, 400), (151, 800), (400, 1600)]
)
def test_large_jpegs_are_reduced_but_never_below_twice_what_is_needed(at_least, width):
    data = encoded(photo(1600, 1200), "JPEG")
    picture = decode(data, "test", at_least=at_least)
    assert picture.width == width
    assert min(picture.size) >= 2 * at_least or picture.size == (1600, 1200)


def test_a_reduced_jpeg_looks_like_the_whole_one():
    data = encoded(photo(1600, 1200), "JPEG", quality=90)
    small = decode(data, "test", at_least=150)
    whole = decode(data, "test").resize(small.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, float) - np.asarray(whole, float)).mean() < 1.5


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_grey_corner_alone_does_not_make_a_jpeg_broken(mode, progressive):
    # What a decoder paints where data are missing is this very grey.
    colour = {"L": 128, "RGB": (128, 128, 128), "CMYK": (127, 127, 127, 127)}[mode]
    grey = Image.new(mode, (70, 50), colour)
    for at_least in (0, 3):
        data = encoded(grey, "JPEG", progressive=progressive)
        assert max(decode(data, "test", at_least=at_least).size) >= 6


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_a_black_corner_alone_does_not_make_a_png_broken(mode):
    for size in ((1, 1), (7, 5), (33, 3)):
        assert decode(encoded(Image.new(mode, size), "PNG"), "test").size == size


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 1), (9, 14)])
def test_an_interlaced_png_is_known_to_be_whole_or_cut(size):
    whole = interlaced_png(size)
    assert decode(whole, "test").size == size
    for missing in range(1, size[0] * size[1] + 1):
        with pytest.raises(BadPicture, match="broken PNG"):
            decode(interlaced_png(size, missing), "test")


def test_the_limit_on_pixels_is_ours_and_not_pillows(monkeypatch):
    # As if the user had set Pillow's limit for other work in the same process.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in KINDS:
        data = encoded(photo(), kind)
        assert decode(data, "test").size == (64, 48)
        with pytest.raises(BadPicture, match="max_megapixels to 1"):
            decode(data, "test", DecodePolicy(max_megapixels=0.003))
    assert Image.MAX_IMAGE_PIXELS == 100


def test_190_megapixels_are_decoded_by_default():
    picture = decode(giant_jpeg(15_000, 12_700), "test", at_least=224)
    assert picture.size == (1875, 1588)


def test_there_may_be_no_limit_at_all():
    picture = decode(giant_jpeg(20_000, 12_000), "test", DecodePolicy(float("inf")), at_least=100)
    assert picture.size == (2500, 1500)


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_that_lets_nothing_through_is_refused(value):
    with pytest.raises(BadInput, match="max_megapixels"):
        DecodePolicy(max_megapixels=value)
    with pytest.raises(BadInput, match="max_megabytes"):
        DecodePolicy(max_megabytes=value)


def test_the_key_is_the_hash_of_the_bytes():
    assert content_key(b"") == "e3b0c44298fc1c149afbf4c8996fb924"
    assert content_key(b"a") != content_key(b"b")


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(photo(), "PNG"))
    assert decode(read_picture(path), str(path)).size == photo().size
    assert read_picture(str(path)) == path.read_bytes()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_a_link_to_a_picture_is_followed(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"abc")
    (tmp_path / "link.png").symlink_to(tmp_path / "picture.png")
    assert read_picture(tmp_path / "link.png") == b"abc"
