"""What is printed never commands the terminal, forges a line, hides words or is read as markup.

Progress as a log shows it: what begins is said at once, what goes on now and then.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from picturedesk.cli import show
from picturedesk.cli.results import reason, show_rejections, show_suggestion
from picturedesk.types import (
    RAN_WITH,
    SIMILAR,
    SIMILAR_TEXT,
    Evidence,
    Picture,
    Rejection,
    Suggestion,
    step,
)

OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NASTY = [
    "\x1b]0;owned\x07\x1b[31mred",  # sets the title, then the colour
    "\x9b31mred",  # the same colour by a C1 control
    "photo\r\nerror: all is lost\n",
    "\x08" * 9 + "hidden",
    "\x7f\x00\x85",
    f"gpj{OVERRIDES}.exe",
    "line\u2028separators\u2029",
    os.fsdecode(b"caf\xe9\x9b31m\xff.jpg"),
]


def any_name(seed: int) -> str:
    """A file name of any bytes."""
    return os.fsdecode(random.Random(seed).randbytes(random.Random(seed).randrange(1, 200)))


def suggestion(text: str) -> Suggestion:
    picture = Picture(uri=f"/photos/{text}", caption=text, credit=text, licence=text, date=text)
    return Suggestion(picture, 0.5, "direct", 1, (Evidence(text, 0.5, picture, 0.5),), 0.5)


PRINTERS: dict[str, Callable[[str], None]] = {
    "line": show.line,
    "note": show.note,
    "table": lambda text: show.table(text, [text, text], [[text, text]]),
    "json": lambda text: show.as_json({text: [text, Path(text)]}),
    "bug": lambda text: show.bug(ValueError(text)),
    "suggestion": lambda text: show_suggestion(suggestion(text)),
    "rejections": lambda text: show_rejections(
        (Rejection(text, text, text),) * 7, Path("/desk", text.replace("\0", ""))
    ),
    "progress": lambda text: show._Lines()(1, 1, text),
}


@pytest.mark.parametrize("name", PRINTERS)
@pytest.mark.parametrize("text", [*NASTY, *map(any_name, range(30))], ids=ascii)
def test_no_control_reaches_the_terminal(name, text, capsys):
    PRINTERS[name](text)
    out, err = capsys.readouterr()
    assert out or err
    for character in out + err:
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert character not in OVERRIDES
    (out + err).encode("utf-8")


@pytest.mark.parametrize("text", [*NASTY, *map(any_name, range(30))], ids=ascii)
def test_json_says_the_same_escaped_or_not(text, capsys):
    show.as_json({"caption": text, text: 1})
    assert json.loads(capsys.readouterr().out) == {"caption": text, text: 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[0m", "\\x1b[0m"),
        ("\x9b", "\\x9b"),
        ("\u202egpj", "\\u202egpj"),
        ("\udcff.jpg", "\\udcff.jpg"),
        ("Straße, 新闻, שלום, 👩‍👧 and C:\\new", "Straße, 新闻, שלום, 👩‍👧 and C:\\new"),
    ],
)
def test_what_is_unsafe_is_shown_escaped_and_all_else_as_it_is(text, shown):
    assert show.printable(text) == shown


def test_a_line_is_one_line(capsys):
    show.line("a\nb")
    show.note("c\nd")
    assert capsys.readouterr() == ("a\\nb\n", "c\\nd\n")


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", ":smile:", "[link=http://x]y[/link]"])
def test_names_in_tables_are_not_read_as_markup(text, capsys):
    show.table(text, [text, "n"], [[text, "1"]])
    assert capsys.readouterr().out.count(text) == 3


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", ["[red]x[/red]", *NASTY[:2]])
def test_a_bar_reads_no_markup_and_lets_no_control_through(text, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show.progress() as progress:
        progress(1, 2, text)
    assert show.printable(text) in terminal.getvalue()


def test_nothing_but_show_writes_to_the_streams():
    for module in Path(show.__file__).parent.glob("*.py"):
        if module.name not in ("show.py", "streams.py"):
            text = module.read_text(encoding="utf-8")
            assert not re.search(
                r"std(out|err)\.write|streams\.(write|tell)|typer\.s?echo|Console\(|\bprint\(", text
            )


def test_evidence_of_several_lines_is_shown_in_one(capsys):
    show_suggestion(suggestion("Title\n\nA body\tof two  paragraphs"))
    assert "ran with: Title A body of two paragraphs\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("similarity", "kind", "share", "line"),
    [
        (None, RAN_WITH, 0.125, "ran with (+25% of the score): A sea."),
        (None, RAN_WITH, None, "ran with: A sea."),
        (0.4, SIMILAR_TEXT, 0.05, "similar (cosine 0.40; +10% of the score) to the picture that"),
        (0.4, SIMILAR, None, "similar (cosine 0.40; counts for nothing in the score) to the"),
    ],
)
def test_a_reason_says_what_it_adds(similarity, kind, share, line):
    evidence = Evidence("A sea.", 0.5, Picture("a.jpg"), similarity, kind=kind, share=share)
    assert reason(evidence, score=-0.5).startswith(line)


def test_near_duplicates_that_are_not_shown_are_counted(capsys):
    show_suggestion(Suggestion(Picture("a.jpg"), 0.5, "blend", 1, others=2, other_keys=("b", "c")))
    assert "and 2 near-duplicates\n" in capsys.readouterr().out


def test_a_bug_keeps_its_traceback_in_lines(capsys):
    try:
        {}["absent"]
    except KeyError as error:
        show.bug(error)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'absent'"


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
