"""Archive memory: rows, words, links and groups; what it refuses; processes beside each other."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from memories import (
    MATCHER,
    WIDTH,
    add_pairs,
    check_whole,
    files_of,
    links,
    pairs_in,
    picture,
    text,
    vector_of,
    vectors_of,
)
from picturedesk.disk.database import write_manifest
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.archive_memory import EXCERPT, ArchiveMemory, ArchiveText, excerpt
from picturedesk.types import Picture

COUNTED = Path("/proc/self/io")  # what this process has read and written, on Linux
PAIRS = (("t0", "p1"), ("t1", "p0"), ("t0", "p0"), ("t2", "p1"))  # rows t0 t1 t2, p1 p0
LINKS = [[0, 0], [0, 1], [1, 1], [2, 0]]
ROW_FILES = ("texts.f32", "pictures.f32", "groups.i64", "links.i64")
needs_counts = pytest.mark.skipif(not COUNTED.exists(), reason="counts of bytes come from Linux")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An archive memory of three texts and two pictures."""
    path = tmp_path / "memory"
    with ArchiveMemory.create(path, MATCHER, WIDTH) as memory:
        add_pairs(memory, *PAIRS)
    return path


def counted(what: str) -> int:
    counts = dict(line.split(": ") for line in COUNTED.read_text().splitlines())
    return int(counts[what])


def test_what_was_added_is_the_same_after_opening_again(folder):
    with ArchiveMemory.open(folder, MATCHER) as memory:
        assert (memory.matcher, memory.width, memory.generation) == (MATCHER, WIDTH, 1)
        assert len(memory) == 3
        assert memory.texts([0, 1, 2]) == [text("t0"), text("t1"), text("t2")]
        assert memory.pictures([0, 1]) == [picture("p1"), picture("p0")]
        np.testing.assert_array_equal(memory.text_vectors, vectors_of(["t0", "t1", "t2"]))
        np.testing.assert_array_equal(memory.picture_vectors, vectors_of(["p1", "p0"]))
        assert memory.text_vectors.dtype == memory.picture_vectors.dtype == np.float32
        assert memory.links.tolist() == LINKS
        assert memory.groups.tolist() == [0, 1, 2]
        assert memory.links.dtype == memory.groups.dtype == np.int64
        check_whole(memory)


def test_an_empty_one_holds_nothing(tmp_path):
    ArchiveMemory.create(tmp_path, MATCHER, WIDTH).close()
    with ArchiveMemory.open(tmp_path, MATCHER) as memory:
        assert len(memory) == memory.generation == 0
        assert memory.text_vectors.shape == memory.picture_vectors.shape == (0, WIDTH)
        assert memory.groups.shape == (0,)
        assert memory.links.shape == memory.links_of(np.array([0, 1])).shape == (0, 2)
        assert memory.texts([]) == memory.pictures([]) == []
        assert memory.text_rows(["t0"]).tolist() == memory.picture_rows(["p0"]).tolist() == [-1]
        assert memory.text_rows([]).shape == (0,)
        assert not memory.remove("t0", "p0")
        assert not memory.refresh()


def test_nothing_can_be_added(tmp_path):
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        memory.add([], vectors_of([]), None, [], vectors_of([]), links())
        check_whole(memory)
        add_pairs(memory, ("t0", "p0"))
        memory.add([], vectors_of([]), None, [], vectors_of([]), links())
        assert pairs_in(memory) == {("t0", "p0")}


def test_texts_and_pictures_need_no_links_and_no_direction(tmp_path):
    nowhere = np.zeros((1, WIDTH), dtype=np.float32)
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        memory.add([text("t")], nowhere, None, [], vectors_of([]), links())
        memory.add([], vectors_of([]), None, [picture("p")], nowhere, links())
        assert memory.links.shape == (0, 2)
        np.testing.assert_array_equal(memory.text_vectors, nowhere)
        np.testing.assert_array_equal(memory.picture_vectors, nowhere)


def test_arrays_can_only_be_read(folder):
    with ArchiveMemory.open(folder) as memory:
        assert not memory.text_vectors.flags.owndata
        arrays = (memory.text_vectors, memory.picture_vectors, memory.groups, memory.links)
        for array in arrays:
            assert not array.flags.writeable


def test_words_come_in_the_order_asked_for(folder):
    with ArchiveMemory.open(folder) as memory:
        assert [t.id for t in memory.texts(np.array([2, 0, 2, 2]))] == ["t2", "t0", "t2", "t2"]
        assert [p.key for p in memory.pictures([1, 0, 1])] == ["p0", "p1", "p0"]
        assert memory.text_rows(["t2", "nowhere", "t0", "t2"]).tolist() == [2, -1, 0, 2]
        assert memory.picture_rows(["nowhere", "p0", "p1"]).tolist() == [-1, 1, 0]


def test_thousands_of_words_come_in_order_too(tmp_path):
    names = [f"t{i}" for i in range(2500)]
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        add_pairs(memory, *[(name, f"p{i % 1200}") for i, name in enumerate(names)])
        order = np.random.default_rng(0).integers(0, 2500, 5000)
        assert [t.id for t in memory.texts(order)] == [names[row] for row in order]
        assert memory.text_rows([names[row] for row in order]).tolist() == order.tolist()
        check_whole(memory)


@pytest.mark.parametrize("rows", [[3], [0, -1], [1 << 40]])
def test_rows_that_are_not_there_are_refused(folder, rows):
    with ArchiveMemory.open(folder) as memory:
        with pytest.raises(BadInput, match=r"there is no text .*: the archive memory holds 3"):
            memory.texts(rows)
        with pytest.raises(BadInput, match=r"there is no picture .*: the archive memory holds 2"):
            memory.pictures(rows)


def test_links_of_texts_equal_those_picked_one_by_one(tmp_path):
    rng = np.random.default_rng(0)
    pairs = [(f"t{t}", f"p{p}") for t, p in rng.integers(0, 30, (200, 2))]
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        add_pairs(memory, *pairs)
        assert memory.links.tolist() == sorted(memory.links.tolist())
        assert len(memory.links) == len(set(pairs))
        for count in (0, 1, 7, 30):
            chosen = rng.integers(0, 30, count)
            expected = [link for link in memory.links.tolist() if link[0] in chosen]
            assert memory.links_of(chosen).tolist() == expected


def test_a_link_given_twice_counts_once(tmp_path):
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        for _ in range(2):
            memory.add(
                [text("t")],
                vectors_of(["t"]),
                None,
                [picture("p")],
                vectors_of(["p"]),
                links((0, 0), (0, 0)),
            )
        assert memory.links.tolist() == [[0, 0]]


def test_what_is_known_keeps_row_and_vector_but_says_what_is_new(folder):
    changed = picture("p0", caption="another caption")
    with ArchiveMemory.open(folder) as memory:
        memory.add(
            [text("t9"), ArchiveText("t1", "another beginning")],
            vectors_of(["t9", "elsewhere"]),
            np.array([7, 7]),
            [changed],
            vectors_of(["elsewhere"]),
            links((0, 0), (1, 0)),
        )
        assert memory.text_rows(["t9", "t1"]).tolist() == [3, 1]
        assert memory.texts([1]) == [text("t1")]
        assert memory.pictures([1]) == [changed]
        np.testing.assert_array_equal(memory.text_vectors[1], vector_of("t1"))
        np.testing.assert_array_equal(memory.picture_vectors, vectors_of(["p1", "p0"]))
        assert memory.groups.tolist() == [0, 1, 2, 7]
        assert memory.links.tolist() == [*LINKS, [3, 1]]


def test_a_name_given_twice_in_one_call_is_one_row(tmp_path):
    last = picture("p", caption="the last one counts")
    with ArchiveMemory.create(tmp_path, MATCHER, WIDTH) as memory:
        memory.add(
            [text("t"), text("u"), ArchiveText("t", "later")],
            vectors_of(["t", "u", "elsewhere"]),
            None,
            [picture("p"), picture("q"), last],
            vectors_of(["p", "q", "elsewhere"]),
            links((2, 1), (0, 2)),
        )
        assert memory.texts([0, 1]) == [text("t"), text("u")]
        assert memory.pictures([0, 1]) == [last, picture("q")]
        np.testing.assert_array_equal(memory.text_vectors, vectors_of(["t", "u"]))
        np.testing.assert_array_equal(memory.picture_vectors, vectors_of(["p", "q"]))
        assert memory.groups.tolist() == [0, 1]
        assert memory.links.tolist() == [[0, 0], [0, 1]]


def test_a_pair_is_added_and_removed_and_added_again(folder):
    with ArchiveMemory.open(folder) as memory:
        add_pairs(memory, ("new", "p0"))
        assert memory.links.tolist() == [*LINKS, [3, 1]]
        assert memory.remove("new", "p0")
        assert memory.links.tolist() == LINKS
        assert not memory.remove("new", "p0")
        assert len(memory) == 4
        assert memory.text_rows(["new"]).tolist() == [3]
        add_pairs(memory, ("new", "p0"))
        assert memory.links.tolist() == [*LINKS, [3, 1]]
        assert len(memory) == 4
        check_whole(memory)
    with ArchiveMemory.open(folder) as memory:
        assert memory.links.tolist() == [*LINKS, [3, 1]]


def test_a_removed_pair_leaves_all_rows_where_they_are(folder):
    with ArchiveMemory.open(folder) as memory:
        assert memory.remove("t1", "p0")  # the only picture of t1
        assert memory.links.tolist() == [[0, 0], [0, 1], [2, 0]]
        assert memory.links_of(np.array([1, 2])).tolist() == [[2, 0]]
        assert memory.texts([1]) == [text("t1")]
        check_whole(memory)


@pytest.mark.parametrize("pair", [("t1", "p1"), ("t1", "nowhere"), ("nowhere", "p1"), ("", "")])
def test_removing_a_pair_that_is_not_there_changes_nothing(folder, pair):
    with ArchiveMemory.open(folder) as memory:
        assert not memory.remove(*pair)
        assert memory.generation == 1
        assert memory.links.tolist() == LINKS


def test_a_pair_removed_and_added_a_hundred_times_takes_no_room(folder):
    sizes = {name: (folder / name).stat().st_size for name in ROW_FILES}
    with ArchiveMemory.open(folder) as memory:
        for _ in range(100):
            assert memory.remove("t0", "p0")
            add_pairs(memory, ("t0", "p0"))
        assert memory.links.tolist() == LINKS
        assert memory.generation == 201
    assert {name: (folder / name).stat().st_size for name in ROW_FILES} == sizes


def test_texts_without_groups_get_numbers_that_nobody_used(folder):
    with ArchiveMemory.open(folder) as memory:
        add_pairs(memory, ("a", "p"), ("b", "p"), groups=np.array([10, 1]))
        add_pairs(memory, ("c", "p"), ("t0", "p"), ("d", "p"))
        assert memory.groups.tolist() == [0, 1, 2, 10, 1, 11, 12]


@pytest.mark.parametrize(
    "name", ["", "1", "01", "é", "e\u0301", "\ud800 lone", "a\0b", "🙂", "'; --", "中", "x" * 5000]
)
def test_names_may_be_any_words(folder, name):
    other = f"{name} "
    odd = picture(name or "key", caption=name)
    with ArchiveMemory.open(folder) as memory:
        memory.add(
            [ArchiveText(name, name), ArchiveText(other, "")],
            vectors_of([name, other]),
            None,
            [odd],
            vectors_of([odd.key]),
            links((0, 0)),
        )
        assert memory.text_rows([other, name]).tolist() == [4, 3]
    with ArchiveMemory.open(folder) as memory:
        assert memory.texts([3, 4]) == [ArchiveText(name, name), ArchiveText(other, "")]
        assert memory.pictures([2]) == [odd]
        assert memory.remove(name, odd.key)
        assert memory.links.tolist() == LINKS


def test_adding_a_pair_leaves_the_bytes_of_all_others_alone(folder):
    inodes = {name: (folder / name).stat().st_ino for name in ROW_FILES}
    for name in ("texts.f32", "pictures.f32"):  # marks that a copy from elsewhere would not have
        (folder / name).write_bytes(b"\x01" * (folder / name).stat().st_size)
    with ArchiveMemory.open(folder) as memory:
        add_pairs(memory, ("new", "new"))
    assert (folder / "texts.f32").read_bytes() == b"\x01" * 72 + vector_of("new").tobytes()
    assert (folder / "pictures.f32").read_bytes() == b"\x01" * 48 + vector_of("new").tobytes()
    assert {name: (folder / name).stat().st_ino for name in ROW_FILES} == inodes


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 texts of 100 numbers with long excerpts: 4 MB of vectors, 3 MB of words."""
    path = tmp_path_factory.mktemp("large") / "memory"
    vectors = np.zeros((10_000, 100), dtype=np.float32)
    vectors[:, 0] = 1
    texts = [ArchiveText(f"t{i}", "word " * 60) for i in range(10_000)]
    with ArchiveMemory.create(path, MATCHER, 100) as memory:
        pair = np.stack([np.arange(10_000), np.zeros(10_000, dtype=np.int64)], axis=1)
        memory.add(texts, vectors, None, [picture("p")], vectors[:1], pair)
    return path


@needs_counts
def test_adding_a_pair_writes_little_however_large_the_archive(large):
    vector = np.full((1, 100), 0.1, dtype=np.float32)
    with ArchiveMemory.open(large) as memory:
        before = counted("wchar")
        memory.add([text("new")], vector, None, [picture("p")], vector, links((0, 0)))
        assert memory.remove("new", "p")
        assert counted("wchar") - before < 400_000  # pages of 16 KB, of 8 MB in all


@needs_counts
def test_opening_reads_neither_vectors_nor_words(large):
    before = counted("rchar")
    with ArchiveMemory.open(large) as memory:
        assert memory.texts([17])[0].id == "t17"
        assert counted("rchar") - before < 400_000
        assert memory.text_vectors[:1].shape == (1, 100)
        assert counted("rchar") - before < 400_000 + memory.text_vectors.nbytes


def test_reading_leaves_every_file_as_it_was(folder):
    before = files_of(folder)
    with ArchiveMemory.open(folder, MATCHER) as memory:
        check_whole(memory)
        memory.refresh()
    assert files_of(folder) == before


def test_a_reader_stays_where_it_is_until_it_moves_on(folder):
    with ArchiveMemory.open(folder) as reader, ArchiveMemory.open(folder) as writer:
        vectors, pairs = reader.text_vectors, reader.links
        add_pairs(writer, ("new", "new"), ("t0", "new"))
        assert writer.remove("t0", "p1")
        assert (len(reader), reader.generation, reader.links.tolist()) == (3, 1, LINKS)
        assert reader.text_rows(["new"]).tolist() == reader.picture_rows(["new"]).tolist() == [-1]
        with pytest.raises(BadInput, match=r"there is no text 3"):
            reader.texts([3])
        assert reader.refresh()
        assert not reader.refresh()
        assert (len(reader), reader.generation) == (4, 3)
        assert (
            reader.links.tolist() == writer.links.tolist() == [[0, 1], [0, 2], *LINKS[2:], [3, 2]]
        )
        assert reader.text_rows(["new"]).tolist() == [3]
        np.testing.assert_array_equal(vectors, vectors_of(["t0", "t1", "t2"]))
        assert pairs.tolist() == LINKS
        check_whole(reader)


def test_records_that_are_read_together_are_of_one_moment(folder):
    with ArchiveMemory.open(folder) as reader, ArchiveMemory.open(folder) as writer:
        before = reader.pictures([0])
        with reader.reading():
            assert reader.pictures([0]) == before
            add_pairs(writer, ("t9", "p9"))
            with reader.reading():
                assert reader.picture_rows(["p9"]).tolist() == [-1]
            assert not reader.refresh()
            assert reader.text_rows(["t9"]).tolist() == [-1]
        assert reader.refresh()
        assert reader.picture_rows(["p9"]).tolist() == [2]
        assert reader.pictures([2])[0].key == "p9"


def test_a_picture_whose_record_changes_is_not_the_one_that_was_read(folder):
    with ArchiveMemory.open(folder) as memory:
        (before,) = memory.pictures([0])
        again = memory.pictures([0])[0]
        assert again == before
        changed = Picture(before.uri, before.key, "another caption")
        vectors = np.array([vector_of(before.key)], dtype=np.float32)
        memory.add([], np.empty((0, WIDTH), np.float32), None, [changed], vectors, links())
        assert memory.pictures([0])[0].caption == "another caption"


def test_a_writer_builds_on_what_others_have_committed(folder):
    with ArchiveMemory.open(folder) as one, ArchiveMemory.open(folder) as two:
        add_pairs(one, ("a", "p0"))
        add_pairs(two, ("b", "p0"), ("a", "p1"))
        assert one.remove("b", "p0")
        assert two.refresh()
        for memory in (one, two):
            assert memory.text_rows(["a", "b"]).tolist() == [3, 4]
            assert pairs_in(memory) == {*PAIRS, ("a", "p0"), ("a", "p1")}
            check_whole(memory)


def test_processes_that_write_at_the_same_time_lose_nothing(folder):
    script = (
        "import sys; from pathlib import Path; from memories import add_pairs\n"
        "from picturedesk.store.archive_memory import ArchiveMemory\n"
        "with ArchiveMemory.open(Path(sys.argv[1])) as memory:\n"
        "    for number in range(20):\n"
        "        add_pairs(memory, (sys.argv[2] + str(number), 'shared'))\n"
        "        if number % 2:\n"
        "            assert memory.remove(sys.argv[2] + str(number), 'shared')\n"
    )
    environment = {"PYTHONPATH": ":".join([str(Path(__file__).parent), *sys.path])}
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), name], env=environment)
        for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    added = {(f"{name}{number}", "shared") for name in "ab" for number in range(0, 20, 2)}
    with ArchiveMemory.open(folder) as memory:
        assert pairs_in(memory) == {*PAIRS, *added}
        assert memory.generation == 1 + 2 * 30
        check_whole(memory)


def test_threads_may_read_while_one_adds(folder):
    def read(_: int) -> None:
        for _ in range(20):
            count = len(memory)
            first, last = memory.texts([0, count - 1])
            assert first.id == "t0"
            assert last.id in ("t2", f"new{count - 4}")
            assert len(memory.text_vectors) >= count
            assert len(memory.links) >= len(LINKS)

    with ArchiveMemory.open(folder) as memory, ThreadPoolExecutor(4) as pool:
        readers = pool.map(read, range(4))
        for number in range(20):
            add_pairs(memory, (f"new{number}", "p0"))
        list(readers)
        check_whole(memory)


def test_vectors_of_another_matcher_are_refused(folder):
    with pytest.raises(Mismatch, match=f"made by matcher {MATCHER}, the desk has other: run"):
        ArchiveMemory.open(folder, "other")
    ArchiveMemory.open(folder).close()


def test_another_format_version_is_refused(folder):
    with sqlite3.connect(folder / "archive.db") as connection:
        connection.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    connection.close()
    with pytest.raises(Mismatch, match="has format version 99, this picturedesk reads"):
        ArchiveMemory.open(folder)


def test_a_folder_without_one_is_refused_and_left_alone(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(MissingArtefact, match=r"archive\.db does not exist: run picturedesk"):
            ArchiveMemory.open(folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ROW_FILES)
def test_a_file_of_rows_that_is_cut_short_is_named(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes()[:-1])
    with pytest.raises(MissingArtefact, match=rf"{name} is damaged.*: run picturedesk fit again$"):
        ArchiveMemory.open(folder, MATCHER)


@pytest.mark.parametrize("name", ROW_FILES)
def test_a_file_of_rows_that_is_gone_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(MissingArtefact, match=rf"{name} does not exist: run picturedesk fit again"):
        ArchiveMemory.open(folder, MATCHER)


def overwritten(whole: bytes) -> bytes:
    """The file with its first page as it was, and nothing but 0xff behind it."""
    return whole[:16384] + b"\xff" * (len(whole) - 16384)


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: b"no database" * 99, cut, overwritten]
)
def test_records_that_are_damaged_are_refused_in_one_line(folder, damage):
    (folder / "archive.db").write_bytes(damage((folder / "archive.db").read_bytes()))
    with pytest.raises(MissingArtefact, match=r"archive\.db.* run picturedesk fit again$"):
        ArchiveMemory.open(folder, MATCHER)


def test_another_kind_of_database_is_refused(folder):
    (folder / "archive.db").unlink()
    with sqlite3.connect(folder / "archive.db") as connection:
        connection.execute("CREATE TABLE anything (x)")
    connection.close()
    with pytest.raises(MissingArtefact, match=r"archive\.db is not an archive memory"):
        ArchiveMemory.open(folder)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pictures SET tags = '[\"a'",
        "UPDATE pictures SET caption = CAST(x'ff' AS TEXT)",
        "ALTER TABLE pictures RENAME TO drawings",
        "ALTER TABLE pictures RENAME COLUMN row TO line",
    ],
)
def test_records_that_cannot_be_made_sense_of_are_a_damage(folder, damage):
    with sqlite3.connect(folder / "archive.db") as connection:
        connection.execute(damage)
    connection.close()
    complaint = (
        r"archive\.db.* damaged.*: run picturedesk fit|archive\.db lacks|archive\.db has the"
    )
    with pytest.raises(MissingArtefact, match=complaint), ArchiveMemory.open(folder) as memory:
        memory.pictures([0])


def test_words_that_are_gone_are_a_damage(folder):
    with sqlite3.connect(folder / "archive.db") as connection:
        connection.execute("DELETE FROM texts WHERE row = 1")
    connection.close()
    with (
        ArchiveMemory.open(folder) as memory,
        pytest.raises(MissingArtefact, match="is damaged, row 1 is gone: run picturedesk fit"),
    ):
        memory.texts([0, 1])


def test_bytes_that_a_killed_add_left_are_written_over(folder):
    for name, left in zip(ROW_FILES, (1, 24, 8, 1000), strict=True):
        with (folder / name).open("ab") as raw:
            raw.write(b"\xff" * left)
    with ArchiveMemory.open(folder) as memory:
        check_whole(memory)
        add_pairs(memory, ("new", "new"))
        assert memory.groups.tolist() == [0, 1, 2, 3]
        assert memory.links.tolist() == [*LINKS, [3, 2]]
        check_whole(memory)


def test_an_add_that_fails_half_way_leaves_nothing_of_it(folder):
    unfit = Picture("unfit.jpg", "unfit")
    object.__setattr__(unfit, "tags", (b"no words",))  # the record itself would refuse them
    one, two = vectors_of(["new"]), vectors_of(["unfit"])
    with ArchiveMemory.open(folder) as memory:
        with pytest.raises(TypeError):  # its texts are written by then
            memory.add([text("new")], one, None, [unfit], two, links((0, 0)))
        assert (folder / "texts.f32").stat().st_size == 4 * WIDTH * 4
        assert not memory.refresh()
        assert memory.text_rows(["new"]).tolist() == memory.picture_rows(["unfit"]).tolist() == [-1]
        check_whole(memory)
        add_pairs(memory, ("other", "new"))
        assert memory.links.tolist() == [*LINKS, [3, 2]]
        check_whole(memory)


def test_a_full_disk_is_said_in_one_line_and_leaves_all_as_it_was(folder):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ArchiveMemory.open(folder) as memory:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3 * WIDTH * 4 + 10, limits[1]))
            with pytest.raises(PicturedeskError, match=r"archive memory .*: File too large"):
                add_pairs(memory, ("new", "new"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (folder / "texts.f32").stat().st_size == 3 * WIDTH * 4 + 10  # a part of a row
        assert pairs_in(memory) == set(PAIRS)
        add_pairs(memory, ("other", "new"))
        check_whole(memory)


def test_what_a_fit_has_replaced_is_not_written_to(folder, tmp_path):
    with ArchiveMemory.open(folder) as memory:
        shutil.copytree(folder, tmp_path / "new")
        folder.rename(tmp_path / "old")
        (tmp_path / "new").rename(folder)
        before = files_of(folder)
        for change in (
            lambda: add_pairs(memory, ("new", "p0")),
            lambda: memory.remove("t0", "p0"),
        ):
            with pytest.raises(Mismatch, match="was replaced since it was opened: open it again"):
                change()
        np.testing.assert_array_equal(memory.text_vectors, vectors_of(["t0", "t1", "t2"]))
    with ArchiveMemory.open(folder) as memory:
        assert files_of(folder)["texts.f32"] == before["texts.f32"]
        assert pairs_in(memory) == set(PAIRS)


def test_one_is_made_where_nothing_is_and_where_it_was_begun(tmp_path):
    for folder in (tmp_path, tmp_path / "new" / "memory"):
        for _ in range(2):  # the second finds what a killed command leaves
            with ArchiveMemory.create(folder, MATCHER, WIDTH) as memory:
                assert (memory.matcher, memory.width, len(memory)) == (MATCHER, WIDTH, 0)


def test_one_is_made_nowhere_else(folder, tmp_path):
    (tmp_path / "file").write_text("something else")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "texts.f32").write_text("something else")
    for path in (folder, tmp_path / "other", tmp_path / "file"):
        with pytest.raises(PicturedeskError, match=path.name):
            ArchiveMemory.create(path, MATCHER, WIDTH)
    with pytest.raises(BadInput, match="width 0"):
        ArchiveMemory.create(tmp_path / "new", MATCHER, 0)
    ArchiveMemory.create(tmp_path / "empty", MATCHER, WIDTH).close()
    for matcher, width in (("other", WIDTH), (MATCHER, WIDTH + 1)):
        with pytest.raises(BadInput, match="already holds an archive memory"):
            ArchiveMemory.create(tmp_path / "empty", matcher, width)
    with ArchiveMemory.open(folder) as memory:
        check_whole(memory)


ONE = vectors_of(["t"])


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"text_vectors": np.concatenate([ONE, ONE])}, r"text vectors of shape \(2, 6\)"),
        ({"text_vectors": ONE[:, :5]}, r"they must be \(1, 6\) of float32"),
        ({"text_vectors": ONE.astype(np.float64)}, "type float64"),
        ({"text_vectors": ONE * np.float32(1.002)}, "text vector 0 has length 1.002"),
        ({"picture_vectors": ONE * np.float32(0.5)}, "picture vector 0 has length 0.5"),
        ({"picture_vectors": ONE * np.float32("nan")}, "picture vector 0 has length nan"),
        ({"picture_vectors": ONE * np.float32("inf")}, "picture vector 0 has length (inf|nan)"),
        ({"picture_vectors": ONE[0]}, r"picture vectors of shape \(6,\)"),
        ({"pictures": [picture("")]}, "has no key"),
        ({"links": links((0, 1))}, "a link points outside: there are 1 texts and 1 pictures"),
        ({"links": links((-1, 0))}, "a link points outside"),
        ({"links": np.zeros((1, 3), dtype=np.int64)}, r"links of shape \(1, 3\)"),
        ({"links": np.zeros((1, 2))}, r"they must be \(M, 2\) integers"),
        ({"groups": np.array([0, 1])}, r"they must be \(1,\) integers"),
        ({"groups": np.array([-1])}, "0 or more"),
        ({"groups": np.array([0.5])}, "integers"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(folder, changed, complaint):
    given = {
        "texts": [text("t")],
        "text_vectors": ONE,
        "groups": None,
        "pictures": [picture("p")],
        "picture_vectors": ONE,
        "links": links((0, 0)),
    }
    before = files_of(folder)
    with ArchiveMemory.open(folder) as memory:
        with pytest.raises(BadInput, match=complaint):
            memory.add(**{**given, **changed})
        assert memory.generation == 1
    assert files_of(folder) == before
    with ArchiveMemory.open(folder) as memory:
        memory.add(**given)


def test_an_excerpt_is_the_beginning_with_white_space_folded():
    assert excerpt(" one\n\n two\tthree ") == "one two three"
    assert excerpt("x" * EXCERPT) == "x" * EXCERPT
    assert excerpt("x" * 1000) == "x" * (EXCERPT - 1) + "…"


def test_all_that_is_known_of_texts_and_pictures_comes_back(tmp_path):
    told = ArchiveText("t", "It rained.", "Rain", "2024-05-01", "https://news.invalid/1")
    shown = Picture(
        "a.jpg",
        "k",
        tags=("sea",),
        names=("a.jpg", "b.jpg"),
        expiry="2027",
        territory=("DE",),
        uses=2,
        missing=True,
        columns={"Ort": "Köln \ud800", "price": 2, "checked": False, "people": ["Ada"]},
    )
    with ArchiveMemory.create(tmp_path / "memory", MATCHER, WIDTH) as memory:
        memory.add([told], vectors_of(["t"]), None, [shown], vectors_of(["k"]), links((0, 0)))
    with ArchiveMemory.open(tmp_path / "memory") as memory:
        assert memory.texts([0]) == [told]
        assert memory.pictures([0]) == [shown]


def test_an_older_memory_says_that_another_version_made_it(folder):
    with sqlite3.connect(folder / "archive.db") as connection:
        write_manifest(connection, {"format_version": 2})
    connection.close()
    with pytest.raises(Mismatch, match=r"made by another version: .* run picturedesk fit again"):
        ArchiveMemory.open(folder)
