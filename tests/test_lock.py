"""Locks between processes: held by one, freed at its end, also where it is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from picturedesk.disk.lock import locked
from picturedesk.errors import PicturedeskError

HOLD = """
import sys, time
from pathlib import Path
from picturedesk.disk.lock import locked
with locked(Path(sys.argv[1]), 0.0, "held"):
    print("has it", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_process_until_it_is_killed(tmp_path: Path):
    path = tmp_path / "new" / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"has it\n"
        with (
            pytest.raises(PicturedeskError, match="another one has it"),
            locked(path, 0.0, "another one has it"),
        ):
            pass
        other.kill()
        other.wait()
    with locked(path, 0.0, "another one has it"):
        assert path.stat().st_size == 0


def test_who_has_patience_gets_it(tmp_path: Path):
    def hold() -> None:
        with locked(tmp_path / "lock", 0.0, "held"):
            has_it.set()
            time.sleep(0.3)

    has_it = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    has_it.wait(10)
    with locked(tmp_path / "lock", 30.0, "held"):
        pass
    other.join()


def test_a_file_that_is_no_lock_is_one_line(tmp_path: Path):
    (tmp_path / "lock").write_text("no lock, " * 1000)
    with (
        pytest.raises(PicturedeskError, match="remove it and run again"),
        locked(tmp_path / "lock", 0.0, "held"),
    ):
        pass
    with (
        pytest.raises(PicturedeskError, match="cannot be written"),
        locked(tmp_path / "lock" / "below", 0.0, "held"),
    ):
        pass
