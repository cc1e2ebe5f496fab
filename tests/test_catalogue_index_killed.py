"""A catalogue whose maker of indexes is killed: what was acknowledged counts, and nothing else.

As a program, this file is what makes, kills and checks; see ``killed_makers``.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from catalogues import keys_of, make_pictures, make_vectors, state_of
from dying import dies_at
from killed_makers import WRITES, kill_at_many_lines, kills, main, run_with_one_thread
from picturedesk.store.catalogue.indexes import Indexes
from picturedesk.store.catalogue.sqlite import SqliteCatalogue

pytest.importorskip("faiss", reason="needs the extra index")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLS = kills(12)
WATCHED = WRITES | {code.__code__ for code in (Indexes.make, Indexes._name, Indexes._track)}
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


def dies(folder: Path, line: int) -> bool:
    """Brings the index up to date in a process that kills itself at a line; whether it did."""
    path = folder / "catalogue"
    return dies_at(line, WATCHED, lambda: closing(Large.open(path, "m1", D)), Large.optimize)


def continued(folder: Path) -> None:
    """Fails unless what a killed maker left is whole, and stays so when the index is made."""
    with closing(Large.open(folder / "catalogue", "m1", D)) as catalogue:
        check(catalogue)
        catalogue.optimize()
        check(catalogue)
        assert catalogue.indexed == len(vectors_now())
        named = state_of(catalogue).index
        assert named is not None
        assert (folder / "catalogue.index" / named.name).is_dir()


def kill_makers(folder: Path, made: bool) -> int:
    """Kills makers of an index in copies of a catalogue; returns how many died."""
    home = folder / "whole"
    home.mkdir()
    with closing(Large.open(home / "catalogue", "m1", D)) as catalogue:
        catalogue.add(make_pictures(80), make_vectors(80, width=D))
        if made:
            catalogue.optimize()
        changed(catalogue)
    return kill_at_many_lines(home, KILLS, 40, dies, continued)


@pytest.mark.parametrize("made", ["first", "extended"])
def test_a_killed_maker_of_an_index_loses_nothing_and_brings_nothing_back(tmp_path, made):
    assert run_with_one_thread(__file__, tmp_path, made) >= KILLS


if __name__ == "__main__":
    main(kill_makers)
