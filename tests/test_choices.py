"""The log of editors' decisions: appended, taken back, never lost, never changed unnoticed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from multiprocessing import get_context

import pytest

from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.store.choices import ChoiceLog
from picturedesk.types import Choice

FIRST = Choice("A red flower", "aa", ("bb", "cc"), "2026-11-26T09:00:00Z", "Ann")
OTHER = Choice("Ein Fluss 河", "bb", (), "2026-11-26T09:01:00Z")


@pytest.fixture
def log(tmp_path):
    with ChoiceLog.open(tmp_path / "choices.db") as opened:
        yield opened


def test_decisions_come_back_in_their_order_with_numbers(log):
    assert log.add(FIRST) == replace(FIRST, number=1)
    log.add(OTHER)
    assert log.page() == [replace(FIRST, number=1), replace(OTHER, number=2)]
    assert log.page(after=1) == [replace(OTHER, number=2)]
    assert log.page(limit=1) == [replace(FIRST, number=1)]
    assert len(log) == 2


def test_what_was_taken_back_stays_in_the_log_and_does_not_count(log):
    log.add(FIRST)
    log.add(OTHER)
    undone = replace(FIRST, number=1, undone=True)
    assert log.undo(1) == undone
    assert log.undo(1) == undone
    assert log.valid() == [replace(OTHER, number=2)]
    assert log.page() == [undone, replace(OTHER, number=2)]
    assert log.add(FIRST).number == 3


def test_a_number_that_is_not_there_is_refused(log):
    with pytest.raises(BadInput, match="there is no choice 1"):
        log.undo(1)


@pytest.mark.parametrize("field", ["text", "picture", "time"])
def test_a_decision_without_text_picture_or_time_is_refused(field):
    with pytest.raises(BadInput, match=field):
        replace(FIRST, **{field: " "})


def test_another_process_reads_what_was_written(log, tmp_path):
    log.add(FIRST)
    with ChoiceLog.open(tmp_path / "choices.db", make=False) as other:
        assert other.valid() == [replace(FIRST, number=1)]
        log.add(OTHER)
        assert len(other.valid()) == 2


def _add_some(path, count):
    with ChoiceLog.open(path) as log:
        for _ in range(count):
            log.add(FIRST)


def test_several_writers_lose_nothing(log, tmp_path):
    context = get_context("spawn")
    writers = [
        context.Process(target=_add_some, args=(tmp_path / "choices.db", 20)) for _ in range(2)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [choice.number for choice in log.page()] == [*range(1, 41)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE choices SET picture = 'dd' WHERE number = 1",
        "UPDATE choices SET undone = 1 WHERE number = 1",
        "DELETE FROM choices WHERE number = 2",
    ],
)
def test_a_damaged_log_is_noticed(tmp_path, change):
    path = tmp_path / "choices.db"
    with ChoiceLog.open(path) as log:
        log.add(FIRST)
        log.add(OTHER)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with ChoiceLog.open(path) as log, pytest.raises(MissingArtefact, match="restore it"):
        log.page()


def test_a_missing_log_is_made_only_when_asked_for(tmp_path):
    with pytest.raises(MissingArtefact):
        ChoiceLog.open(tmp_path / "none.db", make=False)
    assert not (tmp_path / "none.db").exists()
