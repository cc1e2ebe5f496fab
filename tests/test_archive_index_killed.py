"""An archive memory whose maker of indexes is killed: what was acknowledged counts, nothing else.

As a program, this file is what makes, kills and checks: it forks, which FAISS survives only in a
process with one thread. PICTUREDESK_KILLS sets how many moments are tried; 0: every line that
writes.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from dying import dies_at
from memories import LARGE, MATCHER, WIDTH, add_pairs, check_whole, pairs_in, vectors_of
from picturedesk.desk.archived import archive_vectors
from picturedesk.disk import artifacts
from picturedesk.disk.database import transaction
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.index_folder import IndexFolder
from picturedesk.store.vector_index import VectorIndex

pytest.importorskip("faiss", reason="needs the extra index")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLS = int(os.environ.get("PICTUREDESK_KILLS", "6"))
WATCHED = {  # what writes to the disk, and what names it
    code.__code__
    for code in (
        transaction.__wrapped__,
        artifacts.atomic_folder.__wrapped__,
        artifacts.write_manifest,
        VectorIndex.save,
        IndexFolder.save,
        IndexFolder.sweep,
        ArchiveMemory.optimize,
        ArchiveMemory._name,
    )
}
FIRST = [(f"t{n}", f"p{n % 5}") for n in range(60)]
LATER = [(f"u{n}", f"p{n % 5}") for n in range(20)]
REMOVED = [("t7", "p2"), ("t30", "p0")]


class Large(ArchiveMemory):
    """Has an index from the first text on."""

    index_from = 1


def check(memory: ArchiveMemory) -> None:
    """Fails unless it has all pairs that were acknowledged, and finds their texts, no others."""
    check_whole(memory)
    expected = {*FIRST, *LATER} - {*REMOVED}
    assert pairs_in(memory) == expected
    names = sorted({text for text, _ in expected})
    queries = vectors_of(["t7", "t30", "u3", "t1"])
    rows = archive_vectors(memory).neighbours(queries, 500).rows
    assert rows.shape == (4, len(names))
    for found in rows:
        assert sorted(text.id for text in memory.texts(found)) == names
    assert memory.texts(rows[2:, 0]) == memory.texts(memory.text_rows(["u3", "t1"]))


def dies(folder: Path, line: int) -> bool:
    """Brings the index up to date in a process that kills itself at a line; whether it did."""
    return dies_at(line, WATCHED, lambda: Large.open(folder), lambda memory: memory.optimize())


def kill_at_many_lines(folder: Path, made: bool) -> int:
    """Kills makers of an index in copies of a memory; returns how many died."""
    home, copy = folder / "whole", folder / "copy"
    with Large.create(home, MATCHER, WIDTH, LARGE) as memory:
        add_pairs(memory, *FIRST)
        if made:
            memory.optimize()
        add_pairs(memory, *LATER)
        for pair in REMOVED:
            assert memory.remove(*pair)
    chosen = random.Random(1)
    lines = count() if not KILLS else iter([*sorted(chosen.sample(range(36), KILLS)), 10_000])
    for number, line in enumerate(lines):
        shutil.copytree(home, copy)
        died = dies(copy, line)
        with Large.open(copy) as memory:
            check(memory)
            memory.optimize()
            check(memory)
            assert memory.index is not None
            assert memory.index.count == len(memory)
            assert np.unique(memory.links[:, 0]).size == len(memory) - len(REMOVED)
        shutil.rmtree(copy)
        if not died:
            return number
    raise AssertionError("every maker died")


@pytest.mark.parametrize("made", ["first", "extended"])
def test_a_killed_maker_of_an_index_of_texts_loses_nothing_and_brings_nothing_back(tmp_path, made):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, __file__, str(tmp_path), made]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= KILLS


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one thread
    died = kill_at_many_lines(Path(sys.argv[1]), sys.argv[2] == "extended")
    sys.stdout.write(str(died))
