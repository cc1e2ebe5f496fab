"""The layer under every SQLite file: kinds, changes, readers, disks that may only be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from other_user import unprivileged
from picturedesk.disk.database import connect, connect_to_read, read_manifest, rows_of
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.errors import Closed, Mismatch, MissingArtefact, PicturedeskError

TABLE = ("CREATE TABLE things (key TEXT PRIMARY KEY, number INTEGER)",)
KIND = FileKind("toy store", 0x50440001, TABLE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "toys.db"


def made(path: Path, count: int = 3) -> Path:
    database = SharedDatabase.open(path, KIND, {"colour": "blue"})
    with database.writing() as writer:
        rows = [(f"k{n}", n) for n in range(count)]
        writer.executemany("INSERT INTO things VALUES (?, ?)", rows)
    database.close()
    return path


def manifest_of(database: SharedDatabase) -> dict[str, object]:
    with database.reading() as reader:
        return read_manifest(reader)


def numbers(database: SharedDatabase) -> list[int]:
    with database.reading() as reader:
        return [number for (number,) in reader.execute("SELECT number FROM things ORDER BY key")]


def test_a_new_file_says_what_it_is(path):
    with closing(SharedDatabase.open(path, KIND, {"colour": "blue"})) as database:
        manifest = manifest_of(database)
    assert manifest.pop("format_version") >= 1
    assert manifest.pop("schema")
    assert manifest == {"kind": "toy store", "generation": 0, "colour": "blue"}


def test_a_file_that_is_there_keeps_its_manifest(path):
    made(path)
    with closing(SharedDatabase.open(path, KIND, {"colour": "red"})) as database:
        assert manifest_of(database)["colour"] == "blue"


def test_every_change_is_counted(path):
    with closing(SharedDatabase.open(path, KIND, {})) as database:
        for generation in range(3):
            assert manifest_of(database)["generation"] == generation
            with database.writing() as writer:
                writer.execute("INSERT INTO things VALUES (?, 1)", (str(generation),))


def delete_all_and_fail(database: SharedDatabase) -> None:
    with database.writing() as writer:
        writer.execute("DELETE FROM things")
        raise ZeroDivisionError


def test_a_change_that_fails_leaves_nothing_and_is_not_counted(path):
    made(path)
    with closing(SharedDatabase.open(path, KIND)) as database:
        with pytest.raises(ZeroDivisionError):
            delete_all_and_fail(database)
        assert numbers(database) == [0, 1, 2]
        assert manifest_of(database)["generation"] == 1


def test_a_reader_sees_one_state_while_others_write(path):
    made(path)
    with (
        closing(SharedDatabase.open(path, KIND)) as database,
        closing(SharedDatabase.open(path, KIND)) as other,
    ):
        with database.reading() as reader:
            before = reader.execute("SELECT count(*) FROM things").fetchone()
            with other.writing() as writer:
                writer.execute("DELETE FROM things")
            assert reader.execute("SELECT count(*) FROM things").fetchone() == before
        assert numbers(database) == []


def test_threads_read_side_by_side_and_close_ends_all(path):
    made(path)
    database = SharedDatabase.open(path, KIND)
    inside = threading.Barrier(3, timeout=10)

    def look() -> None:
        with database.reading() as reader:
            inside.wait()
            assert reader.execute("SELECT count(*) FROM things").fetchone() == (3,)
            inside.wait()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    database.close()  # while both read
    inside.wait()
    for thread in threads:
        thread.join()
    for use in (database.reading, database.writing):
        with pytest.raises(Closed, match="is closed"), use():
            pass


def test_opening_and_reading_leave_the_file_and_its_folder_as_they_were(path):
    made(path)
    before, modified = path.read_bytes(), path.stat().st_mtime_ns
    with closing(SharedDatabase.open(path, KIND, {"colour": "red"})) as database:
        assert numbers(database) == [0, 1, 2]
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == modified
    assert os.listdir(path.parent) == [path.name]


def test_a_reader_cannot_write(path):
    with (
        closing(SharedDatabase.open(made(path), KIND)) as database,
        database.reading() as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("DELETE FROM things")


def test_a_file_in_a_folder_that_may_not_be_written_is_read(open_folder):
    path = made(open_folder / "toys.db")
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with unprivileged(), closing(SharedDatabase.open(path, KIND, {})) as database:
        assert numbers(database) == [0, 1, 2]
        with pytest.raises(PicturedeskError, match="allow writing to"), database.writing():
            pass


def test_an_empty_log_that_was_left_there_is_no_hindrance(open_folder):
    path = made(open_folder / "toys.db")
    (open_folder / "toys.db-wal").touch()
    open_folder.chmod(0o555)
    with unprivileged(), closing(SharedDatabase.open(path, KIND)) as database:
        assert numbers(database) == [0, 1, 2]


def test_a_log_that_cannot_be_read_with_its_file_is_never_overlooked(open_folder):
    path = open_folder / "toys.db"
    writer = connect(made(path))
    writer.execute("DELETE FROM things")
    copied = open_folder / "copied.db"
    shutil.copy(path, copied)
    shutil.copy(f"{path}-wal", f"{copied}-wal")
    writer.close()
    open_folder.chmod(0o555)
    with unprivileged(), pytest.raises(PicturedeskError, match=r"copied.db: .*its folder"):
        SharedDatabase.open(copied, KIND)


def test_what_was_killed_with_a_log_is_read_with_it(path):
    writer = connect(made(path))
    writer.execute("DELETE FROM things WHERE number > 0")
    killed = path.with_name("killed.db")
    shutil.copy(path, killed)
    shutil.copy(f"{path}-wal", f"{killed}-wal")
    writer.close()
    with closing(SharedDatabase.open(killed, KIND)) as database:
        assert numbers(database) == [0]


def test_another_kind_of_file_is_called_by_its_name(path):
    made(path)
    with pytest.raises(Mismatch, match=r"toys.db holds a toy store, not a shop: name another"):
        SharedDatabase.open(path, FileKind("shop", 0x50440002, ()), {})


def test_a_database_of_somebody_else_is_refused_and_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE manifest (name, value)")
    before = path.read_bytes()
    for content in ({}, None):
        with pytest.raises(MissingArtefact, match="is not a toy store of this picturedesk"):
            SharedDatabase.open(path, KIND, content)
    assert path.read_bytes() == before


def test_another_format_version_is_refused_with_both_numbers_and_a_cure(path):
    with closing(connect(made(path))) as connection:
        connection.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    with pytest.raises(Mismatch, match=r"version 99, this picturedesk reads \d+: remove it"):
        SharedDatabase.open(path, KIND)


def test_what_is_not_there_is_made_only_if_it_may_be(path):
    with pytest.raises(MissingArtefact, match="does not exist"):
        SharedDatabase.open(path, KIND)
    assert not path.exists()


def test_a_path_of_any_characters_is_opened(tmp_path):
    folder = tmp_path / "50% of #1? é"
    with closing(connect_to_read(made(folder / "toys.db"))) as reader:
        assert reader.execute("SELECT count(*) FROM things").fetchone() == (3,)


def test_rows_of_many_keys_come_with_their_places(path):
    keys = [f"k{n}" for n in range(25_000, -1, -2)] + ["nope", "k3", "k3", "k\ud800", "k3\0"]
    with closing(connect_to_read(made(path, 20_000))) as reader:
        found = list(rows_of(reader, "number, things.key", "things", keys))
        assert list(rows_of(reader, "number", "things", [])) == []
    expected = [(place, int(key[1:]), key) for place, key in enumerate(keys[:-5]) if place > 2500]
    assert found == [*expected, (12502, 3, "k3"), (12503, 3, "k3")]


def test_the_reading_connections_are_prepared(path):
    def prepare(connection: sqlite3.Connection) -> None:
        connection.create_function("twice", 1, lambda number: 2 * number)

    kind = FileKind(KIND.name, KIND.application_id, KIND.schema, prepare)
    with closing(SharedDatabase.open(made(path), kind)) as database, database.reading() as reader:
        assert reader.execute("SELECT twice(4)").fetchone() == (8,)
