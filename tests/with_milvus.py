"""Runs the tests of catalogues against a real Milvus server: ``make test-milvus``.

With ``MILVUS_URI=milvus://HOST:PORT`` against that one. Without, starts the server of the package
``milvus`` in a temporary folder and a network of its own, because it listens on all addresses; it
ends with the tests. Each catalogue takes seconds to be made: in all, half an hour.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = "milvus==2.3.5"  # the last that starts by itself
URI = "MILVUS_URI"
INSIDE = "PICTUREDESK_INSIDE"  # set in the network of its own
FILES = (
    "test_catalogue_contract.py",
    "test_catalogue_contract_records.py",
    "test_catalogue_contract_words.py",
    "test_catalogue_conditions.py",
    "test_rights.py",
    "test_milvus.py",
    "test_milvus_servers.py",
)
QUICK = {  # milliseconds; else each question waits for a fifth of a second
    "proxy.timeTickInterval": 20,
    "queryCoord.checkInterval": 50,
    "queryCoord.distPullInterval": 50,
}
START = f"""
import sys
from milvus import MilvusServer
server = MilvusServer(wait_for_started=False)
server.set_base_dir(sys.argv[1])
for name, value in {QUICK}.items():
    server.config.set(name, value)
server.config.resolve()
server.start()
print(server.server_proc.pid, server.listen_port, server.webservice_port, flush=True)
server.server_proc.wait()
"""


def main(arguments: list[str]) -> int:
    """Runs the tests; further arguments are pytest's."""
    if os.environ.get(URI):
        return tested(os.environ[URI], arguments)
    if not os.environ.get(INSIDE):
        os.environ[INSIDE] = "1"
        alone = ["unshare", "--net", "--map-root-user", sys.executable, __file__, *arguments]
        return subprocess.run(alone, check=False).returncode
    switch_loopback_on()
    with server() as port:
        return tested(f"milvus://127.0.0.1:{port}", arguments)


def tested(uri: str, arguments: list[str]) -> int:
    """Runs the tests against a server."""
    files = [str(TESTS / name) for name in FILES]
    together = ["--numprocesses", "4"]  # they wait for the server, not for a core
    command = [sys.executable, "-m", "pytest", "-k", "milvus", *together, *files, *arguments]
    return subprocess.run(command, env={**os.environ, URI: uri}, check=False).returncode


@contextmanager
def server() -> Iterator[int]:
    """A server; the port where it listens."""
    home = Path(tempfile.mkdtemp())
    python = installed()
    log = (home / "log").open("w")
    command = [str(python), "-c", START, str(home)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            assert process.stdout is not None
            numbers = process.stdout.readline().split()
            if not numbers:
                raise SystemExit((home / "log").read_text()[-2000:])
            pid, port, health = map(int, numbers)
            try:
                wait_for(f"http://127.0.0.1:{health}/healthz")
                yield port
            finally:
                os.kill(pid, signal.SIGKILL)
    finally:
        log.close()
        shutil.rmtree(home, ignore_errors=True)


def installed() -> Path:
    """A Python with the package of the server, which is made once, outside the project's own."""
    home = TESTS.parent / ".cache" / "milvus"
    python = home / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{home} has no server: run python tests/with_milvus.py install")
    return python


def install() -> None:
    """Makes that Python."""
    home = TESTS.parent / ".cache" / "milvus"
    if not (home / "bin" / "python").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", PACKAGE], check=True)


def wait_for(address: str, patience: float = 180.0) -> None:
    """Waits until the server says that it is well."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if b"OK" in answer.read():
                    return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"the server did not start in {patience:g} s")


def switch_loopback_on() -> None:
    """Lets 127.0.0.1 answer in a new network."""
    up, flags = 0x1, 0x8914  # IFF_UP, SIOCSIFFLAGS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as some:
        fcntl.ioctl(some, flags, struct.pack("16sh14x", b"lo", up))


if __name__ == "__main__":
    if sys.argv[1:] == ["install"]:
        install()
    else:
        raise SystemExit(main(sys.argv[1:]))
