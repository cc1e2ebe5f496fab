"""A sample of the damages that ``make torture`` does to a desk, and a look at what it can find."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from damages import replace
from picturedesk.desk import Desk
from picturedesk.disk import sums
from torture import Torture

DAMAGES = int(os.environ.get("PICTUREDESK_DAMAGES", "60"))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_a_damaged_desk_answers_as_a_whole_one_or_says_so_in_one_line(fitted_desk, scratch):
    torture = Torture(fitted_desk, scratch, seed=20_261_125)
    for number in range(DAMAGES):
        torture.damage(number)
    assert torture.report.wrong == []
    assert torture.report.damages == DAMAGES
    assert torture.report.outcomes["refused in one line"] > DAMAGES


def test_the_torture_finds_what_nothing_checks(fitted_desk, scratch, monkeypatch):
    torture = Torture(fitted_desk, scratch, seed=0)
    monkeypatch.setattr(sums.CheckedFile, "check_blocks", lambda self, numbers: None)

    def harm(desk: Path) -> str:
        vectors = Desk(desk).fitted.memory / "texts.f32"
        replace(vectors, vectors.read_bytes()[::-1])
        return "reverse texts.f32"

    torture.ask_after(harm, "blind")
    assert torture.report.outcomes["WRONG"] >= 2
