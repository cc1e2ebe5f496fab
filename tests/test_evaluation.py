"""Several routes in one table, both directions, chance beside them, several runs summarised."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.measuring.evaluation import (
    CHANCE,
    TO_PICTURE,
    TO_TEXT,
    Evaluation,
    evaluate,
    summarise,
)
from picturedesk.measuring.metrics import chance_scores, retrieval_scores

RELEVANT = np.array([[0, 0], [0, 1], [1, 2], [2, 3]])


def random_scores(seed: int, texts: int = 3, pictures: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).random((texts, pictures), dtype=np.float32)


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate({"transfer": random_scores(0), "direct": random_scores(1)}, RELEVANT)


def test_every_route_has_a_row_in_both_directions_after_chance(evaluation):
    assert [(row.name, row.direction) for row in evaluation.rows] == [
        (CHANCE, TO_PICTURE),
        ("transfer", TO_PICTURE),
        ("direct", TO_PICTURE),
        (CHANCE, TO_TEXT),
        ("transfer", TO_TEXT),
        ("direct", TO_TEXT),
    ]


def test_rows_are_the_metrics_of_the_scores_and_of_their_transpose(evaluation):
    scores = random_scores(1)
    assert evaluation.row("direct") == retrieval_scores(scores, RELEVANT)
    backwards = retrieval_scores(scores.T, RELEVANT[:, ::-1])
    assert evaluation.row("direct", TO_TEXT) == backwards
    assert backwards.left_out == 1  # picture 4 ran with no text


def test_chance_stands_for_the_same_queries(evaluation):
    forwards, backwards = evaluation.row(CHANCE), evaluation.row(CHANCE, TO_TEXT)
    assert forwards == chance_scores(RELEVANT, 5)
    assert (backwards.queries, backwards.candidates, backwards.left_out) == (4, 3, 1)


def test_rows_keep_each_query_for_resampling(evaluation):
    route = evaluation.rows[1]
    assert route.queries is not None
    assert route.queries.mean() == route.scores
    assert evaluation.rows[0].queries is None


def test_routes_can_be_made_one_after_the_other(evaluation):
    alive: list[str] = []

    def routes():
        for seed, name in enumerate(("transfer", "direct")):
            alive.append(name)
            yield name, random_scores(seed)

    assert evaluate(routes(), RELEVANT).as_json() == evaluation.as_json()
    assert alive == ["transfer", "direct"]


def test_json_holds_every_row_with_every_measure(evaluation):
    rows = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))["rows"]
    assert len(rows) == 6
    assert rows[1]["name"] == "transfer"
    assert rows[1]["recall@10"] == 1.0
    assert {"queries", "candidates", "left_out", "mrr", "ndcg@10", "mean_rank"} <= set(rows[1])


def test_tables_show_shares_in_percent_and_ranks_as_they_are():
    perfect = evaluate({"direct": np.eye(4)}, np.stack([np.arange(4)] * 2, axis=1), ks=(1,))
    forwards, backwards = perfect.tables()
    assert forwards.title == "text → picture: 4 queries, 4 candidates"
    assert backwards.title == "picture → text: 4 queries, 4 candidates"
    assert forwards.columns == [
        "route", "recall@1 %", "median rank", "mean rank", "mrr %", "ndcg@10 %",
    ]  # fmt: skip
    assert forwards.rows[1] == ["direct", "100.0", "1.0", "1.0", "100.0", "100.0"]
    assert forwards.rows[0][:4] == [CHANCE, "25.0", "2.5", "2.5"]


def test_an_unknown_row_is_refused_with_those_there_are(evaluation):
    with pytest.raises(BadInput, match=r"no row 'blend'.*chance, transfer, direct"):
        evaluation.row("blend")


def test_no_route_is_refused():
    with pytest.raises(BadInput, match="no route"):
        evaluate({}, RELEVANT)


def test_routes_over_different_pictures_are_refused():
    scores = {"transfer": random_scores(0), "direct": random_scores(1, pictures=6)}
    with pytest.raises(BadInput, match=r"'direct' has scores of shape \(3, 6\).*\(3, 5\)"):
        evaluate(scores, RELEVANT)


def test_links_that_are_no_pairs_are_refused():
    with pytest.raises(BadInput, match="pairs"):
        evaluate({"direct": random_scores(0)}, np.arange(3))


def test_a_summary_has_mean_and_sample_deviation_of_every_cell():
    runs = [evaluate({"direct": random_scores(seed)}, RELEVANT) for seed in range(3)]
    summary = summarise(runs)
    values = [run.row("direct").mrr for run in runs]
    row = next(row for row in summary.rows if (row.name, row.direction) == ("direct", TO_PICTURE))
    assert row.mean["mrr"] == pytest.approx(np.mean(values))
    assert row.spread["mrr"] == pytest.approx(np.std(values, ddof=1))
    assert summary.runs == 3


def test_chance_does_not_vary_over_runs():
    runs = [evaluate({"direct": random_scores(seed)}, RELEVANT) for seed in range(3)]
    assert set(summarise(runs).rows[0].spread.values()) == {0.0}


def test_one_run_has_no_deviation():
    summary = summarise([evaluate({"direct": random_scores(0)}, RELEVANT)])
    assert set(summary.rows[0].spread.values()) == {None}
    assert json.loads(json.dumps(summary.as_json(), allow_nan=False))["runs"] == 1


def test_a_table_of_several_runs_shows_deviations():
    pairs = np.array([[0, 0], [1, 1]])
    runs = [evaluate({"direct": scores}, pairs, ks=(1,)) for scores in (np.eye(2), -np.eye(2))]
    table = summarise(runs).tables()[0]
    assert table.title.endswith("2 runs: mean ± standard deviation")
    assert table.rows[1][:3] == ["direct", "50.0 ± 70.7", "1.5 ± 0.7"]


def test_runs_of_different_sizes_say_so():
    runs = [evaluate({"direct": random_scores(0, 3, n)}, RELEVANT) for n in (5, 7)]
    assert "3 queries, 5 to 7 candidates" in summarise(runs).tables()[0].title


def test_evaluations_of_different_routes_are_not_summarised():
    runs = [evaluate({name: random_scores(0)}, RELEVANT) for name in ("direct", "transfer")]
    with pytest.raises(BadInput, match="cannot be summarised"):
        summarise(runs)
    with pytest.raises(BadInput, match="no evaluation"):
        summarise([])


def test_evaluating_loads_no_heavy_library():
    program = (
        "import sys, numpy as np\nfrom picturedesk.measuring.evaluation import evaluate\n"
        "evaluate({'direct': np.eye(2)}, np.array([[0, 0]]))\n"
        "tasks = {f'picturedesk.{name}' for name in ('routes', 'learning', 'heads')}\n"
        "assert not ({'torch', 'sklearn', 'scipy'} | tasks) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
