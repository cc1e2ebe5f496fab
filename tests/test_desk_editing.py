"""Changes of what is known of pictures: in one transaction, kept by fits, checked by column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picturedesk.cli.app import run
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.types import Rejection


@pytest.fixture
def desk(quick_desk: Path) -> Iterator[Desk]:
    with Desk(quick_desk) as opened:
        yield opened


def test_the_same_values_are_set_for_all_pictures(desk: Desk):
    first, second, third = desk.list(k=3)
    changed = desk.edit(
        [first.key, second.uri, second],
        {"caption": " Fog ", "tags": ["sea", "fog"], "Max uses": 3, "price": 2.5, "paid": True},
    )
    assert [one.key for one in changed] == [first.key, second.key]  # each once
    for one in changed:
        assert (one.caption, one.tags, one.max_uses) == ("Fog", ("sea", "fog"), 3)
        assert (one.columns["price"], one.columns["paid"]) == (2.5, True)
    assert desk.catalogue.count("price = 2.5 AND caption = 'Fog'") == 2
    assert desk.list(k=3)[2] == third
    assert {hit.picture.key for hit in desk.search("fog", k=2)} == {first.key, second.key}


def test_none_empties_a_column(desk: Desk):
    key = desk.list(k=1)[0].key
    desk.edit(key, {"credit": "Ann", "uses": 2, "price": 3, "territory": ["DE"]})
    (changed,) = desk.edit(key, {"credit": None, "uses": None, "price": None, "territory": None})
    assert (changed.credit, changed.uses, changed.territory) == ("", 0, ())
    assert "price" not in changed.columns


def test_what_was_set_outlives_a_fit(desk: Desk, quick_desk: Path):
    key = desk.list(k=1)[0].key
    desk.edit(key, {"caption": "Fog over the sea", "price": 3})
    desk.refit()
    with Desk(quick_desk) as again:
        assert again.fitted.root.name == "0002"
        kept = again.catalogue.find([key])[key]
        assert (kept.caption, kept.columns["price"]) == ("Fog over the sea", 3)
    # The first desk still has the old fit open; what it changes goes to the new one.
    desk.edit(key, {"caption": "Rain"})
    with Desk(quick_desk) as again:
        assert again.catalogue.find([key])[key].caption == "Rain"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "new values by the names of columns"),
        ({"uri": "a.jpg"}, "says where a picture's file is"),
        ({"KEY": "a"}, "says where a picture's file is"),
        ({"missing": True}, "says where a picture's file is"),
        ({"expiry": "soon"}, "expiry is 'soon': it must be a date"),
        ({"expiry": "2026-13-01"}, "it must be a date"),
        ({"uses": -1}, "uses is -1"),
        ({"uses": True}, "uses is True"),
        ({"tags": "sea"}, "tags"),
        ({"tags": [3]}, "tags"),
        ({"caption": 3}, "caption is 3"),
        ({"caption": "a\0b"}, "without NUL"),
        ({"caption": "\ud800"}, "caption"),
        ({"price": float("nan")}, "price"),
        ({"price": [1]}, "price"),
        ({"price": {}}, "price"),
        ({"price": 1, "Price": 2}, "named twice"),
        ({3: 1}, "the name of a column"),
    ],
)
def test_a_value_that_does_not_suit_its_column_is_refused(desk: Desk, changes: dict, reason: str):
    before = desk.list(k=1)
    with pytest.raises(BadInput, match=reason):
        desk.edit(before[0].key, changes)
    assert desk.list(k=1) == before


def test_one_unknown_picture_changes_none(desk: Desk):
    key = desk.list(k=1)[0].key
    with pytest.raises(BadInput, match=r"absent\.jpg is not in the catalogue"):
        desk.edit([key, "absent.jpg"], {"caption": "Fog"})
    assert desk.catalogue.count("caption = 'Fog'") == 0


def test_the_verb_takes_values_in_the_types_of_their_columns(
    desk: Desk, quick_desk: Path, capsys: pytest.CaptureFixture[str]
):
    key = desk.list(k=1)[0].key
    where = ["--desk", str(quick_desk)]
    desk.edit(key, {"price": 1.5, "paid": True})
    words = ("price=4", "paid=no", "tags=sea, fog", "max_uses=2", "note=007", "caption=a=b")
    assert run(["edit", key, *(part for one in words for part in ("--set", one)), *where]) == 0
    found = desk.catalogue.find([key])[key]
    assert (found.columns["price"], found.columns["paid"]) == (4, False)
    assert (found.tags, found.max_uses, found.caption) == (("sea", "fog"), 2, "a=b")
    assert found.columns["note"] == "007"
    assert run(["edit", key, "--clear", "note", *where]) == 0
    assert "note" not in desk.catalogue.find([key])[key].columns
    assert "1 changed: note" in capsys.readouterr().out
    for words in (["price=low"], ["paid=perhaps"], ["nothing"], ["a=1", "a=2"], []):
        with pytest.raises(BadInput):
            run(["edit", key, *(part for one in words for part in ("--set", one)), *where])


def test_what_was_left_out_is_listed(
    desk: Desk, quick_desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert desk.rejected() == ()
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"\xff\xd8\xff\xe0torn")
    (left,) = desk.add(torn).rejections
    assert desk.rejected() == (left,)
    assert isinstance(left, Rejection)
    assert run(["rejected", "--desk", str(quick_desk)]) == 0
    assert f"{torn}: {left.reason}; {left.cure}" in capsys.readouterr().out
