"""Training with gradients: what is planted is learned, and equal seeds are equal."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from picturedesk.errors import BadInput, MissingExtra
from picturedesk.gradients.detectors import train_detectors
from picturedesk.gradients.devices import device_of, torch_installed, torch_threads
from picturedesk.gradients.perceptron import (
    DropoutConfig,
    Groups,
    Perceptron,
    Standard,
    batches,
    steps_of,
)
from picturedesk.gradients.towers import TowersConfig, train_towers
from picturedesk.heads.fusion import length_one
from picturedesk.routes.detectors import areas
from picturedesk.types import SomeRows

torch = pytest.importorskip("torch", reason="networks are trained with the extra 'train'")

PLAIN = DropoutConfig(
    hidden=64,
    input_dropout=0.0,
    hidden_dropout=0.0,
    epochs=40,
    batch=128,
    learning_rate=1e-2,
    weight_decay=0.01,
)
SHORT = replace(PLAIN, epochs=2, hidden=8)
BITS = 4


def products(count, seed):
    """Texts (count, 4) tell whether two signs of a picture (count, 8) agree, four times."""
    random = np.random.default_rng(seed)
    signs = random.choice([-1.0, 1.0], size=(count, 2, BITS))
    pictures = signs.reshape(count, -1) + 0.15 * random.normal(size=(count, 2 * BITS))
    texts = signs.prod(axis=1) + 0.1 * random.normal(size=(count, BITS))
    return texts.astype(np.float32), (20 + 3 * pictures).astype(np.float32)


def own(count):
    return np.stack([np.arange(count)] * 2, axis=1)


def above_others(scores):
    """Share of the other pictures that a text's own one is above; .5 is chance."""
    mine = np.diag(scores)[:, None]
    return float((scores < mine).mean() + (scores == mine).mean() / 2)


def test_towers_learn_what_no_linear_map_can():
    texts, pictures = products(1200, 0)
    towers = train_towers(texts, pictures, own(1200), TowersConfig(PLAIN, width=16))
    new_texts, new_pictures = products(200, 1)
    scores = length_one(towers.texts(new_texts)) @ length_one(towers.pictures(new_pictures)).T
    assert above_others(scores) > 0.93  # those of the same kind, a sixteenth, cannot be told apart
    centred = pictures - pictures.mean(axis=0)
    weights = np.linalg.lstsq(centred, texts, rcond=None)[0]
    linear = new_texts @ ((new_pictures - pictures.mean(axis=0)) @ weights).T
    assert above_others(linear) < 0.6


def test_all_links_of_a_batch_count_as_right():
    texts, pictures = products(300, 0)
    links = np.concatenate([own(300), own(300)[::-1], [[0, 1], [1, 0]]])  # each of them twice
    towers = train_towers(texts, pictures, links, TowersConfig(PLAIN, width=16))
    scores = length_one(towers.texts(texts)) @ length_one(towers.pictures(pictures)).T
    assert above_others(scores) > 0.93


def planted_words(count, seed):
    """Pictures (count, 12), and which of ten words each has: likelier along a direction."""
    random = np.random.default_rng(seed)
    pictures = random.normal(size=(count, 12))
    directions = np.random.default_rng(9).normal(size=(12, 10)) / 12**0.5
    chances = 1 / (1 + np.exp(1.5 - 2.5 * pictures @ directions))
    shares = (random.random(chances.shape) < chances).astype(np.float32)
    return (5 + 2 * pictures).astype(np.float32), shares, chances


def test_detectors_learn_planted_words_and_state_their_chances():
    pictures, shares, _ = planted_words(2500, 0)
    config = replace(PLAIN, epochs=12, hidden_dropout=0.3, learning_rate=3e-3)
    network = train_detectors(pictures, shares, config)
    new, outcomes, chances = planted_words(1500, 1)
    logits = network(new)
    found, best = areas(logits, outcomes > 0).mean(), areas(chances, outcomes > 0).mean()
    assert found > best - 0.03
    stated = 1 / (1 + np.exp(-logits))
    assert np.abs(stated.mean(axis=0) - chances.mean(axis=0)).max() < 0.04
    order = np.argsort(stated, axis=None).reshape(10, -1)
    gaps = stated.ravel()[order].mean(axis=1) - chances.ravel()[order].mean(axis=1)
    assert np.abs(gaps).max() < 0.07


def test_a_rare_word_begins_at_its_share():
    pictures = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    shares = np.zeros((400, 3), dtype=np.float32)
    shares[:4, 0], shares[:100, 1] = 1, 1
    network = train_detectors(pictures, shares, replace(SHORT, learning_rate=1e-6))
    stated = 1 / (1 + np.exp(-network(pictures)))
    usual = stated.mean(axis=0)
    assert usual[0] < 0.05
    assert usual[1] == pytest.approx(0.25, abs=0.05)
    assert usual[2] < 0.01


def weights_of(towers):
    return [*towers.texts.weights, *towers.pictures.weights, *towers.texts.biases]


def test_equal_seeds_give_equal_weights_and_leave_the_callers_random_numbers_alone():
    texts, pictures = products(200, 0)

    def trained(seed):
        config = TowersConfig(replace(SHORT, seed=seed, hidden_dropout=0.3), width=6)
        return weights_of(train_towers(texts, pictures, own(200), config))

    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, two, other = trained(1), trained(1), trained(2)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])
    with ThreadPoolExecutor(3) as pool:  # as the members of an ensemble are trained
        for found in pool.map(trained, [1, 1, 1]):
            assert all(np.array_equal(a, b) for a, b in zip(one, found, strict=True))


def test_equal_seeds_give_equal_detectors():
    pictures, shares, _ = planted_words(200, 0)
    one, two = (train_detectors(pictures, shares, replace(SHORT, seed=5)) for _ in range(2))
    assert one.fingerprint == two.fingerprint


def test_pictures_that_are_all_alike_train_to_finite_numbers():
    alike = np.full((50, 4), 3.3, dtype=np.float32)
    shares = np.random.default_rng(0).random((50, 2)).astype(np.float32)
    assert np.isfinite(train_detectors(alike, shares, SHORT)(alike)).all()
    texts = products(50, 0)[0]
    towers = train_towers(texts, alike, own(50), TowersConfig(SHORT, width=3))
    assert np.isfinite(towers.pictures(alike)).all()


def standardised(rows, measured=None, **options):
    """Rows as networks get them; ``measured`` on others."""
    scale = Standard.of(rows if measured is None else measured, **options)
    return scale.on(torch.device("cpu"))(torch.from_numpy(rows)).numpy()


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_columns_are_standardised_wherever_they_lie(offset):
    random = np.random.default_rng(0)
    deviations = np.array([0.5, 1.0, 2.0])
    rows = (offset + deviations * random.normal(size=(5000, 3))).astype(np.float32)
    found = standardised(rows)
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-3)
    expected = deviations / (deviations + 0.1 * deviations.mean())
    np.testing.assert_allclose(found.std(axis=0), expected, rtol=0.05)
    together = standardised(rows, each=False).std(axis=0)
    np.testing.assert_allclose(together / together[0], deviations / deviations[0], rtol=0.05)


def test_some_of_many_rows_are_measured_as_if_they_were_alone():
    rows = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    some = np.arange(0, 20_000, 2)
    ours = standardised(rows[:9], measured=SomeRows(rows, some))
    np.testing.assert_allclose(ours, standardised(rows[:9], measured=rows[some]), atol=1e-6)


def test_constant_columns_become_zeros():
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    rows[:, 1] = 3.3
    found = standardised(rows)
    assert np.abs(found[:, 1]).max() < 1e-4
    assert not standardised(rows[:1]).any()


@pytest.mark.parametrize(("rows", "batch"), [(100, 32), (5, 32), (64, 64), (3, 1)])
def test_every_epoch_takes_each_row_once_at_most(rows, batch):
    config = replace(SHORT, batch=batch, epochs=3)
    found = [one.tolist() for one in batches(rows, config, torch.Generator().manual_seed(0))]
    assert len(found) == steps_of(rows, config)
    assert {len(one) for one in found} == {min(batch, rows)}
    each = len(found) // 3
    epochs = [list(chain(*found[start : start + each])) for start in range(0, len(found), each)]
    assert all(len(set(epoch)) == len(epoch) for epoch in epochs)
    assert rows < 4 or epochs[0] != epochs[1]


@pytest.mark.parametrize(("most", "steps"), [(1000, 9), (250, 7), (100, 3), (10, 1)])
def test_very_many_rows_are_passed_less_often(most, steps):
    config = replace(SHORT, batch=32, epochs=3, most_rows=most)
    found = [one.tolist() for one in batches(100, config, torch.Generator().manual_seed(0))]
    assert len(found) == steps_of(100, config) == steps
    first = list(chain(*found[:3]))
    assert len(set(first)) == len(first)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_links_are_refused(count):
    texts, pictures = products(5, 0)
    with pytest.raises(BadInput, match=f"{count} links: at least two are needed"):
        train_towers(texts, pictures, own(count), TowersConfig(SHORT))


def test_a_step_leaves_out_whole_levels_and_keeps_their_mean():
    width, count = 12, 4000
    of = np.repeat([0, 1, 2], [2, 4, 6])
    network = Perceptron(
        width,
        width,
        replace(PLAIN, hidden=width),
        torch.Generator().manual_seed(0),
        torch.device("cpu"),
        Groups(of, 0.4),
    )
    with torch.no_grad():
        for weights, biases in zip(network.weights, network.biases, strict=True):
            weights.copy_(torch.eye(width))
            biases.zero_()
        rows = network(torch.ones(count, width)).numpy()
    levels = rows[:, [0, 2, 6]]
    np.testing.assert_array_equal(rows, levels[:, of])
    kept = levels > 0
    assert kept.any(axis=1).all()
    assert abs(kept.mean() - (0.6 + 0.4**3)) < 0.02  # where all would go, all stay
    np.testing.assert_allclose(levels.mean(axis=1), 1, rtol=1e-6)


def test_towers_that_lost_levels_in_training_can_do_without_one():
    random = np.random.default_rng(0)
    texts = random.normal(size=(600, 6)).astype(np.float32)
    first = texts + 0.1 * random.normal(size=texts.shape)
    second = texts + 0.5 * random.normal(size=texts.shape)
    pictures = np.concatenate([first, second], axis=1).astype(np.float32)
    levels = np.repeat([0, 1], 6)
    alone = pictures.copy()
    alone[:, :6] = pictures[:, :6].mean(axis=0)
    found = {}
    for dropout in (0.0, 0.4):
        config = TowersConfig(replace(PLAIN, epochs=15), width=16, level_dropout=dropout)
        towers = train_towers(texts, pictures, own(600), config, levels=levels)
        scores = length_one(towers.texts(texts)) @ length_one(towers.pictures(alone)).T
        found[dropout] = 1 - above_others(scores)
    assert found[0.4] < 0.75 * found[0.0]


def test_too_few_pictures_and_rows_that_are_missing_are_refused():
    pictures, shares, _ = planted_words(5, 0)
    for one, other in ((pictures[:1], shares[:1]), (pictures, shares[:4])):
        with pytest.raises(BadInput, match="at least two pictures are needed, each with a row"):
            train_detectors(one, other, SHORT)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hidden": 0}, "start at 1"),
        ({"epochs": 0}, "start at 1"),
        ({"batch": 0}, "start at 1"),
        ({"most_rows": 0}, "start at 1"),
        ({"learning_rate": 0.0}, "learning rate is above 0"),
        ({"input_dropout": 1.0}, "dropout is 0 or more, under 1"),
        ({"hidden_dropout": -0.1}, "dropout is 0 or more, under 1"),
        ({"weight_decay": -1.0}, "weight_decay is 0 or more"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(wrong, message):
    with pytest.raises(BadInput, match=message):
        DropoutConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"temperature": 0.0}])
def test_settings_of_towers_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(BadInput, match="the width starts at 1, the temperature is above 0"):
        TowersConfig(**wrong)


def test_a_device_that_is_not_there_is_refused_before_training():
    texts, pictures = products(5, 0)
    for name in ("cuda:99", "abacus"):
        config = TowersConfig(replace(SHORT, device=name))
        with pytest.raises(BadInput, match=f"device '{name}' is not there: this machine has .*cpu"):
            train_towers(texts, pictures, own(5), config)
    assert device_of("cpu", "training").type == "cpu"
    assert device_of("auto", "training").type in ("cpu", "cuda", "mps")


def test_without_torch_training_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    texts, pictures = products(5, 0)
    assert not torch_installed()
    with pytest.raises(MissingExtra, match=r"training towers needs the extra 'train'"):
        train_towers(texts, pictures, own(5), TowersConfig(SHORT))
    with pytest.raises(MissingExtra, match=r"word detectors needs the extra 'train'"):
        train_detectors(pictures, texts, SHORT)


def test_torch_keeps_its_number_of_threads():
    before = torch.get_num_threads()
    with torch_threads(1):
        assert torch.get_num_threads() == 1
        with torch_threads(1), torch_threads(0):
            assert torch.get_num_threads() == 1
        with ThreadPoolExecutor(1) as pool:  # another one ends in the meantime
            texts, pictures = products(20, 0)
            pool.submit(train_towers, texts, pictures, own(20), TowersConfig(SHORT)).result()
            assert pool.submit(torch.get_num_threads).result() == 1
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before


def test_importing_the_trainers_does_not_load_torch():
    code = (
        "import sys, picturedesk.gradients.towers, picturedesk.gradients.detectors\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
