"""Where a process and its descendants listen."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def listening() -> set[str]:
    """The addresses where this process and its descendants listen, in hexadecimal."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
    family = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    sockets = set()
    for process in family:
        with suppress(OSError):
            for link in Path(f"/proc/{process}/fd").iterdir():
                with suppress(OSError):
                    sockets.add(os.readlink(link))
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    is_listening = "0A"
    return {
        row[1].partition(":")[0]
        for row in rows
        if row[3] == is_listening and f"socket:[{row[9]}]" in sockets
    }
