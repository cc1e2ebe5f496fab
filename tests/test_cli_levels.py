"""``picturedesk levels NAME --data ARCHIVE`` as a newcomer meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from json_schemas import validate
from picturedesk.cli.app import app
from picturedesk.errors import BadInput
from shapes import write_archive

pytest.importorskip("timm", reason="the adviser runs a network in torch")


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A tiny network with weights in a file, 48 pictures, and a cache that both tests share."""
    import timm
    import torch

    folder = tmp_path_factory.mktemp("levels")
    table = write_archive(folder / "archive", copies=2, side=64)
    (table.parent / "red-circle-0.png").write_bytes(b"torn")
    torch.manual_seed(0)
    weights = folder / "tiny.pth"
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), weights)
    options = ["--data", str(table), "--weights", str(weights), "--cache", str(folder / "cache")]
    return ["levels", "test_resnet", *options, "--quiet"]


@pytest.fixture(scope="module")
def found(arguments: list[str]) -> dict:
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_json_holds_levels_sets_and_what_to_take(found: dict):
    names = {row["level"] for row in found["levels"]}
    assert {"layer4:max", "final", "probs"} <= names
    assert set(found["recommended"]) <= names
    assert found["recommended"] in [row["levels"] for row in found["sets"]]
    assert found["texts"] == 42  # of 47, less the tenth that the fit keeps for its test
    assert [row["source"].rpartition("/")[2] for row in found["rejections"]] == ["red-circle-0.png"]
    assert found["sets"][0]["loss"]["mean"] == 0
    assert {"bytes", "ms", "share"} == set(found["sets"][0]["cost"])
    assert any(row["origin"] == "preset" for row in found["sets"])


def test_json_fits_its_schema(found: dict):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    validate("levels-data", found)


def test_tables_end_with_what_to_pass_to_fit(arguments: list[str], found: dict):
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "levels of test_resnet alone: 42 training texts" in done.stdout
    assert "sets of levels" in done.stdout
    assert "1 left out" in done.stderr
    assert "Recommended: --levels " in done.stdout
    assert "\nThe rule: of the sets that lose at most 0.5 points" in done.stdout
    assert "ms per picture on this machine" in done.stdout
    taken = done.stdout.split("Recommended: --levels ")[1].split(" ")[0].split(",")
    assert set(taken) <= {row["level"] for row in found["levels"]}


@pytest.fixture(scope="module")
def compared(arguments: list[str]) -> dict:
    """Two sizes of the network, in one call."""
    names = ["levels", "test_resnet@64", "test_resnet@32"]
    done = CliRunner().invoke(app, [*names, *arguments[2:], "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


def test_json_of_several_networks_has_the_best_set_of_each(compared: dict):
    rows = {row["network"]: row for row in compared["networks"]}
    assert {name: row["size"] for name, row in rows.items()} == {
        "test_resnet@64": 64,
        "test_resnet@32": 32,
    }
    first, second = compared["networks"]
    assert first["mrr"] >= second["mrr"]
    assert first["loss"]["mean"] == 0
    assert second["loss"]["mean"] == pytest.approx(first["mrr"] - second["mrr"])
    assert all(row["low"] <= row["mrr"] <= row["high"] for row in rows.values())
    assert compared["recommended"] in rows
    assert compared["texts"] == 42
    assert [row["source"].rpartition("/")[2] for row in compared["rejections"]] == [
        "red-circle-0.png"
    ]


def test_json_of_several_networks_fits_its_schema(compared: dict):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    validate("levels-networks", compared)


def test_a_table_of_networks_ends_with_what_to_pass_to_fit(arguments: list[str], compared: dict):
    names = ["levels", "test_resnet@64", "test_resnet@32"]
    done = CliRunner().invoke(app, [*names, *arguments[2:]], catch_exceptions=False)
    assert done.exit_code == 0
    assert "networks, 42 training texts" in done.stdout
    assert "Recommended: --backbone test_resnet@" in done.stdout
    assert "ms per picture on this machine" in done.stdout
    assert "\nThe rule: of the networks that lose at most 0.5 points" in done.stdout


def test_several_networks_need_an_archive():
    with pytest.raises(BadInput, match="2 backbones: give --data"):
        CliRunner().invoke(app, ["levels", "lite0", "lite2"], catch_exceptions=False)


def test_a_network_that_there_is_not_is_a_domain_error(arguments: list[str]):
    with pytest.raises(BadInput, match="there is no backbone 'no_such_net'"):
        CliRunner().invoke(app, ["levels", "no_such_net", *arguments[2:]], catch_exceptions=False)


def test_an_archive_that_there_is_not_is_one_line(tmp_path: Path):
    command = [sys.executable, "-m", "picturedesk", "levels", "--data", "nowhere.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "error: nowhere.csv does not exist: check the path\n"
