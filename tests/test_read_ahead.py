"""Files that are read before they are needed: all of them, or none that would not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from picturedesk.disk import read_ahead as module
from picturedesk.disk.read_ahead import read_ahead


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "vectors", tmp_path / "records"]
    made[0].write_bytes(b"v" * 700)
    made[1].write_bytes(b"r" * 300)
    return made


def test_files_are_read_to_their_ends(files: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_PIECE", 64)
    assert read_ahead(files) == 1000


def test_files_that_do_not_fit_into_memory_together_are_not_read(files: list[Path]):
    assert read_ahead(files, most=1000) == 1000
    assert read_ahead(files, most=999) == 0


def test_files_that_are_gone_or_none_are_left_out(files: list[Path], tmp_path: Path):
    assert read_ahead([tmp_path / "gone", tmp_path, *files]) == 1000


def test_it_ends_when_it_is_told_to(files: list[Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_PIECE", 64)
    asked = iter([True, True, False, False])
    assert read_ahead(files, lambda: next(asked)) == 128


def test_half_of_the_memory_is_the_limit_where_it_is_known(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module.os, "sysconf", lambda name: 30)
    assert read_ahead(files) == 0  # 450 bytes

    def unknown(name: str) -> int:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(module.os, "sysconf", unknown)
    assert read_ahead(files) == 0
