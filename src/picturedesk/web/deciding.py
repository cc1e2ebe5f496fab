"""Routes of editors' decisions, and of the versions that learn from them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from picturedesk.desk import json_documents
from picturedesk.desk.desk import Desk
from picturedesk.types import Json
from picturedesk.web.access import Caller, Role, needs
from picturedesk.web.access.roles import LOCAL
from picturedesk.web.bodies import Body, ChooseBody, Sent, described, with_file
from picturedesk.web.describing import answers
from picturedesk.web.here import Here, answered
from picturedesk.web.jobs import REFIT
from picturedesk.web.originals import picture_of
from picturedesk.web.problems import Refused

router = APIRouter(prefix="/v1", tags=["learn"])
Number = Annotated[int, Path(ge=1, le=2**53)]
_ALL = 10**9


class Paging(Body):
    """Which decisions."""

    after: int = Field(0, ge=0, le=2**53, strict=False, description="those with higher numbers")
    limit: int = Field(1000, ge=1, le=1000, strict=False)
    newest: bool = Field(False, strict=False, description="the last ones, the newest first")


@router.get(
    "/choices",
    summary="Decisions",
    responses=answers("ChoicesDocument"),
    dependencies=[Depends(needs(Role.READER))],
)
def choices(here: Here, asked: Annotated[Paging, Query()]) -> Response:
    """Which pictures were taken for which texts, also those that were taken back."""
    with here.desk.using() as desk:
        if asked.newest:
            found = desk.choices(asked.after, _ALL)[::-1][: asked.limit]
        else:
            found = desk.choices(asked.after, asked.limit)
        return answered(json_documents.choices(found))


@router.post(
    "/choices",
    summary="Use a picture",
    responses=answers("ChooseDocument", 201),
    openapi_extra=described(ChooseBody),
)
def choose(
    here: Here,
    caller: Annotated[Caller, Depends(needs(Role.EDITOR))],
    sent: Annotated[Sent[ChooseBody], Depends(with_file(ChooseBody))],
) -> Response:
    """Stores that a picture was taken for a text; the next suggestions know it."""
    said = sent.said
    with here.desk.using() as desk:
        for key in (said.picture, *said.rejected):
            picture_of(desk, key)
        choice = desk.choose(said.text, said.picture, said.rejected, said.who or name_of(caller))
    here.webhooks.wake()
    return answered(choice, 201)


@router.delete(
    "/choices/{number}",
    summary="Take a decision back",
    responses=answers("ChooseDocument"),
    dependencies=[Depends(needs(Role.EDITOR))],
)
def undo(here: Here, number: Number) -> Response:
    """Marks a decision as taken back; the next suggestions have forgotten it."""
    with here.desk.using() as desk:
        if not any(one.number == number for one in desk.choices(number - 1, 1)):
            raise Refused(404, "Choice not found", f"there is no choice {number}")
        choice = desk.undo_choice(number)
    here.webhooks.wake()
    return answered(choice)


@router.get(
    "/versions",
    summary="Fits that are kept",
    responses=answers("VersionsDocument"),
    dependencies=[Depends(needs(Role.READER))],
)
def versions(here: Here) -> Response:
    """The fits that the desk keeps, oldest first; the current one is marked."""
    with here.desk.using() as desk:
        return answered(json_documents.versions(desk.versions()))


@router.post(
    "/versions/{number}/rollback",
    summary="Go back to a fit",
    responses=answers("RollbackDocument"),
    dependencies=[Depends(needs(Role.ADMIN))],
)
def rollback(here: Here, number: Number) -> Response:
    """Makes an older fit the current one; pictures, metadata and decisions stay those of now."""
    with here.desk.using() as desk:
        _require_older(desk, number)
        version = desk.rollback(number)
    here.desk.refresh()
    return answered(version)


def _require_older(desk: Desk, number: int) -> None:
    known = {one.number: one.current for one in desk.versions()}
    if number not in known:
        there = ", ".join(map(str, known))
        raise Refused(404, "Version not found", f"the desk keeps versions {there}")
    if known[number]:
        raise Refused(409, "Nothing to do", f"version {number} is the current one")


@router.post(
    "/refit",
    summary="Fit again",
    status_code=202,
    responses=answers("JobStarted", 202),
)
def refit(here: Here, caller: Annotated[Caller, Depends(needs(Role.ADMIN))]) -> Response:
    """Fits again with the same settings, and learns from the decisions since; a job."""
    return answered(started(here, REFIT, {}, caller), 202)


def name_of(caller: Caller) -> str:
    """Who asks, for logs of decisions and jobs; "" on this machine without keys."""
    return "" if caller == LOCAL else caller.name


def started(here: Here, kind: str, request: Json, caller: Caller) -> Json:
    """A job of a kind: the one that waits or runs already, or a new one."""
    for job in here.jobs.open_jobs():
        if job.kind == kind and job.request == request:
            return {"job": job.as_json()}
    return {"job": here.jobs.start(kind, request, name_of(caller)).as_json()}
