"""The verbs of ``picturedesk`` and the handling of their errors.

Each verb imports the libraries that it needs itself: ``--help`` must answer at once.
"""

from __future__ import annotations

import sys

import typer

from picturedesk.cli import desk_verbs, fit_verbs, inspect_verbs, reproduce_verb, unpack_verb
from picturedesk.cli.show import note
from picturedesk.errors import PicturedeskError

app = typer.Typer(
    name="picturedesk",
    help="Suggests pictures for texts: learns from an archive of texts and their pictures.",
    no_args_is_help=True,
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
    desk_verbs.evaluate,
    reproduce_verb.reproduce,
    unpack_verb.unpack,
    inspect_verbs.levels,
    inspect_verbs.info,
    inspect_verbs.doctor,
):
    app.command()(verb)

INTERRUPTED = 130


def main() -> int:
    """Runs the command line; exit code 0: done, 1: error, 2: wrong usage, 130: Ctrl-C."""
    try:
        code = app(standalone_mode=False)
    except PicturedeskError as error:
        note(f"error: {error}")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted: run the same command again to continue")
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        if not _is_usage(error):
            raise
        return _show_usage(error)
    return code if isinstance(code, int) else 0


def _is_usage(error: Exception) -> bool:
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


def _show_usage(error: Exception) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "picturedesk"
    message = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    note(f"error: {message}; see {command} --help")
    return int(error.exit_code)  # type: ignore[attr-defined]
