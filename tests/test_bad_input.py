"""Whatever a user types or passes: it works, or it is refused in one line. Never a traceback.

Every public function and method is called with the wrong type, None, NaN, nothing and far too much
in place of each of its arguments; every verb of the command line with such words for each of its
options. A new public name without an entry in ``public_calls`` fails.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer

import picturedesk
import picturedesk.checks as checks
import picturedesk.testing
from picturedesk.cli.app import app, reported, run
from picturedesk.errors import PicturedeskError
from picturedesk.types import Catalogue
from public_calls import CALLS, INSIDE
from public_things import Call, World

SAMPLES: dict[str, object] = {
    "None": None,
    "a bool": True,
    "0": 0,
    "7": 7,
    "-1": -1,
    "2.5": 2.5,
    "nan": math.nan,
    "inf": math.inf,
    "10**9": 10**9,
    "10**30": 10**30,
    "an empty text": "",
    "a text": "nowhere",
    "NUL": "a\0b",
    "a lone surrogate": "\ud800",
    "a long text": "x" * 50_000,
    "bytes": b"bytes",
    "an empty list": [],
    "[None]": [None],
    "texts": ["a", "b"],
    "an empty dict": {},
    "an object": object(),
    "a class": dict,
    "no numbers": np.empty((0, 0), dtype=np.float32),
    "NaN in rows": np.full((2, 2), np.nan, dtype=np.float32),
    "words in an array": np.array(["a"]),
    "a cube": np.zeros((2, 2, 2), dtype=np.float32),
    "far away": np.array([[10**9, -5]]),
    "a path": Path("nowhere/at/all"),
}
CALLED_BACK = {"progress", "fit", "runner"}  # functions of the user: what they raise is theirs


def public() -> Iterator[str]:
    """Every public function, class that is no record, and public method of a class."""
    for name in picturedesk.__all__:
        value = getattr(picturedesk, name)
        if not inspect.isclass(value):
            if callable(value):
                yield name
            continue
        if getattr(value, "_is_protocol", False) or issubclass(value, Exception):
            continue
        if not is_record(value):
            yield name
        for method, function in methods_of(value).items():
            called = isinstance(function, classmethod | staticmethod) or inspect.isfunction(
                function
            )
            if called and (method == "__call__" or not method.startswith("_")):
                yield f"{name}.{method}"


def methods_of(value: type) -> dict[str, object]:
    """What a class defines, with what the package's own classes below it define."""
    ours = [one for one in value.__mro__ if one.__module__.startswith("picturedesk.")]
    return {name: found for one in reversed(ours) for name, found in vars(one).items()}


def is_record(value: type) -> bool:
    return dataclasses.is_dataclass(value) or issubclass(value, tuple)


def records() -> list[str]:
    """Names of dataclasses and named tuples, which are made field by field."""
    values = {name: getattr(picturedesk, name) for name in picturedesk.__all__}
    return [name for name, value in values.items() if inspect.isclass(value) and is_record(value)]


@pytest.fixture(scope="module")
def spare_desk(quick_fit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a fitted desk that wrong arguments may leave a mark in."""
    return Path(shutil.copytree(quick_fit, tmp_path_factory.mktemp("spare") / "desk"))


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(tmp_path)
    name = request.node.callspec.params["name"]
    needs = name.startswith("Desk") or name in ("describe", "diagnose", "Backbone.load")
    return World(tmp_path, request.getfixturevalue("spare_desk") if needs else tmp_path)


def test_to_check_an_object_asks_it_nothing():
    class Slow(picturedesk.testing.DictCatalogue):
        fingerprint, width = "", 0

        @property
        def indexed(self) -> int:
            raise AssertionError("it was asked")

    slow = object.__new__(Slow)
    assert checks.instance("catalogue", slow, Catalogue) is slow
    with pytest.raises(PicturedeskError, match="a Catalogue"):
        checks.instance("catalogue", object(), Catalogue)


def test_every_public_function_is_called_here():
    expected = set(public())
    assert expected - set(CALLS) - INSIDE == set()
    assert {name for name in CALLS if name not in records()} - expected == set()


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_right_works(name: str, world: World):
    call = CALLS[name](world)
    if call.refused:
        with pytest.raises(PicturedeskError):
            call.function(**call.good)
    else:
        call.function(**call.good)


@pytest.mark.parametrize("name", CALLS)
def test_an_argument_that_is_wrong_is_refused_in_one_line(name: str, world: World):
    failures = []
    for parameter in CALLS[name](world).good:
        call = CALLS[name](world)
        for sample, value in SAMPLES.items():
            if parameter in CALLED_BACK and sample == "a class":
                continue
            failures += failed(call, parameter, sample, value)
    assert failures == []


@pytest.mark.parametrize("name", records())
def test_a_field_that_is_wrong_is_refused_in_one_line(name: str):
    record = getattr(picturedesk, name)
    named = (
        record._fields
        if issubclass(record, tuple)
        else [one.name for one in dataclasses.fields(record)]
    )
    needed = dict.fromkeys(required(record))
    failures = []
    for parameter in named:
        for sample, value in SAMPLES.items():
            failures += failed(Call(record, needed), parameter, sample, value)
    assert failures == []


def required(record: type) -> list[str]:
    parameters = inspect.signature(record).parameters.values()
    return [one.name for one in parameters if one.default is inspect.Parameter.empty]


def failed(call: Call, parameter: str, sample: str, value: object) -> list[str]:
    """What is wrong with the answer to one wrong argument; nothing if it works or is refused."""
    try:
        call.function(**{**call.good, parameter: value})
    except PicturedeskError as error:
        return [] if "\n" not in str(error) else [f"{parameter} = {sample}: {error}"]
    except Exception as error:
        return [f"{parameter} = {sample}: {type(error).__name__}: {error}"[:300]]
    return []


WORDS = ("", " ", "x", "-1", "2.5", "nan", "9" * 30, "\udcff", "x" * 5000, "/dev/zero", "a\nb")
QUICK_COMMANDS: dict[str, list[str]] = {  # that end before anything slow begins
    "demo": ["--data", "absent.csv", "--quiet"],
    "fit": ["absent.csv", "--quiet"],
    "add": ["absent.jpg", "--desk", "DESK"],
    "sync": ["absent", "--desk", "DESK"],
    "optimize": ["--desk", "DESK"],
    "edit": ["absent.jpg", "--set", "caption=fog", "--desk", "DESK"],
    "rejected": ["--desk", "DESK"],
    "serve": ["--desk", "absent"],
    "remove": ["absent.jpg", "--desk", "DESK"],
    "search": ["a red circle", "--desk", "DESK", "-k", "2"],
    "list": ["--desk", "DESK", "-k", "2"],
    "suggest": ["a red circle", "--desk", "DESK", "-k", "2"],
    "similar": ["absent.jpg", "--desk", "DESK"],
    "tags": ["absent.jpg", "--desk", "DESK"],
    "texts": ["absent.jpg", "--desk", "DESK"],
    "choose": ["absent.jpg", "--text", "a red circle", "--desk", "DESK"],
    "choices": ["--desk", "DESK"],
    "refit": ["absent.csv", "--desk", "absent", "--quiet"],
    "versions": ["--desk", "DESK"],
    "rollback": ["7", "--desk", "DESK"],
    "evaluate": ["--desk", "DESK", "--part", "nosuch"],
    "audit": ["--desk", "absent"],
    "export": ["DESK", "--desk", "DESK"],
    "migrate": ["nosuch", "--desk", "DESK"],
    "reproduce": ["absent.csv"],
    "levels": ["nosuch"],
    "keys": ["list", "--desk", "DESK"],
    "mcp": ["--http", "--desk", "absent"],
    "webhooks": ["list", "--desk", "DESK"],
    "info": ["absent"],
    "doctor": [],
    "config": [],
    "completion": ["bsh"],
    "unpack": ["absent.parquet", "out"],
}


def commands() -> Iterator[tuple[str, str]]:
    """Every verb with each of its arguments and options that take a word."""
    for verb, command in typer.main.get_command(app).commands.items():
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False) and parameter.name != "help":
                yield verb, parameter.opts[-1] if parameter.opts[0].startswith("-") else "ARGUMENT"


@pytest.mark.parametrize(("verb", "option"), sorted(set(commands())))
def test_a_word_that_is_wrong_is_one_line_and_an_exit_code(
    verb: str,
    option: str,
    spare_desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
):
    monkeypatch.chdir(tmp_path)
    quick = [str(spare_desk) if word == "DESK" else word for word in QUICK_COMMANDS[verb]]
    failures = []
    for word in WORDS:
        words = [word, *quick[1:]] if option == "ARGUMENT" else [*quick, option, word]
        try:
            code = run([verb, *words])
        except BaseException as error:
            code = reported(error)
        told = capsys.readouterr().err
        lines = [line for line in told.splitlines() if not line.startswith("there may be no good")]
        if code not in (0, 1, 2) or (code and len(lines) != 1 and verb != "doctor"):
            failures.append(f"{option} {word[:20]!r}: {code} {told[:300]}")
    assert failures == []
