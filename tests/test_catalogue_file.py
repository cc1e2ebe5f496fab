"""What is special to a catalogue in one SQLite file: processes, threads, kills, other files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from catalogues import D, add_captions, captioned, keys_of, make_pictures, make_vectors, spoken
from other_user import unprivileged
from picturedesk.disk.database import connect, write_manifest
from picturedesk.disk.sums import blob_sum
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.store.catalogue import bm25, database, open_catalogue
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.types import Picture


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue"


@pytest.fixture
def opened(path):
    """Opens the same file as often as it is called; then closes all."""
    catalogues = []

    def opener(fingerprint="m1", width=D):
        catalogues.append(open_catalogue(path, fingerprint, width))
        return catalogues[-1]

    yield opener
    for catalogue in catalogues:
        catalogue.close()


def filled(path, count=4, width=D):
    with closing(open_catalogue(path, "m1", width)) as catalogue:
        catalogue.add(make_pictures(count), make_vectors(count, width=width))
    return path


def nearest_keys(catalogue, query, k=9):
    return keys_of(catalogue.nearest(query[np.newaxis], k)[0])


def test_what_was_added_is_there_when_it_is_opened_again(path):
    with SqliteCatalogue.open(filled(path)) as again:
        assert (again.fingerprint, again.width) == ("m1", D)
        entries = again.fetch(again.keys())
    assert list(entries.pictures) == make_pictures(4)
    np.testing.assert_array_equal(entries.vectors, make_vectors(4))


def test_a_path_may_be_a_string(path):
    with closing(open_catalogue(str(filled(path)))) as catalogue:
        assert catalogue.count() == 4


def test_another_fingerprint_or_width_is_refused_with_a_cure(opened):
    opened()
    with pytest.raises(Mismatch, match=r"fingerprint m1 .*wanted m2 .*run the same"):
        opened("m2")
    with pytest.raises(Mismatch, match=r"width 8.*width 9"):
        opened("m1", 9)


def test_a_file_opened_without_fingerprint_is_whatever_it_is(opened, path):
    filled(path)
    unchecked = opened("", 0)
    assert (unchecked.fingerprint, unchecked.width, unchecked.count()) == ("m1", D, 4)
    unchecked.replace_all(make_pictures(2), make_vectors(2, width=5), "m2")
    assert opened("m2", 5).count() == 2


def test_a_new_file_without_fingerprint_becomes_that_of_the_first_that_has_one(opened):
    assert (opened("", 5).fingerprint, opened("", 5).width) == ("", 0)
    assert opened("m7").width == D
    with pytest.raises(Mismatch, match="m7"):
        opened("m8")


def test_vectors_that_others_replaced_are_refused(opened):
    old, other = opened(), opened("", 0)
    old.add(make_pictures(3), make_vectors(3))
    nearest_keys(old, np.ones(D))
    other.replace_all(make_pictures(2), make_vectors(2, width=5), "m2")
    for use in (
        lambda: old.nearest(np.ones((1, D)), 1),
        lambda: old.add(make_pictures(1), make_vectors(1)),
        lambda: old.matching(["caption"], 1),
        lambda: old.fetch(["0000"]),
        lambda: old.word_scores(["caption"], ["0000"]),
        lambda: old.sample(1),
    ):
        with pytest.raises(Mismatch, match=r"filled with vectors of fingerprint m2 .* with m1"):
            use()


def test_others_see_a_change_at_their_next_question(opened):
    one, other = opened(), opened()
    vectors = make_vectors(4)
    assert spoken(other, ["caption"]) == {}
    one.add(make_pictures(2), vectors[:2])
    assert len(nearest_keys(other, vectors[0])) == len(spoken(other, ["caption"])) == 2
    one.add(make_pictures(2, 2), vectors[2:])
    assert nearest_keys(other, vectors[3], 1) == ["0003"]
    one.add([Picture("renamed.jpg", "0003")], vectors[3:])
    assert other.nearest(vectors[3:], 1)[0].entries.pictures[0].uri == "renamed.jpg"
    assert other.fetch(["0003"]).pictures[0].uri == "renamed.jpg"
    assert "0003" not in spoken(other, ["caption"])
    one.remove(["0003"])
    assert nearest_keys(other, vectors[3], 1) != ["0003"]
    with pytest.raises(BadInput, match="'0003'"):
        other.fetch(["0003"])


def fail(*_):
    raise RuntimeError


def test_a_change_that_fails_leaves_everything(opened, monkeypatch):
    catalogue = opened()
    add_captions(catalogue, "gull")
    monkeypatch.setattr("picturedesk.store.catalogue.bm25.merge", fail)
    with pytest.raises(RuntimeError):
        catalogue.replace_all([Picture("a.jpg", "k", "tern")], make_vectors(1))
    assert spoken(catalogue, ["gull", "tern"]).keys() == {"0000"}
    assert catalogue.keys() == ["0000"]


def test_threads_may_share_a_catalogue_while_one_of_them_writes(opened):
    catalogue, vectors = opened(), make_vectors(50)
    catalogue.add(make_pictures(50), vectors)

    def ask(n):
        if n % 10 == 0:
            catalogue.add(make_pictures(1, 100 + n), -vectors[[n]])
        (found,) = catalogue.nearest(vectors[[n]], 1, "1")
        assert keys_of(catalogue.sample(3)) == ["0000", "0001", "0002"]
        return keys_of(found)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(50))) == [[f"{n:04d}"] for n in range(50)]
    assert catalogue.count() == 55


def test_a_search_waits_neither_for_a_search_nor_for_a_writer(opened):
    catalogue, vectors = opened(), make_vectors(5)
    catalogue.add(make_pictures(5), vectors)
    with catalogue._file.writing() as writer, catalogue._reading():
        writer.execute("DELETE FROM pictures")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(nearest_keys, catalogue, vectors[2], 1).result(10) == ["0002"]


def test_opening_and_asking_write_nothing(path):
    before, modified = filled(path).read_bytes(), path.stat().st_mtime_ns
    for owner in (("m1", D), ("", 0)):
        with closing(open_catalogue(path, *owner)) as catalogue:
            nearest_keys(catalogue, np.ones(D))
            catalogue.matching(["caption"], 3, "licence = 'cc0'")
            catalogue.sample(2)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, modified)
        assert os.listdir(path.parent) == [path.name]


def test_a_catalogue_on_a_disk_that_may_only_be_read_answers(open_folder):
    path = filled(open_folder / "catalogue")
    open_folder.chmod(0o555)
    with unprivileged(), closing(open_catalogue(path, "m1", D)) as catalogue:
        assert nearest_keys(catalogue, make_vectors(4)[2], 1) == ["0002"]
        assert keys_of(catalogue.matching(["caption"], 1, "key > '0001'")) == ["0002"]
        with pytest.raises(PicturedeskError, match="allow writing"):
            catalogue.remove(["0000"])


def run_python(code, *arguments):
    preamble = "import sys, numpy as np\nfrom pathlib import Path\nfrom catalogues import *\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", preamble + code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


HALF_A_REPLACEMENT = """
import time
from picturedesk.store.catalogue import bm25
def put(connection, numbered):  # comes when pictures and vectors are written
    print("half", flush=True)
    time.sleep(60)
bm25.put = put
catalogue = open_catalogue(Path(sys.argv[1]), "m1", D)
catalogue.replace_all(make_pictures(20_000), make_vectors(20_000, width=64), "m2")
"""


def test_a_killed_replacement_leaves_the_old_state_whole(path):
    filled(path, 300)
    with run_python(HALF_A_REPLACEMENT, path) as child:
        try:
            assert child.stdout.readline() == "half\n"
            assert path.with_name("catalogue-wal").stat().st_size > 2**20  # half is on disk
        finally:
            child.send_signal(signal.SIGKILL)
    with closing(open_catalogue(path, "m1", D)) as catalogue:
        entries = catalogue.fetch(catalogue.keys())
        assert list(entries.pictures) == make_pictures(300)
        np.testing.assert_array_equal(entries.vectors, make_vectors(300))
        assert catalogue.add(make_pictures(1, 300), make_vectors(1)) == 1


WRITE = """
catalogue = open_catalogue(Path(sys.argv[1]), "m1", D)
for round in range(20):
    catalogue.replace_all(make_pictures(50, 50 * round), make_vectors(50, round))
"""

READ = """
seen = set()
catalogue = open_catalogue(Path(sys.argv[1]), "m1", D)
while 19 not in seen:
    (found,) = catalogue.nearest(np.ones((1, D)), 50, "date >= '2'")
    rounds = {int(key) // 50 for key in keys_of(found)}
    assert len(found.entries) in (0, 50) and len(rounds) <= 1, (len(found.entries), rounds)
    for round in rounds:
        expected = {f"{50 * round + n:04d}": v for n, v in enumerate(make_vectors(50, round))}
        for key, vector, score in zip(keys_of(found), found.entries.vectors, found.scores):
            assert (vector == expected[key]).all()
            assert abs(score - float(vector.sum() / D**0.5)) < 1e-5
    seen |= rounds
print(len(seen))
"""


def test_readers_in_other_processes_see_every_change_whole(path):
    filled(path, 0)
    readers = [run_python(READ, path) for _ in range(2)]
    with run_python(WRITE, path) as writer:
        assert writer.wait(60) == 0
    for reader in readers:
        assert int(reader.communicate(timeout=60)[0]) >= 1
        assert reader.returncode == 0


def test_processes_that_make_the_same_catalogue_at_once_agree(tmp_path):
    code = (
        "start = 10 * int(sys.argv[2])\n"
        "catalogue = open_catalogue(Path(sys.argv[1]), 'm1', D)\n"
        "for n in range(10): catalogue.add(make_pictures(1, start + n), make_vectors(1))\n"
    )
    children = [run_python(code, tmp_path / "new" / "catalogue", n) for n in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    with closing(open_catalogue(tmp_path / "new" / "catalogue")) as catalogue:
        assert catalogue.keys() == [f"{n:04d}" for n in range(30)]


def test_another_process_may_claim_a_new_catalogue_between_two_looks_at_it(path):
    with SqliteCatalogue.open(path) as late:
        open_catalogue(path, "m1", D).close()
        late._claim("m1", D)
        assert (late.fingerprint, late.width) == ("m1", D)


def test_a_file_that_is_no_catalogue_is_refused(tmp_path):
    (tmp_path / "text").write_text("not a database, " * 100)
    with pytest.raises(MissingArtefact, match="text: file is not a database; name another path"):
        open_catalogue(tmp_path / "text", "m1", D)
    with pytest.raises(PicturedeskError, match="is a folder: it must be a file"):
        open_catalogue(tmp_path, "m1", D)


def test_another_format_version_is_refused(path):
    with closing(connect(filled(path))) as file:
        file.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    with pytest.raises(Mismatch, match=r"format version 99.*run picturedesk fit again"):
        open_catalogue(path, "m1", D)


@pytest.mark.parametrize("damage", ["DELETE FROM vectors", "UPDATE vectors SET vector = x'00'"])
def test_vectors_that_do_not_fit_are_told_as_damage(path, damage):
    with closing(connect(filled(path))) as file:
        file.execute(damage)
    with closing(open_catalogue(path, "m1", D)) as catalogue:
        for ask in (lambda: catalogue.sample(2), lambda: nearest_keys(catalogue, np.ones(D))):
            with pytest.raises(MissingArtefact, match=f"{path}: .*it is damaged: run pict"):
                ask()


ASKS = {
    "nearest": lambda catalogue: nearest_keys(catalogue, np.ones(D)),
    "fetch": lambda catalogue: catalogue.fetch(["0001", "0002"]),
    "condition": lambda catalogue: catalogue.count("licence = 'cc0'"),
    "words": lambda catalogue: catalogue.matching(["caption"], 3),
    "change": lambda catalogue: catalogue.remove(["0000"]),
}
EXCHANGED = "(SELECT {0} FROM {1} AS other WHERE other.row = 5 - {1}.row) WHERE row IN (2, 3)"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE vectors SET vector = " + EXCHANGED.format("vector", "vectors"), "nearest fetch"),
        (f"UPDATE vectors SET vector = {4 * D}", "nearest fetch"),
        ("UPDATE pictures SET licence = 'cc0' WHERE row = 2", "nearest fetch condition"),
        (
            "UPDATE pictures SET caption = " + EXCHANGED.format("caption", "pictures"),
            "fetch condition",
        ),
        ("UPDATE pictures SET added = 1 - added WHERE row = 2", "fetch condition"),
        ("DELETE FROM pictures WHERE row = 2", "nearest condition words"),
        ("DELETE FROM vectors WHERE row = 4", "nearest"),
        ("DELETE FROM words_docsize WHERE id = 1", "words change"),
        ("UPDATE words_content SET c0 = 'else' WHERE id = 1", "change"),
        ("DELETE FROM manifest WHERE name = 'totals'", "nearest fetch condition words change"),
        ("CREATE VIEW seen AS SELECT * FROM pictures", "nearest fetch condition words change"),
        (
            "CREATE TRIGGER t AFTER DELETE ON pictures BEGIN SELECT 1; END",
            "nearest fetch condition words change",
        ),
        ("CREATE TABLE mine (x)", "nearest fetch condition words change"),
        ("CREATE INDEX mine ON pictures (date)", "nearest fetch condition words change"),
    ],
)
def test_what_a_checksum_covers_is_told_as_damage_where_an_answer_needs_it(path, damage, told):
    with closing(connect(filled(path))) as file:
        file.execute(damage)
    for name in told.split():
        with (
            pytest.raises(MissingArtefact, match="run picturedesk fit again"),
            closing(open_catalogue(path, "m1", D)) as catalogue,
        ):
            ASKS[name](catalogue)


def test_a_record_that_is_lost_while_its_key_is_not_is_told_as_damage(opened, path):
    catalogue, vectors = opened(), make_vectors(2)
    catalogue.add(make_pictures(2), vectors)
    catalogue.nearest(vectors[:1], 1)
    with closing(connect(path)) as file:
        file.execute("DELETE FROM pictures WHERE key = '0001'")
    with pytest.raises(MissingArtefact, match="1 of 1 records are missing"):
        catalogue.nearest(vectors[1:], 1)


def test_vectors_that_cannot_be_are_refused_whatever_their_checksums(path):
    filled(path)
    for number in (2.0, np.inf, np.nan):
        with closing(connect(path)) as file:
            state = database.read_state(file)
            (old,) = file.execute("SELECT sum FROM vectors WHERE row = 2").fetchone()
            blob = np.full(D, number, dtype="<f4").tobytes()
            new = blob_sum(blob, "2:0001")
            file.execute("UPDATE vectors SET vector = ?, sum = ? WHERE row = 2", (blob, new))
            totals = replace(state.totals, vectors=state.totals.vectors - old + new)
            write_manifest(file, {"totals": asdict(totals)})
        with closing(open_catalogue(path, "m1", D)) as catalogue:
            for ask in (ASKS["nearest"], ASKS["fetch"]):
                with pytest.raises(MissingArtefact, match="0001 is not of length one"):
                    ask(catalogue)


def test_none_is_made_where_one_must_be(path):
    with pytest.raises(MissingArtefact, match="does not exist"):
        open_catalogue(path, "m1", D, make=False)
    assert not path.exists()
    path.touch()
    with pytest.raises(MissingArtefact, match="is not a catalogue of this picturedesk"):
        open_catalogue(path, "m1", D, make=False)
    assert path.stat().st_size == 0


def test_totals_are_right_after_every_kind_of_change(path):
    vectors = make_vectors(40)
    with closing(open_catalogue(path, "m1", D)) as catalogue:
        catalogue.add(make_pictures(30), vectors[:30])
        catalogue.add([*make_pictures(5, 28), *make_pictures(2, 31)], vectors[:7])  # some twice
        catalogue.remove(["0003", "0004", "0004", "nowhere"])
        catalogue.remove([])
        for ask in ASKS.values():
            ask(catalogue)
    for _ in range(2):
        with closing(open_catalogue(path, "m1", D, make=False)) as catalogue:
            for ask in ASKS.values():
                ask(catalogue)
            catalogue.replace_all(make_pictures(9), vectors[:9])


def test_words_by_the_rules_of_another_version_are_made_anew(path):
    pictures = [*captioned("a gull", "", "北京的足球"), Picture("d.jpg", "k", tags=("Sea",))]
    with closing(open_catalogue(path, "m1", D)) as catalogue:
        catalogue.add(pictures, make_vectors(4))
        expected = spoken(catalogue, ["gull", "足球", "sea"])
    with closing(connect(path)) as file:
        write_manifest(file, {"words": "other rules"})
        file.execute("DELETE FROM words")
    with closing(open_catalogue(path, "m1", D)) as catalogue:
        assert catalogue.has_words
        assert spoken(catalogue, ["gull", "足球", "sea"]) == expected
        assert len(expected) == 3


def test_a_long_text_is_answered_quickly(opened):
    numbers = np.random.default_rng(0)
    likely = 1 / np.arange(1, 3001)
    names = np.array([f"w{n}" for n in range(3000)])
    drawn = numbers.choice(names, (8000, 15), p=likely / likely.sum())
    catalogue = opened()
    add_captions(catalogue, *(" ".join(row) for row in drawn))
    article = [f"w{n}" for n in range(2000)]
    spoken(catalogue, article)
    started = time.process_time()  # of the wall, others on the machine take what they like
    found = catalogue.matching(article, 8000)
    assert time.process_time() - started < 0.5
    frequency = Counter(word for row in drawn for word in set(row))
    asked = sorted(frequency[word] for word in article if frequency[word])[: bm25.MOST_WORDS]
    assert 0 < len(found.entries) <= sum(asked)


def test_the_module_imports_nothing_heavy():
    code = (
        "import sys, picturedesk.store.catalogue.sqlite\n"
        "heavy = ('torch', 'sklearn', 'scipy', 'pyarrow', 'PIL', 'onnxruntime', 'safetensors')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
