"""A file of vectors with a checksum each: only what is read is compared, all that is read is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.summed_rows import SummedRowFile
from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.types import Vectors

WIDTH = 5


def rows(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def half(vectors: np.ndarray) -> np.ndarray:
    return vectors.astype(np.float16).astype(np.float32)


@pytest.fixture
def file(tmp_path: Path) -> SummedRowFile:
    return SummedRowFile(tmp_path / "rows.f16", WIDTH)


def test_rows_come_rounded_to_half_precision_however_they_are_taken(file):
    vectors = rows(40)
    sums = file.append(file.append(file.empty, vectors[:33]), vectors[33:])
    opened, expected = file.open(sums)(), half(vectors)
    assert isinstance(opened, Vectors)
    assert (opened.shape, len(opened), opened.dtype) == ((40, WIDTH), 40, np.float32)
    chosen = np.array([39, 0, 7, 7, 33])
    np.testing.assert_array_equal(opened[chosen], expected[chosen])
    for some in (slice(None), slice(3, 35), slice(30, 99), slice(9, 2), slice(0, 40, 3)):
        np.testing.assert_array_equal(opened[some], expected[some])
    np.testing.assert_array_equal(np.asarray(opened), expected)
    assert opened[chosen].dtype == opened[:2].dtype == np.float32
    assert opened[np.zeros(0, dtype=np.int64)].shape == (0, WIDTH)


def test_what_is_taken_in_parts_is_what_is_taken_at_once(file, monkeypatch):
    opened = file.open(file.append(file.empty, rows(40)))()
    expected, chosen = opened[:], np.arange(39, -1, -1)
    monkeypatch.setattr("picturedesk.disk.summed_rows._AT_ONCE", 7)
    again = file.open(file.append(file.empty, rows(40)))()
    np.testing.assert_array_equal(again[chosen], expected[chosen])
    np.testing.assert_array_equal(again[5:31], expected[5:31])


def test_rows_are_named_by_numbers_or_a_slice(file):
    opened = file.open(file.append(file.empty, rows(4)))()
    for wrong in (np.zeros((2, 2), dtype=np.int64), np.array([0.5]), np.array([True] * 4)):
        with pytest.raises(TypeError, match="rows of shape"):
            opened[wrong]
    with pytest.raises(IndexError):
        opened[np.array([4])]


def test_no_rows_need_no_file(file):
    assert file.open(file.empty)().shape == (0, WIDTH)
    assert file.append(file.empty, rows(0)) == file.empty
    assert not any(path.exists() for path in file.paths)


def test_a_changed_row_is_refused_when_it_is_read_and_no_other(file):
    sums = file.append(file.empty, rows(40))
    content = bytearray(file.path.read_bytes())
    content[17 * WIDTH * 2 + 3] ^= 1
    file.path.write_bytes(content)
    opened = file.open(sums)()
    np.testing.assert_array_equal(opened[:17], half(rows(40))[:17])
    for some in (np.array([3, 17]), slice(10, 20), slice(None)):
        with pytest.raises(MissingArtefact, match=r"rows\.f16 is damaged, .* row 17 differs"):
            opened[some]
    np.testing.assert_array_equal(opened[18:], half(rows(40))[18:])


def test_changed_checksums_are_refused(file):
    sums = file.append(file.empty, rows(40))
    beside = file.paths[1]
    content = bytearray(beside.read_bytes())
    content[5] ^= 1
    beside.write_bytes(content)
    opened = file.open(sums)()
    with pytest.raises(MissingArtefact, match=r"rows\.crc32 is damaged"):
        opened[np.array([30])]


def test_rows_that_were_never_right_are_refused(tmp_path):
    file = SummedRowFile(
        tmp_path / "rows.f16", WIDTH, complaint=lambda some: "too high" * bool((some > 9).any())
    )
    vectors = rows(4)
    vectors[2, 0] = 10
    opened = file.open(file.append(file.empty, vectors))()
    assert opened[:2].shape == (2, WIDTH)
    with pytest.raises(MissingArtefact, match="damaged, too high"):
        opened[1:3]


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_cut_short_or_gone_is_named(file, which):
    sums = file.append(file.empty, rows(6))
    path = file.paths[which]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for use in (lambda: file.open(sums), lambda: file.append(sums, rows(1))):
        with pytest.raises(MissingArtefact, match=rf"{path.name} is damaged, it holds"):
            use()
    path.unlink()
    with pytest.raises(MissingArtefact, match=rf"{path.name} does not exist"):
        file.open(sums)


def test_bytes_behind_the_valid_ones_are_written_over(file):
    sums = file.append(file.empty, rows(6))
    for path, left in zip(file.paths, (13, 4), strict=True):
        with path.open("ab") as raw:
            raw.write(b"\xff" * left)
    np.testing.assert_array_equal(file.open(sums)()[:], half(rows(6)))
    sums = file.append(sums, rows(3, seed=1))
    np.testing.assert_array_equal(
        file.open(sums)()[:], half(np.concatenate([rows(6), rows(3, seed=1)]))
    )


def test_what_was_opened_stays_as_it_is_while_rows_are_appended(file):
    sums = file.append(file.empty, rows(6))
    opened = file.open(sums)()
    for seed in range(20):
        sums = file.append(sums, rows(30, seed))
    np.testing.assert_array_equal(opened[:], half(rows(6)))
    assert len(file.open(sums)()) == 606


def test_a_file_that_becomes_shorter_while_it_is_open_is_named(file):
    opened = file.open(file.append(file.empty, rows(6)))()
    assert opened[:].shape == (6, WIDTH)
    file.path.write_bytes(file.path.read_bytes()[:-4])
    assert opened[:5].shape == (5, WIDTH)
    for some in (slice(None), np.array([0, 5])):
        with pytest.raises(MissingArtefact, match="it holds 56 bytes of 60"):
            opened[some]


def test_rows_come_the_same_where_files_have_one_position(file, monkeypatch):
    monkeypatch.delattr("os.pread", raising=False)
    opened = file.open(file.append(file.empty, rows(9)))()
    np.testing.assert_array_equal(opened[np.array([8, 2])], half(rows(9))[[8, 2]])
    np.testing.assert_array_equal(opened[3:], half(rows(9))[3:])


def test_rows_of_another_width_are_refused(file):
    with pytest.raises(BadInput, match=r"rows of shape \(2, 4\)"):
        file.append(file.empty, np.zeros((2, 4), dtype=np.float32))
    with pytest.raises(BadInput, match="width 0"):
        SummedRowFile(file.path, 0)
