"""The paper's tables on a small archive that can be learned: every row, check and file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from json_schemas import validate
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import FusionConfig
from picturedesk.learning.preparation import ReadableArchive
from picturedesk.measuring.significance import holm
from picturedesk.report.records import ReproductionReport
from picturedesk.research.baselines.vse import VseConfig, VseGrid
from picturedesk.research.reproduction.checks import leaking_texts, tie_check, vocabulary_check
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import candidate_sets, tied_queries
from picturedesk.research.reproduction.notes import small_sample
from picturedesk.research.reproduction.plan import plan
from picturedesk.research.reproduction.run import reproduce
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.types import Archive, Picture, Text
from shapes import draw, write_archive

PAPER_ROWS = {
    "transfer, final",
    "transfer, levels",
    "transfer, fused",
    "direct, MLP(final)",
    "direct, MLP(levels)",
}
FIGURE_ROWS = {
    "sigmoid hidden unit, L2",
    "sigmoid hidden unit, no L2",
    "linear hidden unit, L2",
    "linear hidden unit, no L2",
}
WHOLE = "all 38"  # candidates of the whole test part
BASELINES = {
    "direct, MLP(blocks.4:avg)",
    "direct, MLP(blocks.5:avg)",
    "direct, MLP(blocks.6:avg)",
    "direct, ridge",
    "direct, CCA",
    "direct, VSE++ (sum)",
    "direct, VSE++ (hardest)",
}


def quick(**changes: object) -> ReproduceConfig:
    """Everything, but with few epochs, a narrow network, two seeds and a small sample."""
    config = ReproduceConfig(seeds=(0, 1), small=10, test=0.2, resamples=500)
    train = replace(config.train, epochs=3, fusion=FusionConfig(hidden=(128,)))
    vse = VseGrid((0.2,), (1e-3, 4e-3), (32, 64), VseConfig(epochs=3))
    return replace(config, train=train, vse=vse, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder that all tests share: pictures are read once."""
    pytest.importorskip("timm", reason="needs the extra 'train'")
    return tmp_path_factory.mktemp("reproduction")


@pytest.fixture(scope="module")
def report(folder: Path, shapes_table: Path) -> ReproductionReport:
    return reproduce(str(shapes_table), folder, quick())


def test_every_row_of_the_paper_and_every_baseline_is_there(report: ReproductionReport):
    names = {row.name for table in report.tables for row in table.rows}
    assert names == PAPER_ROWS | FIGURE_ROWS | BASELINES | {"chance"}


def test_tables_have_both_candidate_sets_and_a_spread_over_seeds(report: ReproductionReport):
    for table in report.tables:
        assert len(table.columns) == 6
        assert {column.split(":")[0] for column in table.columns} == {
            "10 candidates",
            f"{WHOLE} candidates",
        }
        for row in table.rows:
            for cell in row.cells.values():
                assert 0 <= cell.mean <= 100
                assert (cell.spread is None) == (row.name == "chance")


def test_recall_grows_with_the_depth_and_ends_at_all(report: ReproductionReport):
    for curve in report.curves:
        assert len(curve.recall) == 100
        assert (np.diff(curve.recall) >= 0).all()
        assert curve.recall[-1] == 100  # fewer than 100 candidates


def test_the_curve_passes_through_the_table(report: ReproductionReport):
    curves = {curve.name: curve.recall for curve in report.curves}
    for table in report.tables[:3]:
        for row in table.rows:
            if row.name != "chance":
                assert curves[row.name][9] == pytest.approx(
                    row.cells[f"{WHOLE} candidates: recall@10"].mean
                )


def test_comparisons_agree_with_the_tables(report: ReproductionReport):
    cells = {row.name: row.cells for table in report.tables for row in table.rows}
    for gap in report.comparisons:
        pair = re.fullmatch(r".*(?:transfer|direct|fc) \((.+) - (.+)\)", gap.name)
        assert pair
        better, worse = (
            cells[name][f"{gap.candidates} candidates: recall@10"].mean for name in pair.groups()
        )
        assert gap.difference == pytest.approx(better - worse, abs=1e-9)
        assert gap.low <= gap.difference <= gap.high
        assert 0 < gap.p <= gap.p_holm <= 1


def test_baselines_are_tested_against_the_papers_network(report: ReproductionReport):
    tested = {gap.name.partition(" against ")[0] for gap in report.comparisons}
    assert {"ridge", "CCA", "VSE++ (sum)", "VSE++ (hardest)"} <= tested
    pairs = [(gap.name.partition(" (")[2], gap.candidates) for gap in report.comparisons]
    assert len(set(pairs)) == len(pairs)  # the same test twice would count twice in the family


def test_p_is_corrected_for_all_comparisons_of_the_report(report: ReproductionReport):
    ps = [gap.p for gap in report.comparisons]
    assert [gap.p_holm for gap in report.comparisons] == holm(ps)
    assert min(gap.p_holm for gap in report.comparisons) >= min(1, len(ps) * min(ps)) - 1e-12
    for gap in report.comparisons:
        assert gap.significant == (gap.p_holm < 0.05)


def test_the_report_says_where_it_differs_from_the_paper(report: ReproductionReport):
    said = " ".join(report.notes)
    assert "EfficientNet-Lite0" in said
    assert "weighting is ours" in said
    assert "standardised" in said


def test_figure_3_has_its_four_bars(report: ReproductionReport):
    assert [(bar.group, bar.name) for bar in report.bars] == [
        ("linear hidden unit", "no L2"),
        ("linear hidden unit", "L2"),
        ("sigmoid hidden unit", "no L2"),
        ("sigmoid hidden unit", "L2"),
    ]


def test_the_report_is_written_three_times(folder: Path, report: ReproductionReport):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert page.count("data:image/jpeg;base64,") > 20
    assert "://" not in page
    kept = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(plain(report)))
    assert "| direct, MLP(levels) |" in (folder / "report.md").read_text(encoding="utf-8")


def test_report_and_plan_fit_their_schemas(
    folder: Path, shapes_table: Path, report: ReproductionReport
):
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    validate("reproduce", json.loads((folder / "report.json").read_text(encoding="utf-8")))
    validate("reproduce-dry-run", plain(plan(str(shapes_table), folder, quick())))


def test_examples_are_successes_first_then_failures(report: ReproductionReport):
    ranks = [example.rank for example in report.examples]
    assert ranks == sorted(ranks)
    for example in report.examples:
        assert (example.rank == 1) == example.suggested[0][2]


def test_equal_seeds_give_equal_figures(
    folder: Path, shapes_table: Path, report: ReproductionReport, tmp_path: Path
):
    """The same seeds without baselines, in a folder that has the features already."""
    for name in folder.iterdir():
        if name.name.startswith(("backbone", "features")):  # and not the finished rows
            (tmp_path / name.name).symlink_to(name, target_is_directory=name.is_dir())
    again = reproduce(str(shapes_table), tmp_path, quick(baselines=False))
    before = {row.name: plain(row.cells) for table in report.tables for row in table.rows}
    after = {row.name: plain(row.cells) for table in again.tables for row in table.rows}
    assert set(after) == PAPER_ROWS | FIGURE_ROWS | {"chance"}
    assert all(before[name] == cells for name, cells in after.items())


def test_a_second_run_reads_no_picture_and_a_plan_knows_it(
    folder: Path, shapes_table: Path, report: ReproductionReport
):
    found = plan(str(shapes_table), folder, quick())
    assert (found.pictures, found.known) == (192, 192)
    assert sum(found.texts.values()) == 192
    assert found.trainings == 2 * 8
    assert found.tunings == 2 * 2 * 3
    seconds = found.seconds
    assert seconds.extraction == 0
    assert min(seconds.texts, seconds.networks, seconds.baselines, seconds.measuring) > 0
    bare = plan(str(shapes_table), folder, quick(baselines=False))
    assert (bare.trainings, bare.tunings, bare.seconds.baselines) == (2 * 5, 0, 0)


def test_a_dry_run_writes_nothing(folder: Path, shapes_table: Path, report: ReproductionReport):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("report.*"))
    command = [sys.executable, "-m", "picturedesk", "reproduce", str(shapes_table)]
    command += ["--out", str(folder), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "192 are already read" in done.stdout
    after = sorted((path.name, path.stat().st_mtime_ns) for path in folder.glob("report.*"))
    assert after == before


def test_planted_leaks_are_found():
    story = "the river rose after many days of rain and flooded the old town by night"
    texts = (
        Text("a", story),
        Text("b", story + " again"),
        Text("c", "a completely different report about football in the north"),
        Text("d", "another thing altogether, the price of bread went up in spring"),
    )
    pictures = tuple(Picture(f"{name}.png", key=name) for name in "abcd")
    links = np.array([[0, 0], [1, 1], [2, 2], [3, 3]])
    archive = Archive("x", texts, pictures, links, ("train", "test", "train", "test"))
    ready = ReadableArchive(archive, np.array([0, 1, 2, 2]))
    by_words, by_picture = leaking_texts(ready)
    assert by_words.tolist() == [1]
    assert by_picture.tolist() == [3]


def test_a_vocabulary_from_elsewhere_is_called_out():
    encoder = LsaEncoder.fit(["red boats sail", "red boats sink", "blue kites fly"])
    assert vocabulary_check(encoder, ["red boats sail sink", "blue kites fly"]).ok
    assert not vocabulary_check(encoder, ["red boats"]).ok


def test_ties_count_only_wrong_candidates():
    scores = np.array([[0.5, 0.5, 0.1], [0.9, 0.2, 0.2], [0.3, 0.3, 0.1]], np.float32)
    relevant = np.array([[0, 0], [1, 0], [2, 0], [2, 1]])
    assert tied_queries(scores, relevant) == 1
    assert tied_queries(scores, np.concatenate([relevant, [[0, 1]]])) == 0
    assert tied_queries(np.ones((3, 3), np.float32), relevant) == 3
    assert tie_check("toy", 1, 3).found == "1 of 3 queries"


def test_the_small_sample_is_drawn_from_the_test_texts_and_repeats(tmp_path: Path):
    texts = tuple(Text(str(i), f"text {i}") for i in range(50))
    pictures = tuple(Picture(f"{i}.png", key=str(i)) for i in range(50))
    links = np.stack([np.arange(50), np.arange(50)], axis=1)
    parts = ("train",) * 20 + ("test",) * 30
    ready = ReadableArchive(Archive("x", texts, pictures, links, parts), np.arange(50))
    small, whole = candidate_sets(ready, 10)
    assert (small.name, len(small.texts), len(small.pictures)) == ("10", 10, 10)
    assert whole.name == "all 30"
    assert set(small.texts) <= set(whole.texts)
    assert (small.texts[small.relevant[:, 0]] == small.pictures[small.relevant[:, 1]]).all()
    assert (candidate_sets(ready, 10)[0].texts == small.texts).all()
    assert [one.name for one in candidate_sets(ready, 30)] == ["all 30"]
    assert [one.name for one in candidate_sets(ready, 400)] == ["all 30"]


def test_a_sample_is_named_by_the_candidates_that_it_has():
    texts = tuple(Text(str(i), f"text {i}") for i in range(40))
    pictures = tuple(Picture(f"{i}.png", key=str(i)) for i in range(8))
    links = np.stack([np.arange(40), np.arange(40) // 5], axis=1)  # five captions of each
    ready = ReadableArchive(Archive("x", texts, pictures, links, ("test",) * 40), np.arange(8))
    small, whole = candidate_sets(ready, 30)
    assert len(small.texts) == 30
    assert small.name == str(len(small.pictures)) == str(len(np.unique(small.texts // 5)))
    assert whole.name == "all 8"


def test_a_sample_that_is_larger_than_the_test_part_is_explained():
    assert small_sample(quick(), 11) == ""
    assert "the test part has 10" in small_sample(quick(), 10)


@pytest.mark.parametrize(
    "changes", [{"preset": "papers"}, {"seeds": ()}, {"seeds": (1, 1)}, {"small": 1}]
)
def test_settings_that_cannot_be_used_are_refused(changes: dict):
    with pytest.raises(BadInput):
        ReproduceConfig(**changes)


def test_too_small_an_archive_is_refused_in_words(tmp_path: Path, folder: Path):
    (tmp_path / "few").mkdir()
    draw("red", "circle", seed=1).save(tmp_path / "few" / "a.png")
    (tmp_path / "few" / "a.txt").write_text("A red circle.")
    with pytest.raises(BadInput, match="at least 2 train texts are needed: give it more texts"):
        reproduce(str(tmp_path / "few"), folder, quick())


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("train", "validate"), "at least 2 test texts are needed: the archive names its parts"),
        (("test", "test"), "at least 2 train texts are needed"),
    ],
)
def test_an_archive_without_a_part_stops_the_run_before_a_picture_is_read(
    tmp_path: Path, parts: tuple[str, str], said: str
):
    """The pictures are no pictures: reading one would be reported in another way."""
    rows = ["text,picture,part"]
    for number in range(20):
        (tmp_path / f"{number}.png").write_bytes(b"no picture")
        rows.append(f"text number {number},{number}.png,{parts[number % 2]}")
    table = tmp_path / "archive.csv"
    table.write_text("\n".join(rows))
    out = tmp_path / "out"
    with pytest.raises(BadInput, match=said):
        reproduce(str(table), out, quick())
    with pytest.raises(BadInput, match=said):
        plan(str(table), out, quick())
    assert not out.exists()


def test_the_paper_preset_is_the_paper_to_the_letter():
    config = ReproduceConfig(preset="paper")
    train = config.training(seed=0)
    assert train.fusion == FusionConfig(hidden=(2048,), hidden_unit="sigmoid", output_unit="tanh")
    assert (train.margin, train.l2, train.learning_rate) == (0.5, 0.0005, 0.001)
    assert (train.beta1, train.beta2, train.epsilon) == (0.9, 0.999, 1e-8)
    assert config.lsa.topics == 500
    assert config.training(seed=0, l2=False).l2 == 0
    assert config.training(seed=0, linear=True).fusion.hidden_unit == "linear"


def test_the_paper_preset_reads_4096_numbers_of_inception_v3():
    pytest.importorskip("timm", reason="needs the extra 'train'")
    from picturedesk.backbones.backbone import Backbone

    spec: BackboneSpec = Backbone("paper", weights="random:0").spec
    assert spec.name == "inception_v3"
    assert [str(level) for level in spec.levels] == ["Mixed_7b:max", "final"]
    assert spec.width == 4096
    assert spec.preprocessing.size == 299


def test_write_archive_makes_what_the_other_tests_count_on(tmp_path: Path):
    assert len(list(write_archive(tmp_path, copies=1).parent.glob("*.png"))) == 24
