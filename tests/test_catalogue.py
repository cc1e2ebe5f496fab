"""The contract of a catalogue, over every implementation; then what the exact one promises."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from picturedesk.catalogue import conditions, database
from picturedesk.catalogue.exact import ExactCatalogue
from picturedesk.catalogue.nearest import nearest
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.types import Picture

D = 8
IMPLEMENTATIONS = {"exact": ExactCatalogue.open}


@pytest.fixture(params=IMPLEMENTATIONS)
def open_catalogue(request, tmp_path):
    """Opens the same catalogue as often as it is called; all are closed at the end."""
    opened = []

    def opener(matcher="m1", width=D):
        opened.append(IMPLEMENTATIONS[request.param](tmp_path / "catalogue", matcher, width))
        return opened[-1]

    yield opener
    for catalogue in opened:
        catalogue.close()


@pytest.fixture
def catalogue(open_catalogue):
    return open_catalogue()


def make_pictures(count, start=0):
    licences, tags = ("cc0", "cc-by", ""), (("Sport", "München"), ("city",), ())
    return [
        Picture(
            uri=f"/photos/{n}.jpg",
            key=f"{n:04d}",
            caption=f"caption {n}",
            licence=licences[n % 3],
            date=f"20{n % 20:02d}-05-01",
            tags=tags[n % 3],
        )
        for n in range(start, start + count)
    ]


def make_vectors(count, seed=0, width=D):
    vectors = np.random.default_rng(seed).standard_normal((count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def keys_of(hits):
    return [hit.picture.key for hit in hits]


# The contract


def test_nearest_picture_comes_first(catalogue):
    pictures, vectors = make_pictures(30), make_vectors(30)
    assert catalogue.add(pictures, vectors) == 30
    hits = catalogue.search(vectors[7], 3)
    assert hits[0].picture == pictures[7]
    assert hits[0].score == pytest.approx(1.0, abs=1e-6)
    expected = np.argsort(-(vectors @ vectors[7]), kind="stable")[:3]
    assert keys_of(hits) == [pictures[n].key for n in expected]


def test_adding_a_known_key_replaces_it_and_is_not_new(catalogue):
    catalogue.add(make_pictures(3), make_vectors(3))
    renamed = Picture(uri="/elsewhere.jpg", key="0001", tags=("new",))
    vector = make_vectors(1, seed=9)
    assert catalogue.add([renamed, *make_pictures(1, 3)], np.vstack([vector, vector])) == 1
    assert len(catalogue) == 4
    assert catalogue.pictures(["0001"]) == [renamed]
    np.testing.assert_array_equal(catalogue.vectors(["0001", "0000"])[0], vector[0])


def test_a_key_that_is_given_twice_counts_once(catalogue):
    first, second = Picture("a.jpg", "k"), Picture("b.jpg", "k")
    assert catalogue.add([first, second], make_vectors(2)) == 1
    assert catalogue.pictures(["k"]) == [second]


def test_removed_pictures_are_gone(catalogue):
    vectors = make_vectors(5)
    catalogue.add(make_pictures(5), vectors)
    catalogue.search(vectors[0], 1)
    assert catalogue.remove(["0000", "0003", "unknown"]) == 2
    assert keys_of(catalogue.search(vectors[0], 9)) != []
    assert set(keys_of(catalogue.search(vectors[0], 9))) == {"0001", "0002", "0004"}
    assert catalogue.keys() == ["0001", "0002", "0004"]


def test_vectors_and_pictures_come_in_the_order_asked(catalogue):
    pictures, vectors = make_pictures(6), make_vectors(6)
    catalogue.add(pictures, vectors)
    np.testing.assert_array_equal(catalogue.vectors(["0004", "0001"]), vectors[[4, 1]])
    assert catalogue.pictures(["0004", "0001"]) == [pictures[4], pictures[1]]
    assert catalogue.vectors([]).shape == (0, D)


def test_an_unknown_key_is_refused(catalogue):
    for ask in (catalogue.vectors, catalogue.pictures):
        with pytest.raises(BadInput, match="no picture with the key 'nope'"):
            ask(["nope"])


def test_replace_all_leaves_nothing_of_before(catalogue):
    catalogue.add(make_pictures(5), make_vectors(5))
    catalogue.replace_all(make_pictures(2, 7), make_vectors(2))
    assert catalogue.keys() == ["0007", "0008"]
    assert len(catalogue.search(make_vectors(1)[0], 9)) == 2


def test_an_empty_catalogue_finds_nothing(catalogue):
    assert len(catalogue) == 0
    assert catalogue.search(make_vectors(1)[0], 5) == []
    assert catalogue.add([], np.empty((0, D), np.float32)) == 0


def test_what_was_added_is_there_when_it_is_opened_again(open_catalogue):
    first = open_catalogue()
    first.add(make_pictures(4), make_vectors(4))
    first.close()
    again = open_catalogue()
    assert again.pictures(again.keys()) == make_pictures(4)
    np.testing.assert_array_equal(again.vectors(again.keys()), make_vectors(4))


def test_another_matcher_or_width_is_refused_with_a_cure(open_catalogue):
    open_catalogue()
    with pytest.raises(Mismatch, match=r"matcher m1 .*is matcher m2 .*run the same"):
        open_catalogue("m2")
    with pytest.raises(Mismatch, match=r"width 8.*width 9"):
        open_catalogue("m1", 9)


def test_a_new_matcher_comes_with_replace_all(open_catalogue):
    old = open_catalogue()
    old.add(make_pictures(3), make_vectors(3))
    unchecked = open_catalogue("", 0)
    assert (unchecked.matcher, unchecked.width, len(unchecked)) == ("m1", D, 3)
    unchecked.replace_all(make_pictures(2), make_vectors(2, width=5), "m2")
    assert (unchecked.matcher, unchecked.width) == ("m2", 5)
    assert len(unchecked.search(make_vectors(1, width=5)[0], 9)) == 2
    for use in (
        lambda: old.search(make_vectors(1)[0], 1),
        lambda: old.add(make_pictures(1), make_vectors(1)),
    ):
        with pytest.raises(Mismatch, match="filled with matcher m2 since it was opened with m1"):
            use()
    open_catalogue("m2", 5)


def test_a_catalogue_without_matcher_takes_none_but_the_first(open_catalogue):
    unchecked = open_catalogue("", 0)
    with pytest.raises(BadInput, match="no matcher yet"):
        unchecked.add(make_pictures(1), make_vectors(1))
    unchecked.replace_all(make_pictures(1), make_vectors(1), "m7")
    assert len(open_catalogue("m7")) == 1


@pytest.mark.parametrize(
    ("vectors", "answer"),
    [
        (make_vectors(3), r"shape \(3, 8\), catalogue takes \(2, 8\) for 2 pictures"),
        (make_vectors(2, width=7), r"shape \(2, 7\)"),
        (make_vectors(2)[0], r"shape \(8,\)"),
        (make_vectors(2) * 1.01, "2 vectors are not of length one, the first with 1.01 "),
        (np.full((2, D), np.nan), "2 vectors are not of length one, the first with nan "),
    ],
)
def test_vectors_of_wrong_shape_or_length_are_refused(catalogue, vectors, answer):
    with pytest.raises(BadInput, match=answer):
        catalogue.add(make_pictures(2), vectors)
    assert len(catalogue) == 0


def test_zero_vectors_and_small_errors_of_length_pass(catalogue):
    vectors = np.vstack([np.zeros((1, D)), make_vectors(1) * 1.0009])
    assert catalogue.add(make_pictures(2), vectors) == 2
    assert [hit.score for hit in catalogue.search(np.zeros(D), 2)] == [0.0, 0.0]


def test_a_picture_that_cannot_be_stored_is_refused(catalogue):
    for picture, answer in ((Picture("a.jpg"), "has no key"), (Picture("\udcff", "k"), "UTF-8")):
        with pytest.raises(BadInput, match=answer):
            catalogue.add([picture], make_vectors(1))


@pytest.mark.parametrize(
    ("query", "k", "answer"),
    [
        (np.ones(D - 1), 3, r"query is of shape \(7,\), catalogue takes \(8,\)"),
        (np.full(D, np.inf), 3, "not finite"),
        (np.ones(D), -1, "k is -1"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused(catalogue, query, k, answer):
    with pytest.raises(BadInput, match=answer):
        catalogue.search(query, k)


def test_equal_scores_are_ordered_by_key(catalogue):
    pictures = make_pictures(40)[::-1]
    catalogue.add(pictures, np.repeat(make_vectors(1), 40, axis=0))
    for where in ("", "licence <> ''"):
        hits = catalogue.search(make_vectors(1)[0], 10, where)
        assert len({hit.score for hit in hits}) == 1
        assert keys_of(hits) == sorted(keys_of(hits))
    assert keys_of(catalogue.search(make_vectors(1)[0], 3)) == ["0000", "0001", "0002"]


CONDITIONS = {
    "licence = 'cc0'": lambda p: p.licence == "cc0",
    "licence IN ('cc0', 'cc-by') AND date >= '2010'": lambda p: p.licence and p.date >= "2010",
    "date BETWEEN '2003' AND '2006-12'": lambda p: "2003" <= p.date <= "2006-12",
    "has_tag(tags, 'sport')": lambda p: "Sport" in p.tags,
    "has_tag(tags, 'MÜNCHEN') -- a comment": lambda p: "München" in p.tags,
    "has_tag(tags, 'spor')": lambda p: False,
    "tags LIKE '%spor%'": lambda p: "Sport" in p.tags,
    "lower(caption) GLOB 'caption 1?'": lambda p: 10 <= int(p.key) < 20,
    "uri LIKE '%/7.jpg' OR key = '0003'": lambda p: p.key in ("0003", "0007"),
    "credit = '' AND length(caption) < 10": lambda p: len(p.caption) < 10,
    "(caption <> ')') /* ( */ AND \")\" <> '('  -- (": lambda p: True,
    "1": lambda p: True,
    "0": lambda p: False,
}


@pytest.mark.parametrize("where", CONDITIONS)
@pytest.mark.parametrize("k", [1, 5, 100])
def test_filtered_search_equals_searching_what_passes(catalogue, where, k):
    pictures, vectors = make_pictures(60), make_vectors(60)
    catalogue.add(pictures, vectors)
    passing = [n for n, picture in enumerate(pictures) if CONDITIONS[where](picture)]
    query = make_vectors(1, seed=5)[0]
    order = sorted(passing, key=lambda n: (-float(vectors[n] @ query), n))[:k]
    assert keys_of(catalogue.search(query, k, where)) == [pictures[n].key for n in order]


ATTACKS = [
    "1; DROP TABLE pictures",
    "1); DROP TABLE pictures; --",
    "1) UNION SELECT row FROM vectors --\n AND (1",
    "1) UNION SELECT 1 WHERE (1",
    "key IN (SELECT name FROM sqlite_master)",
    "EXISTS (SELECT 1 FROM vectors)",
    "(SELECT count(*) FROM pictures a, pictures b, pictures c) > 1",
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)",
    "EXISTS (SELECT 1 FROM pragma_table_info('pictures'))",
    "EXISTS (SELECT value FROM json_each(tags))",
    "load_extension('evil.so')",
    "readfile('/etc/passwd')",
    "randomblob(1000000000) IS NULL",
    "zeroblob(1000000000) = 1",
    "printf('%.*c', 1000000000, 'x') = 1",
    "replace(caption, 'a', caption) = 1",
    "length(sqlite_version())",
    "manifest.value = 'm1'",
    "vectors.vector IS NULL",
    "ATTACH DATABASE '/tmp/x' AS x",
    "PRAGMA writable_schema = 1",
    "licence = ?",
    "licence = :name",
    "nonsense = 1",
    "licence = 'open",
    "count(*) > 1",
    "caption MATCH 'x'",
    "has_tag(tags)",
    "\0",
    "\ud800",
    "--",
    "1) OR (1",
    "1) ORDER BY row LIMIT 1 /*",
    "')' = ')') OR (1",
    "[" * 90_000,
    "licence = 'a" + "''" * 40_000,
    "(" * 5000 + "1" + ")" * 5000,
    "1 + " * 5000 + "1",
    "caption LIKE '" + "%a" * 2000 + "'",
]


@pytest.mark.parametrize("where", ATTACKS, ids=range(len(ATTACKS)))
def test_a_condition_can_do_nothing_but_compare_metadata(catalogue, where):
    catalogue.add(make_pictures(9), make_vectors(9))
    started = time.monotonic()
    with pytest.raises(BadInput, match="there are uri, key, caption, credit, licence, date, tags"):
        catalogue.search(make_vectors(1)[0], 3, where)
    assert time.monotonic() - started < 3
    assert len(catalogue.search(make_vectors(1)[0], 99)) == 9


def test_an_unknown_column_is_answered_in_one_line_with_those_there_are(catalogue):
    with pytest.raises(BadInput, match=r"no such column: licens; there are uri, key") as caught:
        catalogue.search(make_vectors(1)[0], 3, "licens\n= 'cc0'")
    assert "\n" not in str(caught.value)


def test_others_see_a_change_at_their_next_search(open_catalogue):
    one, other = open_catalogue(), open_catalogue()
    vectors = make_vectors(4)
    one.add(make_pictures(2), vectors[:2])
    assert len(other.search(vectors[0], 9)) == 2
    one.add(make_pictures(2, 2), vectors[2:])
    assert keys_of(other.search(vectors[3], 1)) == ["0003"]
    one.remove(["0003"])
    assert keys_of(other.search(vectors[3], 1)) != ["0003"]


def test_threads_may_share_a_catalogue(catalogue):
    vectors = make_vectors(50)
    catalogue.add(make_pictures(50), vectors)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: catalogue.search(vectors[n], 1, "1"), range(50)))
    assert [keys_of(hits) for hits in found] == [[f"{n:04d}"] for n in range(50)]


# The exact one


def run_python(code, *arguments, **settings):
    preamble = "import sys, numpy as np\nfrom test_catalogue import *\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", preamble + code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **settings)


HALF_A_REPLACEMENT = """
from pathlib import Path
import time
class Slow(list):
    def __iter__(self):
        for n, picture in enumerate(super().__iter__()):
            if n == 15_000 and reached():
                print("half", flush=True)
                time.sleep(60)
            yield picture
passes = iter((False, False, True))  # checked, written, written with their vectors
reached = lambda: next(passes)
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    catalogue.replace_all(Slow(make_pictures(20_000)), make_vectors(20_000, width=64), "m2")
"""


def test_a_killed_replacement_leaves_the_old_state_whole(tmp_path):
    path = tmp_path / "catalogue"
    with ExactCatalogue.open(path, "m1", D) as catalogue:
        catalogue.add(make_pictures(300), make_vectors(300))
    with run_python(HALF_A_REPLACEMENT, path) as child:
        try:
            assert child.stdout.readline() == "half\n"
            assert path.with_name("catalogue-wal").stat().st_size > 2**20  # half is on disk
        finally:
            child.send_signal(signal.SIGKILL)
    with ExactCatalogue.open(path, "m1", D) as catalogue:
        assert catalogue.pictures(catalogue.keys()) == make_pictures(300)
        np.testing.assert_array_equal(catalogue.vectors(catalogue.keys()), make_vectors(300))
        assert catalogue.add(make_pictures(1, 300), make_vectors(1)) == 1


WRITE = """
from pathlib import Path
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    for round in range(20):
        catalogue.replace_all(make_pictures(50, 50 * round), make_vectors(50, round))
"""
READ = """
from pathlib import Path
seen = set()
with ExactCatalogue.open(Path(sys.argv[1]), "m1", D) as catalogue:
    while 19 not in seen:
        hits = catalogue.search(np.ones(D), 50, "date >= '2'")
        rounds = {int(hit.picture.key) // 50 for hit in hits}
        assert len(hits) in (0, 50) and len(rounds) <= 1, (len(hits), rounds)
        for round in rounds:
            vectors = dict(zip((p.key for p in make_pictures(50, 50 * round)),
                               make_vectors(50, round)))
            for hit in hits:
                expected = float(vectors[hit.picture.key].sum() / D**0.5)
                assert abs(hit.score - expected) < 1e-5
        seen |= rounds
print(len(seen))
"""


def test_readers_in_other_processes_see_every_change_whole(tmp_path):
    path = tmp_path / "catalogue"
    ExactCatalogue.open(path, "m1", D).close()
    readers = [run_python(READ, path) for _ in range(2)]
    with run_python(WRITE, path) as writer:
        assert writer.wait(60) == 0
    for reader in readers:
        assert int(reader.communicate(timeout=60)[0]) >= 1
        assert reader.returncode == 0


def test_processes_that_make_the_same_catalogue_at_once_agree(tmp_path):
    code = (
        "from pathlib import Path\n"
        "start = 10 * int(sys.argv[2])\n"
        "with ExactCatalogue.open(Path(sys.argv[1]), 'm1', D) as catalogue:\n"
        "    for n in range(10): catalogue.add(make_pictures(1, start + n), make_vectors(1))\n"
    )
    children = [run_python(code, tmp_path / "new" / "catalogue", n) for n in range(3)]
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    with ExactCatalogue.open(tmp_path / "new" / "catalogue") as catalogue:
        assert catalogue.keys() == [f"{n:04d}" for n in range(30)]


def test_another_process_may_claim_a_new_catalogue_between_two_looks_at_it(tmp_path):
    path = tmp_path / "catalogue"
    late = ExactCatalogue(path, database.connect(path))
    ExactCatalogue.open(path, "m1", D).close()
    late._claim("m1", D)
    assert (late.matcher, late.width) == ("m1", D)
    late.close()


def test_a_condition_that_runs_too_long_is_stopped(tmp_path):
    with ExactCatalogue.open(tmp_path / "catalogue", "m1", D) as catalogue:
        catalogue.add(make_pictures(3000), make_vectors(3000))
    connection = database.connect_to_read(tmp_path / "catalogue")
    conditions.prepare(connection)
    where = " OR ".join(f"caption LIKE '%{n}%x%'" for n in range(80))
    with pytest.raises(BadInput, match=r"it ran for more than 0.001 s"):
        conditions.passing_rows(connection, where, longest=0.001)
    assert len(conditions.passing_rows(connection, "1")) == 3000
    connection.close()


def test_the_connection_that_evaluates_conditions_cannot_write(tmp_path):
    ExactCatalogue.open(tmp_path / "catalogue", "m1", D).close()
    connection = database.connect_to_read(tmp_path / "catalogue")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM pictures")
    connection.close()


def test_a_file_that_is_no_catalogue_is_refused(tmp_path):
    (tmp_path / "text").write_text("not a database, " * 100)
    with pytest.raises(MissingArtefact, match="text: file is not a database: it is no catalogue"):
        ExactCatalogue.open(tmp_path / "text", "m1", D)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE manifest (name TEXT, value TEXT)")
        other.execute("INSERT INTO manifest VALUES ('kind', 'feature store')")
    other.close()
    with pytest.raises(Mismatch, match="holds a feature store, not a catalogue"):
        ExactCatalogue.open(tmp_path / "other", "m1", D)
    with pytest.raises(PicturedeskError, match="unable to open"):
        ExactCatalogue.open(tmp_path, "m1", D)


def test_another_format_version_is_refused(tmp_path):
    path = tmp_path / "catalogue"
    ExactCatalogue.open(path, "m1", D).close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE manifest SET value = '99' WHERE name = 'format_version'")
    file.close()
    with pytest.raises(Mismatch, match=r"format version 99.*make it again"):
        ExactCatalogue.open(path, "m1", D)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_equals_sorting_all_scores(seed):
    random = np.random.default_rng(seed)
    matrix = make_vectors(9000, seed, width=64)
    matrix[random.integers(9000, size=3000)] = matrix[0]  # many ties
    query = make_vectors(1, seed, 64)[0].astype(np.float64)
    among = np.flatnonzero(random.random(9000) < 0.7)
    scores = (matrix.astype(np.float64) * query).sum(axis=1)
    order = sorted(among.tolist(), key=lambda n: (-scores[n], n))
    for k in (1, 10, 5000, 20_000):
        found, found_scores = nearest(matrix, query, k, among)
        assert found.tolist() == order[:k]
        np.testing.assert_array_equal(found_scores, scores[found])


def test_the_module_imports_nothing_heavy():
    code = (
        "import sys, picturedesk.catalogue.exact\n"
        "heavy = ('torch', 'sklearn', 'scipy', 'pyarrow', 'PIL', 'onnxruntime', 'safetensors')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
