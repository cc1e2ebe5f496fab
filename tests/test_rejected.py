"""rejected.csv: what is left out now, and by which command."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from picturedesk.errors import MissingArtefact
from picturedesk.store.rejected import COLUMNS, write_rejections
from picturedesk.types import Rejection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "rejected.csv"


def broken(*sources: str) -> list[Rejection]:
    return [Rejection(source, "is broken", "mend it") for source in sources]


def listed(path: Path) -> list[tuple[str, str]]:
    """Source and command of each row."""
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["source"], row["left_out_by"]) for row in csv.DictReader(file)]


def test_what_is_left_out_is_written_as_a_table(path):
    rejections = [
        Rejection("a, b.jpg", 'is "cut"', "get it\nagain"),
        Rejection(os.fsdecode(b"\xff.jpg"), "是空的", "leave it out"),
    ]
    write_rejections(path, rejections, "fit")
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            list(COLUMNS),
            ["a, b.jpg", 'is "cut"', "get it\nagain", "fit"],
            ["\\udcff.jpg", "是空的", "leave it out", "fit"],
        ]


def test_rows_of_other_commands_stay(path):
    write_rejections(path, broken("a", "b"), "fit")
    write_rejections(path, broken("c"), "add /photos")
    assert listed(path) == [("a", "fit"), ("b", "fit"), ("c", "add /photos")]


def test_the_same_command_replaces_its_rows(path):
    write_rejections(path, broken("a"), "fit")
    write_rejections(path, broken("table, row 3", "table, row 5"), "add /table")
    write_rejections(path, broken("table, row 5"), "add /table")
    assert listed(path) == [("a", "fit"), ("table, row 5", "add /table")]


def test_a_source_that_got_in_is_listed_no_more(path):
    write_rejections(path, broken("a", "b"), "fit")
    write_rejections(path, [], "add /a", tried=["a"])
    assert listed(path) == [("b", "fit")]


def test_a_source_that_is_left_out_again_is_listed_once(path):
    write_rejections(path, broken("a", "b"), "fit")
    write_rejections(path, broken("a"), "add /a", tried=["a"])
    assert listed(path) == [("b", "fit"), ("a", "add /a")]


def test_a_source_may_be_left_out_for_several_reasons(path):
    write_rejections(path, broken("row 1", "row 1"), "fit")
    assert len(listed(path)) == 2


def test_a_name_that_is_not_utf8_is_known_again(path):
    name = os.fsdecode(b"\xff.jpg")
    write_rejections(path, broken(name), "fit")
    write_rejections(path, [], "add /photos", tried=[name])
    assert listed(path) == []


def test_a_command_that_names_other_sources_each_time_replaces_only_these(path):
    write_rejections(path, broken("a", "b"), "add", tried=["a", "b"], again=False)
    write_rejections(path, broken("c"), "add", tried=["a", "c"], again=False)
    assert listed(path) == [("b", "add"), ("c", "add")]


def test_a_table_without_commands_is_read(path):
    path.parent.mkdir()
    path.write_text("source,reason,cure\na,is broken,mend it\n", encoding="utf-8")
    write_rejections(path, broken("b"), "add /photos")
    assert listed(path) == [("a", ""), ("b", "add /photos")]


def test_a_table_that_is_damaged_is_an_error_of_one_line(path):
    path.mkdir(parents=True)
    with pytest.raises(MissingArtefact, match=r"Is a directory.*: remove it"):
        write_rejections(path, broken("a"), "add /photos")
    path.rmdir()
    path.write_text('source,reason,cure,left_out_by\n"' + 200_000 * "x", encoding="utf-8")
    with pytest.raises(MissingArtefact, match=r"is damaged .*: remove it"):
        write_rejections(path, broken("a"), "add /photos")
