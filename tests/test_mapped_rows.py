"""Rows picked from a table on disk: the same as from the table, wherever they are read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.artifacts import write_arrays
from picturedesk.texts import mapped_rows
from picturedesk.texts.mapped_rows import MappedRows
from picturedesk.texts.stored import map_arrays

TABLE = np.arange(60, dtype=np.float32).reshape(12, 5)


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    arrays = {"first": np.ones(7, dtype=np.float32), "table": TABLE}
    write_arrays(tmp_path, arrays)
    return map_arrays(tmp_path)["table"]


@pytest.mark.parametrize("rows", [[3], [0, 11], [5, 5, 2, 5], []])
def test_rows_are_those_of_the_table(mapped: np.ndarray, rows: list[int]):
    picked = MappedRows(mapped)[np.array(rows, dtype=np.int64)]
    np.testing.assert_array_equal(picked, TABLE[rows])
    assert picked.dtype == TABLE.dtype


def test_many_rows_come_from_the_map(mapped: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mapped_rows, "_READ", 4)
    table = MappedRows(mapped)
    for rows in ([1, 2], [3, 4, 5], [6]):  # the second is more than is left to read
        np.testing.assert_array_equal(table[np.array(rows)], TABLE[rows])


def test_a_table_in_memory_is_read_as_it_is():
    np.testing.assert_array_equal(MappedRows(TABLE)[np.array([2, 1])], TABLE[[2, 1]])
    assert MappedRows(TABLE).shape == (12, 5)


def test_bytes_are_rows_too(tmp_path: Path):
    table = np.arange(40, dtype=np.uint8).reshape(8, 5)
    write_arrays(tmp_path, {"table": table})
    picked = MappedRows(map_arrays(tmp_path)["table"])[np.array([7, 0])]
    np.testing.assert_array_equal(picked, table[[7, 0]])
