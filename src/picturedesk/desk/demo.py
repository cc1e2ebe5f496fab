"""The demonstration: real pictures and texts, from nothing to suggestions.

The pictures are those of Debian's package tuxpaint-stamps-default (GPL-2), fetched and unpacked
into a cache, never installed; their descriptions exist in 77 languages, of which two are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.datasets import open_archive, stamps
from picturedesk.desk import Desk, DeskConfig
from picturedesk.desk.fit import FitReport
from picturedesk.desk.measure import Measured
from picturedesk.report.contact_sheet import Asked, contact_sheet
from picturedesk.types import Archive, Progress, silent

LANGUAGES = ("en", "de")  # of the 77, those in which the questions are asked
QUESTIONS = (
    "A red flower in the garden.",
    "Ein roter Apfel und eine Birne.",
    "A penguin plays with a ball.",
)
SHOWN = 5  # pictures per text on the contact sheet


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demonstration leaves to look at."""

    report: FitReport
    measured: Measured
    asked: tuple[Asked, ...]
    contact_sheet: Path


def run_demo(desk: Path, cache: Path, data: str = "", progress: Progress = silent) -> Shown:
    """Fits, measures, suggests for three texts, and draws a contact sheet.

    Args:
        desk: where the desk is left.
        cache: where the stamps are unpacked.
        data: another archive, as ``open_archive`` takes it; "" for the stamps.
        progress: told of pictures read and epochs trained.
    """
    archive = open_archive(data) if data else _stamps(cache)
    report = Desk.fit_report(archive, desk, DeskConfig(), progress)
    with Desk(desk) as opened:
        questions = _own_questions(opened) if data else QUESTIONS
        asked = tuple(Asked(text, tuple(opened.suggest(text, k=SHOWN))) for text in questions)
        measured = opened.measure()
    sheet = report.fitted.reports / "contact_sheet.html"
    contact_sheet(
        sheet,
        f"Pictures for texts: {archive.name}",
        f"{report.pictures} pictures, learned from {report.texts['train']} texts",
        asked,
    )
    return Shown(report, measured, asked, sheet)


def _stamps(cache: Path) -> Archive:
    return stamps.read(stamps.fetch_stamps(cache), stamps.StampsConfig(languages=LANGUAGES))


def _own_questions(desk: Desk) -> tuple[str, ...]:
    """Three texts of the user's archive that nothing was fitted on."""
    rows = desk.held_out.rows[desk.held_out.of("test")]
    chosen = rows[np.linspace(0, len(rows) - 1, num=min(3, len(rows)), dtype=int)]
    return tuple(text.excerpt for text in desk.memory.texts(chosen))
