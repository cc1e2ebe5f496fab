"""The verb similar, and what can be asked of suggest beside a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.explaining import show_explanation
from picturedesk.cli.options import DeskOption, JsonOption
from picturedesk.cli.results import in_one_line, show_suggestion
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.asking import Asked
    from picturedesk.explaining import Explanation
    from picturedesk.types import Suggestions

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
    where: Annotated[
        str, typer.Option(help="SQL condition on the metadata, as for suggest.", metavar="SQL")
    ] = "",
    diversity: DiversityOption = None,
    fatigue: FatigueOption = None,
    duplicates: DuplicatesOption = False,
    json: JsonOption = False,
) -> None:
    """Show the pictures that are most like a picture.

    Leaves out the picture itself and its near-duplicates. Scores are cosines in the space that
    texts and pictures share. Adds nothing to the catalogue.
    """
    from picturedesk.desk.desk import Desk

    where = streams.from_argument(where)
    with Desk(desk) as opened:
        days = _days(fatigue)
        found = opened.similar(picture, k, where, diversity or 0.0, days, duplicates)
    if json:
        show.as_json({"picture": picture, "suggestions": list(found)})
        return
    show_answer(found)


def question(
    text: str,
    like: Sequence[str] | None,
    unlike: Sequence[str] | None,
    keywords: Sequence[str] | None,
) -> str | Asked:
    """The text, or what is asked with it."""
    if not (like or unlike or keywords):
        return text
    from picturedesk.desk.asking import Asked

    return Asked(
        texts=(text,) if text else (),
        like=tuple(like or ()),
        unlike=tuple(unlike or ()),
        keywords=tuple(map(streams.from_argument, keywords or ())),
    )


def suggest_slots(
    desk: Path,
    text: str,
    slots: str,
    k: int,
    route: str,
    where: str,
    fatigue: float | None,
    json: bool,
) -> None:
    """Suggests pictures for each passage of a story, and prints them."""
    from picturedesk.desk.desk import Desk
    from picturedesk.desk.slots import PARAGRAPHS

    if slots != PARAGRAPHS and not (slots.isascii() and slots.isdecimal() and len(slots) < 9):
        raise BadInput(f"--slots is {slots[:60]!r}: it must be a whole number, or {PARAGRAPHS}")
    wanted = slots if slots == PARAGRAPHS else int(slots)
    with Desk(desk) as opened:
        found = opened.slots(text, wanted, k, route, where, _days(fatigue))
    if json:
        show.as_json(
            {
                "slots": [
                    {
                        "text": slot.text,
                        "sentence": slot.sentence,
                        "found": slot.suggestions.found,
                        "doubt": slot.suggestions.doubt,
                        "suggestions": list(slot.suggestions),
                    }
                    for slot in found
                ]
            }
        )
        return
    for number, slot in enumerate(found, start=1):
        show.line(f"Passage {number}: {_beginning(slot.text)}")
        if slot.sentence and slot.sentence != slot.text:
            show.line(f"   picture 1 goes with: {_beginning(slot.sentence)}")
        for suggestion in slot.suggestions:
            show_suggestion(suggestion)
        if slot.suggestions.doubt:
            show.note(f"passage {number}: {slot.suggestions.doubt}")


def show_answer(found: Suggestions, explanations: Sequence[Explanation] = ()) -> None:
    """Prints suggestions, each with its explanation if there is one, and what is said of all."""
    if not found:
        show.note("no picture in the catalogue meets the condition")
    if found.doubt:
        show.note(f"there may be no good picture: {found.doubt}")
    for number, suggestion in enumerate(found):
        show_suggestion(suggestion)
        if explanations:
            show_explanation(explanations[number])
    if found.found is not None:
        show.line(f"Chance that the right picture is among these: {found.found:.0%}")


def order_of(diversity: float | None, fatigue: float | None) -> tuple[float, float]:
    """Diversity and half-life in days, as given or by default."""
    from picturedesk.types import DIVERSITY

    return DIVERSITY if diversity is None else diversity, _days(fatigue)


def _days(fatigue: float | None) -> float:
    from picturedesk.types import FATIGUE

    return FATIGUE if fatigue is None else fatigue


def _beginning(text: str) -> str:
    text = in_one_line(text)
    return text if len(text) <= _PASSAGE else text[: _PASSAGE - 1] + "…"
