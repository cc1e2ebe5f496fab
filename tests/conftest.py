"""What several test files share: one desk, fitted once, on a small archive that can be learned."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import Visit, chromium, new_window
from catalogues import ENGINES, D, forget_milvus
from picturedesk.types import Catalogue
from servers import serving
from shapes import write_archive

# Files of few tests that take long: they begin first, so that no worker is left alone with one.
LONG = (
    "test_server_killed.py",
    "test_desk_killed.py",
    "test_web_jobs.py",
    "test_web_description.py",
    "test_docs_server.py",
    "test_web_opened.py",
    "test_fit_killed.py",
    "test_examples.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of long files before the others, which keep their order."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this session, for subprocesses too: tests leave the user's alone.

    Settings of the user do not hold either.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICTUREDESK_CACHE", str(folder))
        patch.setenv("PICTUREDESK_CONFIG", "off")
        for name in ("PICTUREDESK_DESK", "FORCE_COLOR", "NO_COLOR"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="session")
def shapes_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``archive.csv`` with 192 pictures beside it."""
    return write_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def fitted_desk(shapes_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that tests only read."""
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    from picturedesk.desk import Desk

    path = tmp_path_factory.mktemp("fitted") / "desk"
    Desk.fit(shapes_table, path)
    return path


@pytest.fixture(scope="session")
def paper_desk(shapes_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of the paper's recipe that tests only read."""
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    from picturedesk.desk import Desk, DeskConfig

    path = tmp_path_factory.mktemp("paper") / "desk"
    Desk.fit(shapes_table, path, DeskConfig.of("paper"))
    return path


@pytest.fixture
def own_desk(fitted_desk: Path, tmp_path: Path) -> Path:
    """A copy of the fitted desk that a test may change."""
    return Path(shutil.copytree(fitted_desk, tmp_path / "desk"))


@pytest.fixture(scope="session")
def desk_address(fitted_desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on a desk that tests of the page change, each a little."""
    pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")
    desk = Path(shutil.copytree(fitted_desk, tmp_path_factory.mktemp("served") / "desk"))
    with serving(desk) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for the tests of one file."""
    pytest.importorskip("playwright", reason="tests of the page need the extra 'dev'")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """A window of the browser for the tests of one file; it keeps the page's own files."""
    opened = new_window(browser)
    yield opened
    opened.close()


@pytest.fixture
def visit(window: Any, desk_address: str) -> Iterator[Visit]:
    """A visitor of the page, in a tab of its own."""
    visitor = Visit(window, desk_address)
    yield visitor
    visitor.close()


@pytest.fixture(autouse=True)
def used_milvus() -> Iterator[None]:
    """Leaves no catalogue on a server."""
    yield
    forget_milvus()


@pytest.fixture(params=ENGINES)
def new_catalogue(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Catalogue]]:
    """Makes empty catalogues, each by itself, of every engine; closes them."""
    opened: list[Catalogue] = []

    def make(fingerprint: str = "m1", width: int = D) -> Catalogue:
        opened.append(ENGINES[request.param](tmp_path / f"{len(opened)}", fingerprint, width))
        return opened[-1]

    yield make
    for catalogue in opened:
        catalogue.close()


@pytest.fixture
def catalogue(new_catalogue: Callable[..., Catalogue]) -> Catalogue:
    """An empty catalogue for vectors (D,) with the fingerprint m1."""
    return new_catalogue()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter, which pytest's are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)
