from __future__ import annotations

import numpy as np
import pytest

import picturedesk.measuring.significance
from picturedesk.errors import BadInput
from picturedesk.measuring.significance import bootstrap_interval, holm, paired_difference

REPETITIONS = 300
RESAMPLES = 400


def draws(seed, queries=150, share=0.3):
    """Two systems that find a query's picture with the same probability, partly together."""
    random = np.random.default_rng(seed)
    easy = random.normal(size=queries)
    return [easy + random.normal(size=queries) > np.sqrt(2) * 0.524 for _ in range(2)], share


def test_the_interval_holds_the_true_mean_95_times_in_a_hundred():
    held = 0
    for seed in range(REPETITIONS):
        (hits, _), share = draws(seed)
        found = bootstrap_interval(hits, seed=seed, resamples=RESAMPLES)
        held += found.low <= share <= found.high
    assert 0.91 <= held / REPETITIONS <= 0.98  # 3 standard deviations of 300 draws: 0.038


def test_p_is_uniform_where_there_is_no_difference():
    values = np.sort(
        [
            paired_difference(*draws(seed, 200)[0], seed=seed, resamples=RESAMPLES).p
            for seed in range(REPETITIONS)
        ]
    )
    # Kolmogorov–Smirnov at 0.1 %; p of hits is discrete, which keeps it a little conservative.
    assert np.abs(values - (np.arange(REPETITIONS) + 0.5) / REPETITIONS).max() < 0.113
    assert 0.01 < (values < 0.05).mean() < 0.09


def test_p_and_interval_agree_on_what_is_significant():
    for seed in range(60):
        random = np.random.default_rng(seed)
        a, b = random.normal(0.15, 1, 100), random.normal(0, 1, 100)
        found = paired_difference(a, b, resamples=1000)
        if abs(found.p - 0.05) > 0.005:  # at the edge, counting differs from interpolating
            assert found.significant == (found.p < 0.05)


def test_queries_that_share_a_picture_need_their_groups():
    held = {"alone": 0, "grouped": 0}
    groups = np.repeat(np.arange(60), 5)
    for seed in range(150):
        random = np.random.default_rng(seed)
        values = np.repeat(random.normal(size=60), 5) + 0.3 * random.normal(size=300)
        for name, given in (("alone", None), ("grouped", groups)):
            found = bootstrap_interval(values, given, resamples=RESAMPLES)
            held[name] += found.low <= 0 <= found.high
    assert held["grouped"] / 150 > 0.88
    assert held["alone"] / 150 < 0.75


def test_groups_of_one_are_no_groups():
    values = np.random.default_rng(0).normal(size=80)
    alone = bootstrap_interval(values)
    assert bootstrap_interval(values, np.arange(80)) == alone


def test_groups_of_different_sizes_keep_the_mean_over_queries():
    values, groups = np.array([1.0, 1, 1, 0]), np.array([7, 7, 7, 3])
    found = bootstrap_interval(values, groups, resamples=2000)
    assert found.mean == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_same_queries_are_compared_pair_by_pair():
    random = np.random.default_rng(1)
    hard = random.normal(size=100) * 10  # queries differ far more than the systems do
    better = hard + 0.5 + 0.1 * random.normal(size=100)
    found = paired_difference(better, hard)
    assert found.mean == pytest.approx(0.5, abs=0.05)
    assert found.significant
    assert found.p == pytest.approx(2 / 10_001)


def test_a_system_is_not_better_than_itself():
    hits = np.random.default_rng(2).random(50) < 0.5
    found = paired_difference(hits, hits)
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert not found.significant


def test_swapping_the_systems_turns_the_sign():
    random = np.random.default_rng(3)
    a, b = random.random(70), random.random(70)
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert other.mean == -one.mean
    assert other.low == pytest.approx(-one.high)
    assert other.p == pytest.approx(one.p)


def test_equal_seeds_give_equal_intervals_whatever_the_memory(monkeypatch):
    values = np.random.default_rng(4).random(30)
    first = bootstrap_interval(values, seed=5)
    monkeypatch.setattr(picturedesk.measuring.significance, "_CELLS", 100)
    assert bootstrap_interval(values, seed=5) == first
    assert bootstrap_interval(values, seed=6) != first


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.empty(0), "one value per query"),
        (np.zeros((3, 2)), r"got shape \(3, 2\)"),
        (np.array([1.0, np.nan]), "finite"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values, message):
    with pytest.raises(BadInput, match=message):
        bootstrap_interval(values)


def test_other_queries_are_refused():
    with pytest.raises(BadInput, match=r"\(3,\) against \(4,\)"):
        paired_difference(np.zeros(3), np.zeros(4))
    with pytest.raises(BadInput, match="one per query"):
        paired_difference(np.zeros(3), np.zeros(3), groups=np.arange(2))
    with pytest.raises(BadInput, match="resamples is 0"):
        bootstrap_interval(np.zeros(3), resamples=0)


def test_holm_is_the_worked_example():
    """Four comparisons: 4 · 0.005, 3 · 0.01, then 2 · 0.03, and never less than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_holm_keeps_the_chance_of_any_false_finding():
    random = np.random.default_rng(0)
    found = [min(holm(random.uniform(size=12).tolist())) < 0.05 for _ in range(2000)]
    assert 0.03 < np.mean(found) < 0.07
