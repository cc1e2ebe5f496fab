"""What requests may say: the bodies of the API, and how they are read.

A body that does not fit is refused before any work; what only the desk can judge (a condition, a
date, a route) is left to it. Most bodies are JSON; some may bring a file instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from picturedesk.store.rights import LIFTED
from picturedesk.types import DIVERSITY, FATIGUE
from picturedesk.web.here import Here
from picturedesk.web.keys import KEY
from picturedesk.web.problems import Refused
from picturedesk.web.receiving import Form, Limits, received
from picturedesk.web.uploads import Upload

LONGEST_TEXT = 200_000  # characters
LONGEST_HTML = 1_000_000
MOST_TEXTS = 100
MOST_K = 100
MOST_KEYS = 10_000
OPTIONS = "options"  # the field of a form that has what else would be the JSON body
FILE = "file"
BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}

Key = Annotated[str, Field(pattern=KEY, description="content key of a picture")]
Where = Annotated[
    str, Field(max_length=10_000, description="SQL condition on the columns of the catalogue")
]
Words = Annotated[str, Field(max_length=LONGEST_TEXT)]
Value = str | float | bool | list[str] | None


def _whole(value: object) -> object:
    """1.0 as 1: the same number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class Body(BaseModel):
    """A body: no other fields, no other types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Asking(Body):
    """What every question for pictures may have."""

    k: Whole = Field(10, ge=1, le=MOST_K, description="pictures, at most")
    where: Where = ""
    fatigue: float = Field(FATIGUE, ge=0, le=1e6, description="days")
    include: list[Literal["expired", "embargoed", "missing", "used_up"]] = Field(
        [], max_length=len(LIFTED), description="what may be shown although it may not run"
    )
    territory: str = Field("", max_length=100, description="where the picture is to run")
    today: str = Field("", max_length=40, description="ISO 8601; empty for now")


class Arranged(Asking):
    """With an order of the pictures."""

    diversity: float = Field(DIVERSITY, ge=0, le=1)
    duplicates: bool = Field(False, description="show near-duplicates each")


class SuggestBody(Arranged):
    """A question for pictures: one of text, html and texts, a file, or like or keywords alone."""

    text: Words = ""
    html: str = Field("", max_length=LONGEST_HTML)
    texts: list[Words] = Field([], max_length=MOST_TEXTS, description="one answer for each")
    like: list[Key] = Field([], max_length=20)
    unlike: list[Key] = Field([], max_length=20)
    keywords: list[Annotated[str, Field(max_length=200)]] = Field([], max_length=20)
    route: str = Field("", max_length=40, description="empty for the best there is")
    min_confidence: float = Field(0.0, ge=0, le=1)
    explain: bool = False


class SlotsBody(Asking):
    """A question for one picture for each passage of a story."""

    text: Words
    slots: Annotated[Whole, Field(ge=1, le=50)] | Literal["paragraphs"] = 3
    k: Whole = Field(3, ge=1, le=MOST_K, description="pictures for each passage")
    route: str = Field("", max_length=40)


class SimilarBody(Arranged):
    """A question for pictures like one."""

    picture: Key | None = None
    diversity: float = Field(0.0, ge=0, le=1)


class TagsBody(Body):
    """A question for the words that a picture shows."""

    picture: Key | None = None
    most: Whole = Field(10, ge=1, le=1000)


class TextsBody(Body):
    """A question for texts that suit a picture; of the archive unless some are given."""

    picture: Key | None = None
    k: Whole = Field(10, ge=1, le=MOST_K)
    texts: list[Words] | None = Field(None, max_length=1000)


class ChangesBody(Body):
    """New values by the names of columns; null empties one."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, Value] = Field(init=False)


class EditBody(Body):
    """Pictures and what is to be changed of each."""

    keys: list[Key] = Field(min_length=1, max_length=MOST_KEYS)
    changes: dict[str, Value] = Field(min_length=1)


class RemoveBody(Body):
    """Pictures to remove: their keys, or a condition."""

    keys: list[Key] = Field([], max_length=MOST_KEYS)
    where: Where = ""


class ChooseBody(Body):
    """A decision: this picture was taken for this text, those were passed over."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    picture: Key
    rejected: list[Key] = Field([], max_length=1000)
    who: str = Field("", max_length=200)


Model = TypeVar("Model", bound=Body)


@dataclass(frozen=True, slots=True)
class Sent(Generic[Model]):
    """A body as it came.

    Attributes:
        said: its options.
        file: that it brought; None for none.
    """

    said: Model
    file: Upload | None = None


Reader = Callable[[Request, Here], AsyncIterator[Sent[Model]]]


def with_file(model: type[Model]) -> Reader[Model]:
    """A dependency: a JSON body, or a form with a file and the same JSON as a field."""

    async def sent(request: Request, here: Here) -> AsyncIterator[Sent[Model]]:
        if _is_form(request):
            limits = Limits(1, here.config.max_megabytes * 1e6)
            async with received(request, here.incoming, limits, (FILE,), (OPTIONS,)) as form:
                yield Sent(parsed(model, form.fields.get(OPTIONS, b"{}")), _the_file(form))
            return
        yield Sent(parsed(model, await json_bytes(request)))

    return sent


async def a_file(request: Request, here: Here) -> AsyncIterator[Upload]:
    """A dependency: the file of a form that has nothing else."""
    limits = Limits(1, here.config.max_megabytes * 1e6)
    async with received(request, here.incoming, limits, (FILE,), ()) as form:
        yield _the_file(form)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/")


async def json_bytes(request: Request) -> bytes:
    """The body of a request that is JSON; raises Refused for another type."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(
            415,
            "Unsupported media type",
            f"the body is {kind or 'of no type'}",
            "send application/json, or multipart/form-data with a file",
        )
    return await request.body()


def parsed(model: type[Model], data: bytes) -> Model:
    """A body of JSON as its record.

    Raises:
        RequestValidationError: it does not fit.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from None


def _the_file(form: Form) -> Upload:
    found = form.named(FILE)
    if not found:
        raise Refused(400, "Invalid request", f"the form has no file in its field '{FILE}'")
    return found[0]


def described(model: type[Body], file: bool = False) -> dict[str, Any]:
    """The request body of a route for the description of the API.

    Args:
        model: of JSON.
        file: whether a form with a file may come instead.
    """
    options = {"$ref": f"#/components/schemas/{model.__name__}"}
    content: dict[str, Any] = {"application/json": {"schema": options}}
    if file:
        fields = {FILE: BYTES, OPTIONS: options}
        content |= form_of(fields, (FILE,), OPTIONS)
    return body_of(content)


def form_of(fields: dict[str, Any], required: Sequence[str], options: str = "") -> dict[str, Any]:
    """The content of a body that is a form; ``options`` names a field that is JSON."""
    schema = {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }
    form: dict[str, Any] = {"schema": schema}
    if options:
        form["encoding"] = {options: {"contentType": "application/json"}}
    return {"multipart/form-data": form}


def body_of(content: dict[str, Any]) -> dict[str, Any]:
    """The request body of a route with content of these types."""
    return {"requestBody": {"required": True, "content": content}}
