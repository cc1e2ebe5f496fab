"""The verbs of ``picturedesk`` and the handling of their errors.

Each verb imports the libraries that it needs itself: ``--help`` must answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from picturedesk.cli import (
    asking,
    audit_verb,
    catalogue_verbs,
    completion_verb,
    config_verb,
    configuring,
    deciding_verbs,
    desk_verbs,
    edit_verbs,
    export_verb,
    fit_verbs,
    inspect_verbs,
    keys_verb,
    mcp_verb,
    migrate_verb,
    reproduce_verb,
    serve_verb,
    show,
    streams,
    suggest_verb,
    unpack_verb,
    verbosity,
    webhooks_verb,
)
from picturedesk.cli.group import Verbs, no_such_option
from picturedesk.errors import PicturedeskError

app = typer.Typer(
    name="picturedesk",
    cls=Verbs,
    help="Suggests pictures for texts: learns from an archive of texts and their pictures.",
    epilog="Each verb has --help. 'picturedesk demo' shows everything on real pictures.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Suggest": (suggest_verb.suggest, asking.similar, desk_verbs.tags, desk_verbs.texts),
    "Fit a desk": (fit_verbs.demo, fit_verbs.fit, unpack_verb.unpack),
    "Keep the catalogue": (
        catalogue_verbs.add,
        catalogue_verbs.sync,
        catalogue_verbs.optimize,
        edit_verbs.edit,
        catalogue_verbs.remove,
        catalogue_verbs.list_pictures,
        catalogue_verbs.search,
        edit_verbs.rejected,
    ),
    "Learn from choices": (
        deciding_verbs.choose,
        deciding_verbs.choices,
        deciding_verbs.refit,
        deciding_verbs.versions,
        deciding_verbs.rollback,
    ),
    "Serve others": (
        serve_verb.serve,
        mcp_verb.mcp,
        keys_verb.keys,
        webhooks_verb.webhooks,
    ),
    "Take it elsewhere": (export_verb.export, migrate_verb.migrate),
    "Measure": (
        desk_verbs.evaluate,
        audit_verb.audit,
        inspect_verbs.levels,
        reproduce_verb.reproduce,
    ),
    "Look and set up": (
        inspect_verbs.info,
        inspect_verbs.doctor,
        config_verb.config,
        completion_verb.completion,
    ),
}
for panel, panel_verbs in PANELS.items():
    for verb in panel_verbs:
        app.command(rich_help_panel=panel)(verbosity.with_verbose(verb))

_SETTINGS = "picturedesk.settings"  # in the meta of a context
_WITHOUT_SETTINGS = ("config", "completion")  # verbs that read them themselves, or not at all
_LONGEST = 2000  # characters of an error's line


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        show.line(f"picturedesk {version('picturedesk')}")
        raise typer.Exit


@app.callback()
def _before(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_version),
    ] = False,
    verbose: verbosity.VerboseOption = False,
) -> None:
    """Takes the defaults that the user set for the options of the verb that follows."""
    if context.invoked_subcommand in _WITHOUT_SETTINGS:
        return
    settings = configuring.gather(configuring.known_options(context.command))
    context.default_map = settings.default_map
    context.meta[_SETTINGS] = settings
    verbosity.prepare(verbose, settings.told(context.invoked_subcommand or ""))


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
        show.error(_shortened(str(error)))
        return 1
    if isinstance(error, OSError):
        show.error(_shortened(_of_the_system(error)))
        return 1
    if isinstance(error, MemoryError):
        show.error("there is not enough memory: close other programs, or ask for less")
        return 1
    if not isinstance(error, Exception):
        raise error
    if not _is_usage(error):
        show.bug(error)
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
    message = no_such_option(error) or error.format_message().rstrip(".")  # type: ignore[attr-defined]
    show.error(f"{_shortened(message)}{_origin(error)} (see {command} --help)")
    return int(error.exit_code)  # type: ignore[attr-defined]


def _origin(error: Exception) -> str:
    """Where a value came from that cannot be used, if it was not given as an option."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    if context is None or parameter is None or parameter.param_type_name != "option":
        return ""
    source = context.get_parameter_source(parameter.name)
    settings = context.meta.get(_SETTINGS)
    if settings is None or source is None or source.name != "DEFAULT_MAP":
        return ""
    return f" (set by {settings.of[context.info_name][parameter.name].source})"
