"""The verb that shows which defaults the user set, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import JsonOption

if TYPE_CHECKING:
    from picturedesk.cli.configuring import Settings


def config(
    context: typer.Context,
    known: Annotated[
        bool, typer.Option("--known", help="List all settings that there are, and their verbs.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the defaults that you set, and where they come from.

    An option that you type wins. Then comes the environment (PICTUREDESK_DESK, PICTUREDESK_K, …),
    then picturedesk.toml in the current folder, then the one in your configuration folder.
    PICTUREDESK_CONFIG names another file in place of both; off reads none.
    """
    from picturedesk.cli.configuring import gather, known_options

    verbs = known_options(context.find_root().command)
    names = sorted({name for options in verbs.values() for name in options})
    uses = {name: [verb for verb in verbs if name in verbs[verb]] for name in names}
    if known and not json:
        for name, used in uses.items():
            show.line(f"{name:<16} {', '.join(used)}")
        return
    settings = gather(verbs)
    for unknown in settings.unknown:
        show.note(unknown)
    if json:
        files = [{"path": str(path), "exists": there} for path, there in settings.files]
        show.as_json({"settings": settings.holding, "files": files, "known": uses})
        return
    _show(settings)


def _show(settings: Settings) -> None:
    for one in settings.holding:
        value = ", ".join(one.value) if isinstance(one.value, list) else str(one.value)
        show.line(f"{one.key:<22} {value:<24} {one.source}")
    if not settings.holding:
        show.line("No defaults are set: all options have those that --help shows.")
    for path, there in settings.files:
        show.line(f"{'Read' if there else 'Not there'}: {path}")
