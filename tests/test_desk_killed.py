"""A desk whose writer is killed: what was acknowledged is there, what was removed stays away.

As a program, this file is the writer: it adds, removes, edits, syncs, chooses, takes back and goes
back to an older fit, and says what it did after each. PICTUREDESK_KILLS sets how many times it is
killed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

from picturedesk.desk import Desk
from picturedesk.desk.choosing import text_id
from picturedesk.types import Picture
from shapes import draw

KILLS = int(os.environ.get("PICTUREDESK_KILLS", "6"))
KINDS = ("add", "edit", "choose", "undo", "remove", "sync", "rollback")
TEXT = "A red circle by the river."


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def change(desk: Desk, photos: Path, number: int) -> dict[str, Any]:
    """One change; returns what must be true from now on."""
    kind = KINDS[number % len(KINDS)]
    own = photos / f"{number // len(KINDS)}.png"
    if kind == "add":
        draw("red", "circle", seed=5000 + number).save(own)
        desk.add(own)
    elif kind == "edit":
        desk.add([Picture(str(own), caption=f"caption {number}")])
        return {"kind": kind, "uri": str(own), "caption": f"caption {number}"}
    elif kind == "choose":
        choice = desk.choose(f"{TEXT} Number {number}.", own)
        return {"kind": kind, "number": choice.number, "key": choice.picture}
    elif kind == "undo":
        desk.undo_choice(desk.choices(limit=2**40)[-1].number)
    elif kind == "remove":
        desk.remove(str(own))
        return {"kind": kind, "uri": str(own)}
    elif kind == "sync":
        desk.sync(photos)
    else:
        versions = desk.versions()
        other = next(one.number for one in versions if not one.current)
        desk.rollback(other)
        return {"kind": kind, "number": other}
    return {"kind": kind, "uri": str(own)}


def write(path: Path, photos: Path, start: int) -> None:
    """Changes the desk again and again."""
    for number in count(start):
        with Desk(path) as desk:
            say({"change": number, **change(desk, photos, number)})


def killed(path: Path, photos: Path, start: int, acknowledged: int, pause: float) -> list[Any]:
    """Kills a writer some time after its changes were acknowledged; returns what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, __file__, str(path), str(photos), str(start)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(acknowledged)]
        time.sleep(pause)  # anywhere in the next change; whatever it was, all must hold
        process.kill()
        said += process.stdout.readlines()
    return [json.loads(one) for one in said if one.endswith("\n")]


def check(path: Path, facts: list[dict[str, Any]]) -> None:
    """Fails unless all that was acknowledged last of each thing is true."""
    with Desk(path) as desk:
        pictures = {one.uri: one for one in desk.list(k=100_000)}
        for fact in facts:
            later = [one for one in facts if one["change"] > fact["change"]]
            if fact["kind"] == "edit" and not any(one["kind"] == "remove" for one in later):
                assert pictures[fact["uri"]].caption == fact["caption"]
            if fact["kind"] == "remove":
                assert fact["uri"] not in pictures
        numbers = [fact["number"] for fact in facts if fact["kind"] == "choose"]
        choices = {one.number: one for one in desk.choices(limit=2**40)}
        assert set(numbers) <= set(choices)
        found = desk.suggest(TEXT, k=1000, duplicates=True, fatigue=0.0, include=["missing"])
        assert len(found) == desk.catalogue.count()
        shown = {one.picture.uri for one in found}
        assert not {fact["uri"] for fact in facts if fact["kind"] == "remove"} & shown
        desk.choose(f"{TEXT} At last.", found[0])  # the memory follows all of the log
        desk.memory.refresh()
        valid = [one for one in desk.choices(limit=2**40) if not one.undone]
        rows = desk.memory.text_rows([text_id(one) for one in valid])
        assert (rows >= 0).all()


def test_nothing_acknowledged_is_lost_and_nothing_removed_comes_back(quick_desk, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    with Desk(quick_desk) as desk:
        desk.refit()  # a second version to go back to and forth
    moments, start, facts = random.Random(0), 0, []
    for _ in range(KILLS):
        said = killed(quick_desk, photos, start, moments.randint(1, 4), moments.uniform(0, 1.5))
        facts += said
        check(quick_desk, facts)
        # Begin anew with pictures that no killed change has touched.
        start = (max(one["change"] for one in said) // len(KINDS) + 2) * len(KINDS)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
