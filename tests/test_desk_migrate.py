"""A desk's catalogue moves to Milvus and back; what users did, answers and later fits stay."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalogues import next_on_milvus
from picturedesk import Desk
from picturedesk.cli.app import app
from picturedesk.desk import migrating
from picturedesk.errors import BadInput, PicturedeskError
from picturedesk.store.catalogue import open_catalogue
from test_json_schemas import validate


def answers(desk: Desk) -> object:
    found = desk.suggest("a red circle by the river", 12)
    return [(one.picture, one.score, one.found, one.evidence) for one in found], found.doubt


def records(desk: Desk) -> object:
    catalogue = desk.catalogue
    count = catalogue.count()
    marks = (catalogue.added(limit=count), catalogue.named(), catalogue.kept_out())
    return catalogue.page(limit=count), marks


def test_a_catalogue_moves_to_milvus_and_back(own_desk: Path):
    there = next_on_milvus()
    with Desk(own_desk) as desk:
        keys = desk.catalogue.keys()
        desk.edit(keys[3], {"caption": "fog", "price": 3})
        desk.remove(keys[5])
        before, listed = answers(desk), records(desk)
        found = desk.migrate(there)
        fit = desk.fitted.root.name
        assert found == migrating.Migration(
            str(desk.fitted.catalogue), f"{there}_{fit}", len(keys) - 1, len(keys) - 1, 0, 0
        )
        # An open desk answers from the old place, and changes the new one.
        assert answers(desk) == before
        desk.edit(keys[7], {"credit": "Ann"})
        assert desk.catalogue.find([keys[7]])[keys[7]].credit != "Ann"
    with Desk(own_desk) as desk:
        assert desk.fitted.catalogue == f"{there}_{fit}"
        assert desk.catalogue.find([keys[7]])[keys[7]].credit == "Ann"
        desk.edit(keys[7], {"credit": None})
        assert [one[1:3] for one in answers(desk)[0]] == [one[1:3] for one in before[0]]
        desk.choose("a blue square", keys[1])
        desk.undo_choice(1)
        desk.remove(keys[9])
        with pytest.raises(BadInput, match=r"is at .* already"):
            desk.migrate(there)
        back = desk.migrate("sqlite")
        assert (back.pictures, back.removed) == (len(keys) - 2, 1)
        assert back.copied < 5
    with Desk(own_desk) as desk:
        assert desk.fitted.catalogue == desk.fitted.catalogue_file
        assert records(desk)[1][2] == {keys[5], keys[9]}
        assert records(desk)[0] != listed[0]


def test_a_migration_that_is_stopped_goes_on(own_desk: Path, monkeypatch):
    there = next_on_milvus()
    monkeypatch.setattr(migrating, "_PAGE", 20)

    class Killed(BaseException):
        pass

    def stopping(done: int, total: int, what: str) -> None:
        if done >= 100:
            raise Killed

    with Desk(own_desk) as desk:
        total = desk.catalogue.count()
        with pytest.raises(Killed):
            desk.migrate(there, stopping)
        assert Desk(own_desk).fitted.catalogue == desk.fitted.catalogue
        desk.remove(desk.catalogue.keys()[2])
        desk.edit(desk.catalogue.keys()[4], {"caption": "mist"})
        found = desk.migrate(there)
        assert found.pictures == total - 1
        assert 60 <= found.kept <= 100
        listed = records(desk)
    with Desk(own_desk) as desk:
        assert desk.fitted.at
        assert records(desk) == listed


def test_a_migration_to_where_other_pictures_are_is_refused(own_desk: Path):
    there = next_on_milvus()
    with Desk(own_desk) as desk:
        owner = (desk.blend.fingerprint, desk.blend.layout.width)
        name = f"{there}_{desk.fitted.root.name}"
        with closing(open_catalogue(name, *owner)) as other:
            one = desk.catalogue.sample(1)
            other.add(one.pictures, one.vectors)
        with pytest.raises(BadInput, match="has 1 pictures: choose another name"):
            desk.migrate(there)
        for wrong in ("postgres://x", "", "milvus://", "milvus:///x"):
            with pytest.raises(BadInput):
                desk.migrate(wrong)


def test_places_that_differ_are_not_exchanged(own_desk: Path, monkeypatch):
    monkeypatch.setattr(migrating, "_copy", lambda *_: None)
    with Desk(own_desk) as desk:
        with pytest.raises(PicturedeskError, match="the number of pictures differ"):
            desk.migrate(next_on_milvus())
        assert Desk(own_desk).fitted.catalogue == desk.fitted.catalogue_file


def test_two_copies_of_a_desk_share_a_catalogue(own_desk: Path, tmp_path: Path):
    copy = Path(shutil.copytree(own_desk, tmp_path / "copy"))
    with Desk(own_desk) as desk:
        there = desk.migrate(next_on_milvus()).now
    with Desk(own_desk) as desk, Desk(copy, catalogue=there) as other:
        key = other.catalogue.keys()[0]
        other.edit(key, {"caption": "seen on both"})
        assert desk.catalogue.find([key])[key].caption == "seen on both"
        desk.remove(key)
        assert other.catalogue.find([key]) == {}
        assert answers(desk) == answers(other)
    with Desk(copy) as alone:
        assert alone.catalogue.find([key])[key].caption != "seen on both"


def test_a_later_fit_uses_the_same_engine_and_keeps_what_users_did(
    own_desk: Path, shapes_table: Path, tmp_path: Path
):
    with Desk(own_desk) as desk:
        there = next_on_milvus()
        desk.migrate(there)
    with Desk(own_desk) as desk:
        keys = desk.catalogue.keys()
        desk.remove(keys[0])
        desk.edit(keys[1], {"caption": "set by hand"})
        Desk.fit(shapes_table, own_desk)
    with Desk(own_desk) as desk:
        assert desk.fitted.at == f"{there}_0002"
        assert desk.catalogue.kept_out() == {keys[0]}
        assert desk.catalogue.find([keys[1]])[keys[1]].caption == "set by hand"
        desk.remove(keys[2])
        desk.rollback()
    with Desk(own_desk) as desk:
        assert desk.fitted.at == f"{there}_0001"
        assert desk.catalogue.find([keys[2]]) == {}


def test_the_verb_migrates_and_tells_it(own_desk: Path, capsys):
    there = next_on_milvus()

    def run(*given: str) -> str:
        done = CliRunner().invoke(app, ["migrate", *given, "--desk", str(own_desk), "--quiet"])
        assert done.exit_code == 0, done.output
        return done.output

    validate("migrate", json.loads(run(there, "--json")))
    assert "0 copied" in run("sqlite")
