"""A fit that is killed: the desk answers as before, or as after, and never as something between.

As a program, this file fits a desk again and again, killed at the first thing that it does to the
disk, at the second, and so on. PICTUREDESK_KILLS sets at how many of these points.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from picturedesk.desk import Desk, DeskConfig, fit
from picturedesk.disk.database import transaction
from shapes import draw, write_archive

KILLS = int(os.environ.get("PICTUREDESK_KILLS", "8"))
TEXT = "We saw a yellow triangle after the rain."
QUICK = replace(DeskConfig(), sentences=())
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "sqlite3.connect"}


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def narrowed(table: Path) -> Path:
    """The same archive without the violet pictures."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if "violet" not in row[1]]
    smaller = table.with_name("smaller.csv")
    with smaller.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return smaller


def answer(desk: Path) -> list[tuple[str, float]]:
    with Desk(desk) as opened:
        return [(s.picture.uri, s.score) for s in opened.suggest(TEXT, k=1000)]


class Points:
    """Counts what this process does to the disk below ``home``; kills it at one of these points.

    Points are files opened to be written, renamed and removed, folders made and removed, databases
    opened, and the lines of transactions.
    """

    def __init__(self, home: Path, last: int) -> None:
        self.passed = 0
        self._home = str(home)
        self._last = last

    def watch(self) -> None:
        sys.addaudithook(self._hook)
        sys.settrace(self._trace)

    def _reach(self) -> None:
        if self.passed == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed += 1

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and set(str(arguments[1])) & set("wxa+")
        if (writes or event in CHANGES) and self._home in os.fsdecode(arguments[0]):
            self._reach()

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not transaction.__wrapped__.__code__:
            return None
        if event == "line":
            self._reach()
        return self._trace


def run(work: Callable[[], object], home: Path, last: int = -1) -> int:
    """Works in a process that kills itself at a point, if it comes that far.

    Returns:
        How many points it passed if it came to its end, -1 if it was killed.
    """
    reader, writer = os.pipe()
    process = os.fork()
    if process:
        os.close(writer)
        with os.fdopen(reader) as said:
            passed = said.read()
        _, status = os.waitpid(process, 0)
        assert status in (0, signal.SIGKILL), status
        return int(passed) if status == 0 else -1
    status = 1
    try:
        points = Points(home, last)
        points.watch()
        work()
        sys.settrace(None)
        os.write(writer, str(points.passed).encode())
        status = 0
    finally:
        os._exit(status)


def linked(desk: Path, copied: Path) -> Path:
    """A copy: hard links, but for databases, which are written in place."""

    def link(source: str, target: str) -> None:
        (shutil.copyfile if source.endswith(".db") else os.link)(source, target)

    shutil.copytree(desk, copied, copy_function=link)
    return copied


def die_everywhere(desk: Path, table: Path, kills: int) -> None:
    """Fits copies of a desk again, on a smaller archive, killed at points evenly spaced.

    Says how many points there are, and how many kills left the answer before and the one after.
    """
    learned: list[Any] = []
    learn = fit.learn

    def learned_before(*given: Any) -> Any:  # learning changes nothing on the disk
        if not learned:
            learned.append(learn(*given))
        return learned[0]

    fit.learn = learned_before
    home = desk.parent / "copies"
    home.mkdir()
    before = answer(desk)
    undisturbed = linked(desk, home / "undisturbed")
    Desk.fit(table, undisturbed, QUICK)
    after = answer(undisturbed)
    assert before != after
    counted = linked(desk, home / "counted")
    points = run(lambda: Desk.fit(table, counted, QUICK), counted)
    left = {"before": 0, "after": 0}
    for kill in range(min(kills, points)):
        copied = linked(desk, home / "killed")
        point = kill * points // min(kills, points)
        assert run(lambda at=copied: Desk.fit(table, at, QUICK), copied, point) == -1
        found = answer(copied)
        assert found in (before, after), f"point {point} of {points}"
        left["before" if found == before else "after"] += 1
        if kill % 8 == 0:  # the next fit goes on, and takes away what was left
            Desk.fit(table, copied, QUICK)
            assert answer(copied) == after
            assert not list((copied / "fits").glob(".*"))
            assert len(list((copied / "fits").iterdir())) <= 2
        shutil.rmtree(copied)
    say(f"{points} {left['before']} {left['after']}")


def test_a_desk_whose_next_fit_is_killed_anywhere_answers_as_before_or_as_after(tmp_path):
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    table = write_archive(tmp_path / "archive", copies=2)
    Desk.fit(table, tmp_path / "desk", QUICK)
    draw("red", "circle", seed=9001).save(tmp_path / "added.png")
    Desk(tmp_path / "desk").add(tmp_path / "added.png")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",  # a process that forks should have one thread
    }
    line = [sys.executable, __file__, str(tmp_path / "desk"), str(narrowed(table)), str(KILLS)]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    points, before, after = map(int, done.stdout.split())
    assert points > 100
    assert before + after == KILLS
    assert before > after  # all is made before the one step that switches


def main(desk: str, table: str, kills: str) -> None:
    """Dies everywhere."""
    die_everywhere(Path(desk), Path(table), int(kills))


if __name__ == "__main__":
    main(*sys.argv[1:])
