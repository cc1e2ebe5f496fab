"""Checksums of files and records: what they find, and what they read to find it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.arrays import ARRAYS, map_arrays, read_arrays, write_arrays
from picturedesk.disk.artifacts import read_manifest, write_manifest
from picturedesk.disk.sums import CheckedFile, Sums, row_sum
from picturedesk.errors import MissingArtefact

WHOLE = np.random.default_rng(0).bytes(10_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(WHOLE)
    return tmp_path / "file"


def opened(path: Path, sums: Sums | None = None) -> CheckedFile:
    return CheckedFile(path, sums or Sums.of(path, block=1000), "mend it")


def damage(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def test_sums_of_a_file_are_those_of_its_parts_one_after_the_other(path):
    sums = Sums(block=1000)
    for start, stop in [(0, 1), (1, 999), (999, 1000), (1000, 4500), (4500, 4500), (4500, 10_000)]:
        sums = sums.extended(WHOLE[start:stop])
    assert sums == Sums.of(path, block=1000)
    assert Sums.from_json(sums.as_json()) == sums


@pytest.mark.parametrize("at", [0, 999, 1000, 5500, 9999])
def test_a_changed_byte_is_found_where_it_is_touched_and_nowhere_else(path, at):
    file = opened(path)
    damage(path, at)
    block = at // 1000
    for other in {*range(10)} - {block}:
        file.check(1000 * other, 1000 * (other + 1))
    with pytest.raises(MissingArtefact, match=f"checksum differs at byte {1000 * block}: mend it"):
        file.check(at, at + 1)
    with pytest.raises(MissingArtefact, match="file is damaged"):
        opened(path, file.sums).read()


def test_what_is_whole_is_read_and_mapped_as_it_was(path):
    file = opened(path)
    file.check()
    assert bytes(file.read()) == file.map().tobytes() == WHOLE
    path.write_bytes(WHOLE + b"left by a killed append")
    assert bytes(opened(path, file.sums).read()) == WHOLE


def test_a_file_that_is_gone_short_or_a_folder_is_one_line(path, tmp_path):
    sums = Sums.of(path)
    with pytest.raises(MissingArtefact, match="none does not exist: mend it"):
        opened(tmp_path / "none", sums)
    path.write_bytes(WHOLE[:-1])
    with pytest.raises(MissingArtefact, match="it holds 9999 bytes of 10000: mend it"):
        opened(path, sums)
    with pytest.raises(MissingArtefact, match="cannot be read"):
        opened(tmp_path, sums).read()


def test_empty_files_have_sums_too(tmp_path):
    (tmp_path / "empty").touch()
    file = opened(tmp_path / "empty")
    file.check()
    assert bytes(file.read()) == file.map().tobytes() == b""


def test_records_differ_by_every_value_and_its_place():
    sums = {
        row_sum(1, "a", b"b"),
        row_sum(1, b"b", "a"),
        row_sum("1a", b"b"),
        row_sum(2, "a", b"b"),
    }
    assert len(sums) == 4
    assert row_sum("\ud800") != row_sum("\ud801")


ARRAYS_KEPT = {
    "wide": np.random.default_rng(1).normal(size=(500, 300)).astype(np.float32),  # 600 KB
    "longs": np.arange(7),
    "bytes": np.frombuffer(b"abc", dtype=np.uint8),
    "nothing": np.zeros((0, 4), dtype=np.float64),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_arrays(tmp_path, ARRAYS_KEPT)
    write_manifest(tmp_path, "things", {})
    return tmp_path


def test_arrays_come_back_mapped_by_rows_and_from_another_library(folder):
    from safetensors.numpy import load_file

    manifest = read_manifest(folder)
    for found in (
        read_arrays(folder, manifest),
        map_arrays(folder, manifest),
        map_arrays(folder, manifest, by_rows=("wide",)),
        load_file(folder / ARRAYS),
    ):
        assert found.keys() == ARRAYS_KEPT.keys()
        for name, array in ARRAYS_KEPT.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_rows_are_those_of_the_array(folder):
    wide = ARRAYS_KEPT["wide"]
    rows = map_arrays(folder, read_manifest(folder), by_rows=("wide",))["wide"]
    assert (rows.shape, rows.size, rows.nbytes, len(rows)) == (wide.shape, 150_000, 600_000, 500)
    for index in (np.array([3, 499, 0]), np.array([-1]), 7, slice(2, 9), (slice(None), 4)):
        np.testing.assert_array_equal(rows[index], wide[index])
    np.testing.assert_allclose(np.ones((1, 500), np.float32) @ rows, wide.sum(axis=0)[None], 1e-3)
    with pytest.raises(IndexError):
        rows[np.array([500])]


def test_only_the_rows_that_are_used_are_checked_and_those_are(folder):
    manifest = read_manifest(folder)
    content = (folder / ARRAYS).read_bytes()
    damage(folder / ARRAYS, content.index(ARRAYS_KEPT["wide"][400].tobytes()) + 700)
    rows = map_arrays(folder, manifest, by_rows=("wide",))["wide"]
    np.testing.assert_array_equal(rows[np.array([0, 5])], ARRAYS_KEPT["wide"][[0, 5]])
    for use in (
        lambda: rows[np.array([5, 400])],
        lambda: rows[400],
        lambda: rows[:, 3],
        lambda: np.asarray(rows),
        lambda: np.ones((1, 500), np.float32) @ rows,
        lambda: map_arrays(folder, manifest),
        lambda: read_arrays(folder, manifest),
    ):
        with pytest.raises(MissingArtefact, match=r"arrays\.safetensors is damaged"):
            use()


def test_a_row_that_lies_in_two_blocks_is_checked_in_both(folder):
    manifest = read_manifest(folder)
    start = (folder / ARRAYS).read_bytes().index(ARRAYS_KEPT["wide"].tobytes())
    row = (65536 - start) // 1200  # its end lies in the second block
    assert start + 1200 * row < 65536 < start + 1200 * (row + 1)
    damage(folder / ARRAYS, 65536 + 3)
    rows = map_arrays(folder, manifest, by_rows=("wide",))["wide"]
    rows[np.array([row - 1])]
    with pytest.raises(MissingArtefact, match="is damaged"):
        rows[np.array([row])]


def test_every_user_may_read_what_is_written(folder):
    assert (folder / ARRAYS).stat().st_mode & 0o444 == (
        folder / "manifest.json"
    ).stat().st_mode & 0o444
