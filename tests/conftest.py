"""What several test files share: one desk, fitted once, on a small archive that can be learned."""

from __future__ import annotations

import os

# Before NumPy and torch are loaded, for processes that tests start, too: workers of a run share few
# cores, and threads that wait for each other do so in a busy loop.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import Visit, chromium, new_window
from catalogues import ENGINES, D, forget_milvus
from once import QUICK, once, shared_folder
from picturedesk.types import Catalogue
from servers import serving
from shapes import write_archive

# Files that take long, longest first: they begin first, so that no worker is left alone with one.
LONG = (
    "test_desk.py",
    "test_page_looks.py",
    "test_cli_streams.py",
    "test_examples.py",
    "test_cli.py",
    "test_bad_input.py",
    "test_backbones_onnx.py",
    "test_torture.py",
    "test_server_hostile.py",
    "test_text_encoders.py",
    "test_json_schemas.py",
    "test_desk_killed.py",
    "test_page_picture.py",
    "test_page_catalogue.py",
    "test_page_story.py",
    "test_page_measures.py",
    "test_openclip.py",
    "test_e5.py",
    "test_desk_dual.py",
    "test_web_description.py",
    "test_web_opened.py",
    "test_reproduction_kept_rows.py",
    "test_text_ranking.py",
    "test_client.py",
    "test_web_jobs.py",
    "test_docs_server.py",
    "test_extraction_killed.py",
    "test_server_killed.py",
    "test_fit_killed.py",
)
_PLACES = {name: place for place, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of long files before the others, which keep their order."""
    items.sort(key=lambda item: _PLACES.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of this run, for subprocesses too: tests leave the user's alone.

    Settings of the user do not hold either.
    """
    folder = shared_folder(tmp_path_factory) / "shared-cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICTUREDESK_CACHE", str(folder))
        patch.setenv("PICTUREDESK_CONFIG", "off")
        for name in ("PICTUREDESK_DESK", "FORCE_COLOR", "NO_COLOR"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="session")
def shapes_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``archive.csv`` with 192 pictures beside it; tests only read them."""
    return once(tmp_path_factory, "archive", write_archive) / "archive.csv"


@pytest.fixture(scope="session")
def fitted_desk(shapes_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that tests only read."""
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    from picturedesk.desk import Desk

    def fit(home: Path) -> None:
        Desk.fit(shapes_table, home / "desk").close()

    return own(once(tmp_path_factory, "fitted", fit), tmp_path_factory)


@pytest.fixture(scope="session")
def read_desk(fitted_desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a fit of the archive leaves that is killed before it learns: network and features."""
    folder = tmp_path_factory.mktemp("read") / "desk"
    names = ("backbone", "features.db")
    folder.mkdir()
    for path in fitted_desk.iterdir():
        if path.name in names:
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, folder / path.name)
    return folder


@pytest.fixture(scope="session")
def quick_fit(
    shapes_table: Path, read_desk: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A desk without sentence encoders that tests only read: another fit of it takes seconds."""
    from picturedesk.desk import Desk

    def fit(home: Path) -> None:
        shutil.copytree(read_desk, home / "desk")
        Desk.fit(shapes_table, home / "desk", QUICK).close()

    return own(once(tmp_path_factory, "quick", fit), tmp_path_factory)


@pytest.fixture(scope="session")
def paper_desk(shapes_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of the paper's recipe that tests only read."""
    pytest.importorskip("timm", reason="fitting needs the extra 'train'")
    from picturedesk.desk import Desk, DeskConfig

    def fit(home: Path) -> None:
        Desk.fit(shapes_table, home / "desk", DeskConfig.of("paper")).close()

    return own(once(tmp_path_factory, "paper", fit), tmp_path_factory)


def own(home: Path, factory: pytest.TempPathFactory) -> Path:
    """This worker's copy of a desk that was made once."""
    return Path(shutil.copytree(home / "desk", factory.mktemp(home.name) / "desk"))


@pytest.fixture
def own_desk(fitted_desk: Path, tmp_path: Path) -> Path:
    """A copy of the fitted desk that a test may change."""
    return Path(shutil.copytree(fitted_desk, tmp_path / "desk"))


@pytest.fixture
def quick_desk(quick_fit: Path, tmp_path: Path) -> Path:
    """A copy of the desk without sentence encoders that a test may change, and fit again."""
    return Path(shutil.copytree(quick_fit, tmp_path / "desk"))


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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of catalogues run with every engine, but those that their module leaves out."""
    if "new_catalogue" in metafunc.fixturenames:
        left_out = getattr(metafunc.module, "LEFT_OUT", ())
        engines = [engine for engine in ENGINES if engine not in left_out]
        metafunc.parametrize("new_catalogue", engines, indirect=True)


@pytest.fixture
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
