"""``--verbose``: what is read and how long each step takes, on stderr. Knows no verb.

The library tells its steps to the logger ``picturedesk``; nobody listens unless it is asked to.
"""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated

import typer

from picturedesk.cli import show

VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Also print to stderr what is loaded and how long each step takes."
    ),
]
_asked: ContextVar[bool] = ContextVar("verbose", default=False)
_facts: ContextVar[tuple[str, ...]] = ContextVar("facts", default=())
_MEBI = 2**20


def prepare(asked: bool, facts: Sequence[str]) -> None:
    """Before a verb: whether it was asked for, and what a verbose verb says first."""
    _asked.set(asked)
    _facts.set(tuple(facts))


def with_verbose(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with the option ``--verbose``, which it need not know."""

    @functools.wraps(verb)
    def run(verbose: bool = False, **given: object) -> None:
        if not (verbose or _asked.get()):
            verb(**given)
            return
        with _telling():
            verb(**given)

    option = inspect.Parameter(
        "verbose", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=VerboseOption
    )
    signature = inspect.signature(verb, eval_str=True)
    parameters = [*signature.parameters.values(), option]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


@contextmanager
def _telling() -> Iterator[None]:
    """Prints what the library logs, and at the end time and memory."""
    import logging

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show.note(f"  {record.getMessage()}")

    log, lines = logging.getLogger("picturedesk"), Lines()
    before, wall, cpu = log.level, time.perf_counter(), time.process_time()
    log.addHandler(lines)
    log.setLevel(logging.DEBUG)
    for fact in _facts.get():
        show.note(f"  {fact}")
    usual = show.TOLD_FROM.set(0.0)
    try:
        yield
    finally:
        show.TOLD_FROM.reset(usual)
        log.setLevel(before)
        log.removeHandler(lines)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        show.note(f"  done in {wall:.2f} s, {cpu:.2f} s of CPU{_peak()}")


def _peak() -> str:
    """The peak memory of this process, where the system tells it."""
    try:
        import resource
    except ImportError:
        return ""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f"; peak memory {peak / _MEBI:.0f} MiB"
