"""Groups of linked items, against a slow reference; pairs of equal values; search."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from picturedesk.groups import GrowingGroups, Runs, connected_groups, link_by_search, numbered


def painted(links: list[tuple[int, int]], count: int) -> list[int]:
    """Groups the slow way: the lower number spreads along links until nothing changes."""
    groups = list(range(count))
    changed = True
    while changed:
        changed = False
        for one, other in links:
            if groups[one] != groups[other]:
                groups[one] = groups[other] = min(groups[one], groups[other])
                changed = True
    seen = list(dict.fromkeys(groups))
    return [seen.index(group) for group in groups]


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_those_of_a_slow_reference(seed):
    random = np.random.default_rng(seed)
    links = random.integers(0, 40, size=(random.integers(0, 40), 2))
    expected = painted([(int(a), int(b)) for a, b in links], 40)
    assert connected_groups(links[:, 0], links[:, 1], 40).tolist() == expected
    growing = GrowingGroups(40)
    for one, other in links:
        growing.link(np.array([one]), np.array([other]))
    growing.settle()
    assert numbered(growing.labels).tolist() == expected


def test_a_link_may_be_given_very_often():
    ones = np.zeros(512, dtype=np.int64)
    assert connected_groups(ones, ones + 1, 3).tolist() == [0, 0, 1]


def test_nothing_has_no_groups():
    none = np.empty(0, dtype=np.int64)
    assert connected_groups(none, none, 0).tolist() == []
    assert connected_groups(none, none, 2).tolist() == [0, 1]


def test_links_that_repeat_each_other_are_not_held():
    random = np.random.default_rng(0)
    growing = GrowingGroups(10_000)
    tracemalloc.start()
    for _ in range(100):  # 5 million links: 80 MB
        growing.link(*random.integers(0, 10_000, size=(2, 50_000)))
    growing.settle()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(growing.labels.tolist())) == 1
    assert peak < 20e6


@pytest.mark.parametrize("size", [2, 3, 100])
def test_pairs_are_all_those_of_equal_values_in_short_runs(size):
    values = np.random.default_rng(size).integers(0, 12, size=60)
    runs = Runs.of(values)
    found = [tuple(pair) for ones, others in runs.pairs_up_to(size)
             for pair in zip(ones.tolist(), others.tolist(), strict=True)]  # fmt: skip
    often = np.bincount(values, minlength=12)
    assert sorted(found) == [
        (one, other)
        for one in range(60)
        for other in range(one + 1, 60)
        if values[one] == values[other] and often[values[one]] <= size
    ]
    assert runs.pairs == int((often * (often - 1) // 2).sum())
    assert [run.tolist() for run in runs.longer_than(size)] == [
        np.flatnonzero(values == value).tolist() for value in range(12) if often[value] > size
    ]


def test_a_search_connects_what_is_near_and_compares_little_in_a_cluster():
    values = np.array([0, 50, 1, 2, 51, 3, 4, 90])
    compared = []

    def near(one, others):
        compared.append(len(others))
        return np.abs(values[others] - values[one]) <= 1

    groups = connected_groups(*link_by_search(np.arange(8), near), 8)
    assert groups.tolist() == [0, 1, 0, 0, 1, 0, 0, 2]
    compared.clear()
    values[:] = 7
    assert len(link_by_search(np.arange(8), near)[0]) == 7
    assert compared == [7]


def test_a_search_goes_on_from_what_is_known_to_belong_together():
    values = np.array([0, 100, 101, 5])
    ones, others = link_by_search(
        np.array([3, 3, 8, 9]), lambda one, others: np.abs(values[others] - values[one]) <= 1
    )
    assert list(zip(ones, others, strict=True)) == [(1, 2)]
