"""Which of the best pictures are shown, and in what order."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.routes.diversity import (
    SPREAD,
    TIRED,
    OrderConfig,
    alikeness,
    collapsed,
    diversified,
    near_duplicates,
    tiredness,
)
from small_routes import unit

FAR = np.uint64(0xFFFF_0000_FFFF_0000)


def greedy_by_hand(scores, vectors, k, diversity):
    chosen = [0]
    while len(chosen) < min(k, len(scores)):

        def value(one):
            nearest = max(0.0, *(float(vectors[one] @ vectors[other]) for other in chosen))
            return (1 - diversity) * scores[one] - diversity * SPREAD * nearest

        left = [one for one in range(len(scores)) if one not in chosen]
        chosen.append(max(left, key=value))
    return chosen


@pytest.mark.parametrize("diversity", [0.1, 0.5, 1.0])
def test_diversity_is_that_of_a_loop_and_keeps_the_first(diversity):
    scores, vectors = np.sort(np.random.default_rng(1).normal(size=20))[::-1], unit(20, 4, 2)
    found = diversified(scores, vectors, 8, diversity)
    assert found.tolist() == greedy_by_hand(scores, vectors, 8, diversity)
    assert found[0] == 0


def test_without_diversity_the_order_is_that_of_the_scores():
    assert diversified(np.arange(5.0)[::-1], unit(5, 3, 0), 3, 0.0).tolist() == [0, 1, 2]
    assert diversified(np.zeros(0), unit(0, 3, 0), 3, 0.5).tolist() == []


def test_more_diversity_makes_what_is_shown_less_alike():
    scores, vectors = np.sort(np.random.default_rng(3).normal(size=60))[::-1], unit(60, 5, 4)
    alike = [alikeness(vectors[diversified(scores, vectors, 10, d)]) for d in (0.0, 0.3, 1.0)]
    assert alike[0] > alike[1] > alike[2]
    assert alikeness(vectors[:1]) == 0.0


def test_near_duplicates_join_the_best_of_them():
    picture, other = unit(2, 8, 0)
    copy = (picture + 0.1 * other) / np.linalg.norm(picture + 0.1 * other)
    hashes = np.array([5, FAR, 4], dtype=np.uint64)
    groups = collapsed(hashes, np.stack([picture, other, copy]))
    assert groups == [[0, 2], [1]]


def joined_one_by_one(hashes, vectors):
    """What ``collapsed`` finds, slowly: each picture joins the first kept one that it copies."""
    groups = []
    for place in range(len(vectors)):
        for group in groups:
            cosines = vectors[[place]] @ vectors[group[0]]
            if near_duplicates(hashes, cosines, group[0], np.array([place]))[0]:
                group.append(place)
                break
        else:
            groups.append([place])
    return groups


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("count", [0, 1, 64, 65, 300])
def test_many_pictures_join_as_if_each_were_compared_with_those_before(count, hashed):
    random = np.random.default_rng(count)
    vectors = unit(12, 6, 0)[random.integers(12, size=count)] + 0.12 * unit(count, 6, 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = random.integers(8, size=count).astype(np.uint64) * np.uint64(FAR // 255)
    hashes = hashes if hashed else None
    groups = collapsed(hashes, vectors)
    assert groups == joined_one_by_one(hashes, vectors)
    assert count < 64 or 1 < len(groups) < count


def test_equal_hashes_of_pictures_that_show_other_things_are_no_copies():
    vectors = np.eye(2, dtype=np.float32)  # two blank grounds with different things on them
    assert len(collapsed(np.array([7, 7], dtype=np.uint64), vectors)) == 2


def test_pictures_with_nearly_the_same_vector_are_copies_whatever_their_hashes():
    cosines = np.array([0.99, 0.9, 0.6], dtype=np.float32)
    hashes = np.array([0, FAR, FAR, 1], dtype=np.uint64)
    places = np.array([1, 2, 3])
    assert near_duplicates(hashes, cosines, 0, places).tolist() == [True, False, True]
    assert near_duplicates(None, cosines, 0, places).tolist() == [True, False, False]


def test_what_differs_from_the_kept_one_stays_apart_though_a_copy_links_them():
    hashes = np.array([0, 0b111111, 0b111111111111], dtype=np.uint64)  # 6 bits from one to the next
    vectors = np.ones((3, 1), dtype=np.float32) * np.float32(0.9)
    assert collapsed(hashes, vectors) == [[0, 1], [2]]


def test_a_picture_that_ran_recovers_by_half_in_each_half_life():
    dates = ["2024-05-31", "2024-05-17T10:00:00", "2024-05-03", "", "unknown", "2024-07-01"]
    held_back = tiredness(dates, 14, "2024-05-31")
    assert held_back.tolist() == [TIRED, TIRED / 2, TIRED / 4, 0, 0, TIRED]
    assert not tiredness(dates, 0, "2024-05-31").any()


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"diversity": 1.5}, {"fatigue": -1.0}, {"today": "yesterday"}):
        with pytest.raises(BadInput):
            OrderConfig(**wrong)
