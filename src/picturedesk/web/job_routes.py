"""Routes of jobs: how far they are, as a document or as events; and their end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.responses import StreamingResponse

from picturedesk.disk.artifacts import plain
from picturedesk.types import Json
from picturedesk.web.access import Role, needs
from picturedesk.web.describing import answers, media
from picturedesk.web.here import Here, answered
from picturedesk.web.jobs import OPEN, Job, Jobs
from picturedesk.web.problems import Refused

router = APIRouter(prefix="/v1", tags=["jobs"])
JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
_PACE = 0.25  # seconds between two looks at a job
_MOST = 64  # streams of a process at a time; each looks at the store again and again
_SIGN = 15.0  # seconds after which a comment shows that the connection lives


@router.get(
    "/jobs",
    summary="Long work",
    responses=answers("Jobs"),
    dependencies=[Depends(needs(Role.READER))],
)
def jobs(here: Here) -> Response:
    """The newest hundred jobs, the newest first."""
    return answered({"jobs": [job.as_json() for job in here.jobs.newest()]})


@router.get(
    "/jobs/{identity}",
    summary="One job",
    responses=answers("Job"),
    dependencies=[Depends(needs(Role.READER))],
)
def job(here: Here, identity: JobId) -> Response:
    """How far a job is, and its result when it is done."""
    return answered(_found(here.jobs.find(identity), identity).as_json())


@router.delete(
    "/jobs/{identity}",
    summary="Stop a job",
    responses=answers("Job"),
    dependencies=[Depends(needs(Role.EDITOR))],
)
def stop(here: Here, identity: JobId) -> Response:
    """Stops a job at its next step; one that has ended stays as it is."""
    return answered(_found(here.jobs.stop(identity), identity).as_json())


@router.get(
    "/jobs/{identity}/events",
    summary="Progress of a job",
    responses=media("text/event-stream"),
    dependencies=[Depends(needs(Role.READER))],
)
async def events(request: Request, here: Here, identity: JobId) -> Response:
    """Server-sent events: progress {done, total, what} as it changes, then end with the job."""
    first = await anyio.to_thread.run_sync(here.jobs.find, identity)
    _found(first, identity)
    if _streams.open >= _MOST:
        raise Refused(
            503,
            "Too many streams",
            f"{_MOST} callers follow jobs here",
            "close some, or ask for the job itself",
        )
    return StreamingResponse(
        _events(request, here.jobs, identity),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _found(job: Job | None, identity: str) -> Job:
    if job is None:
        raise Refused(404, "Job not found", f"there is no job {identity}")
    return job


class _Streams:
    """Streams of this process that are open; used by its one event loop."""

    def __init__(self) -> None:
        self.open = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


_streams = _Streams()


async def _events(request: Request, store: Jobs, identity: str) -> AsyncIterator[bytes]:
    with _streams.one():
        async for event in _progress(request, store, identity):
            yield event


async def _progress(request: Request, store: Jobs, identity: str) -> AsyncIterator[bytes]:
    told, silent = None, 0.0
    while not await request.is_disconnected():
        job = await anyio.to_thread.run_sync(store.find, identity)
        if job is None:
            return
        if job.progress != told:
            told, silent = job.progress, 0.0
            yield _event("progress", plain(told))
        if job.state not in OPEN:
            yield _event("end", job.as_json())
            return
        if silent >= _SIGN:
            silent = 0.0
            yield b": still there\n\n"
        silent += _PACE
        await anyio.sleep(_PACE)


def _event(name: str, document: Json) -> bytes:
    return f"event: {name}\ndata: {json.dumps(document, ensure_ascii=True)}\n\n".encode()
