"""Does the jobs of one lane, in a process of its own: ``python -m picturedesk.web.work``.

Ends when no job is left. Only one process works on a lane; it holds the lane's lock.
"""

from __future__ import annotations

import logging
import logging.config
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from picturedesk.desk.desk import Desk
from picturedesk.disk.artifacts import plain
from picturedesk.disk.lock import locked
from picturedesk.errors import PicturedeskError
from picturedesk.types import Json
from picturedesk.web import jobs, keeping, problems, uploads
from picturedesk.web.access.logs import logging_settings
from picturedesk.web.jobs import Job, JobStore, Progress

_PACE = 0.2  # seconds between two notes of progress
_LOG = logging.getLogger(__name__)


class _Stopped(BaseException):
    """Somebody stopped the job. Nothing that catches errors may take it for one."""


class _Noting:
    """A Progress that writes into the store, and stops the work if somebody asked for that."""

    def __init__(self, store: JobStore, job: Job) -> None:
        self._store = store
        self._id = job.id
        self._last = 0.0
        self._what = ""

    def __call__(self, done: int, total: int, what: str) -> None:
        at = time.monotonic()
        if what == self._what and done < total and at - self._last < _PACE:
            return
        self._last, self._what = at, what
        found = self._store.change(
            self._id, lambda job: replace(job, progress=Progress(int(done), int(total), what))
        )
        if found is None or found.stop:
            raise _Stopped


def _refit(desk: Desk, request: Json, progress: _Noting, folder: Path) -> Json:
    desk.refit(request.get("archive") or None, progress)
    current: Json = plain(next(one for one in desk.versions() if one.current))
    return current


def _upload(desk: Desk, request: Json, progress: _Noting, folder: Path) -> Json:
    return uploads.taken_in(desk, uploads.Batch.of(request), folder, progress)


def _evaluate(desk: Desk, request: Json, progress: _Noting, folder: Path) -> Json:
    progress(0, 1, "measuring")
    keeping.evaluate(desk, folder, request["part"])
    return {"href": f"/v1/evaluation?part={request['part']}"}


def _audit(desk: Desk, request: Json, progress: _Noting, folder: Path) -> Json:
    keeping.audit(desk, folder, progress)
    return {"href": "/v1/audit"}


_WORK: dict[str, Callable[[Desk, Json, _Noting, Path], Json]] = {
    jobs.REFIT: _refit,
    jobs.UPLOAD: _upload,
    jobs.EVALUATE: _evaluate,
    jobs.AUDIT: _audit,
}


def work(folder: Path, desk: Path, lane: str) -> None:
    """Does all jobs of a lane, unless another process does."""
    store = JobStore(folder)
    try:
        while store.open_jobs(lane):
            with locked(store.lock(lane), jobs.PATIENCE, f"another process works on {lane}"):
                while found := store.open_jobs(lane):
                    _do(store, found[0], desk)
    finally:
        store.close()


def _do(store: JobStore, job: Job, path: Path) -> None:
    """Does one job; whatever happens, it has ended then."""
    begun = store.change(job.id, _begun)
    if begun is None or begun.state != jobs.RUNNING:
        return
    progress = _Noting(store, begun)
    try:
        with Desk(path) as desk:
            result = _WORK[begun.kind](desk, begun.request or {}, progress, store.folder)
    except _Stopped:
        _end(store, begun, jobs.STOPPED)
    except PicturedeskError as error:
        _end(store, begun, jobs.FAILED, problem=problems.document_of(error))
    except Exception as error:
        _LOG.error("job %s", begun.id, exc_info=error)
        said = problems.problem_document(
            500, "Internal error", "this is a fault of the server; jobs.log has the traceback"
        )
        _end(store, begun, jobs.FAILED, problem=said)
    else:
        _end(store, begun, jobs.DONE, result=result)


def _begun(job: Job) -> Job:
    """A job that a process begins; if others were killed too often, it has failed."""
    if job.stop:
        return replace(job, state=jobs.STOPPED, ended=jobs.now())
    if job.attempts >= jobs.ATTEMPTS:
        said = problems.problem_document(
            500,
            "Killed",
            f"{job.attempts} processes that worked on it were killed",
            "look at the memory of the machine, then ask again",
        )
        return replace(job, state=jobs.FAILED, problem=said, ended=jobs.now())
    started = job.started or jobs.now()
    return replace(job, state=jobs.RUNNING, started=started, attempts=job.attempts + 1)


def _end(
    store: JobStore, job: Job, state: str, result: Json | None = None, problem: Json | None = None
) -> None:
    store.change(
        job.id,
        lambda now: replace(now, state=state, result=result, problem=problem, ended=jobs.now()),
    )
    if job.kind == jobs.UPLOAD:
        uploads.Batch.of(job.request or {}).discard()


def main(arguments: list[str]) -> int:
    """Folder of the server's files, folder of the desk, lane."""
    logging.config.dictConfig(logging_settings())
    folder, desk, lane = arguments
    try:
        work(Path(folder), Path(desk), lane)
    except PicturedeskError as error:
        _LOG.info("%s", error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
