"""The command line in odd surroundings: closed, broken, full streams, other encodings, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams and signals of POSIX")

COMMAND = f"{sys.executable} -m picturedesk"
FULL = Path("/dev/full")


def shell(line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash, in which $PD is the command; its exit code is that of the first command."""
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        env={**os.environ, "PD": COMMAND, **variables},
        check=False,
        timeout=120,
    )


def one_line(told: bytes) -> bool:
    return told.count(b"\n") == 1 and told.startswith(b"error: ")


def test_a_reader_that_wants_no_more_ends_it_quietly(fitted_desk: Path):
    for arguments in (f"suggest 'a red circle' --desk {fitted_desk} -k 190 --explain", "--help"):
        done = shell(f"$PD {arguments} | head -1")
        assert (done.returncode, done.stderr) == (0, b"")
        done = shell(f"$PD {arguments} | true")
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_stdin_is_one_line(fitted_desk: Path):
    done = shell(f"$PD suggest - --desk {fitted_desk} <&-")
    assert done.returncode == 1
    assert one_line(done.stderr)
    done = shell(f"$PD suggest 'a red circle' --desk {fitted_desk} -k 1 <&-")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", ["suggest 'a red circle' -k 1 --desk DESK", "--help"])
def test_a_closed_stdout_is_one_line(fitted_desk: Path, arguments: str):
    line = arguments.replace("DESK", str(fitted_desk))
    done = shell(f"$PD {line} >&-")
    assert done.returncode == 1
    assert one_line(done.stderr)
    assert shell(f"$PD {line} >&- 2>&-").returncode == 1


def test_a_closed_stderr_hides_no_result(fitted_desk: Path):
    done = shell(f"$PD suggest 'a red circle' -k 1 --desk {fitted_desk} 2>&-")
    assert done.returncode == 0
    assert b"red-circle" in done.stdout


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(fitted_desk: Path):
    for arguments in (f"suggest 'a red circle' --desk {fitted_desk} --json", "--help"):
        done = shell(f"$PD {arguments} > {FULL}")
        assert done.returncode == 1
        assert one_line(done.stderr)
        assert b"No space left" in done.stderr


def test_nobody_reading_progress_stops_no_work(quick_desk: Path, shapes_table: Path):
    done = shell(f"$PD add {shapes_table.parent} --desk {quick_desk} 2>&1 >/dev/null | true")
    assert done.returncode == 0


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_a_posix_locale_prints_everything(fitted_desk: Path):
    asked = f"suggest 'ein Kreis für „Größe“' -k 3 --explain --desk {fitted_desk}"
    done = shell(f"$PD {asked}", **ASCII)
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"red" in done.stdout
    done = shell(f"$PD evaluate --desk {fitted_desk}", **ASCII)
    assert done.returncode == 0
    assert b"recall@10" in done.stdout


def test_json_in_a_posix_locale_loses_nothing(fitted_desk: Path):
    line = f"$PD suggest 'a Größe of 大雨' -k 1 --explain --json --desk {fitted_desk}"
    plain, utf8 = shell(line, **ASCII), shell(line, PYTHONUTF8="1")
    assert plain.stdout.isascii()
    assert json.loads(plain.stdout) == json.loads(utf8.stdout)


def test_a_text_is_read_as_utf8_in_any_locale(fitted_desk: Path, tmp_path: Path):
    (tmp_path / "text").write_text("Ein Größe, 大雨 red circle.", encoding="utf-8")
    command = f"--json -k 2 --desk {fitted_desk}"
    answers = [
        json.loads(shell(line, **ASCII).stdout)
        for line in (
            f"$PD suggest 'Ein Größe, 大雨 red circle.' {command}",
            f"$PD suggest --file {tmp_path}/text {command}",
            f"$PD suggest - {command} < {tmp_path}/text",
        )
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--file /dev/zero", "is a device"),
        ("--file .", "is a folder"),
        ("--file absent", "cannot be read"),
        ("--file ''", "the path is empty"),
        ("- < <(yes)", "more than 10 MB"),
        ("- --max-megabytes 0.001 < <(yes)", "more than 0.001 MB"),
        ("- < <(head -c 99 /dev/zero | tr '\\0' '\\377')", "is not UTF-8"),
        ("--file <(head -c 11000000 /dev/zero)", "more than 10 MB"),
    ],
)
def test_what_is_no_text_is_refused(fitted_desk: Path, arguments: str, message: str):
    done = shell(f"$PD suggest --desk {fitted_desk} {arguments}")
    assert done.returncode in (1, 2)
    assert one_line(done.stderr)
    assert message in done.stderr.decode()


def test_a_pipe_is_a_file_too(fitted_desk: Path):
    done = shell(f"$PD suggest --file <(echo a red circle) -k 1 --desk {fitted_desk}")
    assert done.returncode == 0
    assert b"red-circle" in done.stdout


def test_five_megabytes_are_answered_in_seconds(fitted_desk: Path, tmp_path: Path):
    (tmp_path / "lines").write_text("\n" * 5_000_000)
    (tmp_path / "words").write_text("a red circle by the river " * 200_000)
    began = os.times().children_user
    done = shell(f"$PD suggest --file {tmp_path}/lines --desk {fitted_desk}")
    assert one_line(done.stderr)
    done = shell(f"$PD suggest --file {tmp_path}/words -k 1 --desk {fitted_desk}")
    assert b"red-circle" in done.stdout
    assert os.times().children_user - began < 20  # seconds of work, whatever else runs


def test_control_signs_in_a_message_are_shown_as_such(tmp_path: Path):
    done = shell("$PD info $'a\\nb\\e[31m'")
    assert one_line(done.stderr)
    assert b"\x1b" not in done.stderr


def interrupted(arguments: list[str], after: float, folder: Path) -> tuple[int, str]:
    """Exit code and stderr of a command that gets Ctrl-C some seconds after Python is up."""
    program = "\n".join(
        [
            "import sys",
            "from picturedesk.cli import main",
            "print('up', flush=True)",
            f"sys.argv = ['picturedesk', *{arguments!r}]",
            "sys.exit(main())",
        ]
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


MOMENTS = (0.03, 0.1, 0.2, 0.4, 0.7, 1.1, 1.8, 3.0, 5.0, 8.0)  # seconds


@pytest.mark.parametrize("after", MOMENTS)
def test_ctrl_c_at_any_moment_of_a_fit_is_one_line_and_130(
    shapes_table: Path, tmp_path: Path, after: float
):
    arguments = ["fit", str(shapes_table), "--desk", "desk", "--quiet"]
    code, told = interrupted(arguments, after, tmp_path)
    if code == 0:
        pytest.skip("the fit was done before")
    assert (code, told) == (130, "interrupted: run the same command again to continue\n")
    assert not [path for path in tmp_path.rglob(".*") if path.name.count(".") > 1], "litter"


@pytest.mark.parametrize("after", [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4])
def test_ctrl_c_at_any_moment_of_a_question_is_one_line_and_130(
    fitted_desk: Path, tmp_path: Path, after: float
):
    arguments = ["suggest", "a red circle", "--desk", str(fitted_desk), "--explain"]
    code, told = interrupted(arguments, after, tmp_path)
    assert (code, told) in (
        (130, "interrupted: run the same command again to continue\n"),
        (0, ""),
    )


def test_ctrl_c_while_waiting_for_stdin_is_one_line_and_130(fitted_desk: Path, tmp_path: Path):
    code, told = interrupted(["suggest", "-", "--desk", str(fitted_desk)], 1.0, tmp_path)
    assert (code, told) == (130, "interrupted: run the same command again to continue\n")


def entry_with(*lines: str) -> subprocess.CompletedProcess[str]:
    """A process of ``entry.main`` in which these lines define ``run`` anew."""
    program = [
        "import os, signal, sys, threading, time",
        "from picturedesk.cli import entry",
        "import picturedesk.cli.app as app",
        *lines,
        "app.run = run",
        "sys.exit(entry.main())",
    ]
    command = [sys.executable, "-c", "\n".join(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_press_in_a_callback_is_not_lost(tmp_path: Path):
    """Python drops what is raised in a destructor; the press counts all the same."""
    done = entry_with(
        "class Dropped:",
        "    def __del__(self):",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        time.sleep(0.1)",
        "def run(arguments):",
        "    Dropped()",
        "    time.sleep(30)",
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted: run the same command again to continue\n"


def test_an_error_that_a_press_became_is_no_error():
    done = entry_with(
        "def run(arguments):",
        "    try:",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        for _ in range(10**9): pass",
        "    except KeyboardInterrupt:",
        "        raise ImportError('initialization failed') from None",
    )
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)


def test_a_second_press_ends_it_at_once():
    began = time.monotonic()
    done = entry_with(
        "def run(arguments):",
        "    threading.Thread(target=time.sleep, args=(60,)).start()",
        "    try:",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        time.sleep(60)",
        "    finally:",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        time.sleep(60)",
    )
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)
    assert time.monotonic() - began < 20
