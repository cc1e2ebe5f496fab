"""The page of a desk: its sentences, its tables, its reliability diagrams."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from html_pages import read, words
from picturedesk.disk.artifacts import write_json
from picturedesk.errors import BadInput
from picturedesk.measuring.evaluation import evaluate
from picturedesk.measuring.reliability import Reliability, ReliabilityBin, reliability
from picturedesk.measuring.significance import Difference
from picturedesk.report import numbers
from picturedesk.report.desk_page import write_desk_report
from picturedesk.report.desk_records import DeskExample, DeskReport, Suggested
from picturedesk.report.desk_sentences import calibration, summary, trust, verdict
from picturedesk.report.reliability_plot import reliability_diagram
from picturedesk.types import Picture

NASTY = "<script>alert('x')</script> & \"quoted\" 中文"
QUERIES = 40
BARE = DeskReport("Bare", "a.csv", "paper", {}, 0)


@pytest.fixture
def pictures(tmp_path):
    for number in range(4):
        Image.new("RGB", (60, 50), (60 * number, 90, 90)).save(tmp_path / f"{number}.png")
    return [Picture(str(tmp_path / f"{number}.png")) for number in range(4)]


@pytest.fixture(scope="module")
def evaluation():
    random = np.random.default_rng(0)
    right = np.repeat(np.arange(QUERIES)[:, None], 2, axis=1)
    noise = random.normal(size=(2, QUERIES, QUERIES)).astype(np.float32)
    better, worse = noise + np.eye(QUERIES, dtype=np.float32) * [[[3.0]], [[1.0]]]
    return evaluate({"blend": better, NASTY: worse}, right)


@pytest.fixture(scope="module")
def calibrated():
    random = np.random.default_rng(1)
    stated = random.random(400)
    return reliability(stated, random.random(400) < stated)


@pytest.fixture
def report(pictures, evaluation, calibrated):
    found = tuple(
        Suggested(picture, place == 1, 0.4 / (place + 1)) for place, picture in enumerate(pictures)
    )
    missed = tuple(replace(one, is_right=False) for one in found)
    return DeskReport(
        title=f"Desk {NASTY}",
        archive=NASTY,
        recipe=NASTY,
        texts={"train": 3976, NASTY: 40},
        pictures=4812,
        rejections=12,
        settings=(("backbone", NASTY), (NASTY, "1")),
        evaluation=evaluation,
        whole=evaluation,
        answers="blend",
        doubted={"found": 0.06, "missed": 0.4},
        differences=(
            ("blend", NASTY, Difference(0.163, 0.109, 0.217, 0.0002)),
            (NASTY, "direct", Difference(-0.004, -0.02, 0.0121, 0.7)),
            ("direct", "blend", Difference(-0.1, -0.15, -0.05, 0.004)),
        ),
        reliability=((f"first picture {NASTY}", calibrated), ("one of the first ten", calibrated)),
        cross_validated={"direct": 0.312, NASTY: 0.12},
        successes=(DeskExample(NASTY, found, (pictures[1],), 2, 0.61),),
        failures=(DeskExample(NASTY, missed, (Picture("https://x/gone.jpg"),), 1214),),
        versions={"numpy": "2.4"},
    )


def written(report, folder):
    write_desk_report(folder / "reports" / "report.html", report)
    return (folder / "reports" / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def page(report, tmp_path):
    return written(report, tmp_path)


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(page):
    found = read(page)
    assert len(set(found.ids)) == len(found.ids)
    assert all(link.startswith(("#", "data:image/jpeg;base64,")) for link in found.links)
    assert {link[1:] for link in found.links if link[0] == "#"} <= set(found.ids)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert "default-src 'none'" in page


def test_all_words_of_a_desk_are_shown_and_none_is_markup(page):
    assert "<script" not in page
    assert words(page).count("<script>alert('x')</script>") >= 12


def test_sections_stand_in_order(page):
    sections = re.findall(r'<section id="([\w-]+)"', page)
    assert sections == [
        *("confidence", "routes", "whole-archive", "differences", "cross-validation"),
        *("found", "missed", "settings"),
    ]


def test_the_first_sentence_says_how_good_the_desk_is(report, evaluation):
    share = evaluation.row("blend").recall[10]
    assert summary(report)[0] == (
        f"For {numbers.percent(share)} of 40 texts held out for the test, the right picture is "
        f"among the first ten of 40; a random order would reach {numbers.percent(0.25)}."
    )


def test_the_whole_archive_is_told_beside_the_part(report, page, evaluation):
    share = numbers.percent(evaluation.row("blend").recall[10])
    said = f"Among all 40 pictures of the archive, as users meet it, it is {share}."
    whole = replace(report, pictures=40)
    assert said in summary(whole)
    assert said not in summary(replace(whole, whole=None))
    part = f"Among 40 of the archive's 1,214 pictures, its own and others at random, it is {share}."
    assert part in summary(replace(report, pictures=1214))
    assert page.count("text → picture: 40 queries, 40 candidates") == 2


def test_a_sample_that_was_learned_from_is_told(report):
    assert not any("learned from" in one for one in summary(report))
    said = summary(replace(report, sample=(100_000, 812_345)))
    assert any("learned from 100,000 of the 812,345 pairs for training" in one for one in said)


def test_doubts_are_told_for_found_and_missed_pictures(report):
    said = [one.replace("\u00a0", " ") for one in summary(report)]
    first = "There was a doubt about a good picture for 6 % of the texts whose picture was among "
    assert f"{first}the first ten, and for 40 % of the others." in said
    only = summary(replace(report, doubted={"found": 0.06}))
    assert any(one.endswith("was among the first ten.") for one in only)
    assert not any("doubt" in one for one in summary(replace(report, doubted={})))


def test_the_first_sentence_goes_as_deep_as_was_measured(report):
    scores = np.eye(3, dtype=np.float32)
    shallow = evaluate({"blend": scores}, np.array([[0, 0]]), ks=(1, 2))
    said = summary(replace(report, evaluation=shallow))[0]
    assert said.endswith("a random order would reach 67\u00a0%.")
    assert "among the first 2 of 3" in said


def test_an_answer_that_was_not_evaluated_is_refused(report, tmp_path):
    with pytest.raises(BadInput, match="no row 'blnd'"):
        written(replace(report, answers="blnd"), tmp_path)


def test_what_was_left_out_is_counted(report):
    assert "12 rows, files or links of the archive were left out" in summary(report)[-1]
    assert summary(replace(report, rejections=1))[-1].startswith(
        "1 row, file or link of the archive was left out"
    )
    assert not any("left out" in said for said in summary(replace(report, rejections=0)))


def test_both_directions_have_their_table_and_the_answer_is_marked(page, evaluation):
    said = words(page)
    assert "text → picture: 40 queries, 40 candidates" in said
    assert "picture → text: 40 queries, 40 candidates" in said
    assert said.count("blend ← this desk") == 3  # and in the whole archive
    assert "median rank" in said
    assert "MRR %" in said
    assert f"{100 * evaluation.row('blend').mrr:.1f}" in said


def test_the_best_of_a_column_is_bold_and_low_ranks_are_best(page, evaluation):
    assert 'class="best">0.0' not in page
    best = re.findall(r'class="best">([\d.]+)', page)
    assert f"{evaluation.row('blend').median_rank:.1f}" in best
    assert f"{evaluation.row(NASTY).median_rank:.1f}" not in best


def test_differences_are_shown_in_points_with_a_verdict(page):
    said = words(page)
    for shown in ("+16.3", "+10.9 to +21.7", "< 0.001", "−0.4", "−2.0 to +1.2", "0.700"):
        assert shown in said
    assert re.findall(r'class="interval (\w+)"', page) == ["better", "unsure", "worse"]
    assert f"no significant difference between {NASTY} and direct" in said
    assert "direct is worse than blend" in said


@pytest.mark.parametrize(
    ("gap", "wanted"),
    [
        (Difference(0.1, 0.01, 0.2, 0.03), "a is better than b"),
        (Difference(-0.1, -0.2, -0.01, 0.03), "a is worse than b"),
        (Difference(0.1, 0.0, 0.2, 0.06), "no significant difference between a and b"),
    ],
)
def test_nothing_is_better_whose_interval_holds_zero(gap, wanted):
    assert verdict("a", "b", gap) == wanted


def test_cross_validation_is_shown_in_percent(page):
    assert re.search(r"direct</th><td>31\.2</td>", page)


def test_examples_show_chances_rank_and_what_was_right(page):
    said = words(page)
    assert "ran with it (rank 2)" in said
    assert "ran with it (rank 1,214)" in said
    assert "suggested; chance that one of the first ten is right: 61 %" in said
    assert "2 · 20 % ✓ right" in said
    assert page.count('class="picture right"') == 1


@pytest.mark.parametrize("uri", ["gone.jpg", "https://x/gone.jpg", "", ".", "a\0b", NASTY])
def test_pictures_that_are_gone_leave_a_note(uri, tmp_path):
    example = DeskExample("t", (Suggested(Picture(uri)),))
    page = written(replace(BARE, successes=(example,)), tmp_path)
    assert 'class="missing"' in page
    assert read(page)


def test_a_broken_picture_leaves_a_note(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    example = DeskExample("t", (Suggested(Picture(str(tmp_path / "broken.jpg"))),))
    assert 'class="missing"' in written(replace(BARE, failures=(example,)), tmp_path)


def test_without_confidence_only_places_are_shown(pictures, tmp_path):
    example = DeskExample("t", (Suggested(pictures[0], True),))
    page = written(replace(BARE, successes=(example,)), tmp_path)
    assert "<figcaption>1 <strong>✓ right</strong></figcaption>" in page
    assert "ran with it" not in page
    assert "that one of the first ten" not in page


def test_a_desk_without_test_texts_says_so(tmp_path):
    page = written(BARE, tmp_path)
    assert "The archive has no test texts" in page
    assert not read(page).ids
    assert "<svg" not in page


def test_the_same_report_gives_the_same_bytes(report, page, tmp_path):
    assert written(report, tmp_path / "again") == page


def test_a_page_is_there_whole_or_not_at_all(report, tmp_path):
    with pytest.raises(AttributeError):
        written(replace(report, successes=(object(),)), tmp_path)
    assert not (tmp_path / "reports" / "report.html").exists()


def test_a_report_without_evaluation_becomes_json(report, tmp_path):
    write_json(tmp_path / "report.json", replace(report, evaluation=None))
    assert (tmp_path / "report.json").exists()


def test_the_page_needs_no_extra():
    code = (
        "import sys, picturedesk.report.desk_page\n"
        "print({'matplotlib', 'sklearn', 'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def bin_of(stated, observed, count, reach=0.1):
    start = np.floor(stated * 10) / 10
    return ReliabilityBin(
        start, start + 0.1, stated, observed, max(0.0, observed - reach), observed + reach, count
    )


def measured(*bins, ece=0.02, noise_high=0.05, auc=0.79):
    count = sum(bin.count for bin in bins)
    return Reliability(bins, count, ece, 0.03, noise_high, 0.182, auc)


def test_right_confidence_is_told_at_both_ends():
    found = measured(bin_of(0.03, 0.04, 200), bin_of(0.4, 0.38, 60), bin_of(0.9, 1.0, 2))
    said = trust("first picture", found).replace("\u00a0", " ")
    assert said == (
        "First picture: a stated chance of 40 % came true for 38 % of texts (28 % to 48 %); "
        "a stated chance of 3 % came true for 4 % of texts (0 % to 14 %)."
    )


def test_wrong_confidence_is_told_where_it_is_worst():
    bins = (bin_of(0.05, 0.05, 50), bin_of(0.55, 0.3, 50), bin_of(0.95, 0.94, 50))
    said = trust("one of the first ten", measured(*bins, ece=0.09)).replace("\u00a0", " ")
    assert said == (
        "One of the first ten: the stated chance is off by 9.0 points: a stated chance of 55 % "
        "came true for 30 % of texts (20 % to 40 %)."
    )


def test_one_bin_is_told_once_and_too_few_texts_not_at_all():
    assert trust("x", measured(bin_of(0.4, 0.4, 99))).count("a stated chance of") == 1
    assert trust("x", measured(bin_of(0.4, 0.4, 9))) == ""


def test_wrong_confidence_is_told_however_few_the_texts():
    said = trust("x", measured(bin_of(0.9, 0.1, 9), ece=0.8))
    assert "the stated chance is off by 80.0 points" in said


def test_the_calibration_error_is_told_with_its_noise(calibrated):
    said = calibration(measured(bin_of(0.4, 0.38, 1234)))
    for shown in ("error 2.0 points on 1,234 texts", "3.0 on average", "more than 5.0", "AUC 0.79"):
        assert shown in said
    assert "within noise" in said
    assert "more than noise" in calibration(measured(bin_of(0.4, 0.2, 99), ece=0.2))
    assert "AUC" not in calibration(replace(calibrated, auc=None))


def test_dots_lie_where_stated_meets_observed():
    svg = reliability_diagram("r", "what", measured(bin_of(0.0, 0.0, 5), bin_of(0.95, 0.5, 10)))
    dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)]
    diagonal = re.search(r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="dia', svg)
    left, bottom, right, top = map(float, diagonal.groups())
    assert dots[0] == (left, bottom)
    assert dots[1] == pytest.approx((left + 0.95 * (right - left), (bottom + top) / 2), abs=0.1)


def test_bars_are_as_high_as_their_counts():
    svg = reliability_diagram("r", "what", measured(bin_of(0.05, 0, 25), bin_of(0.35, 0.5, 100)))
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', svg)]
    assert heights[1] == pytest.approx(4 * heights[0])
    assert re.findall(r'class="count"[^>]*>(\d+)<', svg) == ["25", "100"]


def test_many_bins_have_no_numbers_on_their_bars():
    stated = np.linspace(0, 1, 200)
    svg = reliability_diagram("r", "what", reliability(stated, stated > 0.5, bins=20))
    assert 'class="count"' not in svg


def test_a_diagram_can_be_heard_and_takes_its_colours_from_the_page(page, calibrated):
    svg = reliability_diagram("r7", NASTY, calibrated)
    assert 'role="img" aria-labelledby="r7-title r7-desc"' in svg
    assert {"r7-title", "r7-desc"} == set(read(svg).ids)
    assert not re.search(r"#[0-9a-f]{6}|<script", svg)
    assert svg.count("<circle") == len(calibrated.bins)
    used = set(re.findall(r'class="(\w+)"', svg)) - {"diagram"}
    assert all(f".diagram .{name} {{" in page for name in used)
    assert set(re.findall(r"var\((--[\w-]+)", page)) <= set(re.findall(r"(--[\w-]+):", page))


def test_every_diagram_is_there_in_numbers_too(page):
    assert page.count('<svg class="diagram"') == page.count("The same in numbers") == 2


@pytest.mark.parametrize(
    ("share", "wanted"),
    [
        (0.0, "0 %"),
        (0.0004, "< 0.1 %"),
        (0.004, "0.4 %"),
        (0.0096, "1 %"),
        (0.508, "51 %"),
        (0.996, "99.6 %"),
        (0.9999, "> 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(share, wanted):
    assert numbers.percent(share) == wanted.replace(" %", "\u00a0%")
