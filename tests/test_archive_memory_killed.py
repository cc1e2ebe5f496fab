"""An archive memory whose writer is killed: what was acknowledged is there, nothing is half there.

As a program, this file is the writer. PICTUREDESK_KILLS sets how many times it is killed.
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
from memories import LARGE, MATCHER, WIDTH, add_pairs, check_whole, pairs_in
from picturedesk.disk.database import transaction
from picturedesk.disk.rows import RowFile, append_bytes
from picturedesk.disk.summed_rows import SummedRowFile
from picturedesk.store.archive_memory import ArchiveMemory

KILLS = int(os.environ.get("PICTUREDESK_KILLS", "12"))
CHANGES = 2000  # after which a writer that nobody kills ends
WATCHED = {  # what writes to the disk, and what reads when that is done
    code.__code__
    for code in (
        *(RowFile.append, RowFile.read, append_bytes, SummedRowFile.append),
        transaction.__wrapped__,
    )
}
KINDS = 4  # of changes, one after the other


def change(memory: ArchiveMemory, number: int) -> None:
    """The change that leads from generation ``number`` to the next."""
    start = number - number % KINDS
    pair = (f"t{start}", f"p{start // 8}")  # every other time with a picture that is there
    if number % KINDS == 0:
        add_pairs(memory, pair, (f"u{start}", f"q{start}"))
    elif number % KINDS == 1:
        assert memory.remove(*pair)
    elif number % KINDS == 2:
        add_pairs(memory, *((f"v{start}-{i}", f"q{start}") for i in range(5)))
    else:
        add_pairs(memory, pair, groups=np.array([0]))


def pairs_after(number: int) -> set[tuple[str, str]]:
    """The pairs that there are at generation ``number``."""
    pairs = set()
    for done in range(number):
        start = done - done % KINDS
        pair = (f"t{start}", f"p{start // 8}")
        if done % KINDS == 0:
            pairs |= {pair, (f"u{start}", f"q{start}")}
        elif done % KINDS == 1:
            pairs.remove(pair)
        elif done % KINDS == 2:
            pairs |= {(f"v{start}-{i}", f"q{start}") for i in range(5)}
        else:
            pairs.add(pair)
    return pairs


def check(memory: ArchiveMemory) -> None:
    """Fails unless it is as its generation says: all of each change, nothing of the next."""
    check_whole(memory)
    assert pairs_in(memory) == pairs_after(memory.generation)
    named = {name for name, _ in pairs_after(memory.generation)}
    if memory.generation % KINDS in (2, 3):  # one text has lost its only picture
        named.add(f"t{memory.generation - memory.generation % KINDS}")
    assert {text.id for text in memory.texts(range(len(memory)))} == named


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def write(folder: Path) -> None:
    """Changes an archive memory again and again; says each generation when it is reached."""
    with ArchiveMemory.open(folder) as memory:
        for number in range(memory.generation, memory.generation + CHANGES):
            change(memory, number)
            say(memory.generation)


def die_everywhere(folder: Path, number: int) -> None:
    """Makes one change in copies, killed at the first line that writes, at the second, and so on.

    Says how many lines there are, and how many of the kills left the change undone.
    """
    undone = 0
    for line in count():
        copy = folder.with_name(f"{folder.name}-{number}-{line}")
        shutil.copytree(folder, copy)
        died = dies(copy, number, line)
        with ArchiveMemory.open(copy) as memory:
            undone += memory.generation == number
            assert memory.generation in (number, number + 1)
            assert died or memory.generation == number + 1
            check(memory)
            change(memory, memory.generation)
            check(memory)
        shutil.rmtree(copy)
        if not died:
            say(f"{line} {undone}")
            return


def dies(folder: Path, number: int, line: int) -> bool:
    """Makes a change in a process that kills itself at a line; whether it came that far."""
    return dies_at(
        line, WATCHED, lambda: ArchiveMemory.open(folder), lambda memory: change(memory, number)
    )


def child(what: str, *values: object) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",  # a process that forks should have one thread
    }
    line = [sys.executable, __file__, what, *map(str, values)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment)


def test_what_was_acknowledged_before_a_kill_is_there_and_nothing_is_half_there(tmp_path):
    folder = tmp_path / "memory"
    ArchiveMemory.create(folder, MATCHER, WIDTH).close()
    moments = random.Random(0)
    for _ in range(KILLS):
        with child("write", folder) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline() for _ in range(moments.randint(1, 25))]
            process.kill()
            acknowledged += process.stdout.readlines()
        last = max(int(line) for line in acknowledged if line.endswith("\n"))
        with ArchiveMemory.open(folder, MATCHER) as memory:
            assert memory.generation in (last, last + 1)
            check(memory)


@pytest.mark.parametrize("texts", [0, LARGE], ids=["small", "large"])
def test_killed_at_any_line_that_writes_a_change_is_there_as_a_whole_or_not_at_all(tmp_path, texts):
    folder = tmp_path / "memory"
    with ArchiveMemory.create(folder, MATCHER, WIDTH, texts) as memory:
        for number in range(2 * KINDS):
            change(memory, number)
    first = 2 * KINDS
    for number in (first,) if texts else (first, first + 1):  # adds a pair; removes it
        with child("die", folder, number) as process:
            said, _ = process.communicate()
        assert process.returncode == 0
        lines, undone = map(int, said.split())
        assert 0 < undone < lines  # some kills came before the commit and some after it
        with ArchiveMemory.open(folder) as memory:
            change(memory, number)


def main(what: str, folder: str, *numbers: str) -> None:
    """Writes, or dies."""
    if what == "write":
        write(Path(folder))
    else:
        die_everywhere(Path(folder), *map(int, numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
