"""The open desk of a server: swaps while it is used, closes when its last user has ended."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from picturedesk.desk import Desk
from picturedesk.errors import Closed, MissingArtefact
from picturedesk.web.opened import OpenDesk

TEXT = "a red circle by the river"


@pytest.fixture(scope="module")
def two_fits(fitted_desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with two versions, of which the second is current."""
    path = Path(shutil.copytree(fitted_desk, tmp_path_factory.mktemp("two") / "desk"))
    with Desk(path) as desk:
        desk.refit()
    return path


@pytest.fixture
def path(two_fits: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_fits, tmp_path / "desk"))


def fit_of(opened: OpenDesk) -> str:
    with opened.using() as desk:
        assert len(desk.suggest(TEXT)) == 10
        return desk.fitted.root.name


def go_back(path: Path, number: int) -> None:
    with Desk(path) as desk:
        desk.rollback(number)


def test_another_fit_answers_after_a_refresh(path: Path):
    opened = OpenDesk(path)
    assert fit_of(opened) == "0002"
    go_back(path, 1)
    opened.refresh()
    assert fit_of(opened) == "0001"
    opened.close()


def test_a_request_keeps_the_desk_that_it_began_with(path: Path):
    opened = OpenDesk(path)
    with opened.using() as old:
        go_back(path, 1)
        opened.refresh()
        assert fit_of(opened) == "0001"
        assert len(old.suggest(TEXT)) == 10
        assert old.fitted.root.name == "0002"
    with pytest.raises(Closed):
        old.suggest(TEXT)
    opened.close()


def test_a_request_notices_another_fit_and_does_not_wait_for_it(path: Path):
    opened = OpenDesk(path)
    go_back(path, 1)
    with opened.using() as desk:
        assert desk.fitted.root.name == "0002"
    for thread in threading.enumerate():
        if thread.name == "another fit":
            thread.join(60)
    assert fit_of(opened) == "0001"
    opened.close()


def test_a_fit_that_cannot_be_opened_changes_nothing(path: Path):
    opened = OpenDesk(path)
    go_back(path, 1)
    shutil.rmtree(path / "fits" / "0001" / "matcher")
    opened.refresh()
    assert fit_of(opened) == "0002"
    go_back(path, 2)
    opened.refresh()
    assert fit_of(opened) == "0002"
    opened.close()


def test_close_waits_for_nobody_and_breaks_nobody(path: Path):
    opened = OpenDesk(path)
    with opened.using() as desk:
        opened.close()
        assert len(desk.suggest(TEXT)) == 10
        with pytest.raises(Closed), opened.using():
            pass
    with pytest.raises(Closed):
        desk.suggest(TEXT)


def test_many_threads_ask_while_fits_change(path: Path):
    opened = OpenDesk(path)
    ends = threading.Event()
    faults: list[Exception] = []

    def ask() -> None:
        try:
            while not ends.is_set():
                fit_of(opened)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in (1, 2, 1, 2):
        go_back(path, number)
        opened.refresh()
    ends.set()
    for thread in threads:
        thread.join(60)
    assert faults == []
    opened.close()


def test_a_folder_that_is_no_desk_is_refused(tmp_path: Path):
    with pytest.raises(MissingArtefact, match="is not a desk"):
        OpenDesk(tmp_path)
