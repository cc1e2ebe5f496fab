"""Real servers for tests: processes on 127.0.0.1, on a free port, ended by their ids."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds for a server to end


@contextmanager
def serving(desk: Path, *options: str) -> Iterator[str]:
    """The address of ``picturedesk serve`` on a desk, while the block runs."""
    command = [sys.executable, "-m", "picturedesk", "serve", "--desk", str(desk), "--port", "0"]
    with (desk.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, (desk.parent / "server.log").read_text()
        yield line.split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
