"""A connection to a Ray cluster: the caller's, the one of ``RAY_ADDRESS``, or one of our own.

One of our own has all CPUs of this machine. It listens on this machine only and asks for a random
token, unless Ray had been imported before: then it is as Ray sets it up. It sends no statistics,
has no dashboard, and ends with the process that started it.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TextIO, cast

from picturedesk.errors import MissingExtra, PicturedeskError
from picturedesk.parallel import cpus

ADDRESS = "RAY_ADDRESS"
_REACHED_S = 10.0  # seconds in which a cluster answers
_STORE = 200_000_000  # bytes of shared memory for results on their way
_QUIET: Mapping[str, str] = {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing to Ray's makers
# Ray takes the loopback address for its own where it cannot build clusters, as on macOS.
_ALONE: Mapping[str, str] = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
_TOKEN = "RAY_AUTH_TOKEN"
_OWN_TOKEN = secrets.token_hex(32)  # one for a process: Ray reads it once
_RAY_SPEAKS = "ray_listen_error_messages"  # name of a thread of Ray
_own = False


@contextmanager
def session() -> Iterator[ModuleType]:
    """Ray, connected; a connection that was made for the block ends with it.

    Raises:
        MissingExtra: Ray is not installed.
        PicturedeskError: there is no cluster at ``RAY_ADDRESS``, or none could be started.
    """
    address = os.environ.get(ADDRESS, "")
    with _environment(_settings(address)):
        ray = _imported()
        if ray.is_initialized():
            with _messages_to_stderr():
                yield ray
            return
        with _signals_as_before():
            _connect(ray, address)
            try:
                with _messages_to_stderr():
                    yield ray
            finally:
                ray.shutdown()


def cores(ray: ModuleType) -> int:
    """CPUs of the cluster, 1 or more."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _settings(address: str) -> dict[str, str]:
    """Variables for this session; Ray reads those of a cluster of our own when it is imported."""
    global _own  # whether Ray was imported with these variables
    _own = _own or not (address or "ray" in sys.modules)
    own = _own and not address
    return {**_QUIET, **_ALONE, _TOKEN: _OWN_TOKEN} if own else dict(_QUIET)


def _imported() -> ModuleType:
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("ray", "pandas"):
            raise
        raise MissingExtra("the engine 'ray'", "ray") from None
    module: ModuleType = ray
    return module


def _connect(ray: ModuleType, address: str) -> None:
    _require_reachable(address)
    alone: dict[str, Any] = {
        "address": "local",
        "num_cpus": cpus(),
        "include_dashboard": False,
        "object_store_memory": _STORE,
    }
    where = {"address": address} if address else alone
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        cure = f"check {ADDRESS} and the cluster" if address else "see /tmp/ray for its logs"
        raise PicturedeskError(f"Ray did not start ({said[:200]}): {cure}") from None


def _require_reachable(address: str) -> None:
    """Raises PicturedeskError if nothing listens at HOST:PORT; Ray would try for minutes."""
    host, mark, port = address.rpartition(":")
    if not mark or "/" in host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACHED_S).close()
    except (OSError, OverflowError) as error:
        raise PicturedeskError(
            f"no Ray cluster answers at {address} ({error}): check {ADDRESS} and the cluster"
        ) from None


@contextmanager
def _signals_as_before() -> Iterator[None]:
    """Undoes that Ray handles SIGTERM; only the main thread can, and only there Ray does."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


class _Stdout:
    """Standard output, on which Ray's messages of dead workers go to standard error instead."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def write(self, text: str) -> int:
        """Writes to one of the two."""
        ray_speaks = threading.current_thread().name == _RAY_SPEAKS
        return (sys.stderr if ray_speaks else self._stdout).write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the stream
        return getattr(self._stdout, name)


@contextmanager
def _messages_to_stderr() -> Iterator[None]:
    """Keeps Ray's messages out of standard output, where results are printed."""
    before = sys.stdout
    changed = cast("TextIO", _Stdout(before))
    sys.stdout = changed
    try:
        yield
    finally:
        if sys.stdout is changed:
            sys.stdout = before


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Variables for Ray and its processes; those of the user stay, and all others go again."""
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
