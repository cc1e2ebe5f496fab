"""Conditions on a catalogue's metadata: what they find, and that they can do nothing else."""

import sqlite3
import time

import pytest

from catalogues import IMPLEMENTATIONS, D, keys_of, make_pictures, make_vectors, opening
from picturedesk.errors import BadInput
from picturedesk.store.catalogue import conditions, database
from picturedesk.store.catalogue.exact import ExactCatalogue


@pytest.fixture(params=IMPLEMENTATIONS)
def open_catalogue(request, tmp_path):
    with opening(request.param, tmp_path) as opener:
        yield opener


@pytest.fixture
def catalogue(open_catalogue):
    return open_catalogue()


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
