"""Editors' choices in a desk: known at once, learned from by the next fit, carried to every fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from picturedesk.desk import Desk
from picturedesk.desk.choosing import text_id
from picturedesk.desk.folder import KEPT, DeskFolder
from picturedesk.errors import BadInput
from picturedesk.store.choices import ChoiceLog
from picturedesk.types import Choice, Picture
from shapes import draw

TEXT = "A red circle by the river."
MORNING = "2026-11-26T09:00:00+00:00"


def ranks_of(desk: Desk, key: str, route: str = "transfer") -> int:
    found = desk.suggest(TEXT, k=1000, route=route)
    return next(one.rank for one in found if one.picture.key == key)


def last_of(desk: Desk) -> Picture:
    return desk.suggest(TEXT, k=1000, route="transfer")[-1].picture


def test_a_choice_counts_at_the_next_query_and_no_more_once_it_is_taken_back(own_desk: Path):
    with Desk(own_desk) as desk, Desk(own_desk) as other:
        picture = last_of(desk)
        before = ranks_of(desk, picture.key)
        choice = desk.choose(TEXT, picture, who="Ann", time=MORNING)
        assert choice == Choice(TEXT, picture.key, (), MORNING, "Ann", 1)
        assert ranks_of(desk, picture.key) < before / 2
        assert ranks_of(other, picture.key) == ranks_of(desk, picture.key)
        assert desk.undo_choice(1).undone
        assert ranks_of(desk, picture.key) == before
        assert ranks_of(other, picture.key) == before
        assert desk.choices() == [desk.undo_choice(1)]


def test_pictures_are_named_by_key_path_or_record(quick_desk: Path):
    with Desk(quick_desk) as desk:
        found = desk.suggest(TEXT, k=3)
        one, two, three = (suggestion.picture for suggestion in found)
        assert desk.choose(TEXT, one.key, [two.uri, found[2]]).rejected == (two.key, three.key)
        assert desk.choose(TEXT, Path(one.uri)).picture == one.key
        assert desk.choose(TEXT, found[0]).number == 3
        with pytest.raises(BadInput, match=r"nothing\.png is not in the catalogue"):
            desk.choose(TEXT, "nothing.png")
        with pytest.raises(BadInput, match="text"):
            desk.choose("  ", one.key)
        assert len(desk.choices()) == 3
        assert [choice.number for choice in desk.choices(after=1, limit=1)] == [2]


def test_the_catalogue_knows_how_often_a_picture_ran_and_when(quick_desk: Path):
    with Desk(quick_desk) as desk:
        picture = last_of(desk)

        def use() -> tuple[int, str]:
            known = desk.catalogue.find([picture.key])[picture.key]
            return known.uses, known.last_used

        before = use()
        desk.choose(TEXT, picture, time=MORNING)
        desk.choose("violet stripes", picture, time="2026-11-27T09:00:00+00:00")
        assert use() == (before[0] + 2, "2026-11-27T09:00:00+00:00")
        desk.undo_choice(2)
        assert use() == (before[0] + 1, MORNING)
        desk.undo_choice(1)
        assert use() == before


def test_a_choice_that_a_kill_left_in_the_log_alone_is_followed_later(quick_desk: Path):
    with Desk(quick_desk) as desk:
        picture, *_, last = (one.picture for one in desk.suggest(TEXT, k=1000, route="transfer"))
        with ChoiceLog.open(desk.folder.choices) as log:
            lost = log.add(Choice(TEXT, last.key, (), MORNING))
        assert desk.memory.text_rows([text_id(lost)]).tolist() == [-1]
        desk.choose("violet stripes", picture)
        desk.memory.refresh()
        assert desk.memory.text_rows([text_id(lost)]).tolist() != [-1]


def test_a_fit_learns_from_choices_and_is_a_version_that_one_can_leave(own_desk: Path):
    with Desk(own_desk) as desk:
        first, *others = desk.versions()
        assert (others, first.current, first.choices) == ([], True, 0)
        chosen = last_of(desk)
        draw("red", "circle", seed=999).save(own_desk / "new.png")
        desk.add(own_desk / "new.png")
        desk.choose(TEXT, chosen, [desk.suggest(TEXT)[0]], time=MORNING)
        undone = desk.choose("violet stripes", chosen, time=MORNING)
        desk.undo_choice(undone.number)
        report = desk.refit()
        assert report.texts["train"] > first.texts / 2
    with Desk(own_desk) as desk:
        before, now = desk.versions()
        assert (now.number, now.current, now.choices, now.texts) == (2, True, 1, first.texts + 1)
        assert before.current is False
        assert ranks_of(desk, chosen.key) < 60  # of 190; it was the last one
        later = desk.choose("violet stripes near the old town", chosen)
        count = desk.catalogue.count()
        assert desk.rollback().number == 1
        assert desk.folder.is_current(desk.fitted) is False
    with Desk(own_desk) as desk:
        assert [version.current for version in desk.versions()] == [True, False]
        assert desk.catalogue.count() == count
        assert desk.catalogue.find([chosen.key])[chosen.key].uses >= 2
        assert desk.memory.text_rows([text_id(later), text_id(undone)]).tolist()[0] >= 0
        assert ranks_of(desk, chosen.key) < len(desk.suggest(TEXT, k=1000)) / 2
        with pytest.raises(BadInput, match="keeps no version before 1"):
            desk.rollback()
        with pytest.raises(BadInput, match="has no version 7: it keeps 1, 2"):
            desk.rollback(7)
        with pytest.raises(BadInput, match="is the current one"):
            desk.rollback(1)
        assert desk.rollback(2).number == 2


def test_old_fits_are_removed_but_never_the_one_before(tmp_path: Path):
    folder = DeskFolder(tmp_path / "desk")
    reads = {"backbone": "tiny"}
    for number in range(1, KEPT + 3):
        before = folder.begin(reads)
        with folder.new_fit() as made:
            folder.make_current(made, before, reads)
        names = [fitted.root.name for fitted in folder.all_fits()]
        assert names == [f"{kept:04d}" for kept in range(max(1, number - KEPT + 1), number + 1)]
    oldest = folder.all_fits()[0]
    folder.go_back(oldest)
    before = folder.begin(reads)
    with folder.new_fit() as made:
        folder.make_current(made, before, reads)
    names = [fitted.root.name for fitted in folder.all_fits()]
    assert oldest.root.name in names  # desks may be open on it
    assert len(names) == KEPT + 1
