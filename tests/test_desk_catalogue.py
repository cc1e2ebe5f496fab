"""A desk's catalogue as a picture desk lives with it: add twice, remove, list, search, sync."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from once import QUICK
from picturedesk.datasets.given import Given, merged, set_fields
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.types import Picture
from shapes import draw


def drawn(path: Path, seed: int, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(colour, "circle", seed=seed).save(path)
    return path


@pytest.fixture
def desk(quick_desk: Path) -> Iterator[Desk]:
    with Desk(quick_desk) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with four pictures."""
    for seed, name in enumerate(("a.png", "b.png", "sub/c.png", "sub/d.png"), 9000):
        drawn(tmp_path / "photos" / name, seed)
    return tmp_path / "photos"


def at(desk: Desk, path: Path) -> Picture:
    """The catalogue's picture with this name."""
    (key,) = [key for key, names in desk.catalogue.places().items() if str(path) in names]
    return desk.catalogue.find([key])[key]


def table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return path


def suggested(desk: Desk) -> set[str]:
    found = desk.suggest("a red circle", k=1000, duplicates=True)
    return {Path(one.picture.uri).name for one in found}


# which fields a source names


def test_records_name_what_differs_from_an_empty_one():
    picture = Picture("a", "k", caption="c", missing=True, names=("a",), columns={"Ort": "Köln"})
    assert set_fields(picture) == {"caption", "ort"}
    assert Given.of([picture]).fields == (frozenset({"caption", "ort"}),)
    assert Given.naming([picture], ["date"]).fields == (frozenset({"date"}),)


def test_named_fields_are_replaced_and_others_stay():
    old = Picture("a", "k", "old", "née", tags=("x",), columns={"ort": "Köln", "price": 2})
    new = Picture("b", "k2", "", "new", columns={"price": 3, "other": "o"})
    found = merged(old, new, {"caption", "price", "ort", "uri", "missing"})
    assert found == Picture("a", "k", "", "née", tags=("x",), columns={"price": 3})
    assert merged(old, new, ()) is old
    assert merged(old, new, {"credit"}).columns == old.columns


# add


def test_a_second_add_updates_what_its_columns_name_and_leaves_the_rest(desk, photos):
    whole = {"picture": "a.png", "caption": "A boat", "date": "2024-05-01", "tags": "sea;boat"}
    desk.add(table(photos / "one.csv", whole))
    assert at(desk, photos / "a.png").tags == ("sea", "boat")
    again = desk.add(table(photos / "two.csv", {"picture": "a.png", "caption": "A ship"}))
    assert (again.new, again.updated, again.read) == (0, 1, 0)
    picture = at(desk, photos / "a.png")
    assert (picture.caption, picture.date, picture.tags) == (
        "A ship",
        "2024-05-01",
        ("sea", "boat"),
    )
    desk.add(photos)
    assert at(desk, photos / "a.png") == picture
    desk.add(table(photos / "three.csv", {"picture": "a.png", "caption": ""}))
    assert at(desk, photos / "a.png").caption == ""
    desk.add([Picture(str(photos / "a.png"), expiry="2030", columns={"Preis": 3})])
    picture = at(desk, photos / "a.png")
    assert (picture.expiry, picture.date, picture.columns["preis"]) == ("2030", "2024-05-01", 3.0)


def test_the_same_bytes_under_two_names_are_listed_once_with_both(desk, photos):
    shutil.copy(photos / "a.png", photos / "copy.png")
    before = desk.catalogue.count()
    addition = desk.add(photos)
    assert (addition.new, addition.read, addition.catalogue) == (4, 4, before + 4)
    picture = at(desk, photos / "copy.png")
    assert picture.names == (str(photos / "a.png"), str(photos / "copy.png"))
    (photos / "a.png").unlink()
    desk.add(photos / "copy.png")
    picture = at(desk, photos / "copy.png")
    assert (picture.uri, picture.names) == (str(photos / "copy.png"), ())


# remove


def test_pictures_are_removed_by_name_key_and_condition(desk, photos, monkeypatch):
    desk.add(photos)
    count = desk.catalogue.count()
    monkeypatch.chdir(photos)
    key = at(desk, photos / "b.png").key
    done = desk.remove(["a.png", key, "nowhere.png", str(photos / "a.png")])
    assert (done.removed, done.unknown, done.catalogue) == (2, ("nowhere.png",), count - 2)
    done = desk.remove(where=f"uri LIKE '{photos}/sub/%'")
    assert (done.removed, done.catalogue) == (2, count - 4)
    assert desk.remove("nowhere").removed == 0
    for wrong in ({}, {"pictures": ["a"], "where": "1"}):
        with pytest.raises(BadInput, match="name the pictures to remove, or give a condition"):
            desk.remove(**wrong)
    with pytest.raises(BadInput, match="no such column"):
        desk.remove(where="licens = 'x'")


def test_a_removed_archive_picture_and_edits_outlive_a_fit(quick_desk, shapes_table, tmp_path):
    extra = drawn(tmp_path / "extra.png", 9100)
    with Desk(quick_desk) as desk:
        gone, edited, both = desk.list(k=3)
        desk.add(extra)
        desk.add([Picture(edited.uri, caption="By hand", expiry="2031", columns={"Ort": "Ulm"})])
        desk.add([Picture(both.uri, credit="me")])
        desk.remove([gone.key, both.key])
        count = desk.catalogue.count()
    Desk.fit(shapes_table, quick_desk, QUICK).close()
    with Desk(quick_desk) as desk:
        assert desk.catalogue.count() == count
        found = desk.catalogue.find([gone.key, both.key, edited.key])
        assert [*found] == [edited.key]
        now = found[edited.key]
        assert (now.caption, now.expiry, now.columns["ort"]) == ("By hand", "2031", "Ulm")
        assert (now.licence, now.tags, now.uri) == (edited.licence, edited.tags, edited.uri)
        assert at(desk, extra)
        desk.add(gone.uri)  # by hand it comes back, and stays
        assert desk.catalogue.kept_out() == {both.key}


def test_what_is_done_while_a_fit_runs_is_in_the_new_fit(quick_desk, shapes_table, monkeypatch):
    from picturedesk.desk import fit

    with Desk(quick_desk) as before:
        first, second, third = before.list(k=3)
        before.remove(first.key)
        learn = fit.learn

        def learned(*given):
            with Desk(quick_desk) as other:
                other.remove(second.key)
                other.add([Picture(third.uri, credit="late")])
                other.add(first.uri)
            return learn(*given)

        monkeypatch.setattr(fit, "learn", learned)
        Desk.fit(shapes_table, quick_desk, QUICK).close()
        found = Desk(quick_desk).catalogue.find([first.key, second.key, third.key])
        assert found.keys() == {first.key, third.key}
        assert found[third.key].credit == "late"
        assert before.remove(third.key).removed == 1  # an open desk changes the new fit
        assert Desk(quick_desk).catalogue.find([third.key]) == {}


# list and search


def test_pages_of_a_list_are_sorted_and_follow_each_other(desk, photos):
    rows = [{"picture": f"{n}.png", "date": f"2024-0{d}-01"} for n, d in (("a", 3), ("b", 5))]
    desk.add(table(photos / "dates.csv", *rows))
    where = f"uri LIKE '{photos}/%'"
    newest, oldest = desk.list(where, sort="-date")
    assert (newest.date, oldest.date) == ("2024-05-01", "2024-03-01")
    assert desk.list(where, "-date", 1) == (newest,)
    assert desk.list(where, "-date", 1, after=newest.key) == (oldest,)
    with pytest.raises(BadInput, match="order 'datum' is no column"):
        desk.list(sort="datum")
    with pytest.raises(BadInput, match="k is 0"):
        desk.list(k=0)


def test_words_find_pictures_in_captions_tags_and_own_columns(desk, photos):
    told = [
        Picture(str(photos / "a.png"), caption="Der Zeppelin landet"),
        Picture(str(photos / "b.png"), tags=("zeppelin",)),
        Picture(str(photos / "sub/c.png"), columns={"Ort": "Am Zeppelinfeld", "note": "Zeppelin"}),
        Picture(str(photos / "sub/d.png"), columns={"price": 3}),
    ]
    desk.add(told)
    hits = desk.search("zeppelin", k=10)
    named = [Path(hit.picture.uri).name for hit in hits if hit.words]
    assert sorted(named) == ["a.png", "b.png", "c.png"]
    assert [hit.rank for hit in hits] == [*range(1, len(hits) + 1)]
    where = f"uri NOT LIKE '{photos}/sub/%'"
    assert len([hit for hit in desk.search("zeppelin", k=10, where=where) if hit.words]) == 2
    with pytest.raises(BadInput, match="no such column"):
        desk.search("zeppelin", where="licens = 1")


def test_meaning_finds_pictures_without_the_words(desk):
    hits = desk.search("a red circle", k=50)
    assert len(hits) == 50
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    direct = desk.suggest("a red circle", k=1, route="direct")[0]
    cosine = {hit.picture.key: hit.meaning for hit in hits}
    assert cosine[direct.picture.key] == pytest.approx(direct.score)


def test_a_search_for_no_known_word_finds_nothing(desk):
    assert desk.search("", k=3) == ()


def test_what_may_not_run_is_found_and_listed(desk, photos):
    desk.add([Picture(str(photos / "a.png"), caption="Quagga", expiry="2001")])
    assert "a.png" not in suggested(desk)
    assert Path(desk.search("quagga")[0].picture.uri).name == "a.png"
    assert len(desk.list("expiry < '2002' AND expiry <> ''")) == 1
