from __future__ import annotations

import builtins
import itertools
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from picturedesk.errors import MissingExtra
from picturedesk.report.plots import grouped_bars, recall_curves, spread_out
from picturedesk.report.records import Bar, Curve

DEPTHS = np.arange(1, 101)


@pytest.fixture(autouse=True)
def _matplotlib():
    pytest.importorskip("matplotlib", reason="plots need the extra 'report'")


def curves(count=4, depth=100):
    return [
        Curve(f"route {n}", np.minimum(100, (n + 1) * 20 * np.log10(DEPTHS[:depth] + 1)))
        for n in range(count)
    ]


def bars():
    return [
        Bar("linear", "no L2", 20.0, 0.5),
        Bar("linear", "L2", 22.0, 0.25),
        Bar("sigmoid", "no L2", 23.5),
        Bar("sigmoid", "L2", 24.0, 1.0),
    ]


def texts(svg):
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("text")]


def test_every_curve_carries_its_name():
    found = texts(recall_curves(curves()))
    assert {f"route {n}" for n in range(4)} <= set(found)
    assert {"1", "2", "5", "10", "20", "50", "100"} <= set(found)


def test_every_bar_carries_its_name_and_value():
    found = texts(grouped_bars(bars()))
    assert [found.count(name) for name in ("no L2", "L2", "linear", "sigmoid")] == [2, 2, 1, 1]
    assert {"20.0", "22.0", "23.5", "24.0"} <= set(found)


@pytest.mark.parametrize("draw", [lambda: recall_curves(curves()), lambda: grouped_bars(bars())])
def test_colours_and_letters_are_the_pages(draw):
    svg = draw()
    assert "#01fe" not in svg
    assert "var(--ink)" in svg
    assert "var(--series-0)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'(id|href)="[^"]*"', "", svg))
    assert "font-family" not in svg
    assert "<style" not in svg
    assert "http" not in svg


@pytest.mark.parametrize("draw", [lambda: recall_curves(curves()), lambda: grouped_bars(bars())])
def test_the_same_numbers_give_the_same_bytes(draw):
    assert draw() == draw()


def test_two_plots_on_a_page_share_no_ids():
    one, other = (
        set(re.findall(r'\bid="([^"]+)"', svg))
        for svg in (recall_curves(curves()), grouped_bars(bars()))
    )
    assert one
    assert not one & other


def test_what_is_referred_to_is_there():
    svg = recall_curves(curves())
    ids = set(re.findall(r'\bid="([^"]+)"', svg))
    assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
    for pair in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg):
        assert "".join(pair) in ids


def test_names_of_any_script_and_with_signs_of_markup_are_drawn_as_they_are():
    names = ["融合 $x$", "a < b & c", "_hidden", "ميناء"]
    found = texts(recall_curves([Curve(name, DEPTHS / 2) for name in names]))
    assert set(names) <= set(found)


def test_a_screen_reader_is_told_what_is_drawn():
    root = ElementTree.fromstring(grouped_bars(bars()))
    assert root.get("role") == "img"
    assert "sigmoid, L2: 24.0" in root.get("aria-label")


def test_short_curves_and_many_curves_are_drawn():
    assert "50" not in texts(recall_curves(curves(depth=20)))
    assert texts(recall_curves([Curve("one", [50.0])])).count("one") == 1
    assert len(texts(recall_curves(curves(40)))) > 40
    assert texts(grouped_bars([Bar("", "alone", 0.0)])).count("alone") == 1


def label_places(svg, count):
    root = ElementTree.fromstring(svg)
    found = [
        float(node.get("y")) for node in root.iter("text") if (node.text or "").startswith("route")
    ]
    assert len(found) == count
    return sorted(found)


def test_names_never_overlap():
    same = [Curve(f"route {n}", np.full(100, 30.0 + n / 100)) for n in range(12)]
    places = label_places(recall_curves(same), 12)
    assert min(np.diff(places)) > 15


def test_of_curves_that_end_in_one_point_the_better_one_is_named_first():
    slow, quick = 100 * (DEPTHS / 100) ** 2, 100 * np.minimum(1, DEPTHS / 50)
    root = ElementTree.fromstring(recall_curves([Curve("quick", quick), Curve("slow", slow)]))
    height = {node.text: float(node.get("y")) for node in root.iter("text")}
    assert height["quick"] < height["slow"]


def test_the_axis_ends_where_all_is_found():
    found = texts(recall_curves([Curve("a", np.minimum(100, 5.0 * DEPTHS))]))
    assert found[:5] == ["1", "2", "5", "10", "20"]
    assert found[5].startswith("K, ")


@pytest.mark.parametrize("seed", range(20))
def test_labels_are_spread_with_the_order_kept(seed):
    random = np.random.default_rng(seed)
    wanted = np.round(random.uniform(0, 100, 8), 0)
    placed = spread_out(wanted, 6.0, (0.0, 100.0))
    assert (np.diff(np.sort(placed)) >= 6.0 - 1e-9).all()
    assert placed.min() >= -1e-9
    assert placed.max() <= 100 + 1e-9
    for a, b in itertools.combinations(range(8), 2):
        assert wanted[a] == wanted[b] or (wanted[a] < wanted[b]) == (placed[a] < placed[b])


def test_labels_with_room_stay_where_they_are_and_others_move_around_their_middle():
    assert spread_out(np.array([10.0, 50.0]), 5, (0, 100)).tolist() == [10, 50]
    assert spread_out(np.array([50.0, 50.0]), 5, (0, 100)).tolist() == [47.5, 52.5]
    assert spread_out(np.array([99.0, 50.0, 100.0]), 5, (0, 100)).tolist() == [95, 50, 100]


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    recall_curves(curves())
    assert dict(matplotlib.rcParams) == before


def test_neither_import_nor_drawing_loads_what_opens_windows():
    code = (
        "import sys, picturedesk.report.plots as p, picturedesk.report.records as r\n"
        "print('matplotlib' in sys.modules)\n"
        "p.recall_curves([r.Curve('a', [1.0, 2.0])])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"picturedesk\[report\]"):
        recall_curves(curves())
