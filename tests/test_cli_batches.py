"""Many texts on standard input: JSON Lines or plain lines in, one JSON document a line out."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from json_schemas import validate
from picturedesk.cli import batches
from picturedesk.cli.as_csv import COLUMNS, show_csv
from picturedesk.cli.lines import StandardInput
from picturedesk.errors import BadInput
from picturedesk.types import Picture, Suggestion


def suggest(desk: Path, *arguments: str, stdin: str | bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "picturedesk", "suggest", "-", "--desk", str(desk), *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
    )


def documents(output: bytes | str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


GOOD = '{"id": "a", "text": "a red circle"}\n{"id": 7, "title": "By the sea", "body": "A hill."}\n'


def test_each_line_is_answered_in_order_as_a_text_alone_is(fitted_desk: Path):
    done = suggest(fitted_desk, "-k", "2", stdin=GOOD + '\n{"text": "blue square"}')
    assert (done.returncode, done.stderr) == (0, b"")
    found = documents(done.stdout)
    assert [(one["line"], one["id"]) for one in found] == [(1, "a"), (2, 7), (4, None)]
    alone = json.loads(
        suggest(fitted_desk, "-k", "2", "--json", stdin="By the sea\nA hill.").stdout
    )
    together = found[1]["suggestions"]
    assert [one["picture"] for one in together] == [one["picture"] for one in alone["suggestions"]]
    assert found[1]["found"] == pytest.approx(alone["found"], abs=1e-3)


def test_a_bad_line_says_why_and_the_others_go_on(fitted_desk: Path):
    bad = ['{"id": "b"', '["a"]', '{"id": "c"}', '{"text": 3}', '{"id": "d", "text": " "}']
    done = suggest(fitted_desk, "-k", "1", stdin=GOOD + "\n".join(bad) + "\n" + GOOD)
    assert done.returncode == 1
    assert done.stderr == b"5 of the lines got no answer; their output says why\n"
    found = documents(done.stdout)
    assert [one["id"] for one in found] == ["a", 7, None, None, "c", None, "d", "a", 7]
    errors = [one["error"] for one in found if "error" in one]
    assert len(errors) == 5
    assert all(error["reason"] and error["cure"] for error in errors)


def test_every_line_of_the_output_fits_the_schema(fitted_desk: Path):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    done = suggest(fitted_desk, "-k", "1", "--explain", stdin=GOOD + "{}\n")
    found = documents(done.stdout)
    for document in found:
        validate("suggest-lines", document)
    assert "explanations" in found[0]
    assert "error" in found[2]


def test_plain_lines_are_texts_only_if_asked(fitted_desk: Path):
    text = "a red circle\na blue square\n"
    assert len(documents(suggest(fitted_desk, "--lines", "-k", "1", stdin=text).stdout)) == 2
    assert len(json.loads(suggest(fitted_desk, "--json", "-k", "1", stdin=text).stdout)) == 3


@pytest.mark.parametrize("option", [("--where", "nosuch = 1"), ("--route", "nosuch")])
def test_what_is_wrong_for_all_is_told_once(fitted_desk: Path, option: tuple[str, str]):
    done = suggest(fitted_desk, *option, stdin=GOOD)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("suggest", "-", "--csv"), "--csv prints the answer to one text"),
        (("suggest", "a", "--csv", "--json"), "--csv and --json contradict each other"),
        (("suggest", "a", "--lines"), "--lines goes with -"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: tuple[str, ...], said: str):
    command = [sys.executable, "-m", "picturedesk", *arguments]
    done = subprocess.run(command, input=GOOD, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {said}")


def test_a_text_is_answered_before_the_next_one_comes(fitted_desk: Path):
    """As a partner in a conversation: no text waits until a batch is full."""
    process = subprocess.Popen(
        [sys.executable, "-m", "picturedesk", "suggest", "-", "-k", "1", "--desk", fitted_desk],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(f'{{"id": {number}, "text": "a red circle"}}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == number
    process.stdin.close()
    assert process.wait(timeout=60) == 0
    process.stdout.close()


class Reader:
    """Standard input that gives its bytes in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.buffer = self
        self._pieces = list(pieces)
        self.reads = 0

    def read1(self, size: int) -> bytes:
        self.reads += 1
        return self._pieces.pop(0) if self._pieces else b""


def source(monkeypatch: pytest.MonkeyPatch, *pieces: bytes, most: int = 100) -> StandardInput:
    monkeypatch.setattr(sys, "stdin", Reader(*pieces))
    return StandardInput(most)


def lines(given: StandardInput, size: int = 2) -> list[tuple[int, bytes | None]]:
    return [(line.number, line.data) for batch in given.batches(size) for line in batch]


def test_lines_are_whole_however_they_arrive(monkeypatch: pytest.MonkeyPatch):
    text = b"\xef\xbb\xbfone\n\ntwo \r\nthree"
    expected = [(1, b"one"), (3, b"two \r"), (4, b"three")]
    assert lines(source(monkeypatch, text)) == expected
    pieces = [text[at : at + 1] for at in range(len(text))]
    assert lines(source(monkeypatch, *pieces)) == expected


def test_batches_hold_at_most_so_many_lines(monkeypatch: pytest.MonkeyPatch):
    given = source(monkeypatch, b"1\n2\n3\n4\n5\n")
    assert [len(batch) for batch in given.batches(2)] == [2, 2, 1]


def test_a_line_that_is_too_long_is_left_out_and_not_kept(monkeypatch: pytest.MonkeyPatch):
    given = source(monkeypatch, b"a\n", *[b"x" * 50] * 100, b"\nb\n", most=60)
    assert lines(given) == [(1, b"a"), (2, None), (3, b"b")]
    assert len(given._held) < 200
    assert lines(source(monkeypatch, b"x" * 61, most=60)) == [(1, None)]
    assert lines(source(monkeypatch, b"x" * 60 + b"\n", most=60)) == [(1, b"x" * 60)]


def test_what_it_begins_with_is_seen_without_taking_it(monkeypatch: pytest.MonkeyPatch):
    given = source(monkeypatch, b"\xef\xbb\xbf", b"  \n", b' {"text"')
    assert given.begins_with(b"{")
    assert given.whole() == b'\xef\xbb\xbf  \n {"text"'
    assert not source(monkeypatch, b"words {").begins_with(b"{")
    assert not source(monkeypatch).begins_with(b"{")
    assert source(monkeypatch, b"x" * 101).whole() is None


def test_a_million_lines_need_little_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Endless(Reader):
        def read1(self, size: int) -> bytes:
            self.reads += 1
            return b'{"text": "a"}\n' * 4000 if self.reads <= 5 else b""

    monkeypatch.setattr(sys, "stdin", Endless())
    given, held, asked = StandardInput(1000), [], []

    def ask(texts: list[str]) -> list[dict]:
        held.append(len(given._held))
        asked.append(len(texts))
        return [{"found": None}] * len(texts)

    assert batches.answer(given, ask) == 0
    assert sum(asked) == 20_000
    assert max(asked) == batches.BATCH
    assert max(held) <= 4000 * 14 + 1000
    assert capsys.readouterr().out.count("\n") == 20_000


def test_a_text_that_cannot_be_asked_fails_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def ask(texts: list[str]) -> list[dict]:
        if "bad" in texts:
            raise BadInput("no word of the text is known: give a longer text")
        return [{"text": text} for text in texts]

    given = source(monkeypatch, b"one\nbad\nthree\n")
    assert batches.answer(given, ask) == 1
    assert documents(capsys.readouterr().out) == [
        {"line": 1, "id": None, "text": "one"},
        {
            "line": 2,
            "id": None,
            "error": {"reason": "no word of the text is known", "cure": "give a longer text"},
        },
        {"line": 3, "id": None, "text": "three"},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{\xff}", "the line is not UTF-8 (byte 1)"),
        (b'{"text": ' + b"[" * 90_000, "the line is no JSON"),
        (b'{"text": "' + b"x" * 200_000, "the line is too long"),
    ],
)
def test_a_line_that_is_no_text_says_why(
    line: bytes,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    given = source(monkeypatch, line, b'\n{"text": "x"}\n', most=100_000)
    assert batches.answer(given, lambda texts: [{} for _ in texts]) == 1
    first, second = documents(capsys.readouterr().out)
    assert first["error"]["reason"].startswith(reason)
    assert second["line"] == 2


def test_a_closed_stdin_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="standard input is closed"):
        StandardInput(10)


def test_a_reader_that_goes_away_ends_it(fitted_desk: Path):
    lines = '{"text": "a red circle"}\n' * 2000
    command = f"{sys.executable} -m picturedesk suggest - --desk {fitted_desk} | head -1"
    began = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        input=lines.encode(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(documents(done.stdout)) == 1
    assert time.monotonic() - began < 60


def suggestion(**facts: object) -> Suggestion:
    picture = Picture(uri="/photos/a.jpg", key="k1", **facts)  # type: ignore[arg-type]
    return Suggestion(picture, 0.5, "blend", 1, (), 0.25, "strong")


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output)))


def test_csv_has_a_head_and_a_row_for_each_suggestion(capsys: pytest.CaptureFixture[str]):
    show_csv([suggestion(caption='A "red",\ncircle', tags=("a", "b"), licence="cc0")])
    out = capsys.readouterr().out
    assert out.splitlines()[0] == ",".join(COLUMNS)
    (row,) = rows(out)
    assert row["caption"] == 'A "red", circle'
    assert row["tags"] == "a, b"
    assert (row["rank"], row["found"], row["match"]) == ("1", "0.2500", "strong")


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+1", "-1", "\x1b[31m=x", "a\u202eb"])
def test_a_cell_neither_calculates_nor_commands(text: str, capsys: pytest.CaptureFixture[str]):
    show_csv([suggestion(caption=text)])
    (row,) = rows(capsys.readouterr().out)
    assert row["caption"][0] not in "=+-@"
    assert row["caption"].isprintable()


def test_suggest_prints_csv(fitted_desk: Path):
    command = ["suggest", "a red circle", "--csv", "-k", "3", "--desk", str(fitted_desk)]
    done = subprocess.run(
        [sys.executable, "-m", "picturedesk", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert [row["rank"] for row in rows(done.stdout)] == ["1", "2", "3"]


def test_where_select_is_impossible_lines_still_come(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("picturedesk.cli.lines.os", SimpleNamespace(name="nt"))
    assert lines(source(monkeypatch, b"1\n", b"2\n", b"3\n")) == [
        (1, b"1"),
        (2, b"2"),
        (3, b"3"),
    ]
