from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pairs_of_arrays import linear_archive
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.measuring.metrics import chance_scores, retrieval_scores
from picturedesk.research.baselines.closed_form import ridge
from picturedesk.research.baselines.vse import Pairs, VseConfig, VseGrid, hinge, tuned, vse

torch = pytest.importorskip("torch", reason="VSE++ needs the extra 'train'")

SMALL = VseConfig(width=16, batch=24, epochs=25, learning_rate=0.01)
QUICK = replace(SMALL, epochs=2)


def archives():
    return linear_archive(), linear_archive(30, 30, seed=1)


@pytest.mark.parametrize("loss", ["sum", "hardest"])
def test_a_planted_linear_relation_is_found(loss):
    towers = vse(*archives(), loss, config=SMALL)
    asked = linear_archive(60, 60, seed=2)
    scores = length_one(towers.texts(asked.texts)) @ length_one(towers.pictures(asked.pictures)).T
    found = retrieval_scores(scores, asked.links)
    assert found.recall[5] > 0.7
    assert found.mrr > 5 * chance_scores(asked.links, 60).mrr
    assert towers.chosen["epoch"] >= 1


@pytest.mark.parametrize("loss", ["sum", "hardest"])
def test_equal_seeds_give_equal_weights_and_others_do_not(loss):
    first, again, other = (vse(*archives(), loss, seed, QUICK).picture for seed in (5, 5, 6))
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.weights.tobytes() != other.weights.tobytes()


def test_the_callers_random_state_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    vse(*archives(), config=QUICK)
    assert torch.equal(torch.get_rng_state(), before)


def loop_over_pairs(scores, together, margin, loss):
    """Faghri et al., Eq. 4 to 6, one pair after the other."""
    total = 0.0
    for i in range(len(scores)):
        own, allowed = scores[i, i], range(len(scores))
        pictures = [max(0, margin - own + scores[i, j]) for j in allowed if not together[i, j]]
        texts = [max(0, margin - own + scores[j, i]) for j in allowed if not together[j, i]]
        gather = sum if loss == "sum" else max
        total += gather(pictures or [0]) + gather(texts or [0])
    return total


@pytest.mark.parametrize("loss", ["sum", "hardest"])
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_a_loop_over_pairs(loss, seed):
    random = np.random.default_rng(seed)
    scores = random.uniform(-1, 1, (7, 7))
    together = (random.random((7, 7)) < 0.2) | np.eye(7, dtype=bool)
    found = hinge(torch.from_numpy(scores), torch.from_numpy(together), 0.2, loss)
    assert float(found) == pytest.approx(loop_over_pairs(scores, together, 0.2, loss))


def test_own_pictures_and_their_near_duplicates_are_never_negatives():
    # Pictures 1 and 3 are near-duplicates; text 0 has pictures 0 and 1, text 1 has 2, text 2 has 3.
    links = np.array([[0, 0], [0, 1], [1, 2], [2, 3], [2, 3]])
    pairs = Pairs.of(links, np.array([10, 50, 20, 50]))
    assert len(pairs.links) == 4
    found = pairs.together(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 3]))
    assert found.tolist() == [
        [True, True, False, True],
        [True, True, False, True],
        [False, False, True, False],
        [False, True, False, True],
    ]


def test_an_epoch_takes_every_pair_once():
    pairs = Pairs.of(linear_archive().links, np.arange(100))
    taken = list(pairs.batches(24, np.random.default_rng(0)))
    links = np.concatenate([np.stack(batch, axis=1) for batch in taken])
    assert np.array_equal(np.unique(links, axis=0), pairs.links)
    assert len(links) == len(pairs.links)
    assert max(len(texts) for texts, _ in taken) - min(len(texts) for texts, _ in taken) <= 1


def test_pictures_that_are_all_alike_teach_nothing_and_break_nothing():
    training, validation = archives()
    alike = replace(training, groups=np.zeros(100, dtype=np.int64))
    towers = vse(alike, validation, config=QUICK)
    assert np.isfinite(towers.pictures(validation.pictures)).all()


def test_the_best_epoch_is_kept_and_training_stops_without_a_better_one():
    seen = []
    training, validation = archives()
    config = replace(SMALL, epochs=60, patience=3, learning_rate=0.05)
    towers = vse(training, validation, "sum", 0, config, lambda *told: seen.append(told))
    assert seen[-1][0] == towers.chosen["epoch"] + 3 or seen[-1][0] == 60
    assert [done for done, *_ in seen] == list(range(1, len(seen) + 1))
    texts = length_one(towers.texts(validation.texts))
    pictures = length_one(towers.pictures(validation.pictures))
    found = retrieval_scores(texts @ pictures.T, validation.links).mrr
    assert towers.chosen["mrr"] == pytest.approx(found)


GRID = VseGrid((0.1, 0.4), (0.001, 0.03), (8, 16), QUICK)


def test_tuning_keeps_the_settings_that_find_most_on_the_validation_set():
    training, validation = archives()
    told = []
    towers = tuned(training, validation, "sum", 3, GRID, lambda *now: told.append(now))
    first = {
        (config.margin, config.learning_rate): vse(training, validation, "sum", 3, config)
        for config in GRID.first()
    }
    margin, rate = max(first, key=lambda key: first[key].chosen["mrr"])
    wide = replace(QUICK, margin=margin, learning_rate=rate, width=16)
    rest = vse(training, validation, "sum", 3, wide)
    tried = [*first.values(), rest]
    chosen = towers.chosen
    assert chosen["mrr"] == max(one.chosen["mrr"] for one in tried)
    assert (chosen["margin"], chosen["learning rate"]) == (margin, rate)
    assert towers.picture.weights.shape[1] == chosen["width"]
    assert told == [(done, 5, "trainings") for done in range(1, 6)]


def test_the_grid_has_the_settings_of_the_publication():
    grid = VseGrid()
    assert any((one.margin, one.learning_rate) == (0.2, 2e-4) for one in grid.first())
    assert 1024 in grid.widths
    assert grid.trainings == 10
    with pytest.raises(BadInput, match="give at least one margin"):
        VseGrid(margins=())


def test_texts_are_centred_and_pictures_standardised_as_for_ridge_and_cca():
    training, validation = archives()
    towers, closed = vse(training, validation, config=QUICK), ridge(training, validation)
    assert towers.text.mean == pytest.approx(closed.text.mean)
    assert towers.picture.mean == pytest.approx(closed.picture.mean)
    moved = replace(
        training, pictures=training.pictures * 8 + 3, texts=training.texts + np.float32(5)
    )
    other = replace(
        validation, pictures=validation.pictures * 8 + 3, texts=validation.texts + np.float32(5)
    )
    found = vse(moved, other, config=QUICK)
    assert found.pictures(other.pictures) == pytest.approx(
        towers.pictures(validation.pictures), abs=1e-3
    )
    assert found.texts(other.texts) == pytest.approx(towers.texts(validation.texts), abs=1e-3)


def test_what_cannot_be_used_is_refused():
    with pytest.raises(BadInput, match="loss 'softest' is not one of sum, hardest"):
        vse(*archives(), "softest")
    with pytest.raises(BadInput, match="device 'abacus'"):
        vse(*archives(), config=replace(QUICK, device="abacus"))
    with pytest.raises(BadInput, match="batch is 1: it must be 2 or more"):
        VseConfig(batch=1)
    training, validation = archives()
    with pytest.raises(BadInput, match="training set links no text"):
        vse(replace(training, links=np.empty((0, 2), dtype=np.int64)), validation)
