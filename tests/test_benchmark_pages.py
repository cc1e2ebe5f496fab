"""Benchmarks: the model of larger archives, and the pages that rest on kept figures."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))  # last, so that its names hide no others

import bench  # noqa: E402
import bench_page  # noqa: E402
import scale  # noqa: E402
from scale_model import Model  # noqa: E402
from scale_questions import Load, busy, simulate  # noqa: E402

ONE = Load(
    per_s=0,
    front_cores=1,
    shards=1,
    shard_cores=1,
    before_ms=10,
    shard_ms=0,
    after_ms=0,
    network_ms=0,
    spread=0,
)
POINTS = scale.checked(Model.read())


@pytest.mark.parametrize("point", POINTS, ids=lambda p: f"{p['what']}-{p['pictures']}")
def test_what_was_measured_is_predicted_within_its_factor(point):
    assert 1 / point["within"] <= point["ratio"] <= point["within"]


def test_a_million_is_predicted_from_constants_that_were_measured_elsewhere():
    other = {p["what"] for p in POINTS if p["pictures"] >= 10**6 and not p["own"]}
    assert {"fill_s", "catalogue_bytes", "p50_ms", "p95_ms"} <= other


@pytest.mark.parametrize("device", scale.DEVICES)
def test_what_an_archive_takes_grows_with_it(device):
    plans = [Model.read().plan(size, device) for size in scale.SIZES]
    for name in ("disk_tb", "network_tb", "build_cost", "month_cost"):
        values = [getattr(plan, name) for plan in plans]
        assert values == sorted(values)
        assert values[0] < values[-1] / 100
    for smaller, larger in itertools.pairwise(plans):
        assert larger.shards[0] >= smaller.shards[0]
        assert _reading(larger) == pytest.approx(10 * _reading(smaller), rel=0.2)
    assert all(busy(plan.load) < 1 for plan in plans)


def _reading(plan) -> float:
    """Core hours of reading pictures, whose network is no limit here."""
    machines, kind = plan.readers
    return machines * kind.cores * plan.hours["pictures"]


def test_one_core_waits_as_the_formula_for_constant_work_says():
    for per_s in (30, 60, 80):
        times = simulate(replace(ONE, per_s=per_s), questions=40_000)
        used = per_s * 0.010
        waiting = 10 * used / (2 * (1 - used))  # Pollaczek and Khinchine, ms
        assert times.mean() == pytest.approx(10 + waiting, rel=0.08)


def test_the_slowest_of_many_shards_is_the_quantile_of_one():
    load = replace(ONE, before_ms=0, shard_ms=10, shards=50, spread=0.4)
    alone = np.median(simulate(load, questions=8000))
    each = simulate(replace(load, shards=1), questions=200_000)
    assert alone == pytest.approx(np.quantile(each, 0.5 ** (1 / 50)), rel=0.03)


def test_stragglers_reach_the_answers_of_many_shards():
    load = replace(ONE, shard_ms=10, shards=100, spread=0.1)
    late = simulate(replace(load, straggling=0.001, straggle_times=10))
    assert (late > 60).mean() == pytest.approx(1 - 0.999**100, abs=0.03)
    assert (simulate(load) > 60).mean() == 0


def test_more_questions_than_cores_can_answer_are_refused():
    with pytest.raises(ValueError, match="busy to 120%"):
        simulate(replace(ONE, per_s=120))


def test_numbers_can_be_changed_and_unknown_ones_are_refused():
    usual, dear = Model.read(), Model.read({"small.price": 1.0, "questions_per_s": 50})
    assert dear.plan(10**6, "cpu").month_cost > 5 * usual.plan(10**6, "cpu").month_cost
    assert dear.plan(10**6, "cpu").load.per_s == 50
    with pytest.raises(SystemExit, match="no constant colour"):
        Model.read({"colour": 1})


def test_the_page_has_the_tables_of_the_model():
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    model = Model.read()
    for device in scale.DEVICES:
        for line in scale.sizes_table([model.plan(size, device) for size in scale.SIZES]):
            assert line in page
    for line in scale.check_table(model):
        assert line in page


def test_figures_are_kept_by_commit_and_subject(tmp_path, monkeypatch):
    monkeypatch.setitem(bench.SUBJECTS, "tiny", bench.Subject("growth.py evaluation --count 200"))
    bench.run("tiny", {}, tmp_path)
    (file,) = tmp_path.glob("*/tiny.json")
    assert file.parent.name == bench.commit()
    record = json.loads(file.read_text())
    assert record["command"] == "python benchmarks/growth.py evaluation --count 200"
    assert record["found"]["peak_mb"] > 0
    assert record["machine"]["versions"]["numpy"] == np.__version__


def test_the_page_on_performance_has_the_kept_figures():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    (folder,) = (path.parent for path in bench.RESULTS.glob("*/lsa-100000.json"))
    lines = list(bench_page.table(bench_page.read(folder)))
    assert len(lines) > 20
    for line in lines:
        assert line in page


def test_figures_are_drawn_as_a_small_picture(tmp_path):
    (folder,) = (path.parent for path in bench.RESULTS.glob("*/lsa-100000.json"))
    bench_page.draw(bench_page.read(folder), tmp_path / "drawn.svg")
    drawn = (tmp_path / "drawn.svg").read_text(encoding="utf-8")
    assert all(name in drawn for name in ("picturedesk", "scikit-learn", "gensim", "timm"))
    assert len(drawn) < 60_000
