"""Finished rows are kept: a run that was killed goes on at the next row, with equal figures.

As a program, this file is the run that is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picturedesk.disk.artifacts import ARRAYS, MANIFEST, plain
from picturedesk.heads.fusion import FusionConfig
from picturedesk.measuring.metrics import per_query
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import DEPTHS, Measured, Row, Shown
from picturedesk.research.reproduction.kept_rows import Finished, KeptRows
from picturedesk.research.reproduction.run import reproduce

SETTINGS = {"margin": 0.2}


def config() -> ReproduceConfig:
    """The paper's rows only: five jobs."""
    config = ReproduceConfig(seeds=(0,), small=10, test=0.2, resamples=200, baselines=False)
    train = replace(config.train, epochs=2, fusion=FusionConfig(hidden=(32,)))
    return replace(config, train=train)


def main(table: str, out: str, rows: str) -> None:
    """Reproduces, and is killed as soon as so many rows are finished."""

    def kill_at(done: int, total: int, what: str) -> None:
        if what == "rows" and done == int(rows):
            os.kill(os.getpid(), signal.SIGKILL)

    reproduce(table, Path(out), config(), kill_at)


def test_a_run_that_was_killed_goes_on_at_the_next_row(shapes_table: Path, tmp_path: Path):
    pytest.importorskip("timm", reason="needs the extra 'train'")
    pytest.importorskip("matplotlib", reason="needs the extra 'report'")
    out, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, __file__, str(shapes_table), str(out), "2"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (out / "report.json").exists()
    whole.mkdir()
    for path in [*out.glob("backbone*"), *out.glob("features*")]:
        copy = shutil.copytree if path.is_dir() else shutil.copy2
        copy(path, whole / path.name)

    told: list[tuple[int, int, str]] = []
    report = reproduce(str(shapes_table), out, config(), lambda *now: told.append(now))
    rows = [(done, total) for done, total, what in told if what == "rows"]
    assert rows[0][0] >= 2
    assert rows[-1] == (5, 5)
    assert any("of an earlier run" in note for note in report.notes)

    expected = reproduce(str(shapes_table), whole, config())
    for field in ("tables", "comparisons", "curves", "bars", "checks", "examples"):
        assert plain(getattr(report, field)) == plain(getattr(expected, field)), field

    told.clear()
    again = reproduce(str(shapes_table), out, config(), lambda *now: told.append(now))
    assert [now for now in told if now[2] == "rows"] == [(5, 5, "rows")]
    assert plain(again.tables) == plain(expected.tables)

    told.clear()
    other = replace(config(), train=replace(config().train, margin=0.3))
    reproduce(str(shapes_table), out, other, lambda *now: told.append(now))
    assert next(now for now in told if now[2] == "rows") == (0, 5, "rows")


def finished() -> Finished:
    random = np.random.default_rng(0)
    scores = random.normal(size=(20, 12)).astype(np.float32)
    relevant = np.stack([np.arange(20), np.arange(20) % 12], axis=1)
    rows = (
        Measured(
            Row("direct, MLP(levels)", "direct", "paper"),
            {
                "12": per_query(scores, relevant, DEPTHS),
                "all 12": per_query(-scores, relevant, DEPTHS),
            },
            0.25,
            Shown.of(scores, relevant),
        ),
        Measured(Row("ridge", "direct", "baseline"), {"12": per_query(scores, relevant, DEPTHS)}),
    )
    return Finished(rows, 3.25)


def test_a_kept_row_comes_back_as_it_was(tmp_path: Path):
    kept, before = KeptRows(tmp_path, "data"), finished()
    assert kept.read("fused", 1, SETTINGS) is None
    kept.write("fused", 1, SETTINGS, before)
    after = kept.read("fused", 1, SETTINGS)
    assert after is not None
    assert plain(after) == plain(before)


@pytest.mark.parametrize(
    ("data", "name", "seed", "settings"),
    [
        ("other", "fused", 1, SETTINGS),
        ("data", "ridge", 1, SETTINGS),
        ("data", "fused", 2, SETTINGS),
        ("data", "fused", 1, {"margin": 0.3}),
    ],
)
def test_a_row_of_other_data_or_settings_is_measured_again(
    tmp_path: Path, data: str, name: str, seed: int, settings: object
):
    KeptRows(tmp_path, "data").write("fused", 1, SETTINGS, finished())
    assert KeptRows(tmp_path, data).read(name, seed, settings) is None


@pytest.mark.parametrize("damage", ["gone", "cut", "changed", "empty manifest"])
def test_a_damaged_row_is_measured_again(tmp_path: Path, damage: str):
    kept = KeptRows(tmp_path, "data")
    kept.write("fused", 1, SETTINGS, finished())
    arrays, manifest = next(tmp_path.rglob(ARRAYS)), next(tmp_path.rglob(MANIFEST))
    if damage == "gone":
        arrays.unlink()
    elif damage == "cut":
        arrays.write_bytes(arrays.read_bytes()[:-9])
    elif damage == "changed":
        arrays.write_bytes(arrays.read_bytes()[:-1] + b"\x7f")
    else:
        manifest.write_text("")
    assert kept.read("fused", 1, SETTINGS) is None


if __name__ == "__main__":
    main(*sys.argv[1:])
