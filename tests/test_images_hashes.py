"""Perceptual hashes and groups of near copies, checked against a slow, obvious reference."""

from __future__ import annotations

import io
import itertools
import time

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from picture_files import encoded, photo
from picturedesk.errors import BadInput
from picturedesk.images import decode, near_duplicate_groups, perceptual_hash
from picturedesk.images import hashes as hashes_module


def distance(one: Image.Image, other: Image.Image) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def again(image: Image.Image, kind: str, **options: object) -> Image.Image:
    return decode(encoded(image, kind, **options), "test")


COPIES = {
    "the same": lambda image: image.copy(),
    "a good JPEG": lambda image: again(image, "JPEG", quality=85),
    "a poor JPEG": lambda image: again(image, "JPEG", quality=20),
    "a WebP": lambda image: again(image, "WEBP", quality=50),
    "half the size": lambda image: image.resize((160, 120), Image.Resampling.BICUBIC),
    "a thumbnail": lambda image: image.resize((80, 60), Image.Resampling.BILINEAR),
    "stretched": lambda image: image.resize((240, 240), Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L"),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "a reduced JPEG": lambda image: decode(
        encoded(image.resize((1280, 960)), "JPEG"), "test", at_least=100
    ),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_near(copy):
    for seed in range(10):
        image = photo(320, 240, seed)
        assert distance(image, COPIES[copy](image)) <= 6


def test_other_pictures_are_far():
    hashes = [perceptual_hash(photo(320, 240, seed)) for seed in range(60)]
    assert len(set(hashes)) == 60
    assert min((a ^ b).bit_count() for a, b in itertools.combinations(hashes, 2)) > 12


def test_the_hash_is_that_of_the_definition():
    image = photo(200, 150)
    small = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=3.0)
    grey = np.asarray(small, float)
    place = np.arange(32)
    frequencies = np.zeros((8, 8))
    for u, v in np.ndindex(8, 8):
        wave = np.outer(
            np.cos(np.pi * u * (2 * place + 1) / 64), np.cos(np.pi * v * (2 * place + 1) / 64)
        )
        scale = (0.5**0.5 if u == 0 else 1) * (0.5**0.5 if v == 0 else 1) / 16
        frequencies[u, v] = (grey * wave).sum() * scale
    bits = (frequencies.ravel() > np.median(frequencies)).tolist()
    assert perceptual_hash(image) == int("".join("01"[bit] for bit in bits), 2)


def gradient(start: int, end: int, upright: bool = False) -> Image.Image:
    row = np.linspace(start, end, 200)[None, :].repeat(150, axis=0)
    grey = np.rint(row.T if upright else row).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def test_blank_pictures_of_other_colours_are_not_copies_of_each_other():
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 0, 255), (60, 60, 60)]
    blanks = [Image.new("RGB", (90, 70), colour) for colour in colours]
    assert groups_of([*blanks, photo(90, 70)]) == list(range(7))


def test_the_same_blank_picture_in_another_size_and_kind_is_a_copy():
    for colour in ((255, 255, 255), (0, 0, 0), (210, 30, 100)):
        blank = Image.new("RGB", (300, 200), colour)
        other = again(Image.new("RGB", (64, 64), colour), "JPEG", quality=60)
        assert groups_of([blank, other]) == [0, 0]


def test_gradients_are_not_chained_together():
    pictures = [
        gradient(0, 255), gradient(255, 0), gradient(0, 255, upright=True),
        gradient(255, 0, upright=True), gradient(0, 120), Image.new("RGB", (9, 9), (255, 255, 255)),
    ]  # fmt: skip
    assert groups_of(pictures) == list(range(6))


def groups_of(pictures: list[Image.Image]) -> list[int]:
    hashes = np.array([perceptual_hash(picture) for picture in pictures], dtype=np.uint64)
    return near_duplicate_groups(hashes).tolist()


def by_comparing_all(hashes: np.ndarray, max_distance: int) -> list[int]:
    """Connected components the slow way: paint from each item that has no colour yet."""
    groups = [-1] * len(hashes)
    for start in range(len(hashes)):
        if groups[start] >= 0:
            continue
        colour, reached = max(groups) + 1, [start]
        while reached:
            item = reached.pop()
            groups[item] = colour
            reached += [
                other
                for other in range(len(hashes))
                if groups[other] < 0
                and (int(hashes[item]) ^ int(hashes[other])).bit_count() <= max_distance
            ]
    return groups


@pytest.mark.parametrize("max_distance", [0, 1, 2, 3, 6, 7, 10, 20, 31])
def test_groups_are_those_found_by_comparing_all(max_distance):
    rng = np.random.default_rng(max_distance)
    originals = rng.integers(0, 2**64, 30, dtype=np.uint64)
    hashes = [originals]
    for _ in range(5):  # copies of copies, so that groups are chains
        flips = np.zeros(30, dtype=np.uint64)
        for _ in range(max_distance):
            flips |= np.uint64(1) << rng.integers(0, 64, 30, dtype=np.uint64)
        hashes.append(hashes[-1] ^ flips)
    mixed = rng.permutation(np.concatenate(hashes))
    found = near_duplicate_groups(mixed, max_distance)
    assert found.dtype == np.int64
    assert found.tolist() == by_comparing_all(mixed, max_distance)


def dense_hashes(kind: str, count: int) -> np.ndarray:
    """Different hashes that are hard to tell apart by stretches of bits."""
    rng = np.random.default_rng(0)
    if kind == "all values of a few bits":
        bits = rng.permutation(64)[: count.bit_length() - 1].astype(np.uint64)
        values = np.arange(1 << len(bits), dtype=np.uint64)
        return rng.permutation(
            np.bitwise_or.reduce([(values >> np.uint64(n) & np.uint64(1)) << b
                                  for n, b in enumerate(bits)])
        )  # fmt: skip
    if kind == "one stretch shared":
        return rng.integers(0, 2**64, count, dtype=np.uint64) & ~np.uint64(0x1FF)
    flips = rng.random((count, 64)) < float(kind.removeprefix("flipped with "))
    return np.packbits(flips, axis=1).view(np.uint64).ravel()


DENSE = ["all values of a few bits", "one stretch shared", "flipped with 0.05", "flipped with 0.1"]


@pytest.mark.parametrize("max_distance", [0, 1, 3, 6, 10])
@pytest.mark.parametrize("kind", DENSE)
def test_dense_groups_are_those_found_by_comparing_all(kind, max_distance, monkeypatch):
    monkeypatch.setattr(hashes_module, "_FEW", 4)  # so that stretches are cut again
    hashes = np.append(dense_hashes(kind, 256), dense_hashes("one stretch shared", 40))
    found = near_duplicate_groups(hashes, max_distance)
    assert found.tolist() == by_comparing_all(hashes, max_distance)


@pytest.mark.parametrize("kind", DENSE[:3])
def test_many_pictures_that_look_alike_are_grouped_in_seconds(kind):
    began = time.process_time()
    near_duplicate_groups(dense_hashes(kind, 1 << 17))
    assert time.process_time() - began < 20  # 0.5 to 2 s; comparing all takes minutes


def test_a_difference_in_any_bit_counts_alike():
    for bit in range(64):
        pair = np.array([0, 1 << bit], dtype=np.uint64)
        assert near_duplicate_groups(pair, 1).tolist() == [0, 0]
        assert near_duplicate_groups(pair, 0).tolist() == [0, 1]


def test_a_copy_of_a_copy_is_in_the_group():
    chain = np.array([0b0, 0b11, 0b1111, 0b111111, 0b111 << 40], dtype=np.uint64)
    assert near_duplicate_groups(chain, 2).tolist() == [0, 0, 0, 0, 1]


def test_no_pictures_have_no_groups():
    assert near_duplicate_groups(np.array([], dtype=np.uint64)).tolist() == []


@pytest.mark.parametrize("max_distance", [-1, 32])
def test_a_distance_out_of_range_is_refused(max_distance):
    with pytest.raises(BadInput, match="0 to 31"):
        near_duplicate_groups(np.zeros(2, dtype=np.uint64), max_distance)


def test_100_000_hashes_are_grouped_in_seconds():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 99_000, dtype=np.uint64)
    copies = hashes[:1000] ^ (np.uint64(1) << rng.integers(0, 64, 1000, dtype=np.uint64))
    began = time.process_time()
    groups = near_duplicate_groups(np.concatenate([hashes, copies]))
    assert groups[:99_000].tolist() == list(range(99_000))
    assert groups[99_000:].tolist() == list(range(1000))
    assert time.process_time() - began < 20


def test_the_same_hash_100_000_times_is_one_group():
    assert set(near_duplicate_groups(np.full(100_000, 7, dtype=np.uint64)).tolist()) == {0}


def test_a_small_picture_is_hashed_quickly():
    image = Image.open(io.BytesIO(encoded(photo(320, 240), "PNG"))).convert("RGB")
    perceptual_hash(image)
    began = time.process_time()
    for _ in range(50):
        perceptual_hash(image)
    assert (time.process_time() - began) / 50 < 0.01  # seconds; ten times what it takes
