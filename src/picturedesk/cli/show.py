"""Terminal output: results on stdout, progress and errors on stderr.

Names, captions and texts come from others. All that is printed passes ``printable`` here, so that
none of them can command the terminal, forge a line or hide words. Knows nothing of desks or
pictures.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TextIO

from picturedesk.cli import streams, styling
from picturedesk.cli.styling import Styled

if TYPE_CHECKING:
    from picturedesk.types import Progress


# What no terminal may get as it is: controls (C0, delete, C1; ESC begins commands); separators of
# lines and paragraphs; marks that reverse the order of what follows ("Trojan Source"); halves of
# surrogates, which stand for bytes of file names that are not UTF-8 and cannot be encoded.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
TOLD_FROM = ContextVar("told_from", default=2.0)  # seconds from which on a step's time is told
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""The text with unsafe characters escaped: ``\n``, ``\x1b``, ``\u202e``."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def as_json(value: object) -> None:
    """Prints one JSON document to stdout; it says the same to a program, escaped or not."""
    from picturedesk.disk.artifacts import plain

    ready = plain(value)
    text = json.dumps(ready, ensure_ascii=False, indent=2)
    # Only strings can hold unsafe characters, except for the ends of lines between them.
    safe = _UNSAFE.sub(
        lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text
    )
    streams.write((safe if streams.encodes(safe) else json.dumps(ready, indent=2)) + "\n")


def as_json_line(value: object) -> None:
    """Prints one JSON document in one line to stdout."""
    from picturedesk.disk.artifacts import plain

    ready = plain(value)
    text = _UNSAFE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(ready, ensure_ascii=False)
    )
    streams.write((text if streams.encodes(text) else json.dumps(ready)) + "\n")


def csv_row(cells: Sequence[str]) -> None:
    """Prints one row of CSV to stdout, in one line."""
    import csv

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(printable, cells))
    streams.write(text.getvalue())


def line(*pieces: str | Styled) -> None:
    """Prints one line of a result to stdout, styled where stdout is a terminal."""
    streams.write("".join(_drawn(piece, sys.stdout) for piece in pieces) + "\n")


def _drawn(piece: str | Styled, stream: TextIO) -> str:
    """A piece of a line, safe, with its style and link where the stream takes them."""
    if isinstance(piece, str):
        return printable(piece)
    text = printable(piece.text)
    if not styling.is_coloured(stream):
        return text
    text = styling.styled(text, piece.style)
    is_link = piece.link and styling.is_terminal(stream)
    return styling.linked(text, piece.link) if is_link else text


def line_now(text: str) -> None:
    """Prints one line to stdout that its reader needs before the process ends."""
    line(text)
    streams.flush()


def note(text: str) -> None:
    """Prints one line to stderr."""
    streams.tell(printable(text) + "\n")


def error(text: str) -> None:
    """Prints one line to stderr that says what went wrong."""
    streams.tell(_drawn(Styled("error:", "bold red"), sys.stderr) + f" {printable(text)}\n")


def bug(error: Exception) -> None:
    """Prints the traceback of an unexpected error to stderr."""
    for part in "".join(traceback.format_exception(error)).rstrip("\n").split("\n"):
        note(part)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table to stdout; all columns except the first are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def plain(text: str) -> Text:
        return Text(printable(text))  # a str would be read as markup: "[red]", ":smile:"

    drawn = Table(title=plain(title), title_justify="left", title_style="bold", pad_edge=False)
    drawn.box = box.HEAVY_HEAD if streams.encodes("┏━┃│─") else box.ASCII
    for number, name in enumerate(columns):
        drawn.add_column(plain(name), justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*map(plain, row))
    # A pipe has no width: use a fixed one.
    console = Console(
        file=sys.stdout,
        width=None if sys.stdout.isatty() else 160,
        color_system="standard" if styling.is_coloured(sys.stdout) else None,
        force_terminal=styling.is_coloured(sys.stdout),
    )
    with console.capture() as captured:  # left to itself, it ends the process on a broken pipe
        console.print(drawn)
    streams.write(captured.get())


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """A Progress with rate and remaining time: a bar in a terminal, lines elsewhere."""
    if quiet:
        yield lambda done, total, what: None
    elif styling.is_terminal(sys.stderr):
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
        bars.TextColumn("{task.description:<10}", markup=False),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}", markup=False),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(file=sys.stderr)) as drawn:
        tasks: dict[str, bars.TaskID] = {}

        def show(done: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(printable(what), total=total, rate="")
            task = drawn.tasks[tasks[what]]
            rate = f"{task.speed:.1f}/s" if task.speed else ""
            drawn.update(tasks[what], completed=done, total=total, rate=rate)

        yield show


class _Lines:
    """Progress for logs: a line when a stage begins and when it ends, others every five seconds.

    A stage of one step is told by its name alone, and again only if it took a while.
    """

    SECONDS = 5.0

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
        elif seconds >= TOLD_FROM.get():
            note(f"{what}: {seconds:.0f} s")
