"""From a text, or many, to the answers of ``suggest``: what was given, what is printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from picturedesk.cli import batches, show, streams
from picturedesk.cli.as_csv import show_csv
from picturedesk.cli.explaining import show_explanation
from picturedesk.cli.lines import StandardInput
from picturedesk.cli.results import show_suggestion
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.desk import Desk
    from picturedesk.explaining import Explanation
    from picturedesk.types import Suggestions

Ask = Callable[[list[str]], "list[Suggestions]"]
Explain = Callable[[str, "Suggestions"], "list[Explanation]"]


def read_given(
    text: str, file: Path | None, max_megabytes: float, lines: bool
) -> str | StandardInput:
    """The one text that was given, or standard input if it holds many.

    Raises:
        BadInput: there is none, or more than one.
    """
    if bool(text) == bool(file):
        raise BadInput("give one text: as an argument, with --file FILE, or - to read stdin")
    if lines and text != streams.STDIN:
        raise BadInput("--lines goes with -: it reads many texts from stdin")
    if file is not None:
        return streams.read_text(file, max_megabytes)
    if text != streams.STDIN:
        return streams.from_argument(text)
    source = StandardInput(streams.in_bytes(max_megabytes))
    if lines or source.begins_with(batches.OBJECT):
        return source
    return streams.decoded(source.whole(), "standard input", max_megabytes)


def refuse_together(given: str | StandardInput, csv: bool, json: bool) -> None:
    """Raises BadInput for options that contradict each other, or what was given."""
    if csv and json:
        raise BadInput("--csv and --json contradict each other: choose one")
    if csv and isinstance(given, StandardInput):
        raise BadInput("--csv prints the answer to one text; many are answered as JSON Lines")


def refuse_for_all(desk: Desk, route: str, where: str) -> None:
    """Raises BadInput once for what would be wrong with every text: the route, the condition."""
    desk.blend.weights_of(route or desk.blend.default)
    desk.catalogue.count(where)


def answer_many(source: StandardInput, ask: Ask, explain: Explain | None) -> None:
    """Answers each line of standard input.

    Raises:
        typer.Exit: with code 1, if a line got no answer.
    """
    from picturedesk.desk import json_documents

    def documents(texts: list[str]) -> Sequence[dict[str, Any]]:
        return [
            json_documents.answer(found, _explained(text, found, explain))
            for text, found in zip(texts, ask(texts), strict=True)
        ]

    failed = batches.answer(source, documents)
    if failed:
        show.note(f"{failed} of the lines got no answer; their output says why")
        raise typer.Exit(1)


def _explained(
    text: str, found: Suggestions, explain: Explain | None
) -> Sequence[Explanation] | None:
    if explain is None:
        return None
    return explain(text, found) if found else []


def show_found(found: Suggestions, explanations: Sequence[Explanation], csv: bool) -> None:
    """Prints an answer for people, or as CSV; notes go to stderr."""
    if not found:
        show.note("no picture in the catalogue meets the condition")
    if found.doubt:
        show.note(f"there may be no good picture: {found.doubt}")
    if csv:
        show_csv(found)
        return
    for number, suggestion in enumerate(found):
        show_suggestion(suggestion)
        if explanations:
            show_explanation(explanations[number])
    if found.found is not None:
        show.line(f"Chance that the right picture is among these: {found.found:.0%}")


def write_sheet(page: Path, text: str, found: Suggestions, desk: Path) -> None:
    """Writes an answer with its pictures as one HTML page."""
    from picturedesk.report.contact_sheet import QueryAnswer, contact_sheet

    lead = f"suggested by {desk.absolute().name}"
    contact_sheet(page, "Pictures for a text", lead, [QueryAnswer(text, found)])
