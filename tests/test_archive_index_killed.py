"""An archive memory whose maker of indexes is killed: what was acknowledged counts, nothing else.

As a program, this file is what makes, kills and checks; see ``killed_makers``.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from dying import dies_at
from killed_makers import WRITES, kill_at_many_lines, kills, main, run_with_one_thread
from memories import LARGE, MATCHER, WIDTH, add_pairs, check_whole, pairs_in, vectors_of
from picturedesk.desk.archived import archive_vectors
from picturedesk.store.archive_memory import ArchiveMemory

pytest.importorskip("faiss", reason="needs the extra index")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
KILLS = kills(6)
WATCHED = WRITES | {ArchiveMemory.optimize.__code__, ArchiveMemory._name.__code__}
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


def continued(folder: Path) -> None:
    """Fails unless what a killed maker left is whole, and stays so when the index is made."""
    with Large.open(folder) as memory:
        check(memory)
        memory.optimize()
        check(memory)
        assert memory.index is not None
        assert memory.index.count == len(memory)
        assert np.unique(memory.links[:, 0]).size == len(memory) - len(REMOVED)


def kill_makers(folder: Path, made: bool) -> int:
    """Kills makers of an index in copies of a memory; returns how many died."""
    home = folder / "whole"
    with Large.create(home, MATCHER, WIDTH, LARGE) as memory:
        add_pairs(memory, *FIRST)
        if made:
            memory.optimize()
        add_pairs(memory, *LATER)
        for pair in REMOVED:
            assert memory.remove(*pair)
    return kill_at_many_lines(home, KILLS, 36, dies, continued)


@pytest.mark.parametrize("made", ["first", "extended"])
def test_a_killed_maker_of_an_index_of_texts_loses_nothing_and_brings_nothing_back(tmp_path, made):
    assert run_with_one_thread(__file__, tmp_path, made) >= KILLS


if __name__ == "__main__":
    main(kill_makers)
