from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.measuring.reliability import reliability, wilson_interval


def made_up(seed, queries=500, exponent=1.0):
    """Probabilities, and outcomes that follow them where the exponent is one."""
    random = np.random.default_rng(seed)
    stated = random.beta(0.8, 1.6, queries)
    return stated, random.random(queries) < stated**exponent


def slow_bins(stated, outcomes, bins):
    """Edges as in Guo et al.: the upper one is inside, and zero in the first bin."""
    found = []
    edges = np.linspace(0, 1, bins + 1)
    for number in range(bins):
        low, high = edges[number], edges[number + 1]
        inside = [i for i, p in enumerate(stated) if low < p <= high or (number == 0 and p == 0)]
        if inside:
            said = sum(stated[i] for i in inside) / len(inside)
            true = sum(bool(outcomes[i]) for i in inside) / len(inside)
            found.append((said, true, len(inside)))
    return found


def slow_area(stated, outcomes):
    wins = [
        1.0 if stated[i] > stated[j] else 0.5 if stated[i] == stated[j] else 0.0
        for i in range(len(stated))
        for j in range(len(stated))
        if outcomes[i] and not outcomes[j]
    ]
    return sum(wins) / len(wins)


def test_a_case_worked_by_hand():
    stated = np.array([0.1, 0.2, 0.6, 0.8, 0.9])
    outcomes = np.array([False, True, True, False, True])
    found = reliability(stated, outcomes, bins=2)
    low, high = found.bins
    assert (low.start, low.end, low.count) == (0, 0.5, 2)
    assert (high.start, high.end, high.count) == (0.5, 1, 3)
    assert (low.stated, low.observed) == (pytest.approx(0.15), 0.5)
    assert (high.stated, high.observed) == (pytest.approx(2.3 / 3), pytest.approx(2 / 3))
    assert found.ece == pytest.approx((2 * 0.35 + 3 * 0.1) / 5)
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.16 + 0.64 + 0.01) / 5)
    assert found.auc == pytest.approx(4 / 6)
    assert found.queries == 5


@pytest.mark.parametrize("bins", [1, 5, 10, 17])
def test_bins_and_error_are_those_of_a_slow_reference(bins):
    stated, outcomes = made_up(bins, 300)
    stated[:40] = np.round(stated[:40], 1)  # on the edges
    found = reliability(stated, outcomes, bins)
    wanted = slow_bins(stated, outcomes, bins)
    assert [bin.count for bin in found.bins] == [count for _, _, count in wanted]
    for bin, (said, true, _) in zip(found.bins, wanted, strict=True):
        assert (bin.stated, bin.observed) == (pytest.approx(said), pytest.approx(true))
    error = sum(count * abs(said - true) for said, true, count in wanted) / 300
    assert found.ece == pytest.approx(error)


def test_the_curve_and_the_area_are_those_of_scikit_learn():
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss, roc_auc_score

    stated, outcomes = made_up(1)
    stated = np.round(stated, 2)
    found = reliability(stated, outcomes)
    observed, said = calibration_curve(outcomes, stated, n_bins=10)
    np.testing.assert_allclose([bin.observed for bin in found.bins], observed)
    np.testing.assert_allclose([bin.stated for bin in found.bins], said)
    assert found.auc == pytest.approx(roc_auc_score(outcomes, stated))
    assert found.brier == pytest.approx(brier_score_loss(outcomes, stated))


def test_ties_count_half_in_the_area_under_the_curve():
    stated = np.array([0.3, 0.3, 0.3, 0.7])
    assert reliability(stated, np.array([True, False, False, True])).auc == 0.75
    assert reliability(np.full(4, 0.5), np.array([True, False, False, True])).auc == 0.5
    stated, outcomes = made_up(2, 60)
    stated = np.round(stated, 1)
    assert reliability(stated, outcomes).auc == pytest.approx(slow_area(stated, outcomes))


@pytest.mark.parametrize("outcome", [True, False])
def test_one_kind_of_outcome_has_no_area(outcome):
    found = reliability(np.array([0.2, 0.9]), np.full(2, outcome))
    assert found.auc is None
    assert [bin.observed for bin in found.bins] == [float(outcome)] * 2


def test_zero_and_one_have_their_bins():
    found = reliability(np.array([0.0, 1.0]), np.array([False, True]))
    assert [(bin.start, bin.end) for bin in found.bins] == [(0, 0.1), (0.9, 1)]
    assert (found.ece, found.noise, found.brier) == (0, 0, 0)


def test_empty_bins_are_left_out():
    found = reliability(np.array([0.05, 0.06, 0.95]), np.array([False, True, True]))
    assert [bin.count for bin in found.bins] == [2, 1]


def test_noise_is_the_error_that_right_probabilities_show():
    stated, _ = made_up(3, 200)
    random = np.random.default_rng(99)
    errors = [reliability(stated, random.random(200) < stated, draws=1).ece for _ in range(600)]
    found = reliability(stated, stated > 0.5)
    assert found.noise == pytest.approx(np.mean(errors), rel=0.05)
    assert found.noise_high == pytest.approx(np.percentile(errors, 95), rel=0.08)


def test_noise_of_one_query_is_worked_by_hand():
    # true with 0.3: off by 0.7; false with 0.7: off by 0.3
    found = reliability(np.array([0.3]), np.array([True]), draws=4000)
    assert found.noise == pytest.approx(2 * 0.3 * 0.7, abs=0.01)


def test_more_queries_are_less_noise():
    few, many = (reliability(*made_up(4, queries)) for queries in (50, 5000))
    assert many.noise < few.noise / 5


def test_only_wrong_probabilities_stand_out_of_the_noise():
    right = [reliability(*made_up(seed)).within_noise for seed in range(40)]
    assert sum(right) >= 34  # 95 % of them on average
    assert not any(reliability(*made_up(seed, exponent=2.0)).within_noise for seed in range(10))


def test_equal_seeds_give_equal_noise():
    stated, outcomes = made_up(5)
    assert reliability(stated, outcomes, seed=1) == reliability(stated, outcomes, seed=1)
    assert reliability(stated, outcomes, seed=1) != reliability(stated, outcomes, seed=2)


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # Brown, Cai and DasGupta 2001 give the formula
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_of_shares_are_those_of_wilson(successes, count, low, high):
    assert wilson_interval(successes, count) == (
        pytest.approx(low, abs=6e-5),
        pytest.approx(high, abs=6e-5),
    )


def test_every_bin_lies_in_its_interval():
    for seed in range(20):
        for bin in reliability(*made_up(seed, 40)).bins:
            assert 0 <= bin.low <= bin.observed <= bin.high <= 1
            assert bin.start <= bin.stated <= bin.end


@pytest.mark.parametrize(
    ("stated", "outcomes", "message"),
    [
        (np.empty(0), np.empty(0, dtype=bool), "one of each per query"),
        (np.zeros(3), np.zeros(2, dtype=bool), r"shape \(3,\), outcomes of \(2,\)"),
        (np.zeros((2, 2)), np.zeros((2, 2), dtype=bool), "one of each per query"),
        (np.array([0.2, np.nan]), np.zeros(2, dtype=bool), "between 0 and 1"),
        (np.array([0.2, 40.0]), np.zeros(2, dtype=bool), "between 0 and 1"),
        (np.array([0.2, 0.4]), np.array([0.0, 1.0]), "type float64: they must be true or false"),
    ],
)
def test_what_is_no_probability_or_no_outcome_is_refused(stated, outcomes, message):
    with pytest.raises(BadInput, match=message):
        reliability(stated, outcomes)


def test_no_bins_and_impossible_shares_are_refused():
    stated, outcomes = np.array([0.5]), np.array([True])
    with pytest.raises(BadInput, match="0 bins"):
        reliability(stated, outcomes, bins=0)
    with pytest.raises(BadInput, match="0 draws"):
        reliability(stated, outcomes, draws=0)
    with pytest.raises(BadInput, match="3 of 2"):
        wilson_interval(3, 2)
