from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import FusionConfig
from picturedesk.learning.losses import Triplets
from picturedesk.learning.training import TrainConfig, TrainingSet, train

torch = pytest.importorskip("torch")

SMALL = TrainConfig(fusion=FusionConfig((24,)), batch=16, epochs=6, patience=6, l2=1e-5, threads=1)


def archive(texts=60, pictures=40, seed=0, *, width=12):
    """Texts that lie where a fixed map puts their pictures; two to four pictures each."""
    random = np.random.default_rng(seed)
    true_map = np.random.default_rng(99).normal(size=(width, 8))
    features = random.normal(size=(pictures, width)).astype(np.float32)
    links = np.stack([np.arange(texts) % pictures, np.arange(texts) % pictures], axis=1)
    links[:, 0] = np.arange(texts)
    vectors = (features @ true_map)[links[:, 1]] + 0.1 * random.normal(size=(texts, 8))
    more = np.stack([np.arange(0, texts, 5), (np.arange(0, texts, 5) + 1) % pictures], axis=1)
    return TrainingSet(
        vectors.astype(np.float32), features, np.concatenate([links, more]), np.arange(pictures)
    )


def weights_hash(trained):
    digest = hashlib.sha256()
    for array in (*trained.fusion.weights, *trained.fusion.biases):
        digest.update(array.tobytes())
    return digest.hexdigest()


def test_it_learns_what_belongs_together():
    trained = train(archive(400, 300), archive(30, 30, seed=1), replace(SMALL, epochs=30))
    best = trained.history[trained.best_epoch - 1]
    assert best.recall[5] > 0.5  # chance: 5 / 30
    assert trained.history[-1].loss < trained.history[0].loss
    assert trained.left_out == 0


def test_equal_seeds_give_equal_weights_and_others_do_not():
    first, again, other = (
        train(archive(), archive(seed=1), replace(SMALL, seed=seed)) for seed in (5, 5, 6)
    )
    assert weights_hash(first) == weights_hash(again)
    assert first.history == again.history
    assert weights_hash(first) != weights_hash(other)


def test_equal_seeds_give_equal_weights_in_another_process():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_training as t;"
        "print(t.weights_hash(t.train(t.archive(), t.archive(seed=1), t.SMALL)))"
    )
    command = [sys.executable, "-c", code, str(__file__).rpartition("/")[0]]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert found == weights_hash(train(archive(), archive(seed=1), SMALL))


def test_random_state_and_threads_are_left_as_they_were():
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    threads = torch.get_num_threads()
    train(archive(), archive(seed=1), replace(SMALL, epochs=1, threads=threads + 1))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state()[1].tolist() == numpy_state  # noqa: NPY002
    assert torch.get_num_threads() == threads


def slow_reference(training, config):
    """Epochs of the same triplets through autograd, penalty written out, weights as they end."""
    start, order = np.random.SeedSequence(config.seed).spawn(2)
    start, order = np.random.default_rng(start), np.random.default_rng(order)
    parameters = []
    for rows, columns in ((12, 24), (24, 8)):
        limit = np.sqrt(6 / (rows + columns))
        parameters.append(torch.tensor(start.uniform(-limit, limit, (rows, columns))))
    w1, w2 = (p.float().requires_grad_() for p in parameters)
    b1, b2 = torch.zeros(24, requires_grad=True), torch.zeros(8, requires_grad=True)
    adam = torch.optim.Adam([w1, w2, b1, b2], lr=0.001, betas=(0.9, 0.999), eps=1e-8)
    triplets = Triplets(training.links, training.groups, len(training.texts), config.batch)
    for _ in range(config.epochs):
        for step in triplets.steps(order):
            cost = 0
            for text, own, other in zip(step.texts, step.own, step.other, strict=True):
                x = torch.from_numpy(training.texts[text])
                pair = torch.from_numpy(training.pictures[step.pictures[[own, other]]])
                v = torch.tanh(torch.sigmoid(pair @ w1 + b1) @ w2 + b2)
                cosines = torch.nn.functional.cosine_similarity(x[None], v)
                cost = cost + torch.relu(config.margin - cosines[0] + cosines[1])
            if config.reduction == "mean":
                cost = cost / len(step.texts)
            adam.zero_grad()
            (cost + config.l2 * sum((p**2).sum() for p in (w1, w2, b1, b2))).backward()
            adam.step()
    return [p.detach().numpy() for p in (w1, w2, b1, b2)]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_step_is_that_of_autograd_with_the_penalty_written_out(reduction):
    config = replace(SMALL, l2=0.0005, reduction=reduction, epochs=1)
    trained = train(archive(), archive(seed=1), config)
    expected = slow_reference(archive(), config)
    found = (*trained.fusion.weights, *trained.fusion.biases)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_the_penalty_shrinks_the_weights():
    strong = replace(SMALL, l2=1.0, batch=4, epochs=1, learning_rate=0.01)
    trained = [train(archive(), archive(seed=1), replace(strong, l2=l2)) for l2 in (0.0, 1.0)]
    free, held = (np.abs(result.fusion.weights[0]).mean() for result in trained)
    assert held < 0.9 * free


def test_the_best_epoch_is_kept_and_patience_ends_the_run():
    config = replace(SMALL, learning_rate=0.05, epochs=40, patience=3)
    trained = train(archive(), archive(20, 20, seed=1), config)
    scores = [epoch.score for epoch in trained.history]
    assert trained.best_epoch == int(np.argmax(scores)) + 1
    assert len(trained.history) == min(trained.best_epoch + 3, 40) < 40
    stopped_there = train(
        archive(), archive(20, 20, seed=1), replace(config, epochs=trained.best_epoch)
    )
    assert weights_hash(stopped_there) == weights_hash(trained)


def test_progress_is_told_of_every_epoch():
    told = []
    train(archive(), archive(seed=1), SMALL, lambda *what: told.append(what))
    assert told == [(number, 6, "epochs") for number in range(1, 7)]


def test_scaled_columns_make_their_size_irrelevant():
    config = replace(SMALL, scaling="columns")
    sizes = (4.0 ** np.arange(-3, 9)).astype(np.float32)  # powers of two: no rounding
    stretched = [
        replace(one, pictures=one.pictures * sizes) for one in (archive(), archive(seed=1))
    ]
    plain, scaled = train(archive(), archive(seed=1), config), train(*stretched, config)
    pictures = archive(seed=2).pictures
    assert scaled.fusion(pictures * sizes) == pytest.approx(plain.fusion(pictures), abs=1e-3)
    assert plain.fusion(pictures) != pytest.approx(
        train(archive(), archive(seed=1), SMALL).fusion(pictures), abs=1e-3
    )


@pytest.mark.parametrize("scaling", ["none", "columns"])
@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "relu", "linear"])
def test_constant_columns_and_zero_vectors_give_no_nan(unit, scaling):
    training = archive()
    training.pictures[:, 3] = 0
    training.pictures[:4] = 0
    training.texts[:4] = 0
    fusion = FusionConfig((24, 10), hidden_unit=unit)
    config = replace(SMALL, fusion=fusion, scaling=scaling)
    trained = train(training, archive(seed=1), config)
    assert all(np.isfinite(weight).all() for weight in trained.fusion.weights)
    assert all(np.isfinite(epoch.loss) for epoch in trained.history)


def test_features_that_are_not_finite_are_refused_with_their_row():
    broken = archive()
    broken.pictures[7, 2] = np.inf
    with pytest.raises(BadInput, match=r"level features of the training set .* row 7"):
        train(broken, archive(seed=1), SMALL)
    broken = archive(seed=1)
    broken.texts[3, 0] = np.nan
    with pytest.raises(BadInput, match=r"text vectors of the validation set .* row 3"):
        train(archive(), broken, SMALL)


def test_an_empty_validation_set_is_refused_with_what_to_do():
    nothing = TrainingSet(
        np.zeros((0, 8), np.float32),
        np.zeros((0, 12), np.float32),
        np.zeros((0, 2), np.int64),
        np.zeros(0, np.int64),
    )
    with pytest.raises(BadInput, match="set a part of the archive's texts aside"):
        train(archive(), nothing, SMALL)


def test_sets_that_do_not_fit_together_are_refused():
    with pytest.raises(BadInput, match="widths"):
        train(archive(), archive(seed=1, width=11), SMALL)
    wrong = replace(archive(), links=np.array([[0, 40]]))
    with pytest.raises(BadInput, match="points outside its 60 texts and 40 pictures"):
        train(wrong, archive(seed=1), SMALL)


def test_a_device_that_is_not_there_raises():
    for device in ("cuda:99", "tpu", "cuda" if not torch.cuda.is_available() else "xpu"):
        with pytest.raises(BadInput, match=f"'{device}' is not there: .* cpu"):
            train(archive(), archive(seed=1), replace(SMALL, device=device))


def test_settings_that_cannot_be_are_refused():
    for wrong in (
        {"batch": 0},
        {"reduction": "median"},
        {"scaling": "x"},
        {"l2": -1.0},
        {"patience": 0},
    ):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            TrainConfig(**wrong)


def test_a_loss_that_overflows_is_reported():
    config = replace(SMALL, fusion=FusionConfig((24,), "linear", "linear"), learning_rate=1e30)
    with pytest.raises(BadInput, match=r"loss of epoch \d is nan"):
        train(archive(), archive(seed=1), config)


def test_texts_without_a_negative_are_counted():
    training = archive(texts=10, pictures=10)
    everything = np.stack([np.zeros(10, np.int64), np.arange(10)], axis=1)
    training = replace(training, links=np.concatenate([training.links, everything]))
    assert train(training, archive(seed=1), SMALL).left_out == 1


def test_read_only_double_arrays_will_do():
    training = archive()
    training = replace(training, pictures=training.pictures.astype(np.float64)[:, ::-1])
    training.pictures.flags.writeable = False
    train(training, archive(seed=1), replace(SMALL, epochs=1))


def test_importing_the_module_does_not_import_torch():
    code = "import sys, picturedesk.learning.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
