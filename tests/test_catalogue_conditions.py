"""Conditions on a catalogue's metadata: what they find, and that they can do nothing else."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from catalogues import D, add_captions, keys_of, make_pictures, make_vectors, spoken
from picturedesk.disk.database import connect_to_read
from picturedesk.errors import BadInput
from picturedesk.store.catalogue import conditions, open_catalogue
from picturedesk.types import Catalogue, Picture

LEFT_OUT = ("behind",)  # engines; an index is given what passes, whatever it holds

CONDITIONS = {
    "licence = 'cc0'": lambda p: p.licence == "cc0",
    "licence IN ('cc0', 'cc-by') AND date >= '2010'": lambda p: p.licence and p.date >= "2010",
    "date BETWEEN '2003' AND '2006-12'": lambda p: "2003" <= p.date <= "2006-12",
    "date >= 2010": lambda p: p.date >= "2010",
    "has_tag(tags, 'sport')": lambda p: "Sport" in p.tags,
    "has_tag(tags, 'MÜNCHEN') -- a comment": lambda p: "München" in p.tags,
    "has_tag(tags, 'spor')": lambda p: False,
    "tags LIKE '%spor%'": lambda p: "Sport" in p.tags,
    "lower(caption) GLOB 'caption 1?'": lambda p: 10 <= int(p.key) < 20,
    "uri LIKE '%/7.jpg' OR key = '0003'": lambda p: p.key in ("0003", "0007"),
    "credit = '' AND length(caption) < 10": lambda p: len(p.caption) < 10,
    "(caption <> ')') /* ( */ AND ')\"' <> '('  -- (": lambda p: True,
    "\"licence\" = 'cc0' AND [caption] <> `uri`": lambda p: p.licence == "cc0",
    "LICENCE = 'cc0' AND \"LiCence\" <> '\"nonsense\"'": lambda p: p.licence == "cc0",
    "1": lambda p: True,
    "0": lambda p: False,
}


def ways_to_ask(catalogue: Catalogue, where: str) -> list[Callable[[], object]]:
    """Every question that takes a condition."""
    return [
        lambda: catalogue.nearest(make_vectors(1, seed=5), 3, where),
        lambda: catalogue.matching(["caption"], 3, where),
        lambda: catalogue.matching([], 3, where),
        lambda: catalogue.sample(3, where),
        lambda: catalogue.count(where),
    ]


@pytest.mark.parametrize("where", CONDITIONS)
def test_what_is_found_under_a_condition_is_what_passes_it(catalogue: Catalogue, where):
    pictures, vectors = make_pictures(60), make_vectors(60)
    catalogue.add(pictures, vectors)
    passing = [n for n, picture in enumerate(pictures) if CONDITIONS[where](picture)]
    keys = [pictures[n].key for n in passing]
    query = make_vectors(1, seed=5)
    best = sorted(passing, key=lambda n: (-float(vectors[n] @ query[0]), n))
    for k in (1, 5, 100):
        (found,) = catalogue.nearest(query, k, where)
        assert keys_of(found) == [pictures[n].key for n in best[:k]]
        assert keys_of(catalogue.sample(k, where)) == keys[:k]
    assert sorted(keys_of(catalogue.matching(["caption"], 100, where))) == keys
    assert catalogue.count(where) == len(keys)


ATTACKS = [
    "1; DROP TABLE pictures",
    "1); DROP TABLE pictures; --",
    "1) UNION SELECT row FROM vectors --\n AND (1",
    "1) UNION SELECT 1 WHERE (1",
    "key IN (SELECT name FROM sqlite_master)",
    # SQLite's authorizer is not asked about these: they are a special case of its own.
    *("key IN (SELECT key FROM pictures)", "key NOT IN (select/**/uri\nFROM pictures)"),
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
    "/* " * 33_000,
    "/*/",
    "(" * 5000 + "1" + ")" * 5000,
    "1 + " * 5000 + "1",
    "caption LIKE '" + "%a" * 2000 + "'",
    # The index of words is out of reach, too.
    *("words MATCH '61'", "words = '61'", "words.tokens = '61'", "tokens = '61'"),
    *("caption MATCH '61'", "match('61', caption)", "bm25(pictures) < 0", "bm25(words) < 0"),
    *("words.rank < 0", "rank < 0", "vocabulary.term = '61'", "term = '61'"),
    "EXISTS (SELECT 1 FROM words WHERE words MATCH '61')",
    "row IN (SELECT rowid FROM words)",
    "row IN words",
    "row IN words_content",
    "key IN vocabulary",
    "EXISTS (SELECT 1 FROM words('61'))",
    "1) UNION SELECT rowid FROM words('61') WHERE (1",
    "1) AND row IN (SELECT id FROM words_docsize) AND (1",
    *("fts5_source_id() <> ''", "fts5(NULL) IS NULL", "snippet(words, 0, '', '', '', 1) = ''"),
    "highlight(words, 0, '', '') = ''",
]


@pytest.mark.parametrize("where", ATTACKS, ids=range(len(ATTACKS)))
def test_a_condition_can_do_nothing_but_compare_metadata(catalogue: Catalogue, where):
    catalogue.add(make_pictures(9), make_vectors(9))
    for ask in ways_to_ask(catalogue, where):
        started = time.process_time()
        with pytest.raises(BadInput, match="there are uri, key, caption, credit, licence, date, t"):
            ask()
        assert time.process_time() - started < 3
    assert len(spoken(catalogue, ["caption"])) == 9
    assert catalogue.count("1") == 9


MISSPELT = {
    "licens\n= 'cc0'": "licens",
    'licnce = "cc0"': '"cc0"|licnce',
    "\"licnce\" = 'cc0'": '"licnce"',
    'licence = "cc0"': '"cc0"',
    "licence = 'cc0' OR \"lic\"\"ence\" = ''": '"lic""ence"',
    "has_tag(\"tag\", 'sea')": '"tag"',
    "[licnce] = 'cc0'": "licnce",
    "`licnce` = 'cc0'": "licnce",
    'licence = "cc0': "",
}


@pytest.mark.parametrize("where", MISSPELT)
def test_a_misspelt_column_is_answered_in_one_line_with_those_there_are(catalogue, where):
    catalogue.add(make_pictures(9), make_vectors(9))
    for ask in ways_to_ask(catalogue, where):
        answer = f"no such column: ({MISSPELT[where]}).*; there are uri, key, caption"
        with pytest.raises(BadInput, match=answer) as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_string_between_double_quotes_is_answered_with_what_a_string_needs(catalogue):
    add_captions(catalogue, "a")
    with pytest.raises(BadInput, match="a string stands between single quotes"):
        catalogue.count('licence = "cc0"')


def test_a_condition_that_runs_too_long_is_stopped(tmp_path):
    with closing(open_catalogue(tmp_path / "catalogue", "m1", D)) as catalogue:
        catalogue.add(make_pictures(3000), make_vectors(3000))
    with closing(connect_to_read(tmp_path / "catalogue")) as connection:
        conditions.prepare(connection)
        where = " OR ".join(f"caption LIKE '%{n}%x%'" for n in range(80))
        with pytest.raises(BadInput, match=r"it ran for more than 0.001 s"):
            conditions.passing_rows(connection, where, longest=0.001)
        assert len(conditions.passing_rows(connection, "1").rows) == 3000


def test_a_condition_is_refused_before_anything_else_is_looked_at(new_catalogue):
    catalogue: Catalogue = new_catalogue()
    for ask in ways_to_ask(catalogue, "licens = 'cc0'"):
        with pytest.raises(BadInput, match="no such column: licens"):
            ask()
    assert catalogue.nearest(np.ones((1, D)), 1, "licence = 'cc0'")[0].scores.shape == (0,)


def test_the_connection_that_evaluates_conditions_cannot_write(tmp_path):
    with (
        closing(open_catalogue(tmp_path / "catalogue", "m1", D)) as catalogue,
        catalogue._file.reading() as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("DELETE FROM pictures")


OWN = {
    "price < 2.5": lambda c: c.get("price", 99) < 2.5,
    "PRICE >= 10 AND licence = 'cc0'": lambda c: c.get("price", 0) >= 10,
    "price = 3": lambda c: c.get("price") == 3,
    "price IS NULL": lambda c: "price" not in c,
    "art_der_rechte = 'frei'": lambda c: c.get("art_der_rechte") == "frei",
    "\"art_der_rechte\" LIKE 'FR%'": lambda c: c.get("art_der_rechte") == "frei",
    "größe > 7": lambda c: c.get("grösse", 0) > 7,
    "checked": lambda c: c.get("checked") is True,
    "checked = 0": lambda c: c.get("checked") is False,
    "NOT checked": lambda c: c.get("checked") is False,
    "has_tag(people, 'ada')": lambda c: "Ada" in c.get("people", ()),
    "bought >= '2024-02'": lambda c: c.get("bought", "") >= "2024-02",
    "\"2024\" = 'yes'": lambda c: c.get("2024") == "yes",
    "\"order\" = 5 AND key > '0001'": lambda c: c.get("order") == 5,
}


def pictures_with_own_columns() -> list[Picture]:
    def columns(n: int) -> dict[str, object]:
        found: dict[str, object] = {"Price": n / 2, "Größe": n, "Art der Rechte": "frei"}
        if n % 2:
            found |= {"checked": n % 4 == 1, "people": ["Ada", "Bo"][: n % 3]}
        if n % 5 == 0:
            found = {"bought": f"2024-0{n % 3 + 1}-01", "2024": "yes", "Order": 5}
        return found

    return [replace(one, columns=columns(n)) for n, one in enumerate(make_pictures(60))]


@pytest.mark.parametrize("where", OWN)
def test_own_columns_are_compared_with_their_types(catalogue: Catalogue, where):
    pictures, vectors = pictures_with_own_columns(), make_vectors(60)
    catalogue.add(pictures, vectors)
    test = OWN[where]
    more = (lambda p: p.licence == "cc0") if "cc0" in where else (lambda p: p.key > "0001")
    narrowed = "AND" in where
    expected = [p.key for p in pictures if test(p.columns) and (not narrowed or more(p))]
    assert 0 < len(expected) < 60
    assert keys_of(catalogue.sample(99, where)) == expected
    assert catalogue.count(where) == len(expected)


@pytest.mark.parametrize("where", ATTACKS, ids=range(len(ATTACKS)))
def test_a_condition_on_own_columns_can_do_no_more(catalogue: Catalogue, where):
    catalogue.add(pictures_with_own_columns(), make_vectors(60))
    attacks = [f"price > 1 AND {where}", f"{where} AND price > 1", f"{where} OR (price)"]
    for attack in attacks:
        with pytest.raises(BadInput, match="there are uri, key, caption"):
            catalogue.count(attack)
    assert catalogue.count("price > 1 OR 1") == 60


@pytest.mark.parametrize(
    "inside",
    [
        "(SELECT count(*) FROM entries) > 0",
        "EXISTS (SELECT 1 FROM pictures)",
        "key IN (SELECT key FROM entries)",
        "row IN (SELECT row FROM pictures)",
        "row IN entries",
        "json_extract(tags, '$[0]') = 'city'",
        "json_extract(more, '$.price') = 1",
        "tags ->> '$[0]' = 'city'",
        "more <> ''",
        "added = 1",
        "named <> ''",
        "sum > 0",
    ],
)
def test_a_condition_on_own_columns_reaches_nothing_beside_them(catalogue, inside):
    catalogue.add(pictures_with_own_columns(), make_vectors(60))
    for where in (f"price > 1 AND {inside}", f"{inside} AND price > 1", inside):
        with pytest.raises(BadInput, match=r"cannot be used: (no such column|it may not|no such)"):
            catalogue.count(where)


def test_an_error_names_own_columns_shortened_if_there_are_many(catalogue):
    columns = {f"c{n:02d}": 1 for n in range(25)}
    catalogue.add([replace(make_pictures(1)[0], columns=columns)], make_vectors(1))
    with pytest.raises(BadInput, match=r"missing, c00, .*c19, 5 more \(picturedesk info\) and has"):
        catalogue.count("c99 = 1")


def test_two_conditions_are_joined_and_a_broken_first_one_is_told_alone():
    joined = conditions.joined
    assert joined("", "") == ""
    assert joined("a = 1", " ") == "a = 1"
    assert joined(" ", "a = 1") == "a = 1"
    assert joined("a -- x", "b") == "(\na -- x\n) AND (\nb\n)"
    for broken in ("1) OR (1", "a = 'x", 'a = "x', "[a", "`a", "a = 'x''", "/*"):
        assert joined(broken, "b") == broken


def test_a_condition_on_the_time_of_day_is_not_kept(tmp_path, monkeypatch):
    with closing(open_catalogue(tmp_path / "catalogue", "m1", D)) as catalogue:
        catalogue.add(make_pictures(9), make_vectors(9))
        for where, asked in (("date < date('now')", 2), ("key > '0003'", 1)):
            calls = []
            real = conditions.passing_rows
            monkeypatch.setattr(
                "picturedesk.store.catalogue.generation.passing_rows",
                lambda *given, calls=calls, real=real: calls.append(given) or real(*given),
            )
            assert catalogue.count(where) == catalogue.count(where)
            assert len(calls) == asked
            monkeypatch.undo()


def test_a_word_between_quotes_selects_nothing(catalogue: Catalogue):
    catalogue.add(make_pictures(9), make_vectors(9))
    assert catalogue.count("caption != 'select' AND caption != 'SELECT key' -- select") == 9


def test_tags_that_a_condition_makes_are_not_kept(catalogue: Catalogue):
    catalogue.add(make_pictures(9), make_vectors(9))
    kept = conditions._folded.cache_info().currsize
    long = '["' + "a" * 5000 + '"]'
    assert catalogue.count(f"has_tag('{long}', '{'A' * 5000}')") == 9
    assert conditions._folded.cache_info().currsize == kept
