"""Makers of an index that are killed at a line that writes, in copies of a store.

Used by files that are programs, too: they fork, which FAISS survives only in a process with one
thread. PICTUREDESK_KILLS sets how many moments are tried; 0: every line that writes.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from picturedesk.disk import artifacts
from picturedesk.disk.database import transaction
from picturedesk.store.index_folder import IndexFolder
from picturedesk.store.vector_index import VectorIndex

WRITES = {  # what writes an index to the disk, and what commits its name
    code.__code__
    for code in (
        transaction.__wrapped__,
        artifacts.atomic_folder.__wrapped__,
        artifacts.write_manifest,
        VectorIndex.save,
        IndexFolder.save,
        IndexFolder.sweep,
    )
}


def kills(usual: int) -> int:
    """How many moments are tried."""
    return int(os.environ.get("PICTUREDESK_KILLS", usual))


def kill_at_many_lines(
    home: Path,
    moments: int,
    lines: int,
    dies: Callable[[Path, int], bool],
    check: Callable[[Path], object],
) -> int:
    """Kills makers of an index in copies of a folder; returns how many died.

    Args:
        home: the folder.
        moments: how many are tried; 0 for every line.
        lines: how many lines a maker runs, at least.
        dies: copy, line → whether the maker that works there died at this line.
        check: fails unless a copy has what was acknowledged.
    """
    copy, chosen = home.with_name("copy"), random.Random(1)
    tried = iter([*sorted(chosen.sample(range(lines), moments)), 10_000]) if moments else count()
    for number, line in enumerate(tried):
        shutil.copytree(home, copy)
        died = dies(copy, line)
        check(copy)
        shutil.rmtree(copy)
        if not died:
            return number
    raise AssertionError("every maker died")


def run_with_one_thread(program: str, folder: Path, made: str) -> int:
    """Runs a test file as a program; returns the number that it says."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, program, str(folder), made]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def main(kill: Callable[[Path, bool], int]) -> None:
    """The program: says how many makers died, of a first index or of one that is extended."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one thread
    sys.stdout.write(str(kill(Path(sys.argv[1]), sys.argv[2] == "extended")))
