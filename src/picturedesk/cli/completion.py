"""Scripts that complete verbs and options in bash, zsh and fish.

A script holds all words itself: the shell asks no process when Tab is pressed. Knows verbs by their
names, help and options only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

PATHS = ("FILE", "FOLDER")  # names of values that are paths


@dataclass(frozen=True, slots=True)
class Option:
    """An option as shells complete it.

    Attributes:
        names: "--desk"; a short one begins with one hyphen.
        value: name of its value, "" for a flag.
        choices: its values, if they are few and known.
        text: the first sentence of its help.
    """

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb as shells complete it: name, first sentence of its help, options, own words.

    Attributes:
        name: "suggest".
        text: the first sentence of its help.
        options: all options.
        words: what its argument may be, if that is known; () for paths.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    words: tuple[str, ...] = ()


def bash(verbs: Sequence[Verb], options: Sequence[Option]) -> str:
    """The script for bash, which loads it with ``eval "$(picturedesk completion bash)"``."""
    cases = [f'        "") words="{_spaced(verbs, options)}" ;;']
    for verb in verbs:
        names = " ".join(name for one in verb.options for name in one.names)
        cases.append(f'        {verb.name}) options="{names}" words="{" ".join(verb.words)}" ;;')
    values = [
        f'        {verb.name}:{name}) words="{" ".join(one.choices)}" options="" ;;'
        for verb, one, name in _valued(verbs)
        if one.choices
    ]
    paths = "|".join(sorted({f"{v.name}:{n}" for v, one, n in _valued(verbs) if not one.choices}))
    return _BASH.format(cases="\n".join(cases), values="\n".join(values), paths=paths)


def zsh(verbs: Sequence[Verb], options: Sequence[Option]) -> str:
    """The script for zsh: a file ``_picturedesk`` in a folder of ``$fpath``, or to be evaluated."""
    names = "\n".join(f"                {_quoted(f'{v.name}:{v.text}')}" for v in verbs)
    cases = []
    for verb in verbs:
        words = f"'*: :({' '.join(verb.words)})'" if verb.words else "'*: :_files'"
        specs = [spec for one in verb.options for spec in _zsh_specs(one)]
        lines = " \\\n                        ".join([*specs, words])
        cases.append(
            f"                {verb.name}) _arguments \\\n                        {lines} ;;"
        )
    general = " \\\n        ".join(spec for one in options for spec in _zsh_specs(one))
    return _ZSH.format(names=names, cases="\n".join(cases), general=general)


def fish(verbs: Sequence[Verb], options: Sequence[Option]) -> str:
    """The script for fish: a file in ``~/.config/fish/completions``, or to be sourced."""
    lines = [_fish(one, "__fish_use_subcommand") for one in options]
    for verb in verbs:
        lines.append(
            f"complete -c picturedesk -f -n __fish_use_subcommand -a {verb.name} "
            f"-d {_quoted(verb.text)}"
        )
    for verb in verbs:
        within = f"'__fish_seen_subcommand_from {verb.name}'"
        if verb.words:
            lines.append(f"complete -c picturedesk -f -n {within} -a '{' '.join(verb.words)}'")
        lines += [_fish(one, within) for one in verb.options]
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[Sequence[Verb], Sequence[Option]], str]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}


def _spaced(verbs: Sequence[Verb], options: Sequence[Option]) -> str:
    names = [name for one in options for name in one.names]
    return " ".join([*(verb.name for verb in verbs), *names])


def _valued(verbs: Sequence[Verb]) -> Iterator[tuple[Verb, Option, str]]:
    """Verb, option and each of its names, for options with a value."""
    for verb in verbs:
        for one in verb.options:
            if one.value:
                for name in one.names:
                    yield verb, one, name


def _zsh_specs(option: Option) -> list[str]:
    text = re.sub(r"([\[\]:\\])", r"\\\1", option.text)
    value = ""
    if option.value:
        action = "_files" if option.value in PATHS else " "
        action = f"({' '.join(option.choices)})" if option.choices else action
        value = f":{option.value}:{action}"
    return [_quoted(f"{name}[{text}]{value}") for name in option.names]


def _fish(option: Option, where: str) -> str:
    names = " ".join(
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
    )
    value = ""
    if option.value:
        value = " -r -F" if option.value in PATHS else " -x"
        value += f" -a '{' '.join(option.choices)}'" if option.choices else ""
    return f"complete -c picturedesk -n {where} {names}{value} -d {_quoted(option.text)}"


def _quoted(text: str) -> str:
    """In single quotes, as all three shells read them."""
    return "'" + text.replace("'", "’") + "'"


_BASH = """\
_picturedesk() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local verb="" word options="" words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in -*) ;; *) verb="$word"; break ;; esac
    done
    case "$verb" in
{cases}
    esac
    case "$verb:$previous" in
{values}
        {paths}) words="" options="" ;;
    esac
    case "$current" in -*) words="$words $options" ;; esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _picturedesk picturedesk
"""

_ZSH = """\
#compdef picturedesk
_picturedesk() {{
    local context state state_descr line
    typeset -A opt_args
    _arguments -C \\
        {general} \\
        '1:verb:->verb' '*::rest:->rest'
    case $state in
        verb)
            local -a verbs
            verbs=(
{names}
            )
            _describe verb verbs ;;
        rest)
            case $line[1] in
{cases}
            esac ;;
    esac
}}
if [ "$funcstack[1]" = _picturedesk ]; then
    _picturedesk "$@"
else
    compdef _picturedesk picturedesk
fi
"""
