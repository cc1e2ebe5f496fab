"""A server that is killed in the middle: what it acknowledged is there, what went stays away.

PICTUREDESK_KILLS sets how many times it is killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="a desk is served with the extra 'serve'")

from picturedesk.client import Client, Problem
from picturedesk.desk import Desk
from servers import address_of, end_jobs
from shapes import draw

KILLS = int(os.environ.get("PICTUREDESK_KILLS", "3"))
MOST = 400  # changes of one life
PATIENCE = 60.0  # seconds for a process to end
TEXT = "A red circle by the river."


@contextmanager
def living(desk: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of two workers in a process group of its own; killed at the end."""
    command = [sys.executable, "-m", "picturedesk", "serve", "--desk", str(desk), "--port", "0"]
    with (desk.parent / "server.log").open("a") as log:
        process = subprocess.Popen(
            [*command, "--rate", "inf", "--workers", "2"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        address = address_of(process)
        assert address
        yield process, address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)


class Writer(threading.Thread):
    """Changes the desk through the server until it is gone; notes what was acknowledged."""

    def __init__(self, address: str, photos: Path, life: int) -> None:
        super().__init__()
        self._address, self._photos, self._life = address, photos, life
        self.added: dict[str, str] = {}  # key → caption
        self.removed: set[str] = set()
        self.leaving = ""  # key of a picture whose removal was asked for
        self.chosen: dict[int, bool] = {}  # number → undone
        self.changes = threading.Semaphore(0)
        self.problem: Problem | None = None

    def run(self) -> None:
        with Client(self._address) as client:
            try:
                for number in range(MOST):
                    self._change(client, number)
                    self.changes.release()
            except Problem as problem:
                self.problem = problem
            finally:
                self.changes.release(MOST)

    def _change(self, client: Client, number: int) -> None:
        file = self._photos / f"{self._life}-{number}.png"
        draw("red", "circle", seed=1000 * self._life + number).save(file)
        (picture,) = client.upload([file]).pictures
        self.added[picture.key] = ""
        caption = f"caption {number}"
        client.edit([picture.key], {"caption": caption})
        self.added[picture.key] = caption
        choice = client.choose(f"{TEXT} {self._life} {number}.", picture.key)
        self.chosen[choice.number] = False
        if number % 3 == 1:
            client.undo_choice(choice.number)
            self.chosen[choice.number] = True
        if number % 3 == 2:
            self.leaving = picture.key
            del self.added[picture.key]
            client.remove([picture.key])
            self.removed.add(picture.key)


def test_nothing_that_a_killed_server_acknowledged_is_lost(quick_desk, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    moments = random.Random(0)
    added: dict[str, str] = {}
    chosen: dict[int, bool] = {}
    removed: set[str] = set()
    for life in range(KILLS):
        with living(quick_desk) as (process, address):
            writer = Writer(address, photos, life)
            writer.start()
            for _ in range(moments.randint(1, 4)):
                writer.changes.acquire(timeout=PATIENCE)
            writer.join(moments.uniform(0, 0.4))  # anywhere in the next change
            os.killpg(process.pid, signal.SIGKILL)
            writer.join(PATIENCE)
            assert not writer.is_alive()
            assert writer.problem is not None
            assert writer.problem.status == 0, writer.problem  # no answer: the server is gone
        assert writer.added or writer.leaving
        added |= writer.added
        chosen |= writer.chosen
        removed |= writer.removed
        with Desk(quick_desk) as desk:
            there = desk.catalogue.find([*added, *removed])
            log = {one.number: one for one in desk.choices(limit=2**40)}
        assert set(added) <= set(there)
        assert all(there[key].caption == told for key, told in added.items() if told)
        assert not removed & set(there)
        assert set(chosen) <= set(log)
        assert all(log[number].undone for number, undone in chosen.items() if undone)
    with living(quick_desk) as (_, address), Client(address) as client:
        shown = {one.picture.key for one in client.suggest(TEXT)}
        assert shown
        assert not shown & removed
        assert set(chosen) <= {one.number for one in client.choices(limit=1000)}
    end_jobs(quick_desk)
