"""The façade: fit, suggest, add, evaluate, and what it refuses."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from once import QUICK
from picturedesk.datasets.split import SplitConfig
from picturedesk.desk import Desk, DeskConfig
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.measure import RouteScores
from picturedesk.disk.artifacts import read_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.extraction import ExtractConfig
from picturedesk.store.features import FeatureStore
from picturedesk.types import Picture
from shapes import COLOURS, SHAPES, draw, write_archive


def test_a_fitted_desk_finds_the_colour_that_the_text_names(fitted_desk: Path):
    desk = Desk(fitted_desk)
    right = 0
    for colour, shape in product(COLOURS, SHAPES):
        suggestions = desk.suggest(f"a {colour} {shape} by the river", k=5)
        right += sum(colour in suggestion.picture.caption for suggestion in suggestions)
    assert right >= 50  # of 120; chance is 20


@pytest.mark.parametrize(
    ("desk", "route"),
    [
        ("fitted_desk", "blend"),
        ("fitted_desk", "direct"),
        ("fitted_desk", "transfer"),
        ("fitted_desk", "class_names"),
        ("fitted_desk", "captions"),
        ("paper_desk", "direct"),
        ("paper_desk", "transfer"),
    ],
)
def test_suggestions_come_best_first_with_evidence(
    desk: str, route: str, request: pytest.FixtureRequest
):
    opened = Desk(request.getfixturevalue(desk))
    suggestions = opened.suggest("a blue square", k=7, route=route, diversity=0)
    assert [suggestion.rank for suggestion in suggestions] == list(range(1, 8))
    scores = [suggestion.score for suggestion in suggestions]
    assert scores == sorted(scores, reverse=True)
    for suggestion in suggestions:
        assert suggestion.route == route
        assert suggestion.evidence
        assert -1.001 <= suggestion.evidence[0].text_similarity <= 1.001
        assert Path(suggestion.evidence[0].picture.uri).exists()


def test_the_condition_on_metadata_is_kept(fitted_desk: Path):
    suggestions = Desk(fitted_desk).suggest("a red square", k=50, where="licence = 'cc0'")
    assert len(suggestions) == 50
    assert {suggestion.picture.licence for suggestion in suggestions} == {"cc0"}


def test_an_unknown_column_is_answered_with_the_columns(fitted_desk: Path):
    with pytest.raises(BadInput, match="licence"):
        Desk(fitted_desk).suggest("a red square", where="license = 'cc0'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "…"}, "no word of the text is known"),
        ({"text": ""}, "no word of the text is known"),
        (
            {"text": "a red square", "route": "sideways"},
            "direct, transfer, class_names, captions, blend",
        ),
        ({"text": "a red square", "k": 0}, "k is 0: it must be a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_asked_is_said(fitted_desk: Path, arguments: dict, message: str):
    with pytest.raises(BadInput, match=message):
        Desk(fitted_desk).suggest(**arguments)


def test_a_desk_of_the_paper_knows_its_words_and_its_two_routes(paper_desk: Path):
    desk = Desk(paper_desk)
    with pytest.raises(BadInput, match="no word of the text is known"):
        desk.suggest("zzzz qqqq")
    with pytest.raises(BadInput, match="route 'blend' is not known: transfer, direct"):
        desk.suggest("a red square", route="blend")
    found = desk.suggest("a red square")
    assert found.found is None
    assert {(one.route, one.found, one.match) for one in found} == {("direct", None, "")}
    assert found.doubt == ""


@pytest.mark.parametrize(
    ("desk", "routes"),
    [
        ("fitted_desk", {"transfer", "class_names", "captions", "blend"}),
        ("paper_desk", {"transfer, all levels raw", "transfer"}),
    ],
)
def test_direct_beats_chance_and_every_route_is_measured(
    desk: str, routes: set[str], request: pytest.FixtureRequest
):
    evaluation = Desk(request.getfixturevalue(desk)).evaluate()
    rows = {row.name: row.scores for row in evaluation.rows if row.direction == "text → picture"}
    assert set(rows) == {"chance", "transfer, final raw", "direct"} | routes
    assert rows["direct"].mrr > 1.3 * rows["chance"].mrr


def test_a_suggestion_says_how_sure_it_is(fitted_desk: Path):
    found = Desk(fitted_desk).suggest(TEXT, k=20, **BY_SCORE)
    chances = [suggestion.found for suggestion in found]
    assert all(0 < chance < 1 for chance in chances)
    assert chances == sorted(chances, reverse=True)
    assert max(chances) < found.found <= 1
    assert {suggestion.match for suggestion in found} <= {"strong", "fair", "weak"}


def test_few_texts_that_were_held_out_are_doubted(fitted_desk: Path):
    desk = Desk(fitted_desk)
    found = desk.suggest(desk.held_out.texts)
    assert np.mean([bool(one.doubt) for one in found]) <= 0.2


TEXT = "We saw a violet circle by the river, number 500."
BY_SCORE = {"diversity": 0.0, "duplicates": True}


@pytest.mark.parametrize("where", ["licence = 'cc0'", "key < '8'", "caption like '%violet%'"])
def test_a_filter_raises_no_chance_and_lowers_the_sum(fitted_desk: Path, where: str):
    desk = Desk(fitted_desk)
    every = {one.picture.key: one for one in desk.suggest(TEXT, k=500, **BY_SCORE)}
    plain, filtered = (desk.suggest(TEXT, k=10, where=condition) for condition in ("", where))
    for one in filtered:
        known = every[one.picture.key]
        assert one.found <= known.found * (1 + 1e-6)
        assert one.match == known.match
    assert {one.picture.key for one in filtered} != {one.picture.key for one in plain}
    assert filtered.found < plain.found


def test_a_filter_that_lets_the_best_pass_leaves_their_chances(fitted_desk: Path):
    desk = Desk(fitted_desk)
    plain = desk.suggest(TEXT, k=3)
    kept = ", ".join(f"'{one.picture.key}'" for one in plain)
    filtered = desk.suggest(TEXT, k=10, where=f"key in ({kept})")
    assert [one.picture.key for one in filtered] == [one.picture.key for one in plain]
    chances = [one.found for one in plain]
    assert [one.found for one in filtered] == pytest.approx(chances, rel=1e-6)
    assert filtered.found == pytest.approx(plain.found, rel=1e-6)


def test_more_pictures_shown_raise_the_chance_that_the_right_one_is_among_them(fitted_desk: Path):
    desk = Desk(fitted_desk)
    found = [desk.suggest(TEXT, k=k).found for k in (1, 3, 10, 50)]
    assert found == sorted(set(found))
    assert found[0] == pytest.approx(desk.suggest(TEXT, k=1)[0].found)


def test_another_route_than_the_default_states_no_chance(fitted_desk: Path):
    found = Desk(fitted_desk).suggest(TEXT, route="direct")
    assert (found.found, found.doubt) == (None, "")
    assert {(one.found, one.match) for one in found} == {(None, "")}


def test_no_picture_that_meets_a_condition_has_no_chance(fitted_desk: Path):
    found = Desk(fitted_desk).suggest(TEXT, where="licence = 'nobody has it'")
    assert (list(found), found.found) == ([], None)


def test_a_text_about_something_else_is_doubted(fitted_desk: Path):
    assert Desk(fitted_desk).suggest("The central bank raised its key interest rate.").doubt


def test_a_demand_that_is_not_met_is_called_doubt(fitted_desk: Path):
    found = Desk(fitted_desk).suggest("a violet circle", min_confidence=1.0)
    assert len(found) == 10
    assert found.doubt.startswith("the chance that the right picture is among these is")


@pytest.mark.parametrize(
    ("desk", "route"),
    [
        ("fitted_desk", "blend"),
        ("fitted_desk", "class_names"),
        ("paper_desk", "direct"),
        ("paper_desk", "transfer"),
    ],
)
def test_an_explanation_adds_up_to_the_score(desk: str, route: str, request: pytest.FixtureRequest):
    opened = Desk(request.getfixturevalue(desk))
    text = "We saw a yellow triangle after the rain. It was cold."
    found = opened.suggest(text, k=3, route=route)
    for suggestion, explanation in zip(found, opened.explain(text, found), strict=True):
        assert explanation.score == pytest.approx(suggestion.score, abs=1e-4)
        total = sum(share.share for share in explanation.routes)
        assert total == pytest.approx(suggestion.score, abs=1e-4)
        assert explanation.words


def test_levels_that_serve_the_archive_are_chosen_once(tmp_path: Path):
    table = write_archive(tmp_path / "archive", copies=3)
    config = replace(QUICK, levels=("auto",))
    Desk.fit(table, tmp_path / "desk", config)
    folder = DeskFolder(tmp_path / "desk")
    chosen = read_record(folder.levels)["levels"]
    with FeatureStore.open(folder.features) as store:
        read = [str(level) for level in store.spec.levels]
    assert set(chosen) <= set(read) <= {*chosen, "probs"}
    assert "probs" in read
    assert not folder.adviser.exists()
    before = folder.levels.stat().st_mtime_ns
    Desk.fit(table, tmp_path / "desk", config)
    assert folder.levels.stat().st_mtime_ns == before


def test_the_report_is_a_page_that_says_what_was_found(fitted_desk: Path):
    page = Desk(fitted_desk).fitted.report.read_text(encoding="utf-8")
    assert "<h2>Cross-validation</h2>" in page
    assert "one of the first ten" in page
    assert "<svg" in page


def test_an_archive_without_test_texts_is_learned_and_not_measured(
    quick_desk: Path, shapes_table: Path
):
    config = replace(QUICK, split=SplitConfig(validate=0.0, test=0.0))
    report = Desk.fit_report(shapes_table, quick_desk, config)
    assert report.measured is None
    assert Desk(quick_desk).suggest("a red circle", k=1)


def test_what_is_measured_is_what_is_served(fitted_desk: Path):
    desk = Desk(fitted_desk)
    memory, held_out = desk.memory, desk.held_out
    with FeatureStore.open(desk.folder.features) as store:
        rows = np.arange(len(memory.picture_vectors))
        features = store.read([picture.key for picture in memory.pictures(rows)])
    scores = RouteScores(memory, held_out, features, "test", desk.blend)
    keys = [picture.key for picture in memory.pictures(scores.candidates)]
    _, measured = next(scores.blocks())
    text = held_out.texts[scores.texts[0]]
    for route in ("direct", "class_names"):
        answer = desk.suggest(text, k=500, route=route, **BY_SCORE)
        served = {one.picture.key: one.score for one in answer}
        for column, key in enumerate(keys):
            assert served[key] == pytest.approx(measured[route][0, column], abs=1e-5)


def test_several_texts_are_answered_as_each_alone(fitted_desk: Path):
    desk = Desk(fitted_desk)
    texts = ["a red circle by the river", "A blue square.", "We saw a violet triangle."]
    together = desk.suggest(texts, k=4)
    for text, found in zip(texts, together, strict=True):
        alone = desk.suggest(text, k=4)
        assert [s.picture.key for s in found] == [s.picture.key for s in alone]
        assert [s.score for s in found] == pytest.approx([s.score for s in alone], abs=1e-5)
        assert found.found == pytest.approx(alone.found, abs=1e-5)
        assert found.doubt == alone.doubt


def test_no_texts_are_no_answers(fitted_desk: Path):
    assert Desk(fitted_desk).suggest([]) == []


def test_a_desk_of_another_version_is_refused_in_one_sentence(quick_desk: Path, shapes_table: Path):
    (quick_desk / "desk.json").unlink()
    (quick_desk / "settings.json").write_text('{"config": {}}')  # as version 0.1 left it
    with pytest.raises(Mismatch, match="another version of picturedesk: fit it again"):
        Desk(quick_desk)
    with pytest.raises(Mismatch, match="another version of picturedesk: fit it again"):
        Desk.fit(shapes_table, quick_desk)


def test_added_pictures_can_be_suggested_and_are_read_once(quick_desk: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    (photos / "sub").mkdir(parents=True)
    draw("red", "circle", seed=9001).save(photos / "new.png")
    draw("green", "circle", seed=9002).save(photos / "sub" / "new.png")
    (photos / "broken.jpg").write_bytes(b"no picture")
    desk = Desk(quick_desk)
    before = desk.catalogue.count()
    first = desk.add(photos)
    assert (first.new, first.read, first.catalogue) == (2, 2, before + 2)
    assert [Path(r.source).name for r in first.rejections] == ["broken.jpg"]
    again = Desk(quick_desk).add(photos)
    assert (again.new, again.updated, again.read) == (0, 2, 0)
    found = Desk(quick_desk).suggest("a red circle", k=500)
    assert {"new.png"} <= {Path(suggestion.picture.uri).name for suggestion in found}


def listed(desk: Path) -> list[tuple[str, str]]:
    """File and command of each row of rejected.csv."""
    with Desk(desk).fitted.rejected.open(encoding="utf-8", newline="") as file:
        return [(Path(row["source"]).name, row["left_out_by"]) for row in csv.DictReader(file)]


def test_what_an_add_leaves_out_is_listed_until_it_gets_in(quick_desk: Path, tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    draw("red", "circle", seed=9001).save(photos / "good.png")
    for name in ("one.png", "two.png"):
        (photos / name).write_bytes(b"no picture")
    Desk(quick_desk).add(photos)
    command = f"add {photos}"
    assert listed(quick_desk) == [("one.png", command), ("two.png", command)]
    draw("red", "circle", seed=9002).save(photos / "one.png")
    Desk(quick_desk).add(photos / "one.png")
    assert listed(quick_desk) == [("two.png", command)]
    (photos / "two.png").unlink()
    Desk(quick_desk).add(photos)
    assert listed(quick_desk) == []


def test_what_an_add_leaves_out_stays_listed_after_another_fit(
    quick_desk: Path, shapes_table: Path, tmp_path: Path
):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Desk(quick_desk).add([Picture(str(tmp_path / "broken.png"))])
    Desk.fit(shapes_table, quick_desk, QUICK)
    assert listed(quick_desk) == [("broken.png", "add")]


def test_add_keeps_to_the_limits_of_the_desk_unless_told_otherwise(
    quick_desk: Path, tmp_path: Path
):
    fitted = Desk(quick_desk).fitted
    settings = fitted.read_settings()
    settings["config"]["extract"]["decode"]["max_megapixels"] = 0.001
    fitted.write_settings(settings)
    draw("red", "circle", seed=9001).save(tmp_path / "large.png")
    refused = Desk(quick_desk).add(tmp_path / "large.png")
    assert refused.new == 0
    assert "max_megapixels = 0.001" in refused.rejections[0].reason
    assert len(listed(quick_desk)) == 1
    assert Desk(quick_desk).add(tmp_path / "large.png", extract=ExtractConfig()).new == 1
    assert listed(quick_desk) == []


def test_an_empty_path_is_not_the_current_folder(quick_desk: Path):
    with pytest.raises(BadInput, match="the path of a file or folder"):
        Desk(quick_desk).add("")


def test_the_same_bytes_under_another_name_are_one_picture(quick_desk: Path, shapes_table: Path):
    desk = Desk(quick_desk)
    before = desk.catalogue.count()
    source = next(shapes_table.parent.glob("*.png"))
    copy = quick_desk.parent / "copy.png"
    copy.write_bytes(source.read_bytes())
    assert desk.add([Picture(str(copy))]).new == 0
    assert desk.catalogue.count() == before


def test_a_second_fit_reads_no_picture_again_and_keeps_what_was_added(
    quick_desk: Path, shapes_table: Path, tmp_path: Path
):
    draw("red", "circle", seed=9001).save(tmp_path / "added.png")
    Desk(quick_desk).add(tmp_path / "added.png")
    Desk.fit(shapes_table, quick_desk, QUICK)
    desk = Desk(quick_desk)
    assert desk.catalogue.count() == 193
    uris = {suggestion.picture.uri for suggestion in desk.suggest("a red circle", k=500)}
    assert any(uri.endswith("added.png") for uri in uris)


def test_another_backbone_on_the_same_desk_is_refused(quick_desk: Path, shapes_table: Path):
    config = replace(DeskConfig(), levels=("final",))
    with pytest.raises(Mismatch, match="another --desk"):
        Desk.fit(shapes_table, quick_desk, config)


def test_a_fit_that_read_nothing_leaves_the_choice_of_the_backbone(tmp_path: Path):
    table = write_archive(tmp_path / "archive", copies=1)
    wrong = replace(QUICK, weights=str(table))
    with pytest.raises(BadInput, match="cannot be read as weights"):
        Desk.fit(table, tmp_path / "desk", wrong)
    Desk.fit(table, tmp_path / "desk", QUICK)
    with pytest.raises(Mismatch, match="another --desk"):
        Desk.fit(table, tmp_path / "desk", wrong)


def test_equal_seeds_give_equal_desks(own_desk: Path, shapes_table: Path):
    before = Desk(own_desk)
    fingerprint, weights = before.matcher.fingerprint, before.blend.weights
    threads = max(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
    with threadpool_limits(2 if threads == 1 else 1, user_api="blas"):  # as on another machine
        Desk.fit(shapes_table, own_desk)
    after = Desk(own_desk)
    assert after.matcher.fingerprint == fingerprint
    assert after.blend.weights == weights


def test_a_memory_of_another_matcher_is_refused(quick_desk: Path):
    desk = Desk(quick_desk)
    folder = desk.fitted.memory
    shutil.rmtree(folder)
    ArchiveMemory.create(folder, "0123456789abcdef", desk.matcher.width).close()
    with pytest.raises(Mismatch, match="run picturedesk fit again"):
        Desk(quick_desk).suggest("a red circle")


def test_a_folder_that_is_no_desk_says_what_to_run(tmp_path: Path):
    with pytest.raises(MissingArtefact, match="picturedesk fit"):
        Desk(tmp_path)


def test_texts_and_pictures_do_not_cross_parts(fitted_desk: Path):
    desk = Desk(fitted_desk)
    links, groups = desk.memory.links, desk.held_out.picture_groups
    parts = dict(zip(desk.held_out.rows.tolist(), desk.held_out.parts, strict=True))
    part_of = np.array([parts.get(text, "train") for text in links[:, 0].tolist()])
    assert set(part_of) == {"train", "test"}
    for group in np.unique(groups):
        inside = np.isin(links[:, 1], np.flatnonzero(groups == group))
        assert len(set(part_of[inside])) <= 1


def test_what_is_left_out_is_listed(tmp_path: Path):
    table = write_archive(tmp_path / "archive", copies=2)
    with table.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    (table.parent / "empty.png").write_bytes(b"")
    rows += [["A red circle.", "absent.png", "", ""], ["A red circle.", "empty.png", "", ""]]
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    Desk.fit(table, tmp_path / "desk", QUICK)
    with Desk(tmp_path / "desk").fitted.rejected.open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    assert {Path(row["source"].split(":")[0]).name for row in listed} >= {"empty.png"}
    assert any("absent.png" in row["source"] + row["reason"] for row in listed)
    assert all(row["cure"] for row in listed)


def test_a_killed_fit_goes_on_with_the_same_command(tmp_path: Path, shapes_table: Path):
    desk = tmp_path / "desk"
    command = [sys.executable, "-m", "picturedesk", "fit", str(shapes_table), "--desk", str(desk)]
    command += ["--sentences", "none", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (desk / "features.db").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with FeatureStore.open(desk / "features.db") as store:
        assert len(store) == 192
    assert len(Desk(desk).suggest("a red circle", k=3)) == 3
