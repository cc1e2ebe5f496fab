"""Things that take long to make: made once per run, by the worker that needs them first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from picturedesk.disk.lock import locked
from picturedesk.learning.config import DeskConfig

QUICK = replace(DeskConfig(), sentences=())  # a fit without sentence encoders takes a fifth

PATIENCE = 900.0  # seconds that a worker waits for another one that makes something


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, which all its workers share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` filled, in this worker or in another one.

    Whatever is in it is there for all workers: tests only read it, or copy it.
    """
    home = shared_folder(factory) / f"shared-{name}"
    made = home.with_suffix(".made")
    with locked(home.with_suffix(".lock"), PATIENCE, f"another worker makes {name} too long"):
        if not made.exists():
            shutil.rmtree(home, ignore_errors=True)  # of a worker that failed
            home.mkdir()
            make(home)
            made.touch()
    return home
