"""The feature store: rows, order, levels, sources; what it refuses; processes beside each other."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.features import FeatureRow, FeatureStore, Source, StoredRows
from picturedesk.types import Level, Preprocessing, SomeRows

SPEC = BackboneSpec(
    name="toy",
    weights="random:0",
    weights_sha256="ab" * 32,
    levels=(Level("low", 3, "max"), Level("high", 4, "avg"), Level("final", 2, "none")),
    preprocessing=Preprocessing(32, 36, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
)


def rows(count: int, start: int = 0) -> list[FeatureRow]:
    """Row i has features i, i + 0.1, … so that every number tells where it belongs."""
    return [
        FeatureRow(
            key=f"{i:032x}",
            features=(i + np.arange(SPEC.width) / 10).astype(np.float32),
            phash=(i * 0x9E3779B97F4A7C15) % 2**64,
            width=100 + i,
            height=200 + i,
        )
        for i in range(start, start + count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "features.db"


def test_rows_come_back_in_the_order_asked_for(path):
    added = rows(5)
    with FeatureStore.open(path, SPEC) as store:
        store.add(added)
        read = store.read([added[3].key, added[0].key, added[3].key])
    np.testing.assert_array_equal(
        read, np.stack([added[3].features, added[0].features, added[3].features])
    )
    assert read.dtype == np.float32


def test_what_was_added_is_there_after_opening_again(path):
    added = rows(5)
    with FeatureStore.open(path, SPEC) as store:
        store.add(added)
    with FeatureStore.open(path) as store:
        assert store.spec == SPEC
        assert len(store) == 5
        np.testing.assert_array_equal(
            store.read(store.keys()), np.stack([row.features for row in added])
        )


def test_keys_keep_the_order_of_insertion(path):
    added = rows(30)
    order = np.random.default_rng(0).permutation(30)
    with FeatureStore.open(path, SPEC) as store:
        for index in order:
            store.add([added[index]])
        assert store.keys() == [added[index].key for index in order]


def test_a_key_that_is_there_keeps_its_row_and_its_place(path):
    first, second = rows(2)
    with FeatureStore.open(path, SPEC) as store:
        store.add([first, second])
        store.add([dataclasses.replace(first, features=second.features)])
        assert store.keys() == [first.key, second.key]
        np.testing.assert_array_equal(store.read([first.key])[0], first.features)


def test_levels_are_cut_in_the_order_asked_for(path):
    (row,) = rows(1)
    with FeatureStore.open(path, SPEC) as store:
        store.add([row])
        assert store.read([row.key], ["high:avg"]).shape == (1, 4)
        cut = store.read([row.key], ["final", "low:max"])
    np.testing.assert_array_equal(cut[0], row.features[[7, 8, 0, 1, 2]])


def test_no_keys_give_no_rows_of_the_right_width(path):
    with FeatureStore.open(path, SPEC) as store:
        assert store.read([]).shape == (0, 9)
        assert store.read([], ["final"]).shape == (0, 2)
        assert store.hashes([]).shape == (0,)
        assert store.sizes([]).shape == (0, 2)


def test_hashes_keep_all_64_bits(path):
    added = rows(3)
    added[1] = dataclasses.replace(added[1], phash=2**64 - 1)
    added[2] = dataclasses.replace(added[2], phash=2**63)
    with FeatureStore.open(path, SPEC) as store:
        store.add(added)
        hashes = store.hashes([row.key for row in added])
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == [row.phash for row in added]


def test_those_of_the_keys_that_are_there_are_told(path):
    added = rows(5)
    with FeatureStore.open(path, SPEC) as store:
        store.add(added)
        wanted = [added[3].key, "unknown", "ü", "\0", added[0].key]
        assert store.among(wanted) == [added[3].key, added[0].key]
        assert store.among([]) == []


def test_sizes_are_width_and_height(path):
    with FeatureStore.open(path, SPEC) as store:
        store.add(rows(2))
        assert store.sizes(store.keys()).tolist() == [[100, 200], [101, 201]]


def test_reading_takes_memory_for_the_result_only(path):
    spec = dataclasses.replace(SPEC, levels=(Level("wide", 2000, "avg"),))
    features = np.ones(2000, dtype=np.float32)
    keys = [f"{i:032x}" for i in range(2000)]
    with FeatureStore.open(path, spec) as store:
        store.add([FeatureRow(key, features, 0, 1, 1) for key in keys])
        tracemalloc.start()
        try:
            read = store.read(keys)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 1.1 * read.nbytes


def test_rows_of_many_pictures_are_read_when_they_are_asked_for(path, monkeypatch):
    added = rows(30)
    keys = [row.key for row in added]
    with FeatureStore.open(path, SPEC) as store:
        store.add(added)
        whole = store.rows(keys)
        assert isinstance(whole, np.ndarray)
        monkeypatch.setattr("picturedesk.store.features._IN_MEMORY", 1000)
        assert isinstance(store.rows(keys[:20]), np.ndarray)
        stored = store.rows(keys)
        assert isinstance(stored, StoredRows)
        assert (stored.shape, len(stored)) == (whole.shape, 30)
        some = np.array([3, 29, 3, 0])
        np.testing.assert_array_equal(stored[some], whole[some])
        np.testing.assert_array_equal(stored[5:9], whole[5:9])
        np.testing.assert_array_equal(stored[:], whole)
        part = SomeRows(stored, some)
        assert part.shape == (4, SPEC.width)
        np.testing.assert_array_equal(part[1:3], whole[[29, 3]])


@pytest.mark.parametrize("ask", ["read", "hashes", "sizes"])
def test_an_unknown_key_is_named(path, ask):
    with FeatureStore.open(path, SPEC) as store, pytest.raises(BadInput, match="'dada' is not in"):
        getattr(store, ask)(["dada"])


def test_an_unknown_level_is_answered_with_those_there_are(path):
    with FeatureStore.open(path, SPEC) as store, pytest.raises(BadInput, match="low:max, high:avg"):
        store.read([], ["middle"])


def test_a_row_of_another_width_is_refused_and_nothing_is_added(path):
    good, bad = rows(2)
    bad = dataclasses.replace(bad, features=bad.features[:-1])
    with FeatureStore.open(path, SPEC) as store:
        with pytest.raises(BadInput, match=r"shape \(8,\).*rows of \(9,\)"):
            store.add([good, bad])
        assert len(store) == 0


def test_an_unchanged_file_is_known_and_a_changed_one_is_not(path):
    (row,) = rows(1)
    with FeatureStore.open(path, SPEC) as store:
        store.add([row], [Source("/a/b.jpg", 10, 20, row.key)])
        assert store.lookup("/a/b.jpg", 10, 20) == row.key
        assert store.lookup("/a/b.jpg", 11, 20) is None
        assert store.lookup("/a/b.jpg", 10, 21) is None
        assert store.lookup("/c/b.jpg", 10, 20) is None


def test_a_file_that_changed_is_remembered_as_it_is_now(path):
    first, second = rows(2)
    with FeatureStore.open(path, SPEC) as store:
        store.add([first, second], [Source("/a.jpg", 10, 20, first.key)])
        store.remember([Source("/a.jpg", 30, 40, second.key)])
        assert store.lookup("/a.jpg", 10, 20) is None
        assert store.lookup("/a.jpg", 30, 40) == second.key


def test_a_file_name_that_is_no_unicode_is_remembered(path):
    (row,) = rows(1)
    name = os.fsdecode(b"/pictures/\xff\xfe.jpg")
    with FeatureStore.open(path, SPEC) as store:
        store.add([row], [Source(name, 1, 2, row.key)])
        assert store.lookup(name, 1, 2) == row.key


def test_a_source_is_never_there_without_its_picture(path):
    (row,) = rows(1)
    with FeatureStore.open(path, SPEC) as store:
        with pytest.raises(PicturedeskError):
            store.add([row], [Source("/a.jpg", 1, 2, "f" * 32)])
        assert len(store) == 0


def other(**changes: object) -> BackboneSpec:
    return dataclasses.replace(SPEC, **changes)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (other(name="other"), "backbone toy there, other wanted"),
        (
            other(weights="hub:x", weights_sha256="cd" * 32),
            r"weights random:0 \(abababababab\) there, hub:x \(cdcdcdcdcdcd\) wanted",
        ),
        (
            other(levels=SPEC.levels[:2]),
            "levels low:max, high:avg, final there, low:max, high:avg wanted",
        ),
        (
            other(levels=(Level("low", 3, "avg"), *SPEC.levels[1:])),
            r"\(pooling of low max there, avg wanted\)",
        ),
        (
            other(preprocessing=dataclasses.replace(SPEC.preprocessing, size=64)),
            r"\(preprocessing size 32 there, 64 wanted\)",
        ),
    ],
)
def test_another_backbone_is_refused_with_what_differs(path, wanted, says):
    FeatureStore.open(path, SPEC).close()
    with pytest.raises(Mismatch, match=says) as caught:
        FeatureStore.open(path, wanted)
    assert "\n" not in str(caught.value)
    assert "--desk" in str(caught.value)


def test_the_same_weights_from_another_place_are_the_same_backbone(path):
    FeatureStore.open(path, SPEC).close()
    FeatureStore.open(path, other(weights="file:/elsewhere.safetensors")).close()


def test_another_format_version_is_refused(path):
    FeatureStore.open(path, SPEC).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    connection.close()
    with pytest.raises(Mismatch, match="format version 99"):
        FeatureStore.open(path, SPEC)


def test_a_store_that_is_not_there_is_not_made_without_a_backbone(path):
    with pytest.raises(MissingArtefact, match="picturedesk fit"):
        FeatureStore.open(path)
    assert not path.exists()


@pytest.mark.parametrize("spec", [SPEC, None])
def test_a_file_that_is_something_else_is_refused_and_left_alone(path, spec):
    path.write_bytes(b"source,reason,cure\n" * 1000)
    before = path.read_bytes()
    with pytest.raises(MissingArtefact, match="name another path"):
        FeatureStore.open(path, spec)
    assert path.read_bytes() == before


@pytest.mark.parametrize("spec", [SPEC, None])
def test_a_database_that_is_something_else_is_refused_and_left_alone(path, spec):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(MissingArtefact, match="is not a feature store"):
        FeatureStore.open(path, spec)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_one_line(tmp_path):
    with pytest.raises(PicturedeskError, match="it must be a file"):
        FeatureStore.open(tmp_path, SPEC)


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(PicturedeskError, match="name a folder"):
        FeatureStore.open(tmp_path / "taken" / "features.db", SPEC)


def test_a_damaged_store_is_one_line(path):
    with FeatureStore.open(path, SPEC) as store:
        store.add(rows(3000))
    content = bytearray(path.read_bytes())
    for page in range(1, len(content) // 16384):
        content[page * 16384 : page * 16384 + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(MissingArtefact, match="damaged: remove it and run pict"):  # noqa: SIM117
        with FeatureStore.open(path, SPEC) as store:
            store.read(store.keys())


def test_an_empty_file_left_by_a_kill_is_taken(path):
    path.touch()
    with FeatureStore.open(path, SPEC) as store:
        assert len(store) == 0


def test_a_store_killed_before_its_tables_is_taken(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    with FeatureStore.open(path, SPEC) as store:
        store.add(rows(1))
        assert len(store) == 1


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_features import SPEC, rows
from picturedesk.store import features
from picturedesk.store.features import FeatureStore, Source

store = FeatureStore.open(Path(sys.argv[2]), SPEC)
task = sys.argv[3]
if task == "fill":
    for row in rows(40, 40 * int(sys.argv[4])):
        store.add([row], [Source("/" + row.key, 1, 1, row.key)])
    store.close()
elif task == "die":
    left, stored = rows(50), features._stored_picture
    def dying(row):
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left.pop()
        return stored(row)
    features._stored_picture = dying
    store.add(rows(60))
"""


def child(path: Path, *task: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, os.path.dirname(__file__), path, *task])


def test_processes_that_open_and_fill_a_store_at_once_lose_nothing(path):
    children = [child(path, "fill", str(number)) for number in range(4)]
    assert [process.wait(60) for process in children] == [0, 0, 0, 0]
    wanted = rows(160)
    with FeatureStore.open(path) as store:
        assert len(store) == 160
        np.testing.assert_array_equal(
            store.read([row.key for row in wanted]), np.stack([row.features for row in wanted])
        )
        assert store.lookup("/" + wanted[159].key, 1, 1) == wanted[159].key


def test_a_kill_inside_a_transaction_leaves_nothing_of_it(path):
    with FeatureStore.open(path, SPEC) as store:
        store.add(rows(3, start=1000))
    assert child(path, "die").wait(60) == -signal.SIGKILL
    with FeatureStore.open(path, SPEC) as store:
        assert store.keys() == [row.key for row in rows(3, start=1000)]


def test_readers_go_on_while_another_writes(path):
    with FeatureStore.open(path, SPEC) as store:
        store.add(rows(3))
        with FeatureStore.open(path) as reader, store._database.writing() as connection:
            connection.execute("DELETE FROM pictures")
            assert reader.read([rows(1)[0].key]).shape == (1, 9)
            assert len(reader) == 3
            connection.execute("ROLLBACK")
            connection.execute("BEGIN")
