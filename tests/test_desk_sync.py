"""A folder and the catalogue, in line again after any change of files."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from once import QUICK
from picturedesk.desk import Desk
from picturedesk.errors import BadInput
from picturedesk.types import Picture
from test_desk_catalogue import at, desk, drawn, photos, suggested  # noqa: F401 - fixtures


def told(done) -> dict[str, int]:
    """What was not nothing."""
    names = ("new", "changed", "moved", "back", "vanished", "unchanged", "kept_out", "read")
    return {name: getattr(done, name) for name in names if getattr(done, name)}


def test_a_new_folder_is_added_and_then_unchanged(desk, photos):  # noqa: F811
    (photos / "torn.jpg").write_bytes(b"no picture")
    before = desk.catalogue.count()
    done = desk.sync(photos)
    assert told(done) == {"new": 4, "read": 4}
    assert done.catalogue == before + 4
    assert [Path(one.source).name for one in done.rejections] == ["torn.jpg"]
    assert told(desk.sync(photos)) == {"unchanged": 4}
    assert {"a.png", "d.png"} <= suggested(desk)


def test_moved_and_renamed_files_are_known_by_their_bytes(desk, photos):  # noqa: F811
    desk.sync(photos)
    desk.add([Picture(str(photos / "a.png"), caption="A boat")])
    key = at(desk, photos / "a.png").key
    (photos / "a.png").rename(photos / "sub" / "renamed.png")
    assert told(desk.sync(photos)) == {"moved": 1, "unchanged": 3}
    picture = at(desk, photos / "sub" / "renamed.png")
    assert (picture.key, picture.caption, picture.names) == (key, "A boat", ())


def test_vanished_files_are_missing_until_they_are_back(desk, photos, tmp_path):  # noqa: F811
    desk.sync(photos)
    shutil.move(photos / "a.png", tmp_path / "elsewhere.png")
    assert told(desk.sync(photos)) == {"vanished": 1, "unchanged": 3}
    assert at(desk, photos / "a.png").missing
    assert "a.png" not in suggested(desk)
    found = desk.suggest("a red circle", k=1000, include=["missing"], duplicates=True)
    assert "a.png" in {Path(one.picture.uri).name for one in found}
    assert told(desk.sync(photos)) == {"unchanged": 4}
    shutil.move(tmp_path / "elsewhere.png", photos / "a.png")
    assert told(desk.sync(photos)) == {"back": 1, "unchanged": 3}
    assert not at(desk, photos / "a.png").missing
    assert "a.png" in suggested(desk)


def test_prune_removes_and_what_was_pruned_may_come_back(desk, photos, tmp_path):  # noqa: F811
    desk.sync(photos)
    before = desk.catalogue.count()
    shutil.move(photos / "a.png", tmp_path / "elsewhere.png")
    done = desk.sync(photos, prune=True)
    assert told(done) == {"vanished": 1, "unchanged": 3}
    assert done.catalogue == before - 1
    shutil.move(tmp_path / "elsewhere.png", photos / "a.png")
    assert told(desk.sync(photos)) == {"new": 1, "unchanged": 3}


def test_a_changed_file_keeps_the_metadata_of_the_picture_before(desk, photos):  # noqa: F811
    desk.sync(photos)
    desk.add([Picture(str(photos / "a.png"), caption="A boat", columns={"Ort": "Ulm"})])
    old = at(desk, photos / "a.png")
    drawn(photos / "a.png", 9950, "blue")
    os.utime(photos / "a.png", ns=(1, 1))
    done = desk.sync(photos)
    assert told(done) == {"changed": 1, "unchanged": 3, "read": 1}
    new = at(desk, photos / "a.png")
    assert new == replace(old, key=new.key)
    assert new.key != old.key
    assert desk.catalogue.find([old.key]) == {}
    assert desk.catalogue.named()[new.key] == {"caption", "ort"}


def test_the_same_bytes_twice_are_one_picture_with_both_names(desk, photos):  # noqa: F811
    shutil.copy(photos / "a.png", photos / "z.png")
    assert told(desk.sync(photos)) == {"new": 4, "read": 4}
    both = (str(photos / "a.png"), str(photos / "z.png"))
    assert at(desk, photos / "z.png").names == both
    (photos / "a.png").unlink()
    assert told(desk.sync(photos)) == {"moved": 1, "unchanged": 3}
    picture = at(desk, photos / "z.png")
    assert (picture.uri, picture.names) == (both[1], ())
    shutil.copy(photos / "z.png", photos / "y.png")
    assert told(desk.sync(photos)) == {"moved": 1, "unchanged": 3}
    assert at(desk, photos / "y.png").names == (both[1], str(photos / "y.png"))


def test_two_files_that_change_places_change_only_their_names(desk, photos):  # noqa: F811
    desk.sync(photos)
    a, b = at(desk, photos / "a.png").key, at(desk, photos / "b.png").key
    (photos / "a.png").rename(photos / "x")
    (photos / "b.png").rename(photos / "a.png")
    (photos / "x").rename(photos / "b.png")
    assert told(desk.sync(photos)) == {"moved": 2, "unchanged": 2}
    assert (at(desk, photos / "a.png").key, at(desk, photos / "b.png").key) == (b, a)


def test_pictures_elsewhere_are_left_alone(desk, photos, tmp_path):  # noqa: F811
    other = drawn(tmp_path / "photos-too" / "other.png", 9960)
    desk.add(other)
    shutil.copy(other, photos / "twin.png")
    assert told(desk.sync(photos)) == {"new": 4, "moved": 1, "read": 4}
    assert at(desk, other).names == (str(other), str(photos / "twin.png"))
    (photos / "twin.png").unlink()
    other.unlink()
    (photos / "a.png").unlink()
    assert told(desk.sync(photos)) == {"vanished": 2, "unchanged": 3}
    assert told(desk.sync(photos / "sub")) == {"unchanged": 2}


def test_removed_pictures_stay_out_of_a_sync_and_come_back_by_add(desk, photos):  # noqa: F811
    desk.sync(photos)
    desk.remove(str(photos / "a.png"))
    assert told(desk.sync(photos)) == {"unchanged": 3, "kept_out": 1}
    desk.add(photos / "a.png")
    assert told(desk.sync(photos)) == {"unchanged": 4}


def test_an_empty_folder_is_not_pruned(desk, photos):  # noqa: F811
    desk.sync(photos)
    before = desk.catalogue.count()
    shutil.rmtree(photos)
    photos.mkdir()
    with pytest.raises(BadInput, match="is it mounted"):
        desk.sync(photos, prune=True)
    assert told(desk.sync(photos)) == {"vanished": 4}
    assert desk.catalogue.count() == before
    with pytest.raises(BadInput, match="does not exist"):
        desk.sync(photos / "nowhere")
    with pytest.raises(BadInput, match="is a file"):
        desk.sync(drawn(photos / "one.png", 9970))


def test_an_open_desk_syncs_the_fit_that_is_current_now(quick_desk, shapes_table, photos):  # noqa: F811
    with Desk(quick_desk) as before:
        Desk.fit(shapes_table, quick_desk, QUICK).close()
        assert told(before.sync(photos)) == {"new": 4, "read": 4}
    with Desk(quick_desk) as now:
        assert {"a.png", "d.png"} <= suggested(now)
