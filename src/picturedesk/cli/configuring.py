"""Defaults of options that the user set: in the environment and in configuration files.

What holds for an option, first to last: the option as given, ``PICTUREDESK_<OPTION>``, the nearest
file, the built-in default. Files are ``picturedesk.toml`` in the current folder, then in the user's
configuration folder; ``PICTUREDESK_CONFIG`` names another in their place, or is ``off``. A file has
options of all verbs at its top (``k = 5``) and those of one verb in its table (``[suggest]``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picturedesk.cli.group import Clicked
from picturedesk.cli.nearest import did_you_mean
from picturedesk.errors import BadInput

FILE = "picturedesk.toml"
PREFIX = "PICTUREDESK_"
CONFIG = "PICTUREDESK_CONFIG"
OFF = "off"
_OTHERS = (CONFIG, "PICTUREDESK_CACHE")  # variables that are no options
_MOST_BYTES = 1_000_000  # of a configuration file
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

# Options that say what one call is about: as defaults they would only surprise.
ONE_CALL = {
    *(
        "all",
        "cache",
        "clear",
        "clip",
        "csv",
        "data",
        "dry_run",
        "every",
        "file",
        "help",
        "known",
        "lines",
    ),
    *("out", "qrels", "role", "run", "set", "texts", "trec", "version"),
}
OWN = {("demo", "desk")}  # options that keep their default unless the verb's table names them


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value of an option may be.

    Attributes:
        flag: true or false.
        several: the option may be given several times.
        path: it is a file or folder.
    """

    flag: bool = False
    several: bool = False
    path: bool = False


Verbs = Mapping[str, Mapping[str, Kind]]  # verb → option, with underscores → its kind


@dataclass(frozen=True, slots=True)
class Setting:
    """A default that the user set.

    Attributes:
        key: the option, after its verb if it was set for one verb: "k", "suggest.k".
        value: as the command line takes it: text, a list of texts, true or false.
        source: the variable or file that has it.
    """

    key: str
    value: str | bool | list[str]
    source: str


@dataclass(slots=True)
class Settings:
    """All defaults that the user set.

    Attributes:
        of: verb → option → setting that holds.
        files: files that were looked for, the nearest first, and whether each is there.
        unknown: variables that look like settings and are none, with the nearest one.
    """

    of: dict[str, dict[str, Setting]] = field(default_factory=dict)
    files: list[tuple[Path, bool]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def default_map(self) -> dict[str, dict[str, Any]]:
        """Verb → option → value, as click takes defaults."""
        return {
            verb: {name: one.value for name, one in options.items()}
            for verb, options in self.of.items()
        }

    @property
    def holding(self) -> list[Setting]:
        """Each setting that holds for a verb, once, by its key."""
        found = {
            (one.key, one.source): one for options in self.of.values() for one in options.values()
        }
        return sorted(found.values(), key=lambda one: one.key)

    def told(self, verb: str) -> list[str]:
        """Lines that say which files were read, and which settings the verb has from where."""
        files = [f"settings read from {path}" for path, there in self.files if there]
        own = self.of.get(verb, {})
        return files + [f"{name} = {one.value!r} from {one.source}" for name, one in own.items()]


def known_options(group: Clicked) -> Verbs:
    """The options of each verb that can be set."""
    return {
        verb: {
            one.name: Kind(bool(one.is_flag), bool(one.multiple), one.metavar in ("FILE", "FOLDER"))
            for one in command.params
            if one.param_type_name == "option" and one.name not in ONE_CALL
        }
        for verb, command in group.commands.items()
    }


def gather(verbs: Verbs) -> Settings:
    """Reads environment and files.

    Raises:
        BadInput: a file cannot be read, or has an unknown key or a value of another type.
    """
    settings = Settings()
    for path in places():
        settings.files.append((path, _is_there(path)))
    for path, there in reversed(settings.files):
        if there:
            for verb, name, setting in _of_file(path, verbs):
                _set(settings, verbs, verb, name, setting)
    for name, setting in _of_environment(verbs, settings.unknown):
        _set(settings, verbs, "", name, setting)
    return settings


def places() -> list[Path]:
    """Where configuration files may be, the nearest first."""
    named = os.environ.get(CONFIG, "")
    if named.lower() == OFF:
        return []
    if named:
        return [_expanded(named)]
    home = user_folder()
    return [Path(FILE), *([home / FILE] if home else [])]


def user_folder() -> Path | None:
    r"""The user's folder for configuration, by the customs of the platform; None if there is none.

    ``$XDG_CONFIG_HOME/picturedesk`` or ``~/.config/picturedesk``, on macOS
    ``~/Library/Application Support/picturedesk``, on Windows ``%APPDATA%\picturedesk``.
    """
    if sys.platform == "win32":
        base = os.environ.get("APPDATA", "")
    elif sys.platform == "darwin":
        base = str(_expanded("~/Library/Application Support"))
    else:
        base = os.environ.get("XDG_CONFIG_HOME", "")
        base = base if os.path.isabs(base) else str(_expanded("~/.config"))
    return Path(base) / "picturedesk" if os.path.isabs(base) else None


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # unlike Path.expanduser, without an error if homeless


def _is_there(path: Path) -> bool:
    try:
        there = os.path.lexists(path)
    except ValueError:  # a NUL
        there = False
    if not there and os.environ.get(CONFIG):
        raise BadInput(f"{CONFIG} names {path}, which does not exist: check the path")
    return there


def _set(settings: Settings, verbs: Verbs, verb: str, name: str, setting: Setting) -> None:
    for one, options in verbs.items():
        if name in options and (verb == one or (not verb and (one, name) not in OWN)):
            settings.of.setdefault(one, {})[name] = setting


def _of_file(path: Path, verbs: Verbs) -> Iterator[tuple[str, str, Setting]]:
    """Verb ("" for all), option and setting; those of one verb come last."""
    content = _read(path)
    every = {name: kind for options in verbs.values() for name, kind in options.items()}
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    plain = {key: value for key, value in content.items() if key not in tables}
    for verb in tables:
        if verb not in verbs:
            raise BadInput(f"{path}: no such verb [{verb}]{_near(verb, verbs)}")
    for verb, table in ("", plain), *tables.items():
        options = verbs[verb] if verb else every
        for key, value in table.items():
            name = key.replace("-", "_")
            shown = f"{verb}.{name}" if verb else name
            if name not in options:
                where = f" in [{verb}]" if verb else ""
                raise BadInput(f"{path}: no such setting {key!r}{where}{_near(name, options)}")
            checked = _checked(options[name], value, path, shown)
            yield verb, name, Setting(shown, checked, str(path))


def _near(word: str, known: Mapping[str, object]) -> str:
    return did_you_mean(word, known) or f": known are {', '.join(sorted(known))}"


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        if not path.is_file():
            raise BadInput(f"{path} is no file: the settings are a TOML file")
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise BadInput(f"{path} has more than 1 MB: the settings are a few lines of TOML")
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is no TOML: {error}") from None


def _checked(kind: Kind, value: object, path: Path, key: str) -> str | bool | list[str]:
    """A value of a file as the command line takes it."""
    if kind.flag:
        if not isinstance(value, bool):
            raise BadInput(f"{path}: {key} is {value!r}: write true or false")
        return value
    if kind.several:
        items = value if isinstance(value, list) else [value]
        return [_word(kind, item, path, key) for item in items]
    return _word(kind, value, path, key)


def _word(kind: Kind, value: object, path: Path, key: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f"{path}: {key} is {value!r}: write one text or number")
    if kind.path and value:  # relative to the file that names it
        return str(path.parent / _expanded(str(value)))
    return str(value)


def _of_environment(verbs: Verbs, unknown: list[str]) -> Iterator[tuple[str, Setting]]:
    known = {
        PREFIX + name.upper(): (name, kind)
        for options in verbs.values()
        for name, kind in options.items()
    }
    for variable, text in sorted(os.environ.items()):
        if not variable.startswith(PREFIX) or variable in _OTHERS or not text:
            continue
        if variable not in known:
            unknown.append(f"{variable} is no setting{did_you_mean(variable, known)}")
            continue
        name, kind = known[variable]
        yield name, Setting(name, _of_variable(kind, variable, text), variable)


def _of_variable(kind: Kind, variable: str, text: str) -> str | bool | list[str]:
    if kind.flag:
        if text.lower() not in (*_YES, *_NO):
            raise BadInput(f"{variable} is {text!r}: use 1 or 0")
        return text.lower() in _YES
    if kind.several:
        import shlex

        try:
            return shlex.split(text)
        except ValueError as error:
            raise BadInput(f"{variable} is {text!r}: {error}") from None
    return str(_expanded(text)) if kind.path else text
