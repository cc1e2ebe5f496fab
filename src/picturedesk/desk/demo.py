"""The demonstration with real pictures and texts: fit, measure, suggest, filter, choose, a story.

The pictures are those of Debian's package tuxpaint-stamps-default (GPL-2), fetched and unpacked
into a cache, never installed; their descriptions exist in 77 languages, of which two are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from picturedesk.datasets import stamps
from picturedesk.desk import Desk, DeskConfig
from picturedesk.desk.fit import FitReport
from picturedesk.desk.measure import Measured
from picturedesk.desk.slots import Slot
from picturedesk.report.contact_sheet import QueryAnswer, contact_sheet
from picturedesk.routes.transfer import TRANSFER
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Picture, Progress, silent

QUERIES = (
    "A red flower in the garden.",
    "Ein roter Apfel und eine Birne.",
    "A penguin plays with a ball.",
)
STORY = (
    "The red apples are ripe, and the pears will follow next week. The children eat strawberries "
    "straight from the bed. In the harbour a fishing boat has tied up. Sailors mend the nets of "
    "their ship. Above the hills a hot-air balloon drifts by, and an aeroplane climbs into the sky."
)
WHERE = "orientation = 'landscape' AND has_tag(colours, 'red')"
SHOWN = 5  # pictures per text on the contact sheet


@dataclass(frozen=True, slots=True)
class Chosen:
    """An editor's choice, which the desk knows at the next query.

    Attributes:
        text: that a picture was taken for.
        picture: the picture.
        before: its rank in the transfer route before the choice.
        after: its rank after it.
    """

    text: str
    picture: Picture
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The results of a demonstration.

    Attributes:
        report: of the fit.
        measured: on the test texts.
        answers: to three texts.
        where: a condition.
        filtered: the answer to the first text under the condition.
        chosen: what a choice changes; it was taken back afterwards.
        story: the passages of a story, each with pictures.
        contact_sheet: page with all answers.
    """

    report: FitReport
    measured: Measured
    answers: tuple[QueryAnswer, ...]
    where: str
    filtered: QueryAnswer
    chosen: Chosen
    story: tuple[Slot, ...]
    contact_sheet: Path


def run_demo(
    desk: Path, cache: Path, data: str | None = None, progress: Progress = silent
) -> Demonstration:
    """Fits, measures, suggests for three texts and a story, and writes a contact sheet.

    Args:
        desk: the desk folder.
        cache: folder for the unpacked stamps.
        data: another archive, as for ``open_archive``; None for the stamps.
        progress: called as pictures are read and folds are fitted.
    """
    archive = f"demo:{stamps.fetch_stamps(cache)}" if data is None else data
    report = Desk.fit_report(archive, desk, DeskConfig(), progress)
    with Desk(desk) as opened:
        queries = _archive_queries(opened) if data else QUERIES
        answers = tuple(QueryAnswer(text, opened.suggest(text, k=SHOWN)) for text in queries)
        filtered = QueryAnswer(queries[0], opened.suggest(queries[0], k=SHOWN, where=WHERE))
        chosen = _chosen(opened, queries[0])
        story = opened.slots("\n".join(queries) if data else STORY, slots=3, k=2)
        measured = opened.measure()
        name = opened.info()["archive"]
    sheet = report.fitted.reports / "contact_sheet.html"
    contact_sheet(
        sheet,
        f"Pictures for texts: {name}",
        f"{report.pictures} pictures, learned from {report.texts['train']} texts",
        answers,
    )
    return Demonstration(report, measured, answers, WHERE, filtered, chosen, tuple(story), sheet)


def _chosen(desk: Desk, text: str) -> Chosen:
    """Chooses the last of ten pictures of the transfer route, asks again, and takes it back."""

    def keys() -> list[str]:
        found = desk.suggest(text, k=10, route=TRANSFER, diversity=0.0, fatigue=0.0)
        return [one.picture.key for one in found]

    before = keys()
    choice = desk.choose(text, before[-1], rejected=before[:1], who="demo")
    after = keys()
    desk.undo_choice(choice.number)
    picture = desk.catalogue.find([choice.picture])[choice.picture]
    return Chosen(text, picture, len(before), after.index(choice.picture) + 1)


def _archive_queries(desk: Desk) -> tuple[str, ...]:
    """Three test texts of the user's archive."""
    rows = desk.held_out.rows[desk.held_out.of("test")]
    chosen = rows[evenly_spaced(len(rows), 3)]
    return tuple(text.excerpt for text in desk.memory.texts(chosen))
