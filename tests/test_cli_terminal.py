"""Colours and links: on terminals only, and no name can break out of them. Completion scripts."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from picturedesk.cli import show, styling
from picturedesk.cli.app import app, reported, run
from picturedesk.cli.results import show_suggestion
from picturedesk.cli.styling import Styled
from picturedesk.errors import BadInput
from picturedesk.types import Evidence, Picture, Suggestion
from test_show import NASTY, Terminal, any_name

ESCAPE = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[!-~]*\x1b\\")  # all that we may send
VARIABLES = ("NO_COLOR", "FORCE_COLOR", "TERM")


def as_terminal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Terminal:
    """Makes stdout a terminal; not in a fixture, after which pytest sets stdout anew."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm-256color"} | variables).items():
        monkeypatch.setenv(name, value)
    found = Terminal()
    monkeypatch.setattr(sys, "stdout", found)
    return found


def suggestion(uri: str, text: str = "") -> Suggestion:
    picture = Picture(uri=uri, caption=text, credit=text)
    return Suggestion(
        picture, 0.5, "blend", 1, (Evidence(text, 0.5, picture, 0.5),), 0.25, "strong"
    )


def test_a_terminal_gets_colours_and_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    terminal = as_terminal(monkeypatch)
    file = tmp_path / "a picture;.jpg"
    file.write_bytes(b"")
    show_suggestion(suggestion(str(file)))
    shown = terminal.getvalue()
    assert "\x1b[32mstrong\x1b[0m" in shown
    assert f"\x1b]8;;{file.as_uri()}\x1b\\" in shown
    assert "a%20picture%3B.jpg" in shown
    assert ESCAPE.sub("", shown).startswith(f"  1   25%  strong  0.500  {file}\n")


@pytest.mark.parametrize(
    ("variables", "coloured", "has_links"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_variables_decide(
    variables: dict[str, str],
    coloured: bool,
    has_links: bool,
    monkeypatch: pytest.MonkeyPatch,
):
    terminal = as_terminal(monkeypatch, **variables)
    show_suggestion(suggestion(__file__))
    show.table("title", ["a"], [["b"]])
    assert ("\x1b[" in terminal.getvalue()) == coloured
    assert ("\x1b]8" in terminal.getvalue()) == has_links


def test_a_pipe_gets_neither_unless_forced(monkeypatch: pytest.MonkeyPatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stdout", pipe)
    show_suggestion(suggestion(__file__))
    assert "\x1b" not in pipe.getvalue()
    monkeypatch.setenv("FORCE_COLOR", "1")
    show_suggestion(suggestion(__file__))
    assert "\x1b[" in pipe.getvalue()
    assert "\x1b]8" not in pipe.getvalue()


@pytest.mark.parametrize("text", [*NASTY, *map(any_name, range(30))], ids=ascii)
def test_no_name_breaks_out_of_a_style_or_link(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    terminal = as_terminal(monkeypatch)
    name = text.replace("/", "_").replace("\0", "_")[:80]
    place = tmp_path / name
    try:
        place.write_bytes(b"")
    except (OSError, ValueError):
        place = tmp_path
    for uri in (str(place), text, f"https://example.org/{text}"):
        show_suggestion(suggestion(uri, text))
    rest = ESCAPE.sub("", terminal.getvalue())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", rest)
    assert rest.count("\n") == 9


@pytest.mark.parametrize(
    ("place", "address"),
    [
        ("https://example.org/a b?c=d;e&f=%20", "https://example.org/a%20b?c=d;e&f=%20"),
        ("https://example.org/\x1b\\\x07ü", "https://example.org/%1B%5C%07%C3%BC"),
        ("HTTP://example.org", "HTTP://example.org"),
        ("javascript:alert(1)", ""),
        ("/no/such/picture.jpg", ""),
        ("a\0b", ""),
        ("\ud800", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_links_lead_to_files_that_are_there_and_to_addresses(place: str, address: str):
    found = styling.linked("x", place)
    assert found == (f"\x1b]8;;{address}\x1b\\x\x1b]8;;\x1b\\" if address else "x")


def test_a_line_of_plain_pieces_is_plain(capsys: pytest.CaptureFixture[str]):
    show.line("a", Styled("b\n", "bold red"), Styled("c", link=__file__))
    assert capsys.readouterr().out == "ab\\nc\n"


def test_an_error_is_red_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    show.error("it \x1b[0m failed")
    assert capsys.readouterr().err == "error: it \\x1b[0m failed\n"
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    show.error("it failed")
    assert err.getvalue() == "\x1b[1;31merror:\x1b[0m it failed\n"


@pytest.mark.skipif(shutil.which("script") is None, reason="there is no script")
def test_a_real_terminal_shows_the_same_words(fitted_desk: Path):
    command = f"{sys.executable} -m picturedesk suggest 'a red circle' -k 2 --desk {fitted_desk}"
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    env["TERM"] = "xterm"
    shown = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=env,
        check=True,
    ).stdout
    plain = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "\x1b]8;;file:///" in shown
    assert ESCAPE.sub("", shown).replace("\r\n", "\n") == plain.stdout


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_names_every_verb_and_option(shell: str, capsys: pytest.CaptureFixture[str]):
    text = script(shell, capsys)
    for verb, command in get_command(app).commands.items():
        assert verb in text
        for option in command.params:
            for name in (*option.opts, *option.secondary_opts):
                if name.startswith("--"):
                    assert (f"-l {name[2:]}" if shell == "fish" else name) in text


def completed(text: str, *words: str) -> list[str]:
    """What bash would offer for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"{text}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _picturedesk; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_verbs_options_and_values(capsys: pytest.CaptureFixture[str]):
    text = script("bash", capsys)
    assert completed(text, "picturedesk", "su") == ["suggest"]
    assert completed(text, "picturedesk", "suggest", "--rou") == ["--route"]
    assert completed(text, "picturedesk", "-v", "suggest", "--route", "bl") == ["blend"]
    assert completed(text, "picturedesk", "suggest", "--desk", "bl") == []  # left to paths
    assert completed(text, "picturedesk", "suggest", "a red") == []
    assert completed(text, "picturedesk", "completion", "f") == ["fish"]
    assert {"add", "fit", "--version"} <= set(completed(text, "picturedesk", ""))


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
def test_fish_completes_verbs_options_and_values(capsys: pytest.CaptureFixture[str]):
    text = script("fish", capsys)

    def offered(line: str) -> set[str]:
        program = f"{text}\ncomplete -C '{line}'"
        done = subprocess.run(["fish", "-c", program], capture_output=True, text=True, check=True)
        return {one.split("\t")[0] for one in done.stdout.splitlines()}

    assert offered("picturedesk su") == {"suggest"}
    assert offered("picturedesk suggest --rou") == {"--route"}
    assert "blend" in offered("picturedesk suggest --route ")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_zsh_reads_its_script(capsys: pytest.CaptureFixture[str]):
    program = f"autoload -Uz compinit; compinit -u -D; {script('zsh', capsys)}\nwhich _picturedesk"
    done = subprocess.run(["zsh", "-fc", program], capture_output=True, text=True, check=True)
    assert "_arguments" in done.stdout
    assert done.stderr == ""


def test_another_shell_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    for arguments in (["completion"], ["completion", "tcsh"]):
        with pytest.raises(BadInput) as caught:
            run(arguments)
        assert reported(caught.value) == 1
    assert capsys.readouterr().err == 2 * (
        "error: there is no completion for the shell 'tcsh': use bash, zsh or fish\n"
    )
    monkeypatch.setenv("SHELL", "/usr/bin/bash")
    assert run(["completion"]) == 0
    assert "complete -o" in capsys.readouterr().out
