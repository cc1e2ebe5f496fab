"""Several ``picturedesk serve``, each with its copy of a desk, on one Milvus server.

Runs by ``make test-milvus`` only: milvus-lite lets one process at a time open its file.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from catalogues import next_on_milvus
from picturedesk import Desk
from picturedesk.client import Client
from picturedesk.store.catalogue.remote.address import Address
from servers import serving
from shapes import draw

TEXT = "a red circle by the river"


@pytest.fixture
def clients(
    quick_desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Client, ...]]:
    """Of three machines: a folder and a cache each."""
    there = next_on_milvus()
    if Address.of(there).is_file:
        pytest.skip("milvus-lite lets one process open its file: make test-milvus runs this")
    with Desk(quick_desk) as desk:
        desk.migrate(there)
    with ExitStack() as stack:
        opened = []
        for name in ("one", "two", "three"):
            home = shutil.copytree(quick_desk, tmp_path / name / "desk")
            monkeypatch.setenv("PICTUREDESK_CACHE", str(tmp_path / name / "cache"))
            opened.append(stack.enter_context(Client(stack.enter_context(serving(home)))))
        yield tuple(opened)


def shown(client: Client) -> list[str]:
    return [one.picture.key for one in client.suggest(TEXT)]


def test_what_one_server_changes_the_others_answer_with(clients, tmp_path):
    one, two, three = clients
    first = shown(one)
    assert first == shown(two) == shown(three)
    assert two.remove([first[0]]) == 1
    assert all(first[0] not in shown(client) for client in clients)
    one.edit([first[1]], {"caption": "Elbe at dusk"})
    assert three.picture(first[1]).caption == "Elbe at dusk"
    photo = tmp_path / "photo.png"
    draw("red", "circle", seed=4711).save(photo)
    (added,) = three.upload([photo]).pictures
    assert one.picture(added.key).key == two.picture(added.key).key == added.key
    assert one.desk()["pictures"] == two.desk()["pictures"] == three.desk()["pictures"]


def test_what_was_removed_is_never_answered_again_while_all_are_asked(clients):
    keys = [picture.key for picture in clients[0].all_pictures()][:12]
    gone: set[str] = set()
    wrong: list[str] = []
    failed: list[BaseException] = []
    done = threading.Event()

    def ask(client: Client) -> None:
        try:
            while not done.is_set():
                before = set(gone)
                wrong.extend(before & set(shown(client)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    try:
        for number, key in enumerate(keys):
            assert clients[number % 3].remove([key]) == 1
            gone.add(key)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert not wrong
    assert {picture.key for picture in clients[1].all_pictures()}.isdisjoint(gone)
