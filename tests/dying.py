"""A process that kills itself at a line of code, to see what it leaves."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from types import CodeType, FrameType
from typing import Any, TypeVar

Opened = TypeVar("Opened")


def dies_at(
    line: int,
    watched: Collection[CodeType],
    opening: Callable[[], AbstractContextManager[Opened]],
    work: Callable[[Opened], object],
) -> bool:
    """Works in a forked process that kills itself at a line; whether it came that far.

    Args:
        line: which of the lines that are run of what is watched, from 0 on.
        watched: the code whose lines count.
        opening: opens what is worked on, unwatched.
        work: is done with it.
    """
    process = os.fork()
    if process:
        _, status = os.waitpid(process, 0)
        assert status in (0, signal.SIGKILL), status
        return status == signal.SIGKILL
    passed = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal passed
        if frame.f_code not in watched:
            return None
        if event == "line":
            if passed == line:
                os.kill(os.getpid(), signal.SIGKILL)
            passed += 1
        return trace

    status = 1
    try:
        with opening() as opened:
            sys.settrace(trace)
            work(opened)
            sys.settrace(None)
        status = 0
    finally:
        os._exit(status)
