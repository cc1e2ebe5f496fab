"""The verbs of ``picturedesk`` and the handling of their errors.

Each verb imports the libraries that it needs itself: ``--help`` must answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import typer

from picturedesk.cli import (
    desk_verbs,
    export_verb,
    fit_verbs,
    inspect_verbs,
    reproduce_verb,
    streams,
    unpack_verb,
)
from picturedesk.cli.show import bug, note
from picturedesk.errors import PicturedeskError

app = typer.Typer(
    name="picturedesk",
    help="Suggests pictures for texts: learns from an archive of texts and their pictures.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    fit_verbs.demo,
    fit_verbs.fit,
    desk_verbs.add,
    desk_verbs.suggest,
    desk_verbs.tags,
    desk_verbs.texts,
    desk_verbs.evaluate,
    export_verb.export,
    reproduce_verb.reproduce,
    unpack_verb.unpack,
    inspect_verbs.levels,
    inspect_verbs.info,
    inspect_verbs.doctor,
):
    app.command()(verb)

_LONGEST = 2000  # characters of an error's line


def run(arguments: Sequence[str]) -> int:
    """Runs one command in this process; returns its exit code, or raises what ``reported`` tells.

    Args:
        arguments: verb and options, without the program's name; none shows the help.
    """
    streams.prepare()
    command = typer.main.get_command(app)
    try:
        # Not ``command()``: that one would turn Ctrl-C and broken pipes into codes of its own.
        with command.make_context("picturedesk", list(arguments) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as done:
        code = done.exit_code
    else:
        code = 0
    streams.flush()
    return code


def reported(error: BaseException) -> int:
    """Tells an error in one line, or a bug with its traceback; returns the exit code."""
    streams.settle()
    if isinstance(error, streams.OutputEnded | BrokenPipeError):
        return 0
    if isinstance(error, PicturedeskError):
        note(f"error: {_shortened(str(error))}")
        return 1
    if isinstance(error, OSError):
        note(f"error: {_shortened(_of_the_system(error))}")
        return 1
    if isinstance(error, MemoryError):
        note("error: there is not enough memory: close other programs, or ask for less")
        return 1
    if not isinstance(error, Exception):
        raise error
    if not _is_usage(error):
        bug(error)
        return 1
    return _show_usage(error)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def _of_the_system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def _is_usage(error: Exception) -> bool:
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


def _show_usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "picturedesk"
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    note(f"error: {_shortened(message)}; see {command} --help")
    return int(error.exit_code)  # type: ignore[attr-defined]
