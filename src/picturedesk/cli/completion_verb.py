"""The verb that prints a shell's script for completion."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.completion import SHELLS, Option, Verb
from picturedesk.cli.group import Clicked
from picturedesk.errors import BadInput

CHOICES = {  # options with few values
    "--device": ("cpu", "cuda", "mps", "auto"),
    "--part": ("test", "validate"),
    "--preset": ("lite0", "paper"),
    "--recipe": ("best", "paper"),
    "--route": ("blend", "direct", "transfer", "class_names", "captions", "zero_shot", "towers"),
    "--text-encoder": ("lsa", "doc2vec", "none"),
}
HELP = ["-h", "--help"]
WORDS = {"completion": tuple(SHELLS), "levels": ("default", "lite0", "lite2", "paper")}


def completion(
    context: typer.Context,
    shell: Annotated[
        str, typer.Argument(metavar="SHELL", help="bash, zsh or fish. Default: the shell in use.")
    ] = "",
) -> None:
    """Print a script with which Tab completes verbs and options.

    bash: eval "$(picturedesk completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc,
    after compinit. fish: picturedesk completion fish > ~/.config/fish/completions/picturedesk.fish
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise BadInput(f"there is no completion for the shell {name!r}: use bash, zsh or fish")
    group: Clicked = context.find_root().command
    with typer.Context(group, help_option_names=HELP) as inner:
        verbs = [
            Verb(name, one.get_short_help_str(200), _options(one, inner), WORDS.get(name, ()))
            for name, one in group.commands.items()
        ]
        options = _options(group, inner)
    for part in SHELLS[name](verbs, options).splitlines():
        show.line(part)


def _options(command: Clicked, context: Clicked) -> tuple[Option, ...]:
    found = [one for one in command.get_params(context) if one.param_type_name == "option"]
    return tuple(
        Option(
            tuple(one.opts) + tuple(one.secondary_opts),
            "" if one.is_flag else str(one.metavar or "VALUE"),
            next((CHOICES[name] for name in one.opts if name in CHOICES), ()),
            (one.help or "").partition(". ")[0].partition("; ")[0].strip().rstrip("."),
        )
        for one in found
    )
