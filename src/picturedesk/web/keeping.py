"""Evaluations and audits, which take long: the last result of the current fit is kept."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from picturedesk.desk.desk import Desk
from picturedesk.disk.artifacts import plain, write_json
from picturedesk.types import Json, Progress

PARTS = ("test", "validate")


def evaluation(desk: Desk, folder: Path, part: str) -> Json | None:
    """The evaluation of the current fit (``evaluate.json``); None if none is kept.

    The fit measures its test texts itself.
    """
    kept = _read(_evaluation(desk, folder, part))
    return kept or (_read(desk.fitted.evaluation) if part == PARTS[0] else None)


def evaluate(desk: Desk, folder: Path, part: str) -> None:
    """Measures a part and keeps the result."""
    write_json(_evaluation(desk, folder, part), desk.measure(part).as_json())


def audited(desk: Desk, folder: Path) -> Json | None:
    """The last audit of the current fit (``audit.json``); None if there is none."""
    return _read(_audit(desk, folder))


def audit(desk: Desk, folder: Path, progress: Progress) -> None:
    """Audits and keeps the result."""
    write_json(_audit(desk, folder), plain(desk.audit(progress=progress)))


def _evaluation(desk: Desk, folder: Path, part: str) -> Path:
    return folder / "kept" / f"evaluation-{desk.fitted.root.name}-{part}.json"


def _audit(desk: Desk, folder: Path) -> Path:
    return folder / "kept" / f"audit-{desk.fitted.root.name}.json"


def _read(path: Path) -> Json | None:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        return found if isinstance(found, dict) else None
    return None
