"""Real servers for tests: processes on 127.0.0.1, on a free port, ended by their ids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from picturedesk.disk.lock import locked
from picturedesk.web.config import ServeConfig
from picturedesk.web.jobs import LANES, JobStore

PATIENCE = 60.0  # seconds for a process to end


@contextmanager
def started(desk: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process of ``picturedesk serve`` on a desk, and its address.

    What it logs is in ``server.log`` beside the desk. The block may kill it.
    """
    command = [sys.executable, "-m", "picturedesk", "serve", "--desk", str(desk), "--port", "0"]
    with (desk.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--rate", "inf", *options], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, (desk.parent / "server.log").read_text()
        yield process, line.split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@contextmanager
def serving(desk: Path, *options: str) -> Iterator[str]:
    """The address of a desk's server while the block runs; no job outlives it."""
    try:
        with started(desk, *options) as (_, address):
            yield address
    finally:
        end_jobs(desk)


def end_jobs(desk: Path) -> None:
    """Stops all jobs of a desk's server, and waits until their processes have ended."""
    store = JobStore(ServeConfig(desk).folder)
    try:
        for job in store.open_jobs():
            store.stop(job.id)
        for lane in sorted(set(LANES.values())):
            with locked(store.lock(lane), PATIENCE, f"a job of lane {lane} does not end"):
                assert not store.open_jobs(lane)
    finally:
        store.close()
