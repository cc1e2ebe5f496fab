"""Which pictures may be suggested: the condition for a search and the look at one record agree."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from catalogues import ENGINES, keys_of, make_pictures, make_vectors
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.store.rights import LIFTED, Rights
from picturedesk.types import Changes, Picture

NOON = "2026-11-26T12:00"


@pytest.mark.parametrize(
    ("fields", "today", "allowed"),
    [
        ({}, NOON, True),
        ({"expiry": "2026-11-26"}, "2026-11-26T23:59", True),
        ({"expiry": "2026-11-26"}, "2026-11-26", True),
        ({"expiry": "2026-11-26"}, "2026-11-27T00:00", False),
        ({"expiry": "2026-11-26T11:59"}, NOON, False),
        ({"expiry": "2026-11-26 12:00"}, NOON, True),
        ({"expiry": "2026-11-26T12:00:30Z"}, NOON, True),
        ({"expiry": "2026-11"}, NOON, True),
        ({"expiry": "2026-11"}, "2026-12-01", False),
        ({"expiry": "2025"}, NOON, False),
        ({"embargo": "2026-11-26"}, "2026-11-26T00:00", True),
        ({"embargo": "2026-11-26"}, "2026-11-25T23:59", False),
        ({"embargo": "2026-11-26T12:00"}, NOON, True),
        ({"embargo": "2026-11-26T12:01"}, NOON, False),
        ({"embargo": "2027"}, NOON, False),
        ({"max_uses": 2, "uses": 1}, NOON, True),
        ({"max_uses": 2, "uses": 2}, NOON, False),
        ({"uses": 9}, NOON, True),
        ({"missing": True}, NOON, False),
        ({"territory": ("DE", "at")}, NOON, True),
    ],
)
def test_a_picture_may_run_or_not(fields, today, allowed):
    assert Rights(today=today).allows(Picture("a.jpg", **fields)) is allowed


def test_a_territory_is_compared_without_case_and_none_means_everywhere():
    german, anywhere = Picture("a.jpg", territory=("DE", "At")), Picture("b.jpg")
    for place, allowed in (("de", True), ("AT", True), ("US", False), ("", True)):
        assert Rights(territory=place).allows(german) is allowed
        assert Rights(territory=place).allows(anywhere)


def every_kind() -> list[Picture]:
    """Pictures with every combination of a few rights."""
    choices = itertools.product(
        ("", "2026-11-26", "2026-11-25", "2026-11-26T11:00"),
        ("", "2026-11-26T13:00", "2026-11-26"),
        ((0, 0), (3, 3), (1, 3)),
        (False, True),
        ((), ("DE", "O'Land"), ("us",)),
    )
    return [
        replace(
            picture,
            expiry=expiry,
            embargo=embargo,
            uses=uses,
            max_uses=most,
            missing=missing,
            territory=territory,
        )
        for picture, (expiry, embargo, (uses, most), missing, territory) in zip(
            make_pictures(216), choices, strict=True
        )
    ]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("place", ["", "de", "US", "O'Land"])
def test_a_search_finds_what_a_look_at_each_record_allows(engine, place, tmp_path):
    pictures = every_kind()
    with closing(engine(tmp_path, "m1", 8)) as catalogue:
        catalogue.add(pictures, make_vectors(len(pictures)))
        for count in range(len(LIFTED) + 1):
            for include in itertools.combinations(LIFTED, count):
                rights = Rights(include, place, NOON)
                allowed = [picture.key for picture in pictures if rights.allows(picture)]
                where = rights.condition(catalogue.columns())
                assert keys_of(catalogue.sample(999, where)) == allowed
                if not place and count == len(LIFTED):
                    assert where == ""


def test_a_catalogue_without_rights_needs_no_condition(catalogue):
    catalogue.add(make_pictures(3), make_vectors(3))
    assert Rights(territory="DE").condition(catalogue.columns()) == ""
    catalogue.update([replace(make_pictures(1)[0], expiry="2020")])
    assert "expiry" in Rights().condition(catalogue.columns())


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        ({"include": ["expird"]}, "include is 'expird'"),
        ({"today": "tomorrow"}, "write YYYY-MM-DD"),
        ({"today": "2026"}, "write YYYY-MM-DD"),
        ({"territory": "a\0b"}, "territory"),
        ({"territory": "\ud800"}, "territory"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong, answer):
    with pytest.raises(BadInput, match=answer):
        Rights(**wrong)


def change(desk: Desk, number: int, **fields) -> Picture:
    """Changes a picture of the catalogue."""
    picture = replace(desk.catalogue.page(limit=number + 1)[number], **fields)
    desk.catalogue.change(Changes(updated=[picture]))
    return picture


def test_what_may_not_run_is_not_suggested_and_k_others_are(quick_desk: Path):
    by_score = {"diversity": 0.0, "duplicates": True}  # so that the others keep their order
    with Desk(quick_desk) as desk:
        first = desk.suggest("a red circle", k=3, today=NOON, **by_score)
        best = first[0].picture
        desk.catalogue.update([replace(best, expiry="2026-11-25")])
        found = desk.suggest("a red circle", k=3, today=NOON, **by_score)
        assert len(found) == 3
        assert best.key not in [one.picture.key for one in found]
        assert [one.picture.key for one in found[:2]] == [one.picture.key for one in first[1:]]
        again = desk.suggest("a red circle", k=3, today=NOON, include=["expired"], **by_score)
        assert [one.picture.key for one in again] == [one.picture.key for one in first]
        assert [one.found for one in again] == [one.found for one in first]
        kept = desk.suggest("a red circle", k=3, today="2026-11-25T23:00", **by_score)
        assert kept[0].picture.key == best.key
        for one, was in zip(found[:2], first[1:], strict=True):
            assert one.found == pytest.approx(was.found)  # a filter raises no chance


def test_evidence_of_what_may_not_run_is_marked(quick_desk: Path):
    with Desk(quick_desk) as desk:
        first = desk.suggest("a red circle", k=5, today=NOON)
        shown = [evidence for one in first for evidence in one.evidence]
        assert shown
        assert all(evidence.available and evidence.id for evidence in shown)
        gone = shown[0].picture.key
        (now,) = desk.catalogue.find([gone]).values()
        desk.catalogue.update([replace(now, missing=True)])
        marked = desk.suggest("a red circle", k=5, today=NOON)
        keys = {
            (evidence.picture.key, evidence.available)
            for one in marked
            for evidence in one.evidence
        }
        assert all(available is (key != gone) for key, available in keys)
        lifted = desk.suggest("a red circle", k=5, today=NOON, include=["missing"])
        assert all(evidence.available for one in lifted for evidence in one.evidence)


def test_a_place_and_a_condition_are_both_kept(quick_desk: Path):
    with Desk(quick_desk) as desk:
        picture = change(desk, 0, territory=("US",))
        other = change(desk, 1, territory=("de",))
        where = f"key IN ('{picture.key}', '{other.key}')"
        assert len(desk.suggest("a red circle", where=where)) == 2
        (found,) = desk.suggest("a red circle", where=where, territory="DE")
        assert found.picture == other
        with pytest.raises(BadInput, match="brackets"):
            desk.suggest("a red circle", where="1) OR (1", territory="DE")
