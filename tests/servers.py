"""Real servers for tests: processes on 127.0.0.1, on a free port, ended by their ids."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from picturedesk.disk.lock import locked
from picturedesk.web.config import ServeConfig
from picturedesk.web.jobs import LANES, JobStore

PATIENCE = 120.0  # seconds for a process to begin or to end


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
        address = address_of(process)
        assert address, (desk.parent / "server.log").read_text()
        yield process, address
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def address_of(process: subprocess.Popen[str]) -> str:
    """The address that a server prints; "" if it ends before, or is silent for very long."""
    assert process.stdout is not None
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    try:
        line = process.stdout.readline()
    finally:
        guard.cancel()
    return line.split()[-1].rstrip("/") if "http://" in line else ""


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
