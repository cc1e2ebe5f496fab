"""A file of rows: what is appended is there, what was there is never touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.rows import RowFile
from picturedesk.disk.sums import CheckedFile
from picturedesk.errors import BadInput, MissingArtefact

COUNTED = Path("/proc/self/io")  # what this process has read and written, on Linux


def rows(first: int, last: int, width: int = 3) -> np.ndarray:
    """Row i is i, i + 0.1, …"""
    numbers = np.arange(first, last)[:, None] + np.arange(width) / 10
    return numbers.astype(np.float32)


def written() -> int:
    counts = dict(line.split(": ") for line in COUNTED.read_text().splitlines())
    return int(counts["wchar"])


@pytest.fixture
def file(tmp_path: Path) -> RowFile[np.float32]:
    return RowFile(tmp_path / "rows.f32", np.float32, 3)


def test_rows_come_back_as_they_were_appended(file):
    sums = file.append(file.empty, rows(0, 4))
    sums = file.append(sums, rows(4, 5))
    assert sums.size == 5 * file.row_bytes
    np.testing.assert_array_equal(file.read(sums), rows(0, 5))
    again = RowFile(file.path, np.float32, 3)
    np.testing.assert_array_equal(again.read(sums), rows(0, 5))


def test_no_rows_need_no_file(file):
    assert file.read(file.empty).shape == (0, 3)
    assert file.append(file.empty, rows(0, 0)) == file.empty
    assert not file.path.exists()


def test_numbers_are_little_endian_on_disk(file, tmp_path):
    file.append(file.empty, rows(0, 2).astype(">f4"))
    assert file.path.read_bytes() == rows(0, 2).astype("<f4").tobytes()
    whole = RowFile(tmp_path / "rows.i64", np.int64, 2)
    whole.append(whole.empty, np.array([[1, -2]]))
    assert whole.path.read_bytes() == np.array([1, -2], dtype="<i8").tobytes()


def test_rows_of_any_stride_are_taken(file):
    whole = rows(0, 10, width=6)
    sums = file.append(file.empty, whole[::2, ::2])
    np.testing.assert_array_equal(file.read(sums), whole[::2, ::2])


def test_what_is_mapped_can_only_be_read(file):
    mapped = file.read(file.append(file.empty, rows(0, 4)))
    assert not mapped.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 0


def test_a_map_stays_as_it_is_while_rows_are_appended(file):
    sums = file.append(file.empty, rows(0, 4))
    mapped = file.read(sums)
    for first in range(4, 354, 7):
        sums = file.append(sums, rows(first, first + 7))
    np.testing.assert_array_equal(mapped, rows(0, 4))
    np.testing.assert_array_equal(file.read(sums), rows(0, 354))


def test_an_append_leaves_the_bytes_before_it_alone(file):
    sums = file.append(file.empty, rows(0, 1000))
    inode = file.path.stat().st_ino
    with file.path.open("r+b") as raw:  # marks that a copy made from elsewhere would not have
        raw.write(b"\x01" * 12 * 1000)
    file.append(sums, rows(1000, 1001))
    assert file.path.stat().st_ino == inode
    assert file.path.read_bytes() == b"\x01" * 12 * 1000 + rows(1000, 1001).tobytes()


@pytest.mark.skipif(not COUNTED.exists(), reason="counts of bytes written come from Linux")
def test_an_append_writes_the_new_rows_and_nothing_else(file):
    sums = file.append(file.empty, rows(0, 100_000))
    before = written()
    file.append(sums, rows(0, 5))
    assert written() - before == 5 * file.row_bytes


@pytest.mark.parametrize("left", [1, 12, 12 * 40 + 5])
def test_bytes_that_a_killed_append_left_are_written_over(file, left):
    sums = file.append(file.empty, rows(0, 4))
    with file.path.open("ab") as raw:
        raw.write(b"\xff" * left)
    np.testing.assert_array_equal(file.read(sums), rows(0, 4))
    sums = file.append(sums, rows(4, 6))
    np.testing.assert_array_equal(file.read(sums), rows(0, 6))


def test_a_file_cut_short_is_refused_by_name(file):
    sums = file.append(file.empty, rows(0, 4))
    with file.path.open("r+b") as raw:
        raw.truncate(47)
    complaint = "rows.f32 is damaged, it holds 47 bytes of 48: make it again"
    with pytest.raises(MissingArtefact, match=complaint):
        file.read(sums)
    with pytest.raises(MissingArtefact, match=complaint):
        file.append(sums, rows(4, 5))
    np.testing.assert_array_equal(file.read(file.empty.extended(rows(0, 3).data)), rows(0, 3))


def test_a_file_that_is_gone_is_refused_by_name(tmp_path):
    file = RowFile(tmp_path / "rows.f32", np.float32, 3, "run it again")
    sums = file.empty.extended(rows(0, 1).data)
    with pytest.raises(MissingArtefact, match=r"rows\.f32 does not exist: run it again"):
        file.read(sums)
    with pytest.raises(MissingArtefact, match=r"rows\.f32 does not exist"):
        file.append(sums, rows(0, 1))
    assert not file.path.exists()


@pytest.mark.parametrize(
    "wrong",
    [rows(0, 2, width=4), rows(0, 2).astype(np.float64), rows(0, 1)[0], rows(0, 2)[..., None]],
)
def test_rows_of_another_kind_are_refused(file, wrong):
    with pytest.raises(BadInput, match=r"it takes \(n, 3\) of float32"):
        file.append(file.empty, wrong)
    assert not file.path.exists()


def test_a_width_below_one_is_refused(tmp_path):
    with pytest.raises(BadInput, match="at least one number"):
        RowFile(tmp_path / "rows.f32", np.float32, 0)


def damage(file: RowFile, at: int) -> None:
    with file.path.open("r+b") as raw:
        raw.seek(at)
        (byte,) = raw.read(1)
        raw.seek(at)
        raw.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("at", [0, 12 * 150_000 + 3, 12 * 200_000 - 1])
def test_a_flipped_bit_is_found_wherever_it_is(file, at):
    sums = file.append(file.empty, rows(0, 200_000))
    assert len(sums.crcs) // 4 == 3  # blocks
    damage(file, at)
    opened = file.open(sums)
    with pytest.raises(MissingArtefact, match=r"rows\.f32 is damaged, its checksum differs"):
        opened()


def test_rows_in_another_order_are_found(file):
    sums = file.append(file.empty, rows(0, 4))
    file.path.write_bytes(rows(0, 4)[[1, 0, 2, 3]].tobytes())
    with pytest.raises(MissingArtefact, match="its checksum differs"):
        file.read(sums)


def test_what_was_compared_once_is_not_compared_again_after_an_append(file, monkeypatch):
    sums = file.append(file.empty, rows(0, 200_000))
    file.read(sums)
    more = file.append(sums, rows(200_000, 200_001))
    compared = []
    compare = CheckedFile._compare
    monkeypatch.setattr(
        CheckedFile, "_compare", lambda self, n, part: (compared.append(n), compare(self, n, part))
    )
    np.testing.assert_array_equal(file.read(more), rows(0, 200_001))
    assert compared == [2]


def test_rows_that_their_owner_cannot_use_are_a_damage(tmp_path):
    def complaint(block):
        return "a row is negative" if (block < 0).any() else ""

    file = RowFile(tmp_path / "rows.f32", np.float32, 3, complaint=complaint)
    sums = file.append(file.empty, rows(0, 3))
    file.read(sums)
    sums = file.append(sums, -rows(1, 2))
    with pytest.raises(MissingArtefact, match="is damaged, a row is negative: make it again"):
        file.read(sums)
