"""Errors as problem details (RFC 9457), with the reason and the cure that the command line prints.

Knows no desk and no route.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from picturedesk.errors import (
    BadInput,
    BadPicture,
    Closed,
    MissingArtefact,
    MissingExtra,
    PicturedeskError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

TYPE = "urn:picturedesk:problem:"  # before the title's words, in the member "type"
MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)
_LONGEST = 2000  # characters of a detail
_SHOWN = 3  # faults of a request that are named
_OF: dict[type[PicturedeskError], tuple[int, str]] = {  # the most special first
    BadPicture: (422, "Bad picture"),
    BadInput: (422, "Bad input"),
    MissingExtra: (501, "Missing extra"),
    MissingArtefact: (503, "Desk not available"),
    Closed: (503, "Desk not available"),
    PicturedeskError: (503, "Not possible now"),
}


class Refused(Exception):
    """A request that a route refuses.

    Attributes:
        status: of HTTP.
        title: the kind of problem, in few words.
        detail: what was wrong with this request.
        cure: what to do; "" if the detail says it.
    """

    def __init__(self, status: int, title: str, detail: str, cure: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.cure = cure


def problem(
    status: int, title: str, detail: str, cure: str = "", headers: Mapping[str, str] = {}
) -> Response:
    """A problem as a response.

    Args:
        status: of HTTP.
        title: the kind of problem, in few words; the same for all of its kind.
        detail: what is wrong with this request.
        cure: what to do; "" if the detail says it.
        headers: of the response, beside its type.
    """
    return JSONResponse(
        problem_document(status, title, detail, cure), status, dict(headers), MEDIA_TYPE
    )


def problem_document(status: int, title: str, detail: str, cure: str = "") -> dict[str, Any]:
    """A problem as a JSON document."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return {
        "type": TYPE + words,
        "title": title,
        "status": status,
        "detail": detail[:_LONGEST],
        "cure": cure[:_LONGEST],
    }


def document_of(error: PicturedeskError) -> dict[str, Any]:
    """The problem of an error that the command line would print as one line."""
    status, title = next(said for kind, said in _OF.items() if isinstance(error, kind))
    if isinstance(error, BadPicture):
        return problem_document(status, title, f"{error.source}: {error.reason}", error.cure)
    return problem_document(status, title, _encodable(str(error)))


def handle_errors(app: FastAPI) -> None:
    """Lets an application answer every error with a problem."""
    app.add_exception_handler(PicturedeskError, _desk_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(OSError, _of_the_system)
    app.add_exception_handler(Exception, _bug)


async def _desk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PicturedeskError)
    document = document_of(error)
    return JSONResponse(document, document["status"], media_type=MEDIA_TYPE)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return invalid(error.errors())


def invalid(faults: Any) -> Response:  # noqa: ANN401 - pydantic's own records
    """The problem of a request that does not fit the description, from pydantic's faults."""
    said = [f"{_place(one['loc'])}: {one['msg']}" for one in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        said.append(f"and {len(faults) - _SHOWN} more")
    cure = "see /v1/openapi.json for what this request may have"
    return problem(400, "Invalid request", _encodable("; ".join(said)), cure)


def _place(parts: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in parts if part not in ("body", "query", "path")) or "body"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _not_allowed(request)
    title = getattr(error, "title", "") or HTTPStatus(error.status_code).phrase.capitalize()
    return problem(
        error.status_code, title, str(error.detail), getattr(error, "cure", ""), error.headers or {}
    )


def _not_allowed(request: Request) -> Response:
    """Names all methods of an address, whichever routes have them."""
    matching = (
        one for one in request.app.state.routes if one.matches(request.scope)[0] != Match.NONE
    )
    allowed = sorted({method for one in matching for method in one.methods or ()})
    detail = f"{request.method} is not for {request.url.path}"
    cure = f"there is {', '.join(allowed)}"
    return problem(405, "Method not allowed", detail, cure, {"Allow": ", ".join(allowed)})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.title, error.detail, error.cure)


async def _of_the_system(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    _LOG.error("%s %s: %s", request.method, request.url.path, error)
    reason = error.strerror or type(error).__name__
    return problem(503, "Not possible now", f"the server cannot read or write: {reason}")


async def _bug(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(
        500, "Internal error", "this is a fault of the server; its log has the traceback"
    )
