from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from html_pages import read, words
from picturedesk.disk.artifacts import write_json
from picturedesk.report import numbers
from picturedesk.report.records import (
    Bar,
    Cell,
    Check,
    Comparison,
    Curve,
    Example,
    PaperTable,
    ReproductionReport,
    TableRow,
)
from picturedesk.report.reproduction_page import write_markdown, write_page
from picturedesk.types import Picture

NASTY = "<script>alert('x')</script> & \"quoted\" | 中文"


@pytest.fixture
def pictures(tmp_path):
    for number in range(6):
        colour = (40 * number, 200 - 30 * number, 90)
        Image.new("RGB", (60 + 10 * number, 50), colour).save(tmp_path / f"{number}.png")
    return [Picture(str(tmp_path / f"{number}.png"), key=str(number)) for number in range(6)]


def table():
    columns = ("400: recall@1", "400: recall@10", "all: recall@1")
    return PaperTable(
        "Transfer route",
        columns,
        (
            TableRow("chance", {columns[0]: Cell(0.25), columns[1]: Cell(2.5)}),
            TableRow("fc", {name: Cell(18.5, 0.4) for name in columns}),
            TableRow(NASTY, {name: Cell(24.25, 1.04) for name in columns}),
        ),
        "Eq. 7 & 8.",
    )


@pytest.fixture
def report(pictures):
    suggested = tuple(
        (picture, 0.5 - place / 10, place == 1) for place, picture in enumerate(pictures[:5])
    )
    missed = tuple((picture, score, False) for picture, score, _ in suggested)
    return ReproductionReport(
        title="Tables on made-up data",
        data=NASTY,
        backbone="tiny",
        levels=("final (8)", "mixed:avg (24)"),
        seeds=(0, 1, 2),
        seconds=553.2,
        tables=(table(),),
        comparisons=(
            Comparison("fused against fc", "400", 5.1, 1.8, 8.4, 0.0021, 0.0042, "+9.5"),
            Comparison("levels against final", "all", -0.04, -2.3, 2.2, 0.97, 0.98),
            Comparison("raw against fc", "all", -3.9, -6.4, -1.4, 0.0002, 0.0006),
            Comparison("direct against raw", "all", 2.0, 0.1, 3.9, 0.041, 0.123),
        ),
        curves=(Curve("chance", np.arange(1, 101) / 10), Curve("fused", np.linspace(5, 80, 100))),
        bars=(Bar("linear", "no L2", 20.0, 0.5), Bar("linear", "L2", 22.0)),
        checks=(
            Check("leaks", "2 of 497", "near-duplicates", False),
            Check("vocabulary", "0 words", "fitted on train", True),
            Check("ties", "1 of 497", NASTY),
        ),
        examples=(
            Example(NASTY, (pictures[1],), suggested, 2),
            Example("missed", (pictures[5], Picture("gone.png")), missed, 214),
        ),
        notes=("Several levels do not beat one.",),
        versions={"numpy": "2.4"},
    )


@pytest.fixture
def page(report, tmp_path):
    pytest.importorskip("matplotlib", reason="plots need the extra 'report'")
    write_page(tmp_path / "report.html", report)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(page):
    found = read(page)
    assert len(set(found.ids)) == len(found.ids)
    assert found.links
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in found.links)
    assert {link[1:] for link in found.links if link[0] == "#"} <= set(found.ids)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert "url(http" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_words_of_the_data_are_shown_and_never_markup(page):
    assert "<script" not in page
    assert " ".join(read(page).words).count("<script>alert('x')</script>") >= 4


def test_every_number_of_the_tables_is_there(page):
    spoken = words(page)
    for shown in ("18.5 ± 0.4", "24.2 ± 1.0", "0.2", "+5.1", "−3.9", "−6.4 to −1.4", "0.002"):
        assert shown in spoken
    for shown in ("< 0.001", "0.970", "2 of 497", "9 min 13 s", "0, 1, 2", "numpy 2.4", "+9.5"):
        assert shown in spoken


def test_the_best_of_a_column_is_bold_and_a_missing_cell_is_a_dash(page):
    assert len(re.findall(r'<td class="best[^"]*">24\.2', page)) == 3
    assert not re.findall(r'<td class="best[^"]*">18\.5', page)
    assert '<td class="first">–</td>' in page


def test_candidate_sets_stand_over_their_columns(page):
    assert '<th class="group" colspan="2" scope="colgroup">400</th>' in page
    assert '<th class="group" colspan="1" scope="colgroup">all</th>' in page


def test_only_differences_that_hold_after_the_correction_are_marked(page):
    """The last one has an interval without zero, and a p that the number of tests explains."""
    marks = re.findall(r'class="interval (\w+)"', page)
    assert marks == ["better", "unsure", "worse", "unsure"]
    assert page.count('<tr class="sure">') == 2
    assert "p (Holm)" in page
    assert "0.123" in words(page)
    assert "the family is all rows of this table" in words(page)


def test_right_pictures_are_marked_by_words_too_and_lost_ones_said_to_be_lost(page):
    assert page.count("✓ right") == 1
    assert page.count('class="picture right"') == 1
    assert 'class="missing"' in page
    assert page.index('id="found"') < page.index('id="missed"')


def test_both_plots_and_their_numbers_are_inside(page):
    assert page.count('<svg class="plot"') == 2
    assert "The same in numbers" in page


def test_light_and_dark_have_the_same_colours_by_name(page):
    light, dark = re.findall(r":root \{([^}]*)\}", page)[:2]
    assert set(re.findall(r"--[\w-]+", dark)) == set(re.findall(r"--[\w-]+", light))
    assert set(re.findall(r"var\((--[\w-]+)", page)) <= set(re.findall(r"(--[\w-]+):", page))


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_letters_and_lines_stand_out_in_light_and_dark(page):
    for scheme in re.findall(r":root \{([^}]*)\}", page)[:2]:
        colours = dict(re.findall(r"(--[\w-]+): (#\w{6})", scheme))
        for ground in ("--paper", "--raised"):
            for name in ("--ink", "--faint", "--good", "--bad"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for number in range(5):
            assert contrast(colours[f"--series-{number}"], colours["--paper"]) >= 3


def test_a_report_with_little_in_it_is_a_page_without_plots(tmp_path):
    bare = ReproductionReport("Bare", "d", "b", ("final",), (0,), 3.0, (table(),))
    write_page(tmp_path / "bare.html", bare)
    page = (tmp_path / "bare.html").read_text(encoding="utf-8")
    assert read(page).ids == ["tables"]
    assert "standard deviation" not in page
    write_markdown(tmp_path / "bare.md", bare)
    assert "## Differences" not in (tmp_path / "bare.md").read_text(encoding="utf-8")


def test_the_same_report_gives_the_same_bytes(report, page, tmp_path):
    write_page(tmp_path / "again.html", report)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_markdown_has_the_same_tables(report, tmp_path):
    write_markdown(tmp_path / "report.md", report)
    written = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "|  | 400: recall@1 | 400: recall@10 | all: recall@1 |" in written
    assert "| fc | 18.5 ± 0.4 | 18.5 ± 0.4 | 18.5 ± 0.4 |" in written
    assert "**24.2 ± 1.0**" in written
    assert "| chance | 0.2 | 2.5 | – |" in written
    assert "| fused against fc | 400 | +5.1 | +1.8 to +8.4 | 0.002 | 0.004 | +9.5 |" in written
    assert "| linear | no L2 | 20.0 ± 0.5 |" in written
    assert "| ✗ failed | leaks | 2 of 497 | near-duplicates |" in written
    rows = [line for line in written.splitlines() if line.startswith("|")]
    assert all("<script" not in row.partition("|")[0] for row in rows)


def test_markdown_tables_have_as_many_cells_in_every_row(report, tmp_path):
    write_markdown(tmp_path / "report.md", report)
    widths = []
    for line in (tmp_path / "report.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert len(set(widths)) == 1


def test_the_report_becomes_json(report, tmp_path):
    write_json(tmp_path / "report.json", report)
    kept = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert len(kept["curves"][1]["recall"]) == 100
    assert kept["tables"][0]["rows"][1]["cells"]["all: recall@1"] == {"mean": 18.5, "spread": 0.4}


def test_a_page_is_there_whole_or_not_at_all(report, tmp_path):
    target = tmp_path / "out" / "report.html"
    broken = replace(report, tables=(object(),))
    with pytest.raises(AttributeError):
        write_page(target, broken)
    assert not target.exists()


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (numbers.signed(9.46), "+9.5"),
        (numbers.signed(-0.3), "−0.3"),
        (numbers.signed(-0.04), "0.0"),
        (numbers.probability(0.0004), "< 0.001"),
        (numbers.probability(1.0), "1.000"),
        (numbers.duration(47.6), "48 s"),
        (numbers.duration(59.6), "1 min 00 s"),
        (numbers.duration(7501), "2 h 05 min"),
        (numbers.share(Cell(31.44, 0.55)), "31.4 ± 0.6"),
    ],
)
def test_numbers_are_shown_as_people_read_them(shown, wanted):
    assert shown == wanted


def test_columns_without_a_heading_stand_in_one_group():
    groups = PaperTable("t", ("recall@1", "recall@5"), ()).column_groups()
    assert [(group.name, group.labels) for group in groups] == [("", ("recall@1", "recall@5"))]


def test_a_column_of_equal_numbers_has_no_best():
    rows = tuple(TableRow(name, {"a": Cell(mean)}) for name, mean in (("x", 99.96), ("y", 100.0)))
    assert PaperTable("t", ("a",), rows).best("a") is None
    assert PaperTable("t", ("a",), ()).best("a") is None
    higher = TableRow("z", {"a": Cell(100.2)})
    assert PaperTable("t", ("a",), (*rows, higher)).best("a") == 100.2
