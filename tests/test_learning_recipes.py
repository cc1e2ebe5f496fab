"""The two recipes on an archive that has been read: what each learns, and from which texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import FusionConfig
from picturedesk.learning.best import fit_best
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, ReadableArchive
from picturedesk.learning.recipes import learn, learn_best
from picturedesk.learning.training import TrainConfig
from picturedesk.routes import Blend
from picturedesk.routes.kinds import BEST
from picturedesk.routes.route import TrainedPlan, trained_on
from picturedesk.routes.seen_words import SeenWordsPlan
from picturedesk.routes.towers import TowersPlan
from picturedesk.testing import TinyTextEncoder
from picturedesk.texts.lsa import LsaConfig
from picturedesk.types import Archive, Picture, Text, silent
from small_routes import CLASSES, SPEC, WORDS, make_features

COUNT = 60
LSA = LsaConfig(topics=8, min_count=1, max_share=1.0)
CONFIG = DeskConfig(lsa=LSA, best=BestConfig(folds=2, ridges=((1.0, 1.0),)), sentences=())


def make_prepared(captions=True, parts=("train", "train", "train", "validate", "test")):
    """Each text names what its picture shows most, among other words."""
    random = np.random.default_rng(0)
    features = make_features(COUNT, 1)
    seen = features[:, 20:].argmax(axis=1)
    features[np.arange(COUNT), seen] += 3
    texts = [f"{CLASSES[s]} {' '.join(random.choice(WORDS, 3))} n{n}" for n, s in enumerate(seen)]
    pictures = [
        Picture(f"{n}.jpg", key=f"{n:02d}", caption=f"{CLASSES[s]} seen" if captions else "")
        for n, s in enumerate(seen)
    ]
    archive = Archive(
        name="made",
        texts=tuple(Text(str(n), text) for n, text in enumerate(texts)),
        pictures=tuple(pictures),
        links=np.stack([np.arange(COUNT)] * 2, axis=1),
        parts=tuple(parts[n % len(parts)] for n in range(COUNT)),
    )
    return Prepared(ReadableArchive(archive, np.arange(COUNT)), features, SPEC, CLASSES)


def learned(prepared, **settings):
    return learn_best(prepared, CONFIG, silent, {"tiny": TinyTextEncoder(16)}, **settings)


def test_text_features_are_there_for_every_text_of_every_part():
    prepared = make_prepared()
    found = learned(prepared)
    expected = found.matcher.text_encoder.encode(prepared.ready.whole_texts())
    np.testing.assert_allclose(found.text_features[:], expected, atol=1e-6)
    assert len(found.duplicate_groups) == len(found.captions) == COUNT


def test_the_recipe_best_fits_its_routes_on_training_texts_alone():
    prepared = make_prepared()
    changed = prepared.features.copy()
    texts = list(prepared.ready.archive.texts)
    for other in np.flatnonzero(np.array(prepared.ready.archive.parts) != "train"):
        changed[other] = 0.5
        texts[other] = Text(str(other), "something else entirely")
    archive = replace(prepared.ready.archive, texts=tuple(texts))
    ready = replace(prepared.ready, archive=archive)
    one, other = learned(prepared), learned(replace(prepared, ready=ready, features=changed))
    assert one.blend.fingerprint == other.blend.fingerprint
    assert one.blend.weights == other.blend.weights
    assert one.facts == other.facts


def test_what_was_chosen_is_reported():
    found = learned(make_prepared())
    assert set(found.facts) == {
        "cross_validated",
        "held_out",
        "ridges",
        "encoders",
        "levels",
        "weights",
    }
    assert found.facts["held_out"] == COUNT * 3 // 5
    assert found.facts["weights"] == found.blend.weights
    routes = {"direct", "transfer", "class_names", "captions", "blend"}
    assert set(found.facts["cross_validated"]) == routes


def test_an_archive_without_captions_measures_none():
    found = learned(make_prepared(captions=False))
    assert found.captions == ("",) * COUNT
    assert "captions" not in found.facts["cross_validated"]


def test_levels_that_are_not_named_are_not_read_by_the_heads():
    found = learned(make_prepared(), levels=("final",))
    weights = found.matcher.fusion.weights
    assert not weights[:8].any()
    assert not weights[20:].any()
    assert weights[8:20].any()


def test_the_papers_recipe_has_the_papers_routes(tmp_path):
    pytest.importorskip("torch")
    train = TrainConfig(fusion=FusionConfig((8,)), epochs=2, batch=16, threads=1)
    config = replace(CONFIG, recipe="paper", train=train)
    prepared = make_prepared()
    found = learn(prepared, config, silent)
    blend = found.blend
    assert (blend.names, blend.default) == (("transfer", "direct"), "direct")
    assert blend.confidence is None
    assert blend.layout.width == found.matcher.width == found.text_features.shape[1]
    assert found.captions == ("",) * COUNT
    blend.save(tmp_path / "blend")
    assert Blend.load(tmp_path / "blend", found.matcher).fingerprint == blend.fingerprint


def test_every_slow_step_has_a_name():
    told = []
    learn_best(
        make_prepared(), CONFIG, lambda *now: told.append(now), {"tiny": TinyTextEncoder(16)}
    )
    steps = list(dict.fromkeys(what for _, _, what in told))
    assert steps == [
        "looking for near-duplicate texts",
        "texts encoded",
        "folds",
        "folds with other settings",
        "routes",
        "choosing the weights of the routes",
        "choosing how texts are ranked",
        "folds calibrated",
        "fitting on all training texts",
    ]
    for name in steps:
        counts = [(done, total) for done, total, what in told if what == name]
        assert counts[0][0] == 0
        assert counts[-1][0] == counts[-1][1]


def test_routes_that_are_trained_are_trained_on_the_device_of_the_settings():
    plans = trained_on(BEST, "mps")
    trained = [plan for plan in plans if isinstance(plan, TrainedPlan)]
    assert [type(plan) for plan in trained] == [TowersPlan, SeenWordsPlan]
    assert [plan.config.network.device for plan in trained[:1]] == ["mps"]
    assert trained[1].config.device == "mps"
    assert [plan.name for plan in plans] == [plan.name for plan in BEST]
    assert trained_on(plans, "cpu") == BEST
    towers = TowersPlan(fewest_texts=10, members=2)
    settings = replace(CONFIG, best=replace(CONFIG.best, routes=(*BEST[:1], towers)))
    with pytest.raises(BadInput, match="device 'cuda:99' is not there"):
        learn_best(
            make_prepared(),
            replace(settings, device="cuda:99"),
            silent,
            {"tiny": TinyTextEncoder(16)},
        )


class Asked:
    """Level features that are given when they are asked for, and who asked for how many."""

    def __init__(self, features):
        self._features = features
        self.shape = features.shape
        self.counts = []

    def __len__(self):
        return len(self._features)

    def __getitem__(self, rows):
        found = self._features[rows]
        self.counts.append(len(found))
        return found


def test_features_that_are_read_when_asked_for_give_the_same_desk():
    prepared = make_prepared()
    lazy = replace(prepared, features=Asked(prepared.features))
    one, other = learned(prepared), learned(lazy)
    assert one.blend.fingerprint == other.blend.fingerprint
    assert one.blend.weights == other.blend.weights


def test_a_sample_is_learned_from_and_all_texts_have_features():
    prepared = make_prepared()
    config = replace(CONFIG, learn_from=24)
    asked = Asked(prepared.features)
    few = learn_best(
        replace(prepared, features=asked), config, silent, {"tiny": TinyTextEncoder(16)}
    )
    assert few.facts["sample"] == {"pairs": 24, "of": 36}
    assert max(asked.counts) == 24
    expected = few.matcher.text_encoder.encode(prepared.ready.whole_texts())
    np.testing.assert_allclose(few.text_features[:], expected, atol=1e-6)
    assert "sample" not in learned(prepared).facts


def test_very_many_pictures_are_learned_from_in_half_precision_if_it_can_hold_them(monkeypatch):
    prepared = make_prepared()
    whole = learned(prepared)
    kinds = []

    def noted(pairs, *others):
        kinds.append(pairs.features.dtype)
        return fit_best(pairs, *others)

    monkeypatch.setattr("picturedesk.learning.recipes._WHOLE", 8)
    monkeypatch.setattr("picturedesk.learning.recipes.fit_best", noted)
    half = learned(prepared)

    def scores(found):
        pictures = found.matcher.pictures(prepared.features)
        return found.matcher.placed(found.text_features[:]) @ pictures.T

    np.testing.assert_allclose(scores(half), scores(whole), atol=0.01)
    assert half.blend.weights == pytest.approx(whole.blend.weights, rel=0.01)
    features = prepared.features.copy()
    features[-1] *= 1e6
    learned(replace(prepared, features=features, ready=all_train(prepared.ready)))
    assert kinds == [np.float16, np.float32]


def all_train(ready):
    return replace(ready, archive=replace(ready.archive, parts=("train",) * COUNT))


def test_of_many_texts_a_part_shows_which_sentence_encoders_help(monkeypatch):
    monkeypatch.setattr("picturedesk.learning.recipes._SCOUTED", 30)
    prepared = make_prepared()
    tiny, other = TinyTextEncoder(16), TinyTextEncoder(8)
    read = []
    monkeypatch.setattr(
        "picturedesk.learning.recipes.worthwhile_encoders",
        lambda pairs, *others: read.append(len(pairs.texts)) or ("fitted", "tiny"),
    )
    found = learn_best(prepared, CONFIG, silent, {"tiny": tiny, "other": other})
    assert read == [15]
    assert found.facts["encoders"] == ("fitted", "tiny")
