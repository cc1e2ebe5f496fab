"""Network input: the same numbers as the transforms that the networks were trained with."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from picture_files import encoded, photo
from picturedesk.errors import BadInput
from picturedesk.images import decode, to_pixels
from picturedesk.types import Preprocessing

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def by_torchvision(image: Image.Image, how: Preprocessing) -> np.ndarray:
    transforms = pytest.importorskip("torchvision.transforms", reason="needs the extra 'train'")
    chain = transforms.Compose(
        [
            transforms.Resize(
                how.resize, transforms.InterpolationMode(how.interpolation), antialias=True
            ),
            transforms.CenterCrop(how.size),
            transforms.ToTensor(),
            transforms.Normalize(how.mean, how.std),
        ]
    )
    return chain(image).numpy()


def assert_same(found: np.ndarray, expected: np.ndarray, how: Preprocessing) -> None:
    """Equal but for single-precision grids: few values, and those by a level or two in 255."""
    assert found.shape == expected.shape == (3, how.size, how.size)
    levels = np.abs(found - expected) * 255 * np.asarray(how.std)[:, None, None]
    assert levels.max() < 2.01
    assert (levels > 0.01).mean() < 0.01


@pytest.mark.parametrize(
    "size",
    [
        (256, 256), (224, 224), (640, 480), (480, 640), (333, 257), (257, 333), (352, 191),
        (101, 103), (1, 1), (2, 3), (7, 300), (300, 7), (1, 100), (1000, 3), (225, 224),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("side", "resize"), [(224, 256), (63, 64), (75, 75), (32, 57)])
def test_pixels_are_those_of_torchvision(size, side, resize):
    how = Preprocessing(side, resize, "bicubic", **IMAGENET)
    found = to_pixels(photo(*size), how)
    assert found.shape == (3, side, side)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert_same(found, by_torchvision(photo(*size), how), how)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "lanczos", "nearest"])
def test_every_interpolation_is_that_of_torchvision(interpolation):
    how = Preprocessing(50, 57, interpolation, **HALF)
    assert_same(to_pixels(photo(123, 77), how), by_torchvision(photo(123, 77), how), how)


@pytest.mark.parametrize("size", [(30, 47), (47, 30), (31, 31)])
def test_a_crop_wider_than_the_picture_is_padded_as_torchvision_pads(size):
    how = Preprocessing(64, 31, "bicubic", **HALF)
    expected = by_torchvision(photo(*size), how)
    np.testing.assert_allclose(to_pixels(photo(*size), how), expected, atol=1e-5, rtol=0)


def test_pixels_are_those_of_timm():
    data = pytest.importorskip("timm.data", reason="needs the extra 'train'")
    how = Preprocessing(96, 110, "bicubic", **HALF)
    transform = data.create_transform(
        input_size=(3, 96, 96), interpolation="bicubic", crop_pct=96 / 110, mean=how.mean,
        std=how.std,
    )  # fmt: skip
    image = photo(200, 133)
    assert_same(to_pixels(image, how), transform(image).numpy(), how)


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (2, 65_000)])
def test_a_thread_thin_picture_is_read_at_its_middle(size):
    # Resized whole, the first would be 224 x 13,440,000 pixels: nine gigabytes.
    how = Preprocessing(224, 224, "bicubic", **HALF)
    noise = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    across, down = max(size[0] // 2 - 50, 0), max(size[1] // 2 - 50, 0)
    middle = np.ascontiguousarray(noise[down : down + 100, across : across + 100])
    found = to_pixels(Image.fromarray(noise), how)
    assert np.abs(found - to_pixels(Image.fromarray(middle), how)).mean() < 0.01


def test_other_modes_are_laid_on_white_first():
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    np.testing.assert_array_equal(to_pixels(clear, Preprocessing(8, 8, "bicubic", **HALF)), 1.0)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "lanczos", "nearest"])
@pytest.mark.parametrize("size", [(640, 480), (123, 477), (288, 288), (30, 20), (1, 1), (4000, 3)])
def test_a_whole_picture_is_squashed_to_a_square_by_pillow(size, interpolation):
    how = Preprocessing(96, 96, interpolation, **IMAGENET, framing="whole")
    image = photo(*size)
    squashed = image.resize((96, 96), Image.Resampling[interpolation.upper()])
    scaled = np.asarray(squashed, np.float64).transpose(2, 0, 1) / 255
    expected = (scaled - np.array(how.mean)[:, None, None]) / np.array(how.std)[:, None, None]
    found = to_pixels(image, how)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_a_whole_picture_keeps_the_edges_that_a_centre_crop_cuts_away():
    image = Image.new("RGB", (300, 100), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 60, 100))
    image.paste((255, 255, 255), (240, 0, 300, 100))
    centre = Preprocessing(50, 50, "nearest", **HALF)
    whole = Preprocessing(50, 50, "nearest", **HALF, framing="whole")
    assert (to_pixels(image, centre) == -1).all()
    assert (to_pixels(image, whole) == 1).mean() == pytest.approx(0.4)


@pytest.mark.parametrize("size", [(4000, 700), (700, 4000), (1600, 1200), (1200, 300)])
def test_a_jpeg_read_at_reduced_size_leaves_enough_for_the_whole_picture(size):
    how = Preprocessing(96, 96, "bicubic", **HALF, framing="whole")
    data = encoded(photo(*size), "JPEG", quality=95)
    reduced = decode(data, "test", at_least=how.resize)
    assert min(reduced.size) >= how.size
    full = to_pixels(decode(data, "test"), how)
    assert np.abs(to_pixels(reduced, how) - full).mean() < 0.02


def test_an_unknown_framing_is_refused_with_those_there_are():
    with pytest.raises(BadInput, match="unknown framing 'left': there are centre, whole"):
        Preprocessing(8, 8, "bicubic", **HALF, framing="left")


def test_a_whole_picture_of_another_resize_than_size_is_refused():
    with pytest.raises(BadInput, match="resize 9 and size 8: make them equal"):
        Preprocessing(8, 9, "bicubic", **HALF, framing="whole")


def test_an_unknown_interpolation_is_refused_with_those_there_are():
    known = "nearest, bilinear, bicubic, lanczos"
    with pytest.raises(BadInput, match=f"unknown interpolation 'area': use one of {known}"):
        to_pixels(photo(), Preprocessing(8, 8, "area", **HALF))
