"""Processes that are killed while they move a catalogue, and what is there afterwards.

``PICTUREDESK_MOMENTS=100`` kills at so many moments, spread over the whole migration.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from picturedesk import Desk
from picturedesk.store.catalogue import open_catalogue

pytest.importorskip("milvus_lite", reason="catalogues on Milvus need the extra 'milvus'")

MOMENTS = int(os.environ.get("PICTUREDESK_MOMENTS", "3"))
# Counts the lines of the migration, and kills its process at one of them; 0 counts only.
MIGRATES = """
import os, signal, sys
from picturedesk import Desk
from picturedesk.desk import migrating

home, there, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
migrating._PAGE = 20
passed = 0

def trace(frame, event, _):
    global passed
    if frame.f_code.co_filename != migrating.__file__:
        return None
    if event == "line":
        passed += 1
        if passed == moment:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

with Desk(home) as desk:
    sys.settrace(trace)
    desk.migrate(there)
    sys.settrace(None)
print(passed)
"""


def migrate(home: Path, there: str, moment: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MIGRATES, str(home), there, str(moment)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def records(path: Path | str) -> object:
    """All that a catalogue has."""
    with closing(open_catalogue(path, make=False)) as catalogue:
        count = catalogue.count()
        marks = (set(catalogue.added(limit=count)), catalogue.named(), catalogue.kept_out())
        vectors = catalogue.fetch(catalogue.keys(limit=count)).vectors
        return catalogue.page(limit=count), marks, vectors.tobytes()


@pytest.fixture(scope="module")
def changed(fitted_desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of which users have removed and edited pictures."""
    home = tmp_path_factory.mktemp("migrated") / "desk"
    shutil.copytree(fitted_desk, home)
    with Desk(home) as desk:
        keys = desk.catalogue.keys()
        desk.edit(keys[3], {"caption": "fog"})
        desk.remove(keys[5])
    return home


@pytest.fixture(scope="module")
def lines(changed: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The number of lines of a migration that is not killed."""
    folder = tmp_path_factory.mktemp("counted")
    home = Path(shutil.copytree(changed, folder / "desk"))
    done = migrate(home, f"milvus://{folder}/lite.db/news", 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("share", [(number + 0.5) / MOMENTS for number in range(MOMENTS)])
def test_a_killed_migration_loses_nothing_and_is_continued(
    changed: Path, lines: int, tmp_path: Path, share: float
):
    home = Path(shutil.copytree(changed, tmp_path / "desk"))
    there = f"milvus://{tmp_path}/lite.db/news"
    before = records(changed_catalogue(home))
    assert migrate(home, there, 1 + int(share * lines)).returncode == -signal.SIGKILL
    assert records(changed_catalogue(home)) == before  # wherever the desk answers from
    with Desk(home) as desk:
        gone = desk.catalogue.keys()[7]
        desk.remove(gone)
        at = desk.fitted.at
    expected = records(changed_catalogue(home))
    if not at:
        done = migrate(home, there, 0)
        assert done.returncode == 0, done.stderr
    assert changed_catalogue(home) == f"{there}_{Desk(home).fitted.root.name}"
    assert records(changed_catalogue(home)) == expected
    assert gone not in {picture.key for picture in expected[0]}


def changed_catalogue(home: Path) -> Path | str:
    """Where a desk has its catalogue now."""
    with Desk(home) as desk:
        return desk.fitted.catalogue
