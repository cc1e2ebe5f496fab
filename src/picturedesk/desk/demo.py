"""The demonstration with real pictures and texts: fit, measure, suggest.

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
from picturedesk.report.contact_sheet import QueryAnswer, contact_sheet
from picturedesk.types import Archive, Progress, silent

LANGUAGES = ("en", "de")  # of the 77
QUERIES = (
    "A red flower in the garden.",
    "Ein roter Apfel und eine Birne.",
    "A penguin plays with a ball.",
)
SHOWN = 5  # pictures per text on the contact sheet


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The results of a demonstration."""

    report: FitReport
    measured: Measured
    answers: tuple[QueryAnswer, ...]
    contact_sheet: Path


def run_demo(desk: Path, cache: Path, data: str = "", progress: Progress = silent) -> Demonstration:
    """Fits, measures, suggests for three texts, and writes a contact sheet.

    Args:
        desk: the desk folder.
        cache: folder for the unpacked stamps.
        data: another archive, as for ``open_archive``; "" for the stamps.
        progress: called as pictures are read and folds are fitted.
    """
    archive = open_archive(data) if data else _stamps(cache)
    report = Desk.fit_report(archive, desk, DeskConfig(), progress)
    with Desk(desk) as opened:
        queries = _archive_queries(opened) if data else QUERIES
        answers = tuple(QueryAnswer(text, opened.suggest(text, k=SHOWN)) for text in queries)
        measured = opened.measure()
    sheet = report.fitted.reports / "contact_sheet.html"
    contact_sheet(
        sheet,
        f"Pictures for texts: {archive.name}",
        f"{report.pictures} pictures, learned from {report.texts['train']} texts",
        answers,
    )
    return Demonstration(report, measured, answers, sheet)


def _stamps(cache: Path) -> Archive:
    return stamps.read(stamps.fetch_stamps(cache), stamps.StampsConfig(languages=LANGUAGES))


def _archive_queries(desk: Desk) -> tuple[str, ...]:
    """Three test texts of the user's archive."""
    rows = desk.held_out.rows[desk.held_out.of("test")]
    chosen = rows[np.linspace(0, len(rows) - 1, num=min(3, len(rows)), dtype=int)]
    return tuple(text.excerpt for text in desk.memory.texts(chosen))
