"""The JSON documents of a desk's answers, the same on the command line and over HTTP.

``schemas/`` describes them. Makes no text of them: ``disk.artifacts.plain`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from picturedesk.types import Json, Picture, RankedText, Rejection, Suggestions, Tag

if TYPE_CHECKING:
    from picturedesk.desk.life_cycle import Hit
    from picturedesk.desk.slots import Slot
    from picturedesk.desk.versions import Version
    from picturedesk.explaining import Explanation
    from picturedesk.types import Choice


def answer(found: Suggestions, explanations: Sequence[Explanation] | None = None) -> Json:
    """The answer to a text (``suggest.json``); with explanations if they were asked for."""
    facts: Json = {"found": found.found, "doubt": found.doubt}
    if explanations is not None:
        facts["explanations"] = explanations
    return {**facts, "suggestions": list(found)}


def passages(slots: Iterable[Slot]) -> Json:
    """The passages of a story with their pictures (``suggest-slots.json``)."""
    return {"slots": [_passage(slot) for slot in slots]}


def _passage(slot: Slot) -> Json:
    found = slot.suggestions
    return {"text": slot.text, "sentence": slot.sentence, **answer(found)}


def similar(picture: str, found: Suggestions) -> Json:
    """Pictures like one (``similar.json``)."""
    return {"picture": picture, "suggestions": list(found)}


def tags(names: Sequence[str], found: Sequence[Sequence[Tag]]) -> Json:
    """The words that pictures show (``tags.json``)."""
    rows = zip(names, found, strict=True)
    return {"pictures": [{"picture": name, "tags": list(words)} for name, words in rows]}


def texts(picture: str, found: Sequence[RankedText]) -> Json:
    """Texts for a picture (``texts.json``)."""
    return {"picture": picture, "texts": list(found)}


def page(pictures: Sequence[Picture], follow: bool) -> Json:
    """A page of the catalogue (``list.json``); whether others follow."""
    return {"pictures": list(pictures), "after": pictures[-1].key if follow else ""}


def hits(found: Sequence[Hit]) -> Json:
    """What words found (``search.json``)."""
    return {"hits": list(found)}


def edited(pictures: Sequence[Picture]) -> Json:
    """Pictures that were changed (``edit.json``)."""
    return {"pictures": list(pictures)}


def choices(found: Sequence[Choice]) -> Json:
    """Editors' decisions (``choices.json``)."""
    return {"choices": list(found)}


def versions(found: Sequence[Version]) -> Json:
    """The fits that a desk keeps (``versions.json``)."""
    return {"versions": list(found)}


def rejected(found: Sequence[Rejection]) -> Json:
    """What was left out (``rejected.json``)."""
    return {"rejected": list(found)}
