"""From the documents of the API to the records of the library, and what only the API has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from picturedesk.types import (
    DIVERSITY,
    FATIGUE,
    Choice,
    Evidence,
    Json,
    Picture,
    RankedText,
    Rejection,
    Suggestion,
    Suggestions,
    Tag,
)


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked beside a text; see ``Desk.suggest``.

    Attributes:
        k: pictures, at most.
        route: "" for the best there is.
        where: SQL condition on the columns of the catalogue.
        min_confidence: chance below which the answer has a doubt.
        diversity: 0 to 1.
        fatigue: days.
        duplicates: whether near-duplicates are shown each.
        include: what is shown although it may not run.
        territory: where the picture is to run.
        today: ISO 8601; "" for now.
        like: content keys of pictures to resemble.
        unlike: content keys of pictures not to resemble.
        keywords: that captions, tags and pictures should have.
    """

    k: int = 10
    route: str = ""
    where: str = ""
    min_confidence: float = 0.0
    diversity: float = DIVERSITY
    fatigue: float = FATIGUE
    duplicates: bool = False
    include: Sequence[str] = ()
    territory: str = ""
    today: str = ""
    like: Sequence[str] = ()
    unlike: Sequence[str] = ()
    keywords: Sequence[str] = ()

    def as_json(self) -> Json:
        """The options as the body of a request has them."""
        found: Json = {}
        for one in fields(self):
            value = getattr(self, one.name)
            listed = isinstance(value, Sequence) and not isinstance(value, str)
            found[one.name] = list(value) if listed else value
        return found


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a story with its pictures.

    Attributes:
        text: the passage.
        sentence: the one that the first picture goes with; "" without a picture.
        suggestions: the picture of the passage, then others.
    """

    text: str
    sentence: str
    suggestions: Suggestions


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures of the catalogue.

    Attributes:
        pictures: in the order asked for.
        after: for the next page; "" if this is the last one.
        total: pictures that meet condition and words.
    """

    pictures: tuple[Picture, ...]
    after: str
    total: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of an upload.

    Attributes:
        pictures: added, or known before.
        rejections: files that were left out.
    """

    pictures: tuple[Picture, ...]
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """Long work of a server.

    Attributes:
        id: names it.
        kind: "upload", "refit", "evaluate" or "audit".
        state: "queued", "running", "done", "failed" or "stopped".
        done: units that are finished.
        total: units; 0 before the first is known.
        what: the unit.
        result: of one that is done; {} before.
        problem: of one that failed, as problem details; {} otherwise.
    """

    id: str
    kind: str
    state: str
    done: int = 0
    total: int = 0
    what: str = ""
    result: Json = field(default_factory=dict)
    problem: Json = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in ("queued", "running")


def job_of(document: Json) -> RemoteJob:
    """A job from its document."""
    progress = document["progress"]
    return RemoteJob(
        *(document["id"], document["kind"], document["state"]),
        *(progress["done"], progress["total"], progress["what"]),
        result=document.get("result", {}),
        problem=document.get("problem", {}),
    )


def picture_of(document: Json) -> Picture:
    """A picture from its document."""
    own = {name: _cell(value) for name, value in document["columns"].items()}
    return Picture(**{**document, "columns": own})


def _cell(value: Any) -> Any:  # noqa: ANN401 - of any column
    return tuple(value) if isinstance(value, list) else value


def suggestions_of(document: Json) -> Suggestions:
    """An answer from its document."""
    found = map(_suggestion, document["suggestions"])
    return Suggestions(found, document.get("found"), document.get("doubt", ""))


def _suggestion(document: Json) -> Suggestion:
    picture, evidence = picture_of(document["picture"]), map(_evidence, document["evidence"])
    keys = tuple(document["other_keys"])
    return Suggestion(
        **{**document, "picture": picture, "evidence": tuple(evidence), "other_keys": keys}
    )


def _evidence(document: Json) -> Evidence:
    return Evidence(**{**document, "picture": picture_of(document["picture"])})


def passage_of(document: Json) -> Passage:
    """A passage from its document."""
    return Passage(document["text"], document["sentence"], suggestions_of(document))


def page_of(document: Json) -> Page:
    """A page from its document."""
    pictures = tuple(map(picture_of, document["pictures"]))
    return Page(pictures, document["after"], document["total"])


def uploaded_of(document: Json) -> Uploaded:
    """What became of an upload, from its document."""
    rejections = tuple(Rejection(**one) for one in document["rejections"])
    return Uploaded(tuple(map(picture_of, document["pictures"])), rejections)


def choice_of(document: Json) -> Choice:
    """A decision from its document."""
    return Choice(**{**document, "rejected": tuple(document["rejected"])})


def tags_of(document: Json) -> list[Tag]:
    """The words of one picture."""
    return [Tag(**one) for one in document["pictures"][0]["tags"]]


def texts_of(document: Json) -> list[RankedText]:
    """Texts for a picture."""
    return [RankedText(**one) for one in document["texts"]]


def rejections_of(document: Mapping[str, Any]) -> tuple[Rejection, ...]:
    """What was left out."""
    return tuple(Rejection(**one) for one in document["rejected"])
