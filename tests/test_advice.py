from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from picturedesk.backbones.levels import ReadableLevel
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.datasets import open_archive
from picturedesk.datasets.split import SplitConfig
from picturedesk.errors import BadInput
from picturedesk.learning.alignment import AlignmentConfig
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.cross_validation import (
    HeldOut,
    divide,
    fit_routes,
    fold_of,
    held_out_folds,
    held_out_scores,
)
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs, level_blocks
from picturedesk.measuring.metrics import ranks
from picturedesk.measuring.significance import Difference
from picturedesk.research.adviser import AdviceConfig, Costs, advise, candidates, measure_costs
from picturedesk.research.adviser.advice import SetScore, recommend
from picturedesk.research.adviser.agreement import cka, first_links, gram, neighbourhood, overlap
from picturedesk.research.adviser.candidates import choose_candidates
from picturedesk.research.adviser.costs import Cost
from picturedesk.research.adviser.level_data import LevelDataConfig, NetworkConfig, read_level_data
from picturedesk.research.adviser.trials import Trials
from picturedesk.routes import Blend
from picturedesk.routes.direct import DirectPlan
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.types import Archive, Level, Picture, Text, silent

WORDS = 12  # of the little language: a text says which of them hold of its picture
QUICK = AdviceConfig(
    best=BestConfig(
        alignment=AlignmentConfig(block_width=40, side_width=40, width=40),
        ridges=((1.0, 1.0), (3.0, 3.0)),
        folds=3,
    ),
    max_levels=3,
)


def meanings(count: int, seed: int = 0) -> np.ndarray:
    """(T, WORDS) of ones and zeros."""
    return np.random.default_rng(seed).integers(0, 2, size=(count, WORDS))


def make_pairs(said: np.ndarray, levels: dict[str, np.ndarray]) -> TrainingPairs:
    """Each text names what holds; each level is given as its columns."""
    count = len(said)
    spec = BackboneSpec(
        name="made",
        weights="none",
        weights_sha256="0" * 64,
        levels=tuple(Level(name, rows.shape[1], "avg") for name, rows in levels.items()),
        preprocessing=TINY_PREPROCESSING,
    )
    texts = tuple(" ".join(f"word{w}" for w in np.flatnonzero(row)) or "none" for row in said)
    order = np.arange(count, dtype=np.int64)
    return TrainingPairs(
        texts=texts,
        keys=tuple(map(str, range(count))),
        features=np.concatenate(list(levels.values()), axis=1).astype(np.float32),
        links=np.stack([order, order], axis=1),
        split_groups=order,
        duplicate_groups=order,
        captions=("",) * count,
        spec=spec,
        blocks=tuple(level_blocks(spec)),
    )


def signal(said: np.ndarray, width: int, noise: float, seed: int) -> np.ndarray:
    """Columns (T, width) that tell what was said, more or less."""
    random = np.random.default_rng(seed)
    shown = (said - 0.5) @ random.normal(size=(said.shape[1], width))
    return shown + noise * random.normal(size=shown.shape)


def noise(count: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width))


def features_of(pairs: TrainingPairs) -> TextFeatures:
    return TextFeatures(pairs.texts, None, {"tiny": TinyTextEncoder(64)})


def costs_of(pairs: TrainingPairs) -> Costs:
    """Deeper levels take longer."""
    names = [str(level) for level in pairs.spec.levels]
    widths = {str(level): level.width for level in pairs.spec.levels}
    return Costs(widths, {name: 1.0 + place for place, name in enumerate(names)}, len(names))


def advice_on(pairs: TrainingPairs, own: tuple[str, ...] = ()):
    return advise(pairs, features_of(pairs), costs_of(pairs), own, QUICK)


def test_the_level_that_tells_is_first_and_recommended_alone():
    said = meanings(180)
    pairs = make_pairs(
        said,
        {"one": noise(180, 24, 1), "two": signal(said, 24, 0.3, 2), "three": noise(180, 24, 3)},
    )
    advice = advice_on(pairs, own=("one:avg", "two:avg"))
    assert advice.levels[0].level == "two:avg"
    assert advice.recommended == ("two:avg",)
    assert max(advice.levels, key=lambda score: score.neighbours).level == "two:avg"
    assert max(advice.levels, key=lambda score: score.cka).level == "two:avg"
    assert advice.texts == 180
    assert advice.folds == 3


def test_two_levels_that_tell_different_things_are_both_recommended():
    said = meanings(240)
    half = WORDS // 2
    pairs = make_pairs(
        said,
        {
            "left": signal(said[:, :half], 20, 0.2, 1),
            "noise": noise(240, 20, 2),
            "right": signal(said[:, half:], 20, 0.2, 3),
        },
    )
    advice = advice_on(pairs)
    assert advice.recommended == ("left:avg", "right:avg")
    taken = advice.set_of(advice.recommended)
    assert taken.origin == "grown"
    assert all(taken.mrr > 1.2 * score.mrr for score in advice.levels if score.mrr)


def test_equal_input_gives_equal_advice():
    said = meanings(60)
    pairs = make_pairs(said, {"one": signal(said, 8, 1.0, 1), "two": signal(said, 8, 1.0, 2)})
    assert advice_on(pairs) == advice_on(pairs)


def test_a_set_is_tried_as_the_recipe_cross_validates_it():
    said = meanings(120)
    levels = {"one": signal(said, 9, 1.0, 1), "two": signal(said, 14, 1.0, 2)}
    ridges = (1.0, 1.0)
    pairs, config = make_pairs(said, levels), replace(QUICK.best, ridges=(ridges,))
    features = features_of(pairs)
    expected = []
    for held in held_out_folds(divide(pairs.split_groups, config), config):
        rest = np.setdiff1d(np.arange(120), held)
        projections = Projections.of(pairs, features, rest, config.alignment)
        matcher = projections.align(config.with_ridges(ridges))
        fold = fold_of(projections, matcher, None)
        held_out = HeldOut.of(pairs, held, config)
        rows = features.features(projections.encoder, held_out.texts)
        blend = Blend(matcher, fit_routes([DirectPlan()], fold), {})
        done = held_out_scores(blend, fold.archive, rows, pairs, held_out)
        expected += (1 / ranks(done.scores["direct"], held_out.relevant)).tolist()
    trials = Trials(pairs, features, ["one:avg", "two:avg"], config, silent)
    outcome = trials.run([["one:avg", "two:avg"]], "sets", silent)[0]
    assert outcome.ridges == ridges
    assert outcome.reciprocal == pytest.approx(expected)


def test_the_level_that_adds_most_is_the_one_that_does_when_tried_whole():
    said = meanings(150)
    half = WORDS // 2
    levels = {
        "start": signal(said[:, :half], 12, 0.2, 1),
        "same": signal(said[:, :half], 12, 0.2, 2),
        "other": signal(said[:, half:], 12, 0.2, 3),
    }
    pairs = make_pairs(said, levels)
    names = [f"{name}:avg" for name in levels]
    trials = Trials(pairs, features_of(pairs), names, QUICK.best, silent)
    start = trials.run([names[:1]], "levels", silent)[0]
    added = trials.best_addition(start, names[1:], "sets", silent)
    whole = trials.run([[names[0], name] for name in names[1:]], "sets", silent)
    assert added == "other:avg" == max(whole, key=lambda outcome: outcome.mrr).levels[1]


def test_only_promising_levels_and_the_presets_own_are_tried():
    said = meanings(60)
    pairs = make_pairs(
        said, {"good": signal(said, 9, 0.5, 1), "own": noise(60, 9, 2), "bad": noise(60, 9, 3)}
    )
    few = replace(QUICK, validated=1)
    advice = advise(pairs, features_of(pairs), costs_of(pairs), ("own:avg",), few)
    tried = {score.level for score in advice.levels if score.mrr is not None}
    assert tried == {"good:avg", "own:avg"}
    assert advice.agreement is None


def test_twins_and_levels_that_never_vary_are_left_out():
    said = meanings(60)
    shown = signal(said, 9, 0.5, 1)
    pairs = make_pairs(said, {"deep": shown, "final": shown.copy(), "dead": np.ones((60, 9))})
    advice = advice_on(pairs, own=("final:avg",))
    assert set(advice.left_out) == {"deep:avg", "dead:avg"}
    assert "final:avg" in advice.left_out["deep:avg"]


def test_too_few_texts_and_pictures_all_alike_are_one_line_errors():
    said = meanings(19)
    with pytest.raises(BadInput, match=r"19 training texts .* at least 20 are needed"):
        advice_on(make_pairs(said, {"one": signal(said, 9, 0.5, 1)}))
    with pytest.raises(BadInput, match="same for all pictures"):
        advice_on(make_pairs(meanings(40), {"one": np.ones((40, 9))}))
    with pytest.raises(BadInput, match=r"max_levels 0, .* the others 1 or more"):
        AdviceConfig(max_levels=0)
    with pytest.raises(BadInput, match="sample is 0 texts"):
        LevelDataConfig(sample=0)


def scored(levels: str, mrr: float, mean: float, low: float, cost: Cost) -> SetScore:
    loss = Difference(mean, low, 2 * mean - low, 0.5)
    return SetScore(tuple(levels), "grown", 0.5, mrr, loss, (1.0, 1.0), cost)


def test_the_fewest_levels_that_lose_little_are_recommended():
    best = scored("abc", 0.300, 0.0, 0.0, Cost(300, 3.0, 1.0))
    lost = scored("a", 0.280, 0.02, -0.001, Cost(100, 1.0, 0.3))  # may be chance, and too much
    certain = scored("b", 0.298, 0.002, 0.001, Cost(100, 1.0, 0.3))  # little, and no chance
    equal = scored("bc", 0.299, 0.001, -0.003, Cost(200, 2.0, 0.6))
    assert recommend([best, lost, certain, equal], 0.005) is equal
    assert recommend([best, lost, certain], 0.005) is best
    assert recommend([best, lost, certain], 0.03) is lost


def test_of_sets_of_one_size_the_cheaper_is_recommended():
    best = scored("ab", 0.300, 0.0, 0.0, Cost(100, 2.0, 1.0))
    quick = scored("cd", 0.299, 0.001, -0.003, Cost(200, 1.0, 0.5))
    lean = scored("ef", 0.299, 0.001, -0.003, Cost(90, 1.01, 0.51))
    assert recommend([best, quick], 0.005) is quick
    assert recommend([best, quick, lean], 0.005) is lean


def test_overlap_counts_common_neighbours():
    rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]], dtype=np.float32)
    apart = np.eye(4, dtype=bool)
    near = neighbourhood(rows, apart, 1)
    assert near.argmax(axis=1).tolist() == [1, 0, 3, 2]
    assert overlap(near, near) == 1.0
    assert overlap(near, neighbourhood(rows[[0, 2, 1, 3]], apart, 1)) == 0.0
    together = apart.copy()
    together[0, 1] = together[1, 0] = True
    assert not neighbourhood(rows, together, 1)[0, 1]


def test_cka_is_one_for_turned_rows_and_about_zero_for_strangers():
    random = np.random.default_rng(0)
    rows = random.normal(size=(200, 30)).astype(np.float32)
    turn = np.linalg.qr(random.normal(size=(30, 30)))[0].astype(np.float32)
    stranger = random.normal(size=(200, 400)).astype(np.float32)
    assert cka(gram(rows), gram(3 * rows @ turn + 1)) == pytest.approx(1, abs=1e-3)
    assert abs(cka(gram(rows), gram(stranger))) < 0.05
    assert cka(gram(rows), gram(np.ones((200, 3), np.float32))) == 0.0


def test_each_text_counts_with_its_first_picture():
    links = np.array([[1, 4], [0, 3], [0, 2], [1, 5]])
    assert first_links(links).tolist() == [[0, 2], [1, 4]]


def test_costs_add_up_in_bytes_and_end_at_the_deepest_in_time():
    costs = Costs({"a": 10, "b": 20, "c": 30}, {"a": 1.0, "b": 2.0, "c": 4.0}, 4.0)
    assert costs.of(["a"]) == Cost(40, 1.0, 0.25)
    assert costs.of(["b", "a"]) == Cost(120, 2.0, 0.5)
    assert costs.of(["a", "b", "c"]) == Cost(240, 4.0, 1.0)
    assert Costs({"a": 10}).of(["a"]) == Cost(40)


def test_deeper_levels_take_longer():
    pytest.importorskip("timm")
    names = ("blocks.0:avg", "blocks.2:avg", "blocks.4:avg", "blocks.6:max", "final", "probs")
    costs = measure_costs(NetworkConfig("default", size=96), dict.fromkeys(names, 1))
    times = [costs.ms[name] for name in names]
    assert all(one <= other for one, other in pairwise(times))
    assert 0 < times[0] < costs.whole == times[-1]


@pytest.mark.parametrize("name", ["default", "paper", "vit_tiny_patch16_224", "resnet18", "vgg11"])
def test_candidates_are_few_and_hold_the_presets_own(name):
    pytest.importorskip("timm")
    from picturedesk.research.adviser.candidates import own_levels

    found = candidates(name)
    assert len(found) == len(set(found)) <= 14
    assert set(own_levels(name)) <= set(found)
    assert found[-2:] == ("final", "probs")


def test_the_default_network_offers_every_stage():
    pytest.importorskip("timm")
    averages = {f"blocks.{stage}:avg" for stage in range(7)}
    assert averages | {"blocks.6:max", "bn2:max"} <= set(candidates("default"))


def test_of_a_transformer_some_blocks_are_read_with_both_poolings():
    poolings = ("max", "avg", "gem", "gridN", "cls")
    rows = [ReadableLevel(i, f"blocks.{i}", "tokens", 8, 14, 16, poolings) for i in range(24)]
    rows += [ReadableLevel(None, "norm", "tokens", 8, 14, 16, poolings)]
    rows += [ReadableLevel(None, "final", "vector", 8, 0, 0, ())]
    found = choose_candidates(rows, ("-1:max", "final"))
    assert len(found) <= 14
    assert {"blocks.23:cls", "blocks.23:avg", "blocks.23:max", "norm:max"} <= set(found)
    assert "probs" not in found


def small_archive(folder: Path, parts: list[str]) -> Archive:
    """One picture a text, each a plain colour; those of test texts cannot be read."""
    from PIL import Image

    random = np.random.default_rng(0)
    pictures = []
    for number, part in enumerate(parts):
        file = folder / f"{number}.png"
        noise = random.integers(0, 255, size=(40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file)
        if part in ("test", "validate"):
            file.write_bytes(b"nobody looks")
        pictures.append(Picture(str(file)))
    order = np.arange(len(parts))
    return Archive(
        name="small",
        texts=tuple(Text(str(number), f"text {number}") for number in order),
        pictures=tuple(pictures),
        links=np.stack([order, order], axis=1),
        parts=tuple(parts),
    )


def test_pictures_and_texts_of_test_and_validation_are_not_read(tmp_path):
    pytest.importorskip("timm")
    archive = small_archive(tmp_path, ["", "train", "test", "validate", "", "train"])
    network = NetworkConfig("test_resnet", "random:0", size=32)
    ground = read_level_data(archive, network, tmp_path / "cache")
    assert ground.pairs.texts == ("text 0", "text 1", "text 4", "text 5")
    assert ground.rejections == ()
    again = read_level_data(archive, network, tmp_path / "cache")
    assert np.array_equal(again.pairs.features, ground.pairs.features)


def test_a_sample_is_drawn_from_what_the_fit_would_train_on(tmp_path):
    pytest.importorskip("timm")
    archive = small_archive(tmp_path, [""] * 20)
    network = NetworkConfig("test_resnet", "random:0", size=32)
    shares = SplitConfig(validate=0.0, test=0.5)
    whole = read_level_data(archive, network, tmp_path / "all", LevelDataConfig(split=shares))
    some = read_level_data(archive, network, tmp_path / "few", LevelDataConfig(shares, sample=4))
    assert len(whole.pairs.texts) == some.texts == 10
    assert len(some.pairs.texts) == len(some.pairs.features) == 4
    assert set(some.pairs.texts) <= set(whole.pairs.texts)


def test_an_archive_without_training_texts_is_refused(tmp_path, shapes_table):
    pytest.importorskip("timm")
    archive = replace(open_archive(shapes_table), parts=("test",) * 192)
    with pytest.raises(BadInput, match="has no training text"):
        read_level_data(archive, NetworkConfig("test_resnet", "random:0", size=32), tmp_path)
