"""Long work: its store, which all workers and the processes that do it share, and their start.

A job is done by a process of its own (``work``), which outlives the server. One process at a time
works on the jobs of a lane, in their order; the lane's lock says whether there is one. A job whose
process was killed is done again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from picturedesk.disk.artifacts import plain
from picturedesk.disk.lock import locked
from picturedesk.disk.shared_database import FileKind, SharedDatabase
from picturedesk.errors import PicturedeskError
from picturedesk.types import Json
from picturedesk.web.problems import Refused

UPLOAD, REFIT, EVALUATE, AUDIT = "upload", "refit", "evaluate", "audit"
LANES = {UPLOAD: "upload", REFIT: "refit", EVALUATE: "measure", AUDIT: "measure"}
QUEUED, RUNNING, DONE, FAILED, STOPPED = "queued", "running", "done", "failed", "stopped"
OPEN = (QUEUED, RUNNING)
ATTEMPTS = 3  # after so many processes that were killed, a job fails
PATIENCE = 5.0  # seconds that a process waits for the one before
_KEPT = 200  # jobs that have ended
_MOST_OPEN = 100  # jobs that wait or run
_SCHEMA = (
    "CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
    "state TEXT NOT NULL, made TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL, "
    "who TEXT NOT NULL, request TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, "
    "what TEXT NOT NULL, result TEXT NOT NULL, problem TEXT NOT NULL, attempts INTEGER NOT NULL, "
    "stop INTEGER NOT NULL)",
)
_KIND = FileKind("list of jobs", 0x50444A42, _SCHEMA)  # "PDJB"
_FIELDS = (
    *("id", "kind", "state", "made", "started", "ended", "who", "request"),
    *("done", "total", "what", "result", "problem", "attempts", "stop"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        done: units that are finished.
        total: units; 0 before the first is known.
        what: the unit, "pictures".
    """

    done: int = 0
    total: int = 0
    what: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Long work that was asked for.

    Attributes:
        id: names it.
        kind: "upload", "refit", "evaluate" or "audit".
        state: "queued", "running", "done", "failed" or "stopped".
        progress: how far it is.
        made: ISO 8601, when it was asked for.
        started: when its process began; "" before.
        ended: when it ended; "" before.
        who: asked for it.
        request: what it is to do.
        result: of one that is done.
        problem: of one that failed, as problem details.
        attempts: processes that began it.
        stop: whether somebody stopped it.
    """

    id: str
    kind: str
    state: str = QUEUED
    progress: Progress = Progress()
    made: str = ""
    started: str = ""
    ended: str = ""
    who: str = ""
    request: Json | None = None
    result: Json | None = None
    problem: Json | None = None
    attempts: int = 0
    stop: bool = False

    def as_json(self) -> Json:
        """What callers see of it."""
        facts = {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "progress": plain(self.progress),
            "made": self.made,
            "started": self.started,
            "ended": self.ended,
            "who": self.who,
        }
        optional = {"result": self.result, "problem": self.problem}
        return facts | {name: value for name, value in optional.items() if value is not None}


class JobStore:
    """The jobs of a server, in one SQLite file; threads and processes share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = SharedDatabase.open(folder / "jobs.db", _KIND, {})

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def add(self, kind: str, request: Json, who: str = "") -> Job:
        """Notes a job; forgets the oldest of those that have ended."""
        job = Job(secrets.token_hex(8), kind, made=now(), who=who, request=request)
        names = ", ".join(_FIELDS)
        marks = ", ".join("?" * len(_FIELDS))
        with self._file.writing() as writer:
            writer.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", _row(job))
            writer.execute(
                "DELETE FROM jobs WHERE state NOT IN (?, ?) AND number NOT IN "
                "(SELECT number FROM jobs ORDER BY number DESC LIMIT ?)",
                (*OPEN, _KEPT),
            )
        return job

    def find(self, identity: str) -> Job | None:
        """The job with an id."""
        found = self._select("WHERE id = ?", (identity,))
        return found[0] if found else None

    def newest(self, limit: int = 100) -> list[Job]:
        """The newest jobs, the newest first."""
        return self._select("ORDER BY number DESC LIMIT ?", (limit,))

    def open_jobs(self, lane: str = "") -> list[Job]:
        """Jobs that are queued or running, oldest first; of one lane, or of all."""
        found = self._select("WHERE state IN (?, ?) ORDER BY number", OPEN)
        return [job for job in found if not lane or LANES[job.kind] == lane]

    def change(self, identity: str, change: Callable[[Job], Job]) -> Job | None:
        """Replaces a job by what ``change`` makes of it; returns that, None if there is none."""
        sets = ", ".join(f"{name} = ?" for name in _FIELDS)
        with self._file.writing() as writer:
            found = _read(writer, "WHERE id = ?", (identity,))
            if not found:
                return None
            changed = change(found[0])
            if changed != found[0]:
                writer.execute(f"UPDATE jobs SET {sets} WHERE id = ?", (*_row(changed), identity))
            return changed

    def stop(self, identity: str) -> Job | None:
        """Stops a job: at once if it is queued, at its next step if it runs."""
        return self.change(identity, _stopped)

    def lock(self, lane: str) -> Path:
        """The lock of the process that works on a lane."""
        return self.folder / f"jobs-{lane}.lock"

    def _select(self, which: str, values: tuple[str | int, ...]) -> list[Job]:
        with self._file.reading() as reader:
            return _read(reader, which, values)


class Jobs(JobStore):
    """The jobs of a server, and the start of their processes.

    Args:
        folder: of the server's own files.
        desk: folder of the desk.
    """

    def __init__(self, folder: Path, desk: Path) -> None:
        super().__init__(folder)
        self._desk = desk

    def start(self, kind: str, request: Json, who: str = "") -> Job:
        """Notes a job and lets a process work on it."""
        job = self.add(kind, request, who)
        self.launch(LANES[kind])
        return job

    def require_room(self) -> None:
        """Refuses another job where many wait, whose files would fill the disk."""
        waiting = len(self.open_jobs())
        if waiting >= _MOST_OPEN:
            raise Refused(
                429, "Too many jobs", f"{waiting} jobs wait or run", "wait until some have ended"
            )

    def revive(self) -> None:
        """Starts a process for each lane that has jobs and none that works on them."""
        for lane in {LANES[job.kind] for job in self.open_jobs()}:
            try:
                with locked(self.lock(lane), 0.0, lane):
                    is_idle = True
            except PicturedeskError:
                is_idle = False
            if is_idle:
                self.launch(lane)

    def launch(self, lane: str) -> None:
        """Starts a process for a lane; it ends at once if another one works on it."""
        command = [sys.executable, "-m", "picturedesk.web.work"]
        with (self.folder / "jobs.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self.folder.absolute()), str(self._desk.absolute()), lane],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        threading.Thread(target=process.wait, name=f"lane {lane}", daemon=True).start()


def now() -> str:
    """This moment, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _stopped(job: Job) -> Job:
    if job.state == QUEUED:
        return replace(job, state=STOPPED, stop=True, ended=now())
    return replace(job, stop=True) if job.state == RUNNING else job


def _row(job: Job) -> tuple[str | int, ...]:
    progress = job.progress
    values = {"request": job.request, "result": job.result, "problem": job.problem}
    packed = {name: json.dumps(plain(value)) for name, value in values.items()}
    packed |= {"done": progress.done, "total": progress.total, "what": progress.what}  # type: ignore[dict-item]
    return tuple(
        packed[name] if name in packed else _number(getattr(job, name)) for name in _FIELDS
    )


def _number(value: str | int) -> str | int:
    return int(value) if isinstance(value, bool) else value


def _read(reader: sqlite3.Connection, which: str, values: tuple[str | int, ...]) -> list[Job]:
    rows = reader.execute(f"SELECT {', '.join(_FIELDS)} FROM jobs {which}", values)
    return [_job(dict(zip(_FIELDS, row, strict=True))) for row in rows]


def _job(row: Json) -> Job:
    progress = Progress(row.pop("done"), row.pop("total"), row.pop("what"))
    packed = {name: json.loads(row.pop(name)) for name in ("request", "result", "problem")}
    return Job(**row | packed | {"progress": progress, "stop": bool(row["stop"])})
