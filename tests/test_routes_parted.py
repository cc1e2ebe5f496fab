"""Ensembles that leave parts out: parts share nothing, and each picture has its own member."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.routes.parted import Division, Members
from small_routes import PICTURES, make_fold
from trained_routes import make_archive


def shared_by_parts(division, links):
    """Texts whose links lie in several parts."""
    return [
        text
        for text in np.unique(links[:, 0])
        if len(np.unique(division.of_link[links[:, 0] == text])) > 1
    ]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_parts_share_neither_pictures_nor_texts_and_are_about_equal(count):
    fold = make_archive(100)
    division = Division.of(fold, count, 0)
    links = fold.archive.links
    np.testing.assert_array_equal(division.of_link, division.of_picture[links[:, 1]])
    assert shared_by_parts(division, links) == []
    assert division.count == count
    sizes = np.bincount(division.of_picture, minlength=count)
    assert abs(sizes - 100 / count).max() <= 4


def test_texts_and_pictures_are_linked_through_others():
    chain = np.array([[0, 0], [0, 1], [1, 1], [1, 2], [2, 2], [2, 3]])
    rest = np.array([[number, number + 1] for number in range(3, 23)])
    division = Division.of(make_fold(links=np.concatenate([chain, rest])), 3, 0)
    assert len(set(division.of_picture[:4].tolist())) == 1


def test_an_archive_whose_links_join_all_pictures_is_divided_one_by_one():
    everything = np.array([[0, picture] for picture in range(PICTURES)])
    own = np.array([[picture, picture] for picture in range(1, PICTURES)])
    fold = make_fold(links=np.concatenate([everything, own]))
    division = Division.of(fold, 3, 0)
    assert np.bincount(division.of_picture).tolist() == [8, 8, 8]
    assert shared_by_parts(division, fold.archive.links) == [0]


def test_only_what_is_too_large_for_a_part_is_divided():
    hub = np.array([[0, picture] for picture in range(14)])
    pairs = np.array([[picture - 10, picture] for picture in range(14, 24)])
    twins = np.array([[text, picture + 1] for text, picture in pairs[::2].tolist()])
    fold = make_fold(links=np.concatenate([hub, pairs, twins]))
    for seed in range(5):
        division = Division.of(fold, 2, seed)
        assert shared_by_parts(division, fold.archive.links) == [0]
        assert np.bincount(division.of_picture).min() >= 10


@pytest.mark.parametrize("more", [1, 5, 40])
def test_fewer_pictures_than_parts_make_fewer_parts(more):
    assert Division.of(make_fold(), PICTURES + more, 0).count < PICTURES + more


def test_equal_seeds_divide_equally_and_others_do_not():
    fold = make_fold()
    one, two, other = (Division.of(fold, 3, seed).of_picture for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_each_member_learns_from_the_links_of_all_other_parts():
    fold = make_archive(60)
    division = Division.of(fold, 3, 0)
    found = division.members(lambda part, others: (part, others))
    assert [part for part, _ in found] == [0, 1, 2]
    for part, others in found:
        np.testing.assert_array_equal(others, division.of_link != part)


def test_an_error_of_one_member_is_raised():
    def learn(part, others):
        raise ArithmeticError(f"part {part}")

    with pytest.raises(ArithmeticError, match="part"):
        Division.of(make_archive(60), 3, 0).members(learn)


def test_members_know_their_pictures_and_share_the_others():
    members = Members(("a", "b", "c"), np.array([2, 0, 1]), 3)
    assert members.of(["c", "new", "a"]).tolist() == [1, -1, 2]
    found = members.shares(["c", "new", "a"], alone=0.7)
    expected = [[0, 1 / 3, 0], [0.7, 1 / 3, 0], [0, 1 / 3, 0.7]]
    np.testing.assert_allclose(found, np.array(expected), atol=1e-6)
    assert members.shares([], 1.0).shape == (3, 0)
