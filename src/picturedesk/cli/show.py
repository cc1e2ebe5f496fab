"""Terminal output: results on stdout, progress and errors on stderr.

Knows nothing of desks or pictures.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.types import Progress


def as_json(value: object) -> None:
    """Prints one JSON document to stdout."""
    from picturedesk.disk.artifacts import plain

    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def line(text: str = "") -> None:
    """Prints one line of a result to stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Prints one line to stderr."""
    sys.stderr.write(text + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table to stdout; all columns except the first are aligned to the right."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        drawn.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    # A pipe has no width: use a fixed one.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160)
    console.print(drawn)


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """A Progress with rate and remaining time: a bar in a terminal, lines elsewhere."""
    if quiet:
        yield lambda done, total, what: None
    elif sys.stderr.isatty():
        with _bar() as drawn:
            yield drawn
    else:
        yield _Lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description:<10}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(file=sys.stderr)) as drawn:
        tasks: dict[str, bars.TaskID] = {}

        def show(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(what, total=total, rate="")
            task = drawn.tasks[tasks[what]]
            rate = f"{task.speed:.1f}/s" if task.speed else ""
            drawn.update(tasks[what], completed=done, total=total, rate=rate)

        yield show


class _Lines:
    """Progress for logs: a line when a stage begins and when it ends, others every five seconds.

    A stage of one step is told by its name alone, and again only if it took a while.
    """

    SECONDS = 5.0
    WHILE = 2.0  # seconds

    def __init__(self) -> None:
        self._started: dict[str, tuple[float, int]] = {}
        self._ended: set[str] = set()
        self._last = 0.0

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        is_new = what not in self._started
        started, first = self._started.setdefault(what, (now, done))
        if total == 1:
            self._step(what, is_new, now - started)
            return
        is_repeated = done >= total and what in self._ended
        if is_repeated or (not is_new and done < total and now - self._last < self.SECONDS):
            return
        (self._ended.add if done >= total else self._ended.discard)(what)
        self._last = now
        rate = (done - first) / (now - started) if now > started else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        speed = f" ({rate:.1f}/s{left})" if rate else ""
        note(f"{what}: {done}/{total}{speed}")

    def _step(self, what: str, is_new: bool, seconds: float) -> None:
        if is_new:
            note(f"{what} …")
        elif seconds >= self.WHILE:
            note(f"{what}: {seconds:.0f} s")
