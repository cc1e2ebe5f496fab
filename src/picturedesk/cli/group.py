"""The verbs as a group: help in panels, and the nearest verb or option for a mistyped one."""

from __future__ import annotations

from typing import Any, TypeAlias

from typer.core import TyperGroup

from picturedesk.cli.nearest import did_you_mean

_OTHER = "Commands"

Clicked: TypeAlias = Any  # an object of click, which typer has inside or beside it, by its version


class Verbs(TyperGroup):
    """A group of verbs; each stands in the help under its ``rich_help_panel``."""

    def resolve_command(self, ctx: Clicked, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The verb that the first argument names; ends with usage if there is none."""
        verb = args[0]
        if verb not in self.commands and not verb.startswith("-"):
            ctx.fail(f"no such verb {verb!r}{did_you_mean(verb, self.commands)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Clicked, formatter: Clicked) -> None:
        """Writes the verbs in panels, in the order in which the app has them."""
        panels: dict[str, list[tuple[str, str]]] = {}
        width = formatter.width - 6 - max(map(len, self.commands))
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            rows = panels.setdefault(panel if isinstance(panel, str) else _OTHER, [])
            rows.append((name, command.get_short_help_str(width)))
        longest = max(map(len, self.commands))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl([(name.ljust(longest), text) for name, text in rows])


def no_such_option(error: Exception) -> str:
    """What to say of an option that there is not; "" if the error is another one."""
    given, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if type(error).__name__ != "NoSuchOption" or given is None or context is None:
        return ""
    known = [name for one in context.command.get_params(context) for name in _names(one)]
    near = did_you_mean(given, known)
    if not near and context.parent is None:
        near = ": options of a verb stand after it"
    return f"no such option {given}{near}"


def _names(parameter: Clicked) -> list[str]:
    return [name for name in (*parameter.opts, *parameter.secondary_opts) if name[:1] == "-"]
