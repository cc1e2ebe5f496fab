"""What every catalogue promises of records: columns, pages, changes, what users set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalogues import D, keys_of, make_pictures, make_vectors
from picturedesk.errors import BadInput
from picturedesk.own_columns import FIXED
from picturedesk.types import Catalogue, Changes, Column, Picture

LEFT_OUT = ("behind",)  # engines; an index has no records

WHOLE = Picture(
    "ü/1.jpg",
    "k",
    'said "so"',
    "née",
    "cc0",
    "2020-02-01",
    ("one", 'tw"o', ""),
    names=("ü/1.jpg", "b.jpg"),
    expiry="2027-01",
    embargo="2026-01-01T06:00",
    territory=("DE", "AT"),
    uses=3,
    max_uses=5,
    last_used="2026-05-01",
    missing=True,
    columns={
        "Preis (€)": 2.5,
        "Stück": 7,
        "geprüft": True,
        "Personen": ["Ada", "Bo"],
        "Ort": "Köln",
        "leer": "",
        "URI": "x",
    },
)


def test_all_fields_and_own_columns_come_back(catalogue: Catalogue):
    catalogue.add([WHOLE], make_vectors(1))
    assert catalogue.fetch(["k"]).pictures == (WHOLE,)
    (found,) = catalogue.nearest(np.ones((1, D)), 1)
    assert found.entries.pictures == (WHOLE,)
    assert dict(WHOLE.columns) == {
        "preis": 2.5,
        "stück": 7.0,
        "geprüft": True,
        "personen": ("Ada", "Bo"),
        "ort": "Köln",
        "uri_2": "x",
    }


def test_columns_have_types_and_the_number_of_entries_with_a_value(catalogue: Catalogue):
    assert [*catalogue.columns()] == [*FIXED]
    assert catalogue.columns()["uri"] == Column("text", 0)
    columns = [
        {"price": 1, "when": "2024-01-01", "mixed": 1, "people": ["Ada"]},
        {"price": 2.5, "when": "2024-02", "mixed": "x", "checked": False},
        {"price": "", "when": "2024-01-01T10:00", "half": "2024-01-01", "year": "2024"},
        {"half": "soon", "checked": True},
    ]
    own = [replace(one, columns=c) for one, c in zip(make_pictures(4), columns, strict=True)]
    catalogue.add([*own, WHOLE], make_vectors(5))
    found = catalogue.columns()
    assert [*found] == [*FIXED, *sorted(found.keys() - {*FIXED})]
    expected = {
        "price": Column("number", 2),
        "when": Column("date", 3),
        "mixed": Column("text", 2),
        "people": Column("tags", 1),
        "checked": Column("boolean", 2),
        "half": Column("text", 2),
        "year": Column("text", 1),
        "expiry": Column("date", 1),
        "missing": Column("boolean", 1),
        "uses": Column("number", 1),
        "uri": Column("text", 5),
        "licence": Column("text", 4),
    }
    assert {name: found[name] for name in expected} == expected
    catalogue.update([replace(own[1], columns={"price": "cheap"})])
    catalogue.remove(["0002", "k"])
    found = catalogue.columns()
    assert found["price"] == Column("text", 2)
    assert found["when"] == Column("date", 1)
    assert found["expiry"] == Column("date", 0)
    assert "year" not in found
    catalogue.replace_all(make_pictures(1), make_vectors(1))
    assert [*catalogue.columns()] == [*FIXED]


def test_updated_records_keep_their_vectors_and_words_follow(catalogue: Catalogue):
    pictures, vectors = make_pictures(5), make_vectors(5)
    catalogue.replace_all(pictures, vectors)
    changed = replace(pictures[2], caption="a heron", expiry="2020-01-01", uses=2)
    catalogue.update([changed])
    fetched = catalogue.fetch(["0002"])
    assert fetched.pictures == (changed,)
    np.testing.assert_array_equal(fetched.vectors, vectors[[2]])
    assert keys_of(catalogue.matching(["heron"], 5)) == ["0002"]
    assert len(catalogue.matching(["caption"], 5).scores) == 4
    assert catalogue.count("expiry < '2021' AND expiry <> ''") == 1
    assert catalogue.added() == []
    catalogue.update([])


def test_an_unknown_key_is_not_updated_and_nothing_beside_it(catalogue: Catalogue):
    pictures = make_pictures(3)
    catalogue.add(pictures, make_vectors(3))
    with pytest.raises(BadInput, match="no picture with the key '0009'"):
        catalogue.update([replace(pictures[0], caption="new"), Picture("x", "0009")])
    with pytest.raises(BadInput, match="no key"):
        catalogue.update([Picture("x")])
    assert catalogue.fetch(["0000"]).pictures == (pictures[0],)


def test_changes_are_made_together_or_not_at_all(catalogue: Catalogue):
    pictures, vectors = make_pictures(6), make_vectors(6)
    catalogue.replace_all(pictures[:4], vectors[:4])
    changed = replace(pictures[1], caption="other")
    changes = Changes(
        pictures[4:],
        vectors[4:],
        updated=[changed],
        removed=["0000", "nowhere"],
        added=["0004", "0001"],
        named={"0001": ["caption"], "0005": []},
        keep_out=True,
    )
    assert catalogue.change(changes) == 2
    assert catalogue.keys() == ["0001", "0002", "0003", "0004", "0005"]
    assert catalogue.fetch(["0001"]).pictures == (changed,)
    assert catalogue.added() == ["0001", "0004"]
    assert catalogue.named() == {"0001": frozenset(["caption"])}
    assert catalogue.kept_out() == frozenset(["0000"])
    failing = replace(changes, updated=[Picture("x", "0099")], removed=["0002"])
    with pytest.raises(BadInput, match="0099"):
        catalogue.change(failing)
    assert catalogue.count() == 5


def test_what_users_set_is_remembered_until_the_picture_goes(catalogue: Catalogue):
    pictures, vectors = make_pictures(3), make_vectors(3)
    catalogue.replace_all(pictures, vectors, named={"0000": ["tags"], "far": ["date"]})
    assert catalogue.named() == {"0000": frozenset(["tags"])}
    catalogue.change(Changes(updated=pictures[:2], named={"0000": ["date"], "0001": ["price"]}))
    assert catalogue.named()["0000"] == {"tags", "date"}
    catalogue.add(pictures[:1], vectors[:1])
    assert catalogue.named()["0000"] == {"tags", "date"}
    catalogue.remove(["0000"])
    assert catalogue.named() == {"0001": frozenset(["price"])}


def test_removed_pictures_stay_out_until_they_are_added_again(catalogue: Catalogue):
    pictures, vectors = make_pictures(4), make_vectors(4)
    catalogue.add(pictures, vectors)
    catalogue.remove(["0000"])
    assert catalogue.kept_out() == frozenset()
    catalogue.change(Changes(removed=["0001", "0002", "unknown"], keep_out=True))
    assert catalogue.kept_out() == {"0001", "0002"}
    catalogue.add(pictures[1:2], vectors[1:2])
    assert catalogue.kept_out() == {"0002"}
    catalogue.replace_all(pictures[:1], vectors[:1], kept_out=["0002", "0003"])
    assert catalogue.kept_out() == {"0002", "0003"}
    catalogue.replace_all(pictures[:1], vectors[:1])
    assert catalogue.kept_out() == frozenset()


def test_known_pictures_are_found_and_others_left_out(catalogue: Catalogue):
    pictures = make_pictures(4)
    catalogue.add(pictures, make_vectors(4))
    for _ in range(2):
        assert catalogue.find(["0002", "x", "0000", "\0"]) == {
            "0002": pictures[2],
            "0000": pictures[0],
        }
        assert catalogue.find([]) == {}
        catalogue.nearest(np.ones((1, D)), 1)


def test_pages_are_sorted_by_a_column_and_by_key(catalogue: Catalogue):
    prices = [3, None, 1, 2, 3, 1, None, 10]
    pictures = [
        replace(one, columns={} if price is None else {"price": price})
        for one, price in zip(make_pictures(8), prices, strict=True)
    ]
    catalogue.add(pictures[::-1], make_vectors(8))

    def numbers(**asked):
        return [int(picture.key) for picture in catalogue.page(**asked)]

    assert numbers() == list(range(8))
    assert numbers(order="price") == [2, 5, 3, 0, 4, 7, 1, 6]
    assert numbers(order="-price") == [7, 0, 4, 3, 2, 5, 1, 6]
    assert numbers(order="-key", limit=2) == [7, 6]
    assert numbers(order="tags", where="tags <> '[]'")[-1] in (4, 7)
    assert numbers(order="tags")[-3:] == [2, 5, 1] or set(numbers(order="tags")[-2:]) == {2, 5}
    assert numbers(order="price", where="price > 1", limit=2) == [3, 0]
    assert numbers(order="price", where="price > 1", after="0000", limit=2) == [4, 7]
    assert numbers(order="price", where="price > 1", after="0002") == [3, 0, 4, 7]
    assert numbers(after="0007") == numbers(limit=0) == []
    for wrong, answer in (({"order": "prise"}, "prise"), ({"after": "x"}, "no picture with")):
        with pytest.raises(BadInput, match=answer):
            catalogue.page(**wrong)
    with pytest.raises(BadInput, match="limit is -1"):
        catalogue.page(limit=-1)


def test_all_pages_together_have_every_picture_once(catalogue: Catalogue):
    catalogue.add(make_pictures(23), make_vectors(23))
    found, after = [], ""
    while page := catalogue.page(order="-licence", after=after, limit=5):
        found += [picture.key for picture in page]
        after = page[-1].key
    assert sorted(found) == catalogue.keys()


def test_places_are_all_names_of_the_bytes(catalogue: Catalogue):
    catalogue.add([WHOLE, *make_pictures(1)], make_vectors(2))
    assert catalogue.places() == {"0000": ("/photos/0.jpg",), "k": ("ü/1.jpg", "b.jpg")}


def test_words_of_own_columns_are_mentioned_and_change_no_score_of_captions(catalogue):
    pictures, vectors = make_pictures(6), make_vectors(6)
    catalogue.add(pictures, vectors)
    before = catalogue.matching(["caption", "city"], 9).scores.tolist()
    assert catalogue.mentioning(["caption", "city"], 9).scores.tolist() == before
    own = {"Ort": "Köln am Rhein", "people": ["Ada Lovelace"], "price": 3}
    catalogue.update([replace(pictures[2], columns=own)])
    assert catalogue.matching(["caption", "city"], 9).scores.tolist() == before
    assert keys_of(catalogue.matching(["lovelace"], 9)) == []
    for word in ("lovelace", "rhein", "köln"):
        assert keys_of(catalogue.mentioning([word], 9)) == ["0002"]
    both = catalogue.mentioning(["caption", "rhein"], 9)
    assert keys_of(both)[0] == "0002"
    assert len(both.scores) == 6
    some = catalogue.mentioning(["rhein", "caption"], 9, "key > '0003'")
    assert sorted(keys_of(some)) == ["0004", "0005"]
    catalogue.update([pictures[2]])
    assert keys_of(catalogue.mentioning(["rhein"], 9)) == []
