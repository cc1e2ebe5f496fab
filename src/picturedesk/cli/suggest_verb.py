"""The verb ``suggest``: texts, pictures and keywords in, pictures with reasons out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.answering import (
    answer_many,
    read_given,
    refuse_for_all,
    refuse_together,
    show_found,
    write_sheet,
)
from picturedesk.cli.asking import (
    DiversityOption,
    DuplicatesOption,
    FatigueOption,
    KeywordOption,
    LikeOption,
    SlotsOption,
    UnlikeOption,
    days_of,
    diversity_of,
    question,
    refuse_with_parts,
    show_slots,
    slots_of,
)
from picturedesk.cli.lines import StandardInput
from picturedesk.cli.options import (
    CsvOption,
    DeskOption,
    JsonOption,
    LinesOption,
    WhereOption,
    path,
)
from picturedesk.cli.pages import HtmlOption, OpenOption, present

if TYPE_CHECKING:
    from picturedesk.types import Suggestions


def suggest(
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="The text, or - to read stdin: one text, or JSON Lines with many.",
        ),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Read the text from this file.", metavar="FILE", parser=path),
    ] = None,
    max_megabytes: Annotated[
        float,
        typer.Option(
            help="With --file or -: refuse a larger text.", min=0.001, max=1000.0, metavar="NUMBER"
        ),
    ] = streams.MAX_MEGABYTES,
    desk: DeskOption = Path("desk"),
    k: Annotated[
        int, typer.Option("--k", "-k", help="Number of pictures.", min=1, metavar="INTEGER")
    ] = 10,
    route: Annotated[
        str,
        typer.Option(
            help="How pictures are scored. blend: a weighted sum of all routes; direct: the cosine "
            "of text and picture; transfer: by the pictures of similar archive texts; class_names: "
            "by the network's class probabilities; captions: BM25 of captions and tags; "
            "zero_shot: the cosine of a dual encoder, without the archive's pairs. "
            "Default: blend; with the recipe paper direct.",
            metavar="NAME",
        ),
    ] = "",
    where: WhereOption = "",
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="Also suggest pictures that may not run: expired, embargoed, missing or used_up. "
            "Repeat it for several.",
            metavar="WHAT",
        ),
    ] = None,
    territory: Annotated[
        str,
        typer.Option(
            help="Where the picture is to run, e.g. DE; leaves out pictures for other places only.",
            metavar="PLACE",
        ),
    ] = "",
    min_confidence: Annotated[
        float,
        typer.Option(
            help="Also warn that there may be no good picture if the chance that the right one is "
            "among those shown is lower than this, 0 to 1.",
            min=0.0,
            max=1.0,
            metavar="NUMBER",
        ),
    ] = 0.0,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also show what each route, level, word, sentence and class adds to the score.",
        ),
    ] = False,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    keyword: KeywordOption = None,
    slots: SlotsOption = "",
    diversity: DiversityOption = None,
    fatigue: FatigueOption = None,
    duplicates: DuplicatesOption = False,
    lines: LinesOption = False,
    csv: CsvOption = False,
    html: HtmlOption = None,
    open: OpenOption = False,
    json: JsonOption = False,
) -> None:
    """Suggest pictures for a text, with reasons.

    Shows for each picture the chance that an editor would have run it, how well it matches compared
    with other texts (strong, fair, weak), and the archive text that it ran with or that supports it
    most. A text may go together with pictures and keywords (or these alone are asked); such answers
    state no chances. With --slots, a long story gets pictures for each of its passages.

    With - and JSON Lines on stdin ({"id": …, "text": …}, or "title" and "body"), answers many texts
    in their order, one JSON document a line. A line that has no answer gets one with the error;
    the exit code is then 1.
    """
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    where, territory = streams.from_argument(where), streams.from_argument(territory)
    beside = bool(like or unlike or keyword)
    alone = beside and not (text or file)
    given = "" if alone else read_given(text, file, max_megabytes, lines)
    refuse_together(given, csv, json)
    refuse_with_parts(given, beside, bool(slots), explain)
    days = days_of(fatigue)
    with Desk(desk) as opened:
        if slots:
            limits = (k, route, where, days, include or (), territory)
            show_slots(opened.slots(str(given), slots_of(slots), *limits), json)
            return

        def ask(texts: list[str]) -> list[Suggestions]:
            return opened.suggest(texts, *options)

        options = (
            *(k, route, where, min_confidence, diversity_of(diversity), days, duplicates),
            *(include or (), territory),
        )
        why = opened.explain if explain else None
        if isinstance(given, StandardInput):
            refuse_for_all(opened, route, where)
            answer_many(given, ask, why)
            return
        found = opened.suggest(question(given, like, unlike, keyword), *options)
        explanations = why(given, found) if why and found else []
    present(lambda page: write_sheet(page, given, found, desk), html, open)
    if json:
        show.as_json(json_documents.answer(found, explanations if explain else None))
        return
    show_found(found, explanations, csv)
