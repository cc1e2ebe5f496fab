"""A catalogue whose maker of indexes is killed: what was acknowledged counts, and nothing else.

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
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from catalogues import keys_of, make_pictures, make_vectors, state_of
from dying import dies_at
from picturedesk.disk import artifacts
from picturedesk.disk.database import transaction
from picturedesk.store.catalogue.indexes import Indexes
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.store.index_folder import IndexFolder
from picturedesk.store.vector_index import VectorIndex

pytest.importorskip("faiss", reason="needs the extra index")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLS = int(os.environ.get("PICTUREDESK_KILLS", "12"))
WATCHED = {  # what writes to the disk, and what names it
    code.__code__
    for code in (
        transaction.__wrapped__,
        artifacts.atomic_folder.__wrapped__,
        artifacts.write_manifest,
        VectorIndex.save,
        Indexes.make,
        Indexes._name,
        Indexes._track,
        IndexFolder.save,
        IndexFolder.sweep,
    )
}
D = 16


class Large(SqliteCatalogue):
    """Has an index from the first picture on."""

    index_from = 1


def changed(catalogue: SqliteCatalogue) -> None:
    """Changes that an index then takes in: some come, some go, one is replaced."""
    catalogue.add(make_pictures(20, 100), make_vectors(20, seed=1, width=D))
    catalogue.remove([f"{place:04d}" for place in range(10)])
    catalogue.add(make_pictures(1, 50), make_vectors(1, seed=2, width=D))


def vectors_now() -> dict[str, np.ndarray]:
    """Key → vector after ``changed``."""
    first = make_vectors(80, width=D)
    now = {f"{place:04d}": first[place] for place in range(10, 80)}
    now |= {f"{100 + n:04d}": v for n, v in enumerate(make_vectors(20, seed=1, width=D))}
    return now | {"0050": make_vectors(1, seed=2, width=D)[0]}


def check(catalogue: SqliteCatalogue) -> None:
    """Fails unless it finds all that is there, with the right scores, and nothing else."""
    expected, query = vectors_now(), make_vectors(1, seed=3, width=D)
    (found,) = catalogue.nearest(query, 500)
    assert {*keys_of(found)} == expected.keys()
    for key, score in zip(keys_of(found), found.scores, strict=True):
        assert score == pytest.approx(float(expected[key] @ query[0]), abs=1e-6)
    gone = catalogue.nearest(make_vectors(10, width=D), 3)
    assert not {f"{place:04d}" for place in range(10)} & {key for f in gone for key in keys_of(f)}


def dies(path: Path, line: int) -> bool:
    """Brings the index up to date in a process that kills itself at a line; whether it did."""
    return dies_at(line, WATCHED, lambda: closing(Large.open(path, "m1", D)), Large.optimize)


def kill_at_many_lines(folder: Path, made: bool) -> int:
    """Kills makers of an index in copies of a catalogue; returns how many died."""
    home, copy = folder / "whole", folder / "copy"
    home.mkdir()
    with closing(Large.open(home / "catalogue", "m1", D)) as catalogue:
        catalogue.add(make_pictures(80), make_vectors(80, width=D))
        if made:
            catalogue.optimize()
        changed(catalogue)
    chosen = random.Random(1)
    lines = count() if not KILLS else iter([*sorted(chosen.sample(range(40), KILLS)), 10_000])
    for number, line in enumerate(lines):
        shutil.copytree(home, copy)
        died = dies(copy / "catalogue", line)
        with closing(Large.open(copy / "catalogue", "m1", D)) as catalogue:
            check(catalogue)
            catalogue.optimize()
            check(catalogue)
            assert catalogue.indexed == len(vectors_now())
            named = state_of(catalogue).index
            assert named is not None
            assert (copy / "catalogue.index" / named.name).is_dir()
        shutil.rmtree(copy)
        if not died:
            return number
    raise AssertionError("every maker died")


@pytest.mark.parametrize("made", ["first", "extended"])
def test_a_killed_maker_of_an_index_loses_nothing_and_brings_nothing_back(tmp_path, made):
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
