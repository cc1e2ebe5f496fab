"""Archive memories of many texts: half precision, parts, and what a question reads."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from memories import (
    LARGE,
    MATCHER,
    WIDTH,
    add_pairs,
    check_whole,
    links,
    pairs_in,
    picture,
    text,
    vectors_of,
)
from picturedesk.disk.database import read_manifest, write_manifest
from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.index_folder import INDEX_FROM

PAIRS = (("t0", "p1"), ("t1", "p0"), ("t0", "p0"), ("t2", "p1"))  # rows t0 t1 t2, p1 p0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A large archive memory with few texts."""
    path = tmp_path / "memory"
    with ArchiveMemory.create(path, MATCHER, WIDTH, LARGE) as memory:
        add_pairs(memory, *PAIRS)
    return path


def test_what_was_added_to_a_large_one_is_the_same_after_opening_again(folder):
    with ArchiveMemory.open(folder, MATCHER) as memory:
        check_whole(memory)
        assert pairs_in(memory) == set(PAIRS)
        assert memory.remove("t0", "p0")
        add_pairs(memory, ("t3", "p0"), ("t1", "p2"))
        check_whole(memory)
    with ArchiveMemory.open(folder, MATCHER) as memory:
        check_whole(memory)
        assert pairs_in(memory) == {*PAIRS, ("t3", "p0"), ("t1", "p2")} - {("t0", "p0")}
        assert memory.links.tolist() == sorted(memory.links.tolist())
    assert {path.suffix for path in folder.iterdir()} >= {".f16", ".crc32"}
    assert not list(folder.glob("*.f32"))


@pytest.mark.parametrize(
    ("texts", "kind"), [(0, ".f32"), (INDEX_FROM - 1, ".f32"), (INDEX_FROM, ".f16")]
)
def test_the_kind_of_numbers_is_chosen_once_by_the_number_of_texts(tmp_path, texts, kind):
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH, texts) as memory:
        add_pairs(memory, *PAIRS)
    with ArchiveMemory.open(tmp_path) as memory:
        add_pairs(memory, ("t7", "p7"))
        check_whole(memory)
    assert {path.suffix for path in tmp_path.glob("[tp]*.f*")} == {kind}


def test_an_empty_one_of_the_other_kind_is_not_taken_over(tmp_path):
    ArchiveMemory.create(tmp_path, MATCHER, WIDTH, LARGE).close()
    with pytest.raises(BadInput, match="already holds an archive memory"):
        ArchiveMemory.create(tmp_path, MATCHER, WIDTH)
    (tmp_path / "texts.f16").write_bytes(b"left by a killed command")
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH, LARGE) as memory:
        add_pairs(memory, *PAIRS)
        check_whole(memory)


def test_a_memory_from_before_there_were_two_kinds_is_read(tmp_path):
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        add_pairs(memory, *PAIRS)
    with sqlite3.connect(tmp_path / "archive.db") as connection:
        connection.execute("DELETE FROM manifest WHERE name = 'half'")
        extent = read_manifest_without_checks(connection)["extent"]
        del extent["index"]
        write_manifest(connection, {"extent": extent})
    connection.close()
    with ArchiveMemory.open(tmp_path) as memory:
        check_whole(memory)
        add_pairs(memory, ("t5", "p5"))
        check_whole(memory)
        assert memory.index is None


def read_manifest_without_checks(connection: sqlite3.Connection) -> dict:
    write_manifest(connection, {})  # its checksum, after the change
    return dict(read_manifest(connection))


def test_parts_make_what_one_call_makes(tmp_path):
    ids, keys = [f"t{n}" for n in range(30)], [f"p{n}" for n in range(9)]
    pairs = np.random.default_rng(0).integers(0, [30, 9], (50, 2))
    for half, texts in enumerate((0, LARGE)):
        with ArchiveMemory.create(tmp_path / f"{half}", MATCHER, WIDTH, texts) as memory:
            rows = [
                memory.add_pictures([picture(key) for key in part], vectors_of(part))
                for part in (keys[:4], keys[4:], keys[:2])
            ]
            assert np.concatenate(rows).tolist() == [*range(9), 0, 1]
            for start in range(0, 30, 7):
                own = pairs[(pairs[:, 0] >= start) & (pairs[:, 0] < start + 7)]
                part = ids[start : start + 7]
                placed = memory.add_texts(
                    [text(name) for name in part], vectors_of(part), None, own - [start, 0]
                )
                assert placed.tolist() == list(range(start, start + len(part)))
            check_whole(memory)
            assert memory.links.tolist() == np.unique(pairs, axis=0).tolist()
            assert memory.groups.tolist() == list(range(30))
            row, column = pairs[0].tolist()
            assert memory.remove(ids[row], keys[column])
            memory.add_texts(
                [text(ids[row])], vectors_of(ids[row : row + 1]), None, links((0, column))
            )
            assert memory.links.tolist() == np.unique(pairs, axis=0).tolist()
            assert len(memory) == 30


def test_links_to_pictures_that_are_not_there_are_refused(folder):
    with ArchiveMemory.open(folder) as memory:
        for wrong in (links((0, 2)), links((1, 0)), links((0, -1)), np.zeros((1, 3), np.int64)):
            with pytest.raises(BadInput, match="link"):
                memory.add_texts([text("t9")], vectors_of(["t9"]), None, wrong)
        with pytest.raises(BadInput, match="groups"):
            memory.add_texts([text("t9")], vectors_of(["t9"]), np.array([-1]), links((0, 0)))
        with pytest.raises(BadInput, match="picture vectors"):
            memory.add_pictures([picture("p9")], vectors_of([]))
        with pytest.raises(BadInput, match="has no key"):
            memory.add_pictures([picture("")], vectors_of([""]))
        assert memory.generation == 1
        check_whole(memory)


def test_one_damaged_vector_is_named_when_it_is_read(folder):
    content = bytearray((folder / "texts.f16").read_bytes())
    content[1 * WIDTH * 2] ^= 4  # of text 1
    (folder / "texts.f16").write_bytes(content)
    with ArchiveMemory.open(folder) as memory:
        assert memory.text_vectors[np.array([0, 2])].shape == (2, WIDTH)
        with pytest.raises(MissingArtefact, match=r"texts\.f16 is damaged, .*row 1.*fit again$"):
            memory.text_vectors[np.array([0, 1])]


@pytest.mark.parametrize("name", ["texts.f16", "texts.crc32", "pictures.f16", "pictures.crc32"])
def test_a_file_of_a_large_one_that_is_cut_short_is_named(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(MissingArtefact, match=rf"{name} is damaged.*: run picturedesk fit again$"):
        ArchiveMemory.open(folder, MATCHER)
