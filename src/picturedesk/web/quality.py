"""Routes that measure a desk. Both take long on a large desk: the last result is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from picturedesk.types import Json
from picturedesk.web import keeping
from picturedesk.web.access import Caller, Role, needs
from picturedesk.web.bodies import Body
from picturedesk.web.deciding import started
from picturedesk.web.describing import Responses, answers, reference
from picturedesk.web.here import Here, answered
from picturedesk.web.jobs import AUDIT, EVALUATE
from picturedesk.web.problems import Refused

router = APIRouter(prefix="/v1", tags=["measure"])
Reader = Annotated[Caller, Depends(needs(Role.READER))]
_JOB: Responses = {
    202: {
        "description": "nothing is kept: a job measures, then ask again",
        "content": {"application/json": {"schema": reference("JobStarted")}},
    }
}


class Measuring(Body):
    """What to measure."""

    part: Literal["test", "validate"] = "test"
    again: bool = Field(False, strict=False, description="measure anew")


class Auditing(Body):
    """How to audit."""

    again: bool = Field(False, strict=False, description="audit anew")


@router.get(
    "/evaluation",
    summary="How often the right picture is found",
    responses=answers("EvaluateDocument", more=_JOB),
)
def evaluation(here: Here, caller: Reader, asked: Annotated[Measuring, Query()]) -> Response:
    """Every route, measured on held-out texts of the archive."""
    with here.desk.using() as desk:
        kept = None if asked.again else keeping.evaluation(desk, here.config.folder, asked.part)
    return _kept_or_job(here, kept, EVALUATE, {"part": asked.part}, caller)


@router.get(
    "/audit", summary="What should be checked", responses=answers("AuditDocument", more=_JOB)
)
def audit(here: Here, caller: Reader, asked: Annotated[Auditing, Query()]) -> Response:
    """Pairs that look mispaired, topics without good pictures, conflicts of rights."""
    with here.desk.using() as desk:
        kept = None if asked.again else keeping.audited(desk, here.config.folder)
    return _kept_or_job(here, kept, AUDIT, {}, caller)


def _kept_or_job(
    here: Here, kept: Json | None, kind: str, request: Json, caller: Caller
) -> Response:
    if kept is not None:
        return answered(kept)
    if caller.role < Role.EDITOR:
        detail = f"there is no result of {kind} of this fit yet, and a reader's key starts none"
        raise Refused(403, "This key may not do that", detail, "ask an editor to open it once")
    return answered(started(here, kind, request, caller), 202)
