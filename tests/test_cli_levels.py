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
    assert "ms per picture on this machine" in done.stdout
    taken = done.stdout.split("Recommended: --levels ")[1].split(" ")[0].split(",")
    assert set(taken) <= {row["level"] for row in found["levels"]}


def test_a_network_that_there_is_not_is_a_domain_error(arguments: list[str]):
    with pytest.raises(BadInput, match="there is no backbone 'no_such_net'"):
        CliRunner().invoke(app, ["levels", "no_such_net", *arguments[2:]], catch_exceptions=False)


def test_an_archive_that_there_is_not_is_one_line(tmp_path: Path):
    command = [sys.executable, "-m", "picturedesk", "levels", "--data", "nowhere.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "error: nowhere.csv does not exist: check the path\n"
