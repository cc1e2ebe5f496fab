from __future__ import annotations

import itertools

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.learning.losses import Negatives, Triplets, triplet_hinge, unit


def hinge_by_hand(anchor, positive, negative, margin):
    """Eq. 6, one triplet after the other."""

    def cos(a, b):
        product = np.linalg.norm(a) * np.linalg.norm(b)
        return a @ b / product if product else 0.0

    return [
        max(0.0, margin - cos(a, p) + cos(a, n))
        for a, p, n in zip(anchor, positive, negative, strict=True)
    ]


def allowed_by_hand(text, links, groups):
    barred = {groups[picture] for owner, picture in links if owner == text}
    return {picture for picture, group in enumerate(groups) if group not in barred}


def test_the_hinge_is_that_of_a_loop_over_triplets():
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    anchor, positive, negative = random.normal(size=(3, 40, 7))
    found = triplet_hinge(*map(torch.from_numpy, (anchor, positive, negative)), margin=0.5)
    assert found.numpy() == pytest.approx(hinge_by_hand(anchor, positive, negative, 0.5))
    assert (found == 0).any()
    assert (found > 0.5).any()


def test_a_worked_triplet_costs_what_it_should():
    torch = pytest.importorskip("torch")
    text = torch.tensor([[2.0, 0.0]])
    own, other = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 5.0]])
    assert triplet_hinge(text, own, other, 0.5).item() == 0.0  # 0.5 - 0.6 + 0
    assert triplet_hinge(text, own, other, 0.7).item() == pytest.approx(0.1)
    assert triplet_hinge(text, other, own, 0.5).item() == pytest.approx(1.1)


def test_a_zero_vector_has_cosine_zero_and_sends_no_gradient():
    torch = pytest.importorskip("torch")
    vectors = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    zero = torch.zeros(2, 2)
    cost = triplet_hinge(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), vectors, zero, 0.5)
    assert cost.tolist() == pytest.approx([0.5, 0.0])
    unit(vectors)[:, 0].sum().backward()
    assert torch.isfinite(vectors.grad).all()
    assert vectors.grad[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("groups", list(itertools.product(range(3), repeat=4)))
def test_exactly_the_allowed_pictures_are_drawn_in_every_small_archive(groups):
    pairs = [(text, picture) for text in range(2) for picture in range(4)]
    random = np.random.default_rng(0)
    for size in range(1, 4):
        for links in itertools.combinations(pairs, size):
            negatives = Negatives.of(np.array(links), np.array(groups), texts=2)
            for text in range(2):
                allowed = allowed_by_hand(text, links, groups)
                assert negatives.allowed[text] == len(allowed)
                if allowed:
                    drawn = negatives.draw(np.full(60, text), random)
                    assert set(drawn.tolist()) == allowed


def test_every_allowed_number_leads_to_another_allowed_picture():
    class Counting:
        """In place of a random generator: the numbers 0, 1, … below the first bound."""

        def integers(self, high):
            return np.arange(high[0])

    random = np.random.default_rng(1)
    groups = random.integers(0, 30, 80)
    links = np.stack([random.integers(0, 20, 60), random.integers(0, 80, 60)], axis=1)
    negatives = Negatives.of(links, groups, texts=20)
    for text in range(20):
        drawn = negatives.draw(np.full(negatives.allowed[text], text), Counting())
        assert sorted(drawn) == sorted(allowed_by_hand(text, links.tolist(), groups.tolist()))


def test_all_allowed_pictures_are_equally_likely():
    groups = np.array([0, 1, 1, 2, 3, 0, 4, 5, 5, 6])
    negatives = Negatives.of(np.array([[0, 0], [0, 3], [1, 7]]), groups, texts=2)
    draws = 20_000
    drawn = negatives.draw(np.zeros(draws, dtype=np.int64), np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=10)
    assert counts[[0, 3, 5]].tolist() == [0, 0, 0]
    expected = draws / 7
    chi_square = ((counts[[1, 2, 4, 6, 7, 8, 9]] - expected) ** 2 / expected).sum()
    assert chi_square < 22.5  # 6 degrees of freedom: p = 0.001


def test_an_epoch_holds_every_link_once_and_one_negative_per_text():
    random = np.random.default_rng(0)
    links = np.unique(random.integers(0, 30, (80, 2)), axis=0)
    groups = np.arange(30)
    triplets = Triplets(links, groups, texts=30, batch=7)
    met, negatives = [], {}
    steps = list(triplets.steps(np.random.default_rng(1)))
    for step in steps:
        assert len(np.unique(step.pictures)) == len(step.pictures)
        own, other = step.pictures[step.own], step.pictures[step.other]
        met += zip(step.texts.tolist(), own.tolist(), strict=True)
        for text, picture in zip(step.texts.tolist(), other.tolist(), strict=True):
            negatives.setdefault(text, set()).add(picture)
    assert sorted(met) == [tuple(link) for link in links.tolist()]
    assert all(len(drawn) == 1 for drawn in negatives.values())
    sizes = [len(np.unique(step.texts)) for step in steps]
    assert max(sizes) <= 7
    assert max(sizes) - min(sizes) <= 1


def test_a_link_given_twice_makes_one_triplet():
    triplets = Triplets(np.array([[0, 0], [0, 0]]), np.arange(3), texts=1, batch=8)
    (step,) = triplets.steps(np.random.default_rng(0))
    assert len(step.texts) == 1


def test_texts_without_a_picture_or_without_a_negative_make_no_triplet():
    links = np.array([[0, 0], [0, 1], [2, 0]])  # text 0 has all pictures, text 1 has none
    triplets = Triplets(links, np.arange(2), texts=3, batch=8)
    assert triplets.texts.tolist() == [2]


def test_an_archive_of_one_picture_cannot_be_learnt_from():
    with pytest.raises(BadInput, match="near-duplicates of each other"):
        Triplets(np.array([[0, 0], [1, 1]]), np.array([5, 5]), texts=2, batch=8)
