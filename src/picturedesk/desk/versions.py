"""The fits of a desk as versions: what each was, and going back to an older one."""

from __future__ import annotations

import json
from dataclasses import dataclass

from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.errors import BadInput, PicturedeskError


@dataclass(frozen=True, slots=True)
class Version:
    """One fit of a desk.

    Attributes:
        number: counts the fits of the desk, from 1.
        made: ISO 8601, when its fit ended.
        archive: name of the archive.
        texts: of the archive, editors' choices included.
        pictures: of the archive.
        choices: editors' choices that it learned from.
        recall: of the default route at ten, on its own test texts, 0 to 1; None without test texts.
        current: whether it answers now.
    """

    number: int
    made: str
    archive: str
    texts: int
    pictures: int
    choices: int
    recall: float | None
    current: bool


def versions(folder: DeskFolder) -> list[Version]:
    """The fits that the desk keeps, oldest first; a damaged one is left out."""
    current = folder.require()
    found = []
    for fitted in folder.all_fits():
        try:
            found.append(_version(fitted, fitted.root.name == current.root.name))
        except PicturedeskError:
            if fitted.root.name == current.root.name:
                raise
    return found


def chosen_version(folder: DeskFolder, number: int | None) -> FitFolder:
    """The fit with a number; None: the one before the current one.

    Raises:
        BadInput: there is none, or it is the current one.
    """
    current = folder.require()
    fits = {int(fitted.root.name): fitted for fitted in folder.all_fits()}
    now = int(current.root.name)
    older = [known for known in fits if known < now]
    if number is None and not older:
        raise BadInput(f"{folder.root} keeps no version before {now}")
    wanted = max(older) if number is None else number
    if wanted not in fits:
        there = ", ".join(map(str, sorted(fits)))
        raise BadInput(f"{folder.root} has no version {wanted}: it keeps {there}")
    if wanted == now:
        raise BadInput(f"version {wanted} of {folder.root} is the current one")
    return fits[wanted]


def _version(fitted: FitFolder, current: bool) -> Version:
    settings = fitted.read_settings()
    counts = settings["counts"]
    return Version(
        number=int(fitted.root.name),
        made=settings["made"],
        archive=settings["archive"],
        texts=counts["texts"],
        pictures=counts["pictures"],
        choices=counts["choices"],
        recall=_recall(fitted),
        current=current,
    )


def _recall(fitted: FitFolder) -> float | None:
    """Recall at ten of the last route in the evaluation, from text to picture."""
    try:
        rows = json.loads(fitted.evaluation.read_text("utf-8"))["rows"]
    except (OSError, ValueError):  # no test texts; it is a report, and may be removed
        return None
    towards = [row["recall@10"] for row in rows if row["direction"].startswith("text")]
    return float(towards[-1]) if towards else None
