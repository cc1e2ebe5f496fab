"""TREC files: written whole or block by block, and measured by ir-measures."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from picturedesk.errors import BadInput, MissingExtra
from picturedesk.measuring.metrics import retrieval_scores
from picturedesk.measuring.trec import open_run, score_run, write_qrels, write_run

QUERIES = ["t1", "t2", "t3"]
PICTURES = ["a.jpg", "b.jpg", "ü.jpg", "d.jpg"]


def measured(folder, run: str, qrels: str):
    """The scores of a run ("q a 3.0" a line) against qrels ("q a 1" a line)."""
    runs = [line.split() for line in run.splitlines()]
    (folder / "run").write_text(
        "".join(f"{query} Q0 {name} 1 {score} x\n" for query, name, score in runs), "utf-8"
    )
    wanted = [line.split() for line in qrels.splitlines()]
    (folder / "qrels").write_text(
        "".join(f"{query} 0 {name} {degree}\n" for query, name, degree in wanted), "utf-8"
    )
    return score_run(folder / "run", folder / "qrels")


def test_a_case_worked_by_hand(tmp_path):
    scores = measured(tmp_path, "q x 3.0\nq a 2.0\nq y 1.5\nq b 1.0", "q a 1\nq b 1\nq x 0")
    assert scores.success == {1: 0.0, 5: 1.0, 10: 1.0}
    assert scores.recall == {1: 0.0, 5: 1.0, 10: 1.0}
    assert scores.mrr == 0.5
    assert scores.average_precision == pytest.approx((1 / 2 + 2 / 4) / 2)
    ideal = 1 + 1 / np.log2(3)
    assert scores.ndcg10 == pytest.approx((1 / np.log2(3) + 1 / np.log2(5)) / ideal)
    assert (scores.queries, scores.unanswered, scores.without_relevant) == (1, 0, 0)
    assert scores.as_row()["success@5"] == 1.0


def test_of_equal_scores_the_last_name_comes_first(tmp_path):
    assert measured(tmp_path, "q a 1.0\nq b 1.0", "q a 1").mrr == 0.5
    assert measured(tmp_path, "q a 1.0\nq b 1.0", "q b 1").mrr == 1.0


def test_scores_that_single_precision_cannot_tell_apart_are_ties(tmp_path):
    assert measured(tmp_path, f"q a {1.0 + 1e-12}\nq b 1.0", "q a 1").mrr == 0.5


def test_unanswered_queries_count_as_zero_and_unknown_ones_do_not_count(tmp_path):
    scores = measured(tmp_path, "q1 a 1.0\nother z 1.0", "q1 a 1\nq2 b 1")
    assert scores.mrr == 0.5
    assert (scores.queries, scores.unanswered) == (2, 1)


def test_a_query_without_a_relevant_document_counts_as_zero(tmp_path):
    scores = measured(tmp_path, "q1 a 1.0\nq2 a 1.0", "q1 a 1\nq2 a 0")
    assert scores.mrr == 0.5
    assert scores.without_relevant == 1


def test_a_run_of_ours_measures_as_our_metrics_say(tmp_path):
    draw = np.random.default_rng(0)
    scores = draw.permutation(400).reshape(20, 20).astype(np.float32)  # no ties
    links = np.unique(draw.integers(0, 20, size=(40, 2)), axis=0)
    names = [f"n{number}" for number in range(20)]
    write_run(tmp_path / "run", names, names, scores)
    write_qrels(tmp_path / "qrels", names, names, links)
    found, ours = score_run(tmp_path / "run", tmp_path / "qrels"), retrieval_scores(scores, links)
    assert found.success == pytest.approx(dict(ours.recall))
    assert (found.mrr, found.ndcg10) == pytest.approx((ours.mrr, ours.ndcg10), abs=1e-6)
    assert found.queries == ours.queries


def test_blocks_write_what_whole_scores_write(tmp_path):
    scores = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    write_run(tmp_path / "whole", QUERIES, PICTURES, scores, depth=2)
    with open_run(tmp_path / "blocks", QUERIES, PICTURES, depth=2) as run:
        run.write(scores[:2])
        assert not (tmp_path / "blocks").exists()
        run.write(scores[2:])
    assert (tmp_path / "blocks").read_bytes() == (tmp_path / "whole").read_bytes()
    lines = (tmp_path / "whole").read_text(encoding="utf-8").splitlines()
    best = PICTURES[int(scores[0].argmax())]
    assert lines[0] == f"t1 Q0 {best} 1 {scores[0].max()!s} picturedesk"
    assert len(lines) == 6


def test_a_run_that_lacks_queries_is_not_left_behind(tmp_path):
    with (
        pytest.raises(BadInput, match="would end at query 2 of 3"),
        open_run(tmp_path / "run", QUERIES, PICTURES) as run,
    ):
        run.write(np.zeros((2, 4), dtype=np.float32))
    assert not list(tmp_path.iterdir())


def test_links_are_written_once_each(tmp_path):
    write_qrels(tmp_path / "qrels", QUERIES, PICTURES, np.array([[0, 1], [2, 3], [0, 1]]))
    lines = (tmp_path / "qrels").read_text(encoding="utf-8").splitlines()
    assert lines == ["t1 0 b.jpg 1", "t3 0 d.jpg 1"]


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
        ("q Q0 a 1 0.5", r"run has a line that is not 'query Q0 document rank score tag'"),
        ("q Q0 a 1 high x", r"run has a line that is not .*'high'"),
        ("q Q0 a 1 nan x", r"run: the score of a for query q is not a number"),
        ("q Q0 b 9 0.4 x", r"run: b is there twice for query q"),
    ],
)
def test_a_bad_line_of_a_run_is_refused(tmp_path, line, message):
    (tmp_path / "run").write_text(f"q Q0 b 1 0.5 x\n{line}\n", encoding="utf-8")
    (tmp_path / "qrels").write_text("q 0 b 1\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        score_run(tmp_path / "run", tmp_path / "qrels")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q 0 a", r"qrels has a line that is not 'query 0 document degree'"),
        ("q 0 a 0.5", r"qrels has a line that is not .*'0.5'"),
        ("q 0 b 0", r"qrels: b is there twice for query q"),
    ],
)
def test_a_bad_line_of_qrels_is_refused(tmp_path, line, message):
    (tmp_path / "run").write_text("q Q0 b 1 0.5 x\n", encoding="utf-8")
    (tmp_path / "qrels").write_text(f"q 0 b 1\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        score_run(tmp_path / "run", tmp_path / "qrels")


def test_tabs_empty_lines_and_a_byte_order_mark_do_no_harm(tmp_path):
    (tmp_path / "qrels").write_bytes("\ufeffq\t0\ta\t2\r\n\r\nq 0 b 1".encode())
    (tmp_path / "run").write_text("q Q0 a 1 0.5 x\n", encoding="utf-8")
    assert score_run(tmp_path / "run", tmp_path / "qrels").success[1] == 1


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    (tmp_path / "qrels").write_text("q 0 a 1\n")
    with pytest.raises(BadInput, match="absent does not exist"):
        score_run(tmp_path / "absent", tmp_path / "qrels")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="binary is not UTF-8"):
        score_run(tmp_path / "binary", tmp_path / "qrels")


@pytest.mark.parametrize("qrels", ["q a 0", ""])
def test_qrels_without_a_relevant_document_measure_nothing(tmp_path, qrels):
    with pytest.raises(BadInput, match="no relevant document"):
        measured(tmp_path, "q a 1.0", qrels)


def test_a_machine_without_ir_measures_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtra, match=r"pip install 'picturedesk\[trec\]'"):
        measured(tmp_path, "q a 1.0", "q a 1")


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
