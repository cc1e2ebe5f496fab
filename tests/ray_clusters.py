"""A Ray cluster of three nodes on this machine, for tests. Run as a program, it is the cluster.

It listens on 127.0.0.1, asks for a token, and ends when its standard input does.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NODES = 3
STORE = 80 * 2**20  # bytes of shared memory of each node
SETTINGS = {  # of the cluster and of all that use it; Ray reads them when it is imported
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux: use the loopback address
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # else other work of the machine comes first
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}
for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a running cluster."""
    tests = str(Path(__file__).parent)
    path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH", ""), tests)))
    line = [sys.executable, __file__]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    around = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(line, text=True, env=around, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, "the cluster did not start"
            yield address
        finally:
            process.stdin.close()
            process.wait(60)


def workers() -> list[int]:
    """The processes of this cluster that work on parts, or wait for the next.

    Those of other clusters of this machine have another token.
    """
    token = f"RAY_AUTH_TOKEN={os.environ['RAY_AUTH_TOKEN']}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended, or belongs to somebody else
            name = (folder / "cmdline").read_bytes()
            is_one = name.startswith(b"ray::") and b"MapWorker" in name
            if is_one and token in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return sorted(found)


def main() -> None:
    """Starts the nodes, says where, and waits."""
    from ray.cluster_utils import Cluster

    nodes = Cluster()
    for _ in range(NODES):
        nodes.add_node(num_cpus=1, object_store_memory=STORE, include_dashboard=False)
    sys.stdout.write(f"{nodes.address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    nodes.shutdown()


if __name__ == "__main__":
    main()
