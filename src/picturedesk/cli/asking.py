"""The verb similar, and what can be asked of suggest beside a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.answering import show_found
from picturedesk.cli.lines import StandardInput
from picturedesk.cli.options import DeskOption, JsonOption, WhereOption
from picturedesk.cli.results import in_one_line, show_suggestion
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.asking import Asked
    from picturedesk.desk.slots import Slot

_PASSAGE = 100  # characters of a passage that are shown

LikeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Also resemble this picture: a file, or a content key. Repeatable.", metavar="FILE"
    ),
]
UnlikeOption = Annotated[
    list[str] | None,
    typer.Option(help="Do not resemble this picture. Repeatable.", metavar="FILE"),
]
KeywordOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A word that captions, tags and pictures should have. Repeatable.", metavar="WORD"
    ),
]
DiversityOption = Annotated[
    float | None,
    typer.Option(
        help="How far the pictures after the first differ from those before: 0 (by score alone) "
        "to 1. Default: little, so that the right picture is shown as often; similar: 0.",
        min=0.0,
        max=1.0,
    ),
]
FatigueOption = Annotated[
    float | None,
    typer.Option(
        help="Days after which a picture that ran (column last_used) is held back half as much; "
        "0 holds none back. Default: 14.",
        min=0.0,
    ),
]
DuplicatesOption = Annotated[
    bool,
    typer.Option(
        "--duplicates", help="Show near-duplicates each, instead of the best one of them."
    ),
]
SlotsOption = Annotated[
    str,
    typer.Option(
        help="Divide a long story into so many passages by topic, or into its paragraphs, and "
        "suggest pictures for each; none comes twice.",
        metavar="N|paragraphs",
    ),
]


def similar(
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE",
            help="A picture file, or the content key of a picture that the desk knows.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    k: Annotated[int, typer.Option("--k", "-k", help="Number of pictures.", min=1)] = 10,
    where: WhereOption = "",
    diversity: DiversityOption = None,
    fatigue: FatigueOption = None,
    duplicates: DuplicatesOption = False,
    json: JsonOption = False,
) -> None:
    """Show the pictures that are most like a picture.

    Leaves out the picture itself and its near-duplicates. Scores are cosines in the space that
    texts and pictures share. Adds nothing to the catalogue.
    """
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    where = streams.from_argument(where)
    with Desk(desk) as opened:
        days = days_of(fatigue)
        found = opened.similar(picture, k, where, diversity or 0.0, days, duplicates)
    if json:
        show.as_json(json_documents.similar(picture, found))
        return
    show_found(found, [], csv=False)


def question(
    text: str | StandardInput,
    like: Sequence[str] | None,
    unlike: Sequence[str] | None,
    keywords: Sequence[str] | None,
) -> str | Asked:
    """The text, or what is asked with it."""
    text = str(text)
    if not (like or unlike or keywords):
        return text
    from picturedesk.desk.asking import Asked

    return Asked(
        texts=(text,) if text else (),
        like=tuple(like or ()),
        unlike=tuple(unlike or ()),
        keywords=tuple(map(streams.from_argument, keywords or ())),
    )


def refuse_with_parts(given: str | StandardInput, beside: bool, slots: bool, explain: bool) -> None:
    """Raises BadInput for options that one plain text is needed for."""
    if (beside or slots) and isinstance(given, StandardInput):
        raise BadInput("JSON Lines are plain texts, without slots, pictures and keywords beside")
    if (beside or slots) and explain:
        raise BadInput("--explain goes with one plain text: leave it, or what else is asked")
    if beside and slots:
        raise BadInput("--slots goes with one plain text, without pictures and keywords")


def slots_of(slots: str) -> int | str:
    """The number of slots, or "paragraphs"; raises BadInput for anything else."""
    from picturedesk.desk.slots import PARAGRAPHS

    if slots == PARAGRAPHS:
        return slots
    if not (slots.isascii() and slots.isdecimal() and len(slots) < 9):
        raise BadInput(f"--slots is {slots[:60]!r}: it must be a whole number, or {PARAGRAPHS}")
    return int(slots)


def show_slots(found: Sequence[Slot], json: bool) -> None:
    """Prints the pictures of each passage of a story."""
    if json:
        from picturedesk.desk import json_documents

        show.as_json(json_documents.passages(found))
        return
    for number, slot in enumerate(found, start=1):
        show.line(f"Passage {number}: {_beginning(slot.text)}")
        if slot.sentence and slot.sentence != slot.text:
            show.line(f"   picture 1 goes with: {_beginning(slot.sentence)}")
        for suggestion in slot.suggestions:
            show_suggestion(suggestion)
        if slot.suggestions.doubt:
            show.note(f"passage {number}: {slot.suggestions.doubt}")


def diversity_of(diversity: float | None) -> float:
    """Diversity as given, or by default."""
    from picturedesk.types import DIVERSITY

    return DIVERSITY if diversity is None else diversity


def days_of(fatigue: float | None) -> float:
    """Half-life of fatigue in days, as given or by default."""
    from picturedesk.types import FATIGUE

    return FATIGUE if fatigue is None else fatigue


def _beginning(text: str) -> str:
    text = in_one_line(text)
    return text if len(text) <= _PASSAGE else text[: _PASSAGE - 1] + "…"
