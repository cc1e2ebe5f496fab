from __future__ import annotations

import random

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.measuring.trec import read_qrels, read_run, score_run, write_qrels, write_run

QUERIES = ["t1", "t2", "t3"]
PICTURES = ["a.jpg", "b.jpg", "ü.jpg", "d.jpg"]


def test_a_case_worked_by_hand():
    qrels = {"q": {"a": 1, "b": 1, "x": 0}}
    scores = score_run({"q": {"x": 3.0, "a": 2.0, "y": 1.5, "b": 1.0}}, qrels)
    assert scores.success == {1: 0.0, 5: 1.0, 10: 1.0}
    assert scores.recall == {1: 0.0, 5: 1.0, 10: 1.0}
    assert scores.mrr == 0.5
    assert scores.average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)
    ideal = 1 + 1 / np.log2(3)
    assert scores.ndcg10 == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / ideal)
    assert (scores.queries, scores.unanswered, scores.without_relevant) == (1, 0, 0)
    assert scores.as_row()["success@5"] == 1.0


def test_of_equal_scores_the_last_name_comes_first():
    assert score_run({"q": {"a": 1.0, "b": 1.0}}, {"q": {"a": 1}}).mrr == 0.5
    assert score_run({"q": {"a": 1.0, "b": 1.0}}, {"q": {"b": 1}}).mrr == 1.0


def test_scores_that_single_precision_cannot_tell_apart_are_ties():
    run = {"q": {"a": 1.0 + 1e-12, "b": 1.0}}
    assert score_run(run, {"q": {"a": 1}}).mrr == 0.5
    assert score_run({"q": {"a": 1e39, "b": 2e39}}, {"q": {"a": 1}}).mrr == 0.5


def test_unanswered_queries_count_as_zero_and_unknown_ones_do_not_count():
    scores = score_run({"q1": {"a": 1.0}, "other": {"z": 1.0}}, {"q1": {"a": 1}, "q2": {"b": 1}})
    assert scores.mrr == 0.5
    assert (scores.queries, scores.unanswered) == (2, 1)


def test_a_query_without_a_relevant_document_counts_as_zero():
    scores = score_run({"q1": {"a": 1.0}, "q2": {"a": 1.0}}, {"q1": {"a": 1}, "q2": {"a": 0}})
    assert scores.mrr == 0.5
    assert scores.without_relevant == 1


def made_up(seed):
    """Runs and qrels with ties, several relevant, degrees, missing queries and documents."""
    draw = random.Random(seed)
    documents = [f"d{n}" for n in range(30)] + ["é", "日本", "Z"]
    names = [f"q{n}" for n in range(12)]
    qrels = {
        name: {
            document: draw.choice([-1, 0, 0, 1, 2, 3])
            for document in draw.sample(documents, draw.randint(1, 25))
        }
        for name in names
    }
    qrels["q0"]["d0"] = 1
    run = {
        name: {
            document: draw.choice([0.5, 0.25, draw.random(), -draw.random(), 1 + 1e-10])
            for document in draw.sample(documents, draw.randint(1, 33))
        }
        for name in [*names[:-2], "stranger"]
    }
    return run, qrels


@pytest.mark.parametrize("seed", range(25))
def test_measures_are_those_of_ir_measures(seed):
    reference = pytest.importorskip("ir_measures", reason="ir-measures is not installed")
    run, qrels = made_up(seed)
    ours = score_run(run, qrels)
    named = {
        "Success@1": ours.success[1],
        "Success@5": ours.success[5],
        "Success@10": ours.success[10],
        "R@1": ours.recall[1],
        "R@5": ours.recall[5],
        "R@10": ours.recall[10],
        "RR": ours.mrr,
        "nDCG@10": ours.ndcg10,
        "AP": ours.average_precision,
    }
    measures = [reference.parse_measure(name) for name in named]
    theirs = reference.calc_aggregate(measures, qrels, run)
    for measure, (name, value) in zip(measures, named.items(), strict=True):
        assert value == pytest.approx(theirs[measure], abs=1e-6), name


def test_files_of_a_run_are_read_by_ir_measures_as_by_us(tmp_path):
    reference = pytest.importorskip("ir_measures", reason="ir-measures is not installed")
    scores = np.random.default_rng(0).random((3, 4)).round(1).astype(np.float32)
    write_run(tmp_path / "run", QUERIES, PICTURES, scores)
    write_qrels(tmp_path / "qrels", QUERIES, PICTURES, np.array([[0, 0], [1, 1], [2, 3], [2, 2]]))
    measure = reference.parse_measure("RR")
    theirs = reference.calc_aggregate(
        [measure],
        list(reference.read_trec_qrels(str(tmp_path / "qrels"))),
        list(reference.read_trec_run(str(tmp_path / "run"))),
    )
    ours = score_run(read_run(tmp_path / "run"), read_qrels(tmp_path / "qrels"))
    assert ours.mrr == pytest.approx(theirs[measure], abs=1e-6)


def test_what_is_written_is_read_again(tmp_path):
    scores = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    write_run(tmp_path / "run", QUERIES, PICTURES, scores)
    found = read_run(tmp_path / "run")
    for row, query in enumerate(QUERIES):
        for column, picture in enumerate(PICTURES):
            assert np.float32(found[query][picture]) == scores[row, column]
    write_qrels(tmp_path / "qrels", QUERIES, PICTURES, np.array([[0, 1], [2, 3], [0, 1]]))
    assert read_qrels(tmp_path / "qrels") == {"t1": {"b.jpg": 1}, "t3": {"d.jpg": 1}}


def test_the_best_are_kept_in_the_order_in_which_they_will_be_read(tmp_path):
    scores = np.array([[0.5, 0.5, 0.9, 0.5]], dtype=np.float32)
    write_run(tmp_path / "run", ["t1"], PICTURES, scores, depth=3, tag="ours")
    lines = (tmp_path / "run").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "t1 Q0 ü.jpg 1 0.9 ours",
        "t1 Q0 d.jpg 2 0.5 ours",
        "t1 Q0 b.jpg 3 0.5 ours",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 a 1 0.5", r"run:2: 5 cells, there should be 6: query Q0 document rank score tag"),
        ("q Q0 a 1 high x", r"run:2: score 'high' is not a number"),
        ("q Q0 a 1 nan x", r"run:2: score 'nan' is not a number"),
        ("q Q0 b 9 0.4 x", r"run:2: b is there twice for query q"),
    ],
)
def test_a_bad_line_of_a_run_is_named_by_its_number(tmp_path, line, message):
    (tmp_path / "run").write_text(f"q Q0 b 1 0.5 x\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q 0 a", r"qrels:2: 3 cells, there should be 4"),
        ("q 0 a 0.5", r"qrels:2: degree '0.5' is not a whole number"),
        ("q 0 b 0", r"qrels:2: b is there twice for query q"),
    ],
)
def test_a_bad_line_of_qrels_is_named_by_its_number(tmp_path, line, message):
    (tmp_path / "qrels").write_text(f"q 0 b 1\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_qrels(tmp_path / "qrels")


def test_tabs_empty_lines_and_a_byte_order_mark_do_no_harm(tmp_path):
    (tmp_path / "qrels").write_bytes("\ufeffq\t0\ta\t2\r\n\r\nq 0 b 1".encode())
    assert read_qrels(tmp_path / "qrels") == {"q": {"a": 2, "b": 1}}


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(BadInput, match="absent cannot be read: No such file"):
        read_run(tmp_path / "absent")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="binary is not UTF-8"):
        read_run(tmp_path / "binary")


def test_qrels_without_a_relevant_document_measure_nothing():
    with pytest.raises(BadInput, match="no relevant document"):
        score_run({"q": {"a": 1.0}}, {"q": {"a": 0}})


@pytest.mark.parametrize("names", [["one", "two words"], ["one", ""], ["one", " one"]])
def test_names_with_white_space_are_refused(tmp_path, names):
    with pytest.raises(BadInput, match="cannot stand in a TREC file"):
        write_run(tmp_path / "run", ["t"], names, np.zeros((1, 2), dtype=np.float32))
    assert not (tmp_path / "run").exists()


def test_names_twice_and_scores_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(BadInput, match="different names"):
        write_run(tmp_path / "run", ["t"], ["a", "a"], np.zeros((1, 2), dtype=np.float32))
    with pytest.raises(BadInput, match=r"shape \(1, 3\) for 1 queries and 2 documents"):
        write_run(tmp_path / "run", ["t"], ["a", "b"], np.zeros((1, 3), dtype=np.float32))
