"""Progress as a log shows it: what began is said at once, what goes on now and then."""

from __future__ import annotations

import pytest

from picturedesk.cli import show
from picturedesk.types import step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_step_is_named_when_it_begins_and_timed_if_it_took_a_while(
    clock: list[float], capsys: pytest.CaptureFixture[str]
):
    with show.progress() as progress:
        with step(progress, "opening the archive"):
            assert shown(capsys) == ["opening the archive …"]
            clock[0] += 0.5
        with step(progress, "exporting the network"):
            clock[0] += 42
    assert shown(capsys) == ["exporting the network …", "exporting the network: 42 s"]


def test_a_count_is_shown_at_its_beginning_now_and_then_and_once_at_its_end(
    clock: list[float], capsys: pytest.CaptureFixture[str]
):
    with show.progress() as progress:
        for done in range(0, 13):
            progress(done, 12, "pictures")
            clock[0] += 1
        progress(12, 12, "pictures")
    lines = shown(capsys)
    assert [line.split(":")[1].split()[0] for line in lines] == ["0/12", "5/12", "10/12", "12/12"]
    assert lines[1] == "pictures: 5/12 (1.0/s, 7 s left)"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]):
    with show.progress(quiet=True) as progress, step(progress, "anything"):
        progress(3, 9, "pictures")
    assert shown(capsys) == []
