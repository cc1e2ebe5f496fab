"""Defaults from the environment and from files: which holds, what is refused, what is shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from json_schemas import validate
from picturedesk.cli import configuring
from picturedesk.cli.app import app, reported, run
from picturedesk.cli.configuring import FILE, ONE_CALL, gather, known_options
from picturedesk.errors import BadInput


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder; the current folder is another, empty one."""
    monkeypatch.delenv("PICTUREDESK_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    folder = tmp_path / "home" / "picturedesk"
    folder.mkdir(parents=True)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return folder


def values(verb: str = "suggest") -> dict[str, object]:
    settings = gather(known_options(get_command(app)))
    return settings.default_map.get(verb, {})


def refusal() -> str:
    with pytest.raises(BadInput) as caught:
        values()
    return str(caught.value)


def test_nothing_is_set_at_first(home: Path):
    assert values() == {}


def test_the_environment_comes_before_the_nearest_file_and_that_before_the_farther(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    (home / FILE).write_text("k = 1\nroute = 'direct'\nmin_confidence = 0.25\n[suggest]\nk = 2\n")
    assert values() == {"k": "2", "route": "direct", "min_confidence": "0.25"}
    Path(FILE).write_text("k = 3\nroute = 'transfer'\n")
    assert values() == {"k": "3", "route": "transfer", "min_confidence": "0.25"}
    monkeypatch.setenv("PICTUREDESK_K", "4")
    assert values() == {"k": "4", "route": "transfer", "min_confidence": "0.25"}


def test_a_table_is_for_one_verb(home: Path):
    Path(FILE).write_text("k = 3\n[texts]\nk = 5\n")
    assert (values("suggest"), values("texts")) == ({"k": "3"}, {"k": "5"})


def test_the_demo_never_takes_the_desk_of_the_user(home: Path):
    Path(FILE).write_text("desk = 'mine'\n")
    assert values("demo") == {}
    Path(FILE).write_text("[demo]\ndesk = 'mine'\n")
    assert values("demo") == {"desk": "mine"}


def test_another_file_takes_the_place_of_both(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    Path(FILE).write_text("k = 3\n")
    (tmp_path / "other.toml").write_text("route = 'direct'\n")
    monkeypatch.setenv("PICTUREDESK_CONFIG", str(tmp_path / "other.toml"))
    assert values() == {"route": "direct"}
    monkeypatch.setenv("PICTUREDESK_CONFIG", "off")
    assert values() == {}
    monkeypatch.setenv("PICTUREDESK_CONFIG", "absent.toml")
    assert refusal() == "PICTUREDESK_CONFIG names absent.toml, which does not exist: check the path"


def test_a_path_in_a_file_is_relative_to_that_file(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / FILE).write_text("desk = 'desk'\n")
    assert values() == {"desk": str(home / "desk")}
    monkeypatch.setenv("HOME", "/home/anna")
    (home / FILE).write_text("desk = '~/desk'\n")
    assert values() == {"desk": "/home/anna/desk"}
    monkeypatch.setenv("PICTUREDESK_DESK", "near")
    assert values() == {"desk": "near"}


def test_flags_are_true_or_false(home: Path, monkeypatch: pytest.MonkeyPatch):
    Path(FILE).write_text("quiet = true\nexplain = false\n")
    assert (values("add"), values("suggest")) == ({"quiet": True}, {"explain": False})
    monkeypatch.setenv("PICTUREDESK_QUIET", "no")
    assert values("add") == {"quiet": False}
    monkeypatch.setenv("PICTUREDESK_QUIET", "perhaps")
    assert refusal() == "PICTUREDESK_QUIET is 'perhaps': use 1 or 0"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("desc = 'x'", "no such setting 'desc': did you mean 'desk'?"),
        ("file = 'x'", "no such setting 'file': "),
        ("[suggest]\nrecipe = 'best'", "no such setting 'recipe' in [suggest]"),
        ("[sugest]\nk = 1", "no such verb [sugest]: did you mean 'suggest'?"),
        ("k = true", "k is True: write one text or number"),
        ("k = [1]", "k is [1]: write one text or number"),
        ("[suggest]\nexplain = 1", "suggest.explain is 1: write true or false"),
        ("k = ", "is no TOML: "),
        ("\0", "is no TOML: "),
    ],
)
def test_what_is_no_setting_is_refused_in_one_line(home: Path, content: str, said: str):
    Path(FILE).write_text(content)
    told = refusal()
    assert told.startswith(FILE)
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize("data", [b"\xff\xfe\xff", b"# \xff", b"x = 1 # " + b"x" * 1_000_001])
def test_what_is_no_text_is_refused(home: Path, data: bytes):
    Path(FILE).write_bytes(data)
    assert refusal().startswith(FILE)


def test_a_folder_is_no_file(home: Path):
    Path(FILE).mkdir()
    assert refusal() == f"{FILE} is no file: the settings are a TOML file"


def test_every_option_is_a_setting_or_about_one_call():
    known = known_options(get_command(app))
    for verb, command in get_command(app).commands.items():
        options = {one.name for one in command.params if one.param_type_name == "option"}
        assert options - ONE_CALL == set(known[verb])
    assert {"desk", "k", "where", "route", "explain", "json"} <= set(known["suggest"])
    assert {"device", "quiet"} <= set(known["fit"])


def code_of(*arguments: str) -> int:
    try:
        return run(arguments)
    except BaseException as error:
        return reported(error)


def test_an_option_comes_before_all_settings(
    home: Path,
    fitted_desk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    Path(FILE).write_text(f"k = 3\nquiet = true\n[suggest]\ndesk = '{fitted_desk}'\njson = true\n")
    assert code_of("suggest", "a red circle") == 0
    assert len(json.loads(capsys.readouterr().out)["suggestions"]) == 3
    monkeypatch.setenv("PICTUREDESK_K", "2")
    assert code_of("suggest", "a red circle") == 0
    assert len(json.loads(capsys.readouterr().out)["suggestions"]) == 2
    assert code_of("suggest", "a red circle", "-k", "1") == 0
    assert len(json.loads(capsys.readouterr().out)["suggestions"]) == 1


@pytest.mark.parametrize("value", ["x", "0", "2.5"])
def test_a_value_that_is_wrong_names_its_source(
    home: Path, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PICTUREDESK_K", value)
    assert code_of("suggest", "a red circle") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "(set by PICTUREDESK_K)" in told
    assert "'--k'" in told


def test_the_help_shows_the_default_that_holds_and_no_variables(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PICTUREDESK_K", "7")
    assert code_of("suggest", "--help") == 0
    told = capsys.readouterr().out
    assert "default: 7" in told
    assert "PICTUREDESK_K" not in told


def test_help_and_version_need_no_settings(home: Path, capsys: pytest.CaptureFixture[str]):
    Path(FILE).write_text("nonsense")
    assert code_of() == code_of("--help") == code_of("--version") == 0
    assert code_of("completion", "bash") == 0
    assert code_of("suggest", "a red circle") == 1
    assert capsys.readouterr().err.startswith(f"error: {FILE} is no TOML")


def test_config_shows_what_holds_and_where_it_comes_from(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert code_of("config") == 0
    assert capsys.readouterr().out.startswith("No defaults are set")
    Path(FILE).write_text("k = 3\nquiet = true\n[suggest]\nroute = 'direct'\n")
    monkeypatch.setenv("PICTUREDESK_DESK", "mine")
    monkeypatch.setenv("PICTUREDESK_DSEK", "typo")
    assert code_of("config") == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()[:4]] == [
        ["desk", "mine", "PICTUREDESK_DESK"],
        ["k", "3", FILE],
        ["quiet", "True", FILE],
        ["suggest.route", "direct", FILE],
    ]
    assert f"Read: {FILE}" in out
    assert f"Not there: {home / FILE}" in out
    assert err == "PICTUREDESK_DSEK is no setting: did you mean 'PICTUREDESK_DESK'?\n"


def test_config_as_json_fits_its_schema(home: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    Path(FILE).write_text("k = 3\n")
    assert code_of("config", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    validate("config", document)
    assert document["settings"] == [{"key": "k", "value": "3", "source": FILE}]
    assert "suggest" in document["known"]["k"]


def test_config_lists_all_settings(home: Path, capsys: pytest.CaptureFixture[str]):
    assert code_of("config", "--known") == 0
    assert "min_confidence   suggest\n" in capsys.readouterr().out


def test_verbose_names_the_file_and_the_settings(
    home: Path, fitted_desk: Path, capsys: pytest.CaptureFixture[str]
):
    Path(FILE).write_text(f"desk = '{fitted_desk}'\nk = 1\n")
    assert code_of("suggest", "a red circle", "-v") == 0
    told = capsys.readouterr().err
    assert f"settings read from {FILE}\n" in told
    assert f"k = '1' from {FILE}\n" in told


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CONFIG_HOME": "/xdg"}, "/xdg/picturedesk"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "/home/anna/.config/picturedesk"),
        ("darwin", {}, "/home/anna/Library/Application Support/picturedesk"),
        ("win32", {"APPDATA": "/appdata"}, "/appdata/picturedesk"),
    ],
)
def test_the_folder_of_the_user_is_that_of_the_platform(
    platform: str,
    variables: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/anna")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert configuring.user_folder() == Path(expected)


def test_a_process_reads_the_file_in_its_folder(home: Path, fitted_desk: Path):
    Path(FILE).write_text(f"desk = '{fitted_desk}'\nk = 1\n")
    command = [sys.executable, "-m", "picturedesk", "suggest", "a red circle", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["suggestions"]) == 1
