"""The recipe: rehearsals that see nothing they should not, weights, calibration, all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.learning.best import fit_best
from picturedesk.learning.best_config import BestConfig, level_blocks
from picturedesk.learning.calibration import Ranking, calibrate, rankings
from picturedesk.learning.cross_validation import Rehearsal, divide
from picturedesk.learning.projections import Sides
from picturedesk.learning.training_pairs import Material, TextParts
from picturedesk.learning.weighing import blended, choose, mean_reciprocal_rank
from picturedesk.measuring.metrics import ranks
from picturedesk.measuring.reliability import reliability
from picturedesk.routes import Weights
from picturedesk.testing import TinyTextEncoder
from picturedesk.types import Level, Preprocessing

LEVELS = (Level("patches", 16, "max"), Level("final", 24, "none"), Level("probs", 8, "none"))
CLASSES = ("boat", "tree", "house", "river", "hill", "horse", "bridge", "tower")
SPEC = BackboneSpec(
    "tiny", "none", "none", LEVELS, Preprocessing(8, 8, "bicubic", (0.5,) * 3, (0.5,) * 3)
)
QUICK = BestConfig(folds=3, ridges=((0.3, 0.5), (3.0, 3.0)))


def make_material(texts=120, noise=0.5, seed=0, captions=False):
    """Texts that name two of eight things, and pictures that show them."""
    random = np.random.default_rng(seed)
    shown = np.array([random.choice(8, size=2, replace=False) for _ in range(texts)])
    looks = random.normal(size=(8, 40)).astype(np.float32)
    features = looks[shown].mean(axis=1) + noise * random.normal(size=(texts, 40))
    probabilities = np.full((texts, 8), 0.02)
    for row, things in enumerate(shown):
        probabilities[row, things] += 0.42
    features = np.concatenate([features, probabilities], axis=1).astype(np.float32)
    spoken = [" ".join(CLASSES[thing] for thing in things) for things in shown]
    return Material(
        texts=tuple(f"{words} {number}" for number, words in enumerate(spoken)),
        features=features,
        links=np.stack([np.arange(texts)] * 2, axis=1),
        together=np.arange(texts),
        alike=np.arange(texts),
        captions=tuple(spoken) if captions else ("",) * texts,
        spec=SPEC,
        blocks=tuple(level_blocks(SPEC)),
        classes=CLASSES,
    )


def parts_of(material, encoder=None):
    return TextParts(material.texts, None, encoder or TinyTextEncoder(64))


def rehearsal(direct, relevant, **routes):
    count = direct.shape[1]
    filled = {"transfer": np.zeros_like(direct), "names": None, "words": None} | routes
    return Rehearsal(
        texts=np.arange(len(direct)),
        relevant=relevant,
        direct=direct,
        hubs=np.zeros(count, dtype=np.float32),
        nearest=np.full(len(direct), 0.5, dtype=np.float32),
        **filled,
    )


def signal(strength, count=60, seed=0):
    """Scores (Q, Q) whose diagonal is right, the stronger the surer."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(count, count)) + strength * np.eye(count)
    return scores.astype(np.float32)


def own(count=60):
    return np.stack([np.arange(count)] * 2, axis=1)


def test_texts_that_belong_together_are_asked_together():
    together = np.repeat(np.arange(30), 4)
    held = divide(together, BestConfig(folds=4))
    assert sorted(np.concatenate(held).tolist()) == list(range(120))
    for asked in held:
        assert np.bincount(together[asked], minlength=30).tolist().count(4) == len(asked) / 4
    assert max(map(len, held)) - min(map(len, held)) <= 4


def test_a_large_archive_is_rehearsed_once():
    assert len(divide(np.arange(100), BestConfig(rehearse_all=50))) == 1
    assert len(divide(np.arange(50), BestConfig(rehearse_all=50))) == 5


def test_sides_are_fitted_on_the_chosen_texts_only():
    material = make_material()
    chosen = np.arange(80)
    one = Sides.of(material, parts_of(material), chosen, QUICK.alignment)
    features = material.features.copy()
    features[80:] = 1e3
    changed = replace(material, features=features)
    other = Sides.of(changed, parts_of(changed), chosen, QUICK.alignment)
    np.testing.assert_array_equal(one.picture_rows, other.picture_rows)
    np.testing.assert_array_equal(one.pictures.weights, other.pictures.weights)


def test_no_text_is_given_to_the_fitted_encoder_that_will_be_asked():
    material = make_material()
    fitted = []

    def fit(texts):
        fitted.append(set(texts))
        return TinyTextEncoder(64)

    parts = TextParts(material.texts, fit, TinyTextEncoder(32))
    fit_best(material, parts, QUICK)
    rehearsed = sorted(fitted, key=len)[:-1]
    assert len(rehearsed) == 3
    asked = [set(material.texts) - texts for texts in rehearsed]
    assert set().union(*asked) == set(material.texts)
    assert sum(map(len, asked)) == len(material.texts)


def test_a_route_that_adds_nothing_is_left_out():
    noise = signal(0, seed=9)
    chosen = choose([rehearsal(signal(3), own(), transfer=noise)], BestConfig(), 10.0)
    assert chosen.transfer == 0


def test_a_better_route_takes_over():
    found = [rehearsal(signal(0), own(), transfer=signal(4, seed=1))]
    chosen = choose(found, BestConfig(), 10.0)
    alone = mean_reciprocal_rank(found, Weights(direct=0.0, transfer=1.0), 10.0)
    assert mean_reciprocal_rank(found, chosen, 10.0) > alone - 0.03


def test_routes_that_know_different_things_are_both_heard():
    found = [
        rehearsal(
            signal(2),
            own(),
            transfer=signal(2, seed=1),
            names=signal(2, seed=2),
            words=np.maximum(signal(2, seed=3), 0),
        )
    ]
    chosen = choose(found, BestConfig(), 1.0)
    assert min(chosen.transfer, chosen.names, chosen.words) > 0
    alone = mean_reciprocal_rank(found, Weights(), 1.0)
    assert mean_reciprocal_rank(found, chosen, 1.0) > alone + 0.1


def test_hubs_are_taken_off_where_that_helps():
    scores = signal(2)
    hubs = np.zeros(60, dtype=np.float32)
    hubs[:5] = 4.0
    found = replace(rehearsal(scores + hubs, own()), hubs=hubs)
    assert choose([found], BestConfig(), 10.0).hubs > 0


def test_blended_scores_are_the_weighed_sum():
    found = rehearsal(signal(1), own(), words=np.maximum(signal(1, seed=3), 0))
    weights = Weights(direct=2.0, transfer=0.0, words=3.0)
    expected = 2 * found.direct + 3 * found.words / (found.words + 10)
    np.testing.assert_allclose(blended(found, weights, 10.0), expected, rtol=1e-5)


def calibration_scores(queries, candidates, strength, seed):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(queries, candidates)).astype(np.float32)
    relevant = np.stack([np.arange(queries), random.integers(candidates, size=queries)], axis=1)
    scores[relevant[:, 0], relevant[:, 1]] += strength
    return scores, relevant, np.full(queries, 0.5, dtype=np.float32)


@pytest.mark.parametrize("candidates", [100, 200])
def test_stated_confidence_is_what_happens_also_among_more_candidates(candidates):
    confidence = calibrate(rankings(*calibration_scores(1500, 100, 2.5, seed=0)))
    asked = rankings(*calibration_scores(1500, candidates, 2.5, seed=1))
    best = [np.argsort(-ranking.scores)[:10] for ranking in asked]
    first = np.array(
        [confidence.of_pictures(r.scores, b)[0] for r, b in zip(asked, best, strict=True)]
    )
    ten = np.array([confidence.of_ten(r.scores, r.nearest) for r in asked])
    found = np.array([r.right[b] for r, b in zip(asked, best, strict=True)])
    assert reliability(first, found[:, 0]).ece < 0.05
    assert reliability(ten, found.any(axis=1)).ece < 0.05
    assert reliability(first, found[:, 0]).auc > 0.7


def test_few_texts_whose_picture_was_found_are_called_weak():
    known = rankings(*calibration_scores(1500, 100, 2.5, seed=0))
    confidence = calibrate(known)
    asked = rankings(*calibration_scores(1500, 100, 2.5, seed=1))
    found = [r for r in asked if r.right[np.argsort(-r.scores)[:10]].any()]
    weak = np.mean([not confidence.is_strong(r.scores) for r in found])
    assert weak < 0.02
    assert not confidence.is_strong(found[0].scores - 5)


def test_too_few_rankings_give_no_confidence():
    assert calibrate(rankings(*calibration_scores(40, 100, 2.5, seed=0))) is None
    assert calibrate(rankings(*calibration_scores(400, 5, 2.5, seed=0))) is None


def test_a_ranking_that_is_always_right_or_never_is_calibrated_too():
    sure = [Ranking(np.r_[9.0, np.zeros(30)], np.arange(31) == 0, 0.5) for _ in range(60)]
    confidence = calibrate(sure)
    assert confidence.of_pictures(sure[0].scores, np.arange(10))[0] > 0.9
    lost = [Ranking(np.r_[9.0, np.zeros(30)], np.arange(31) == 30, 0.5) for _ in range(60)]
    assert calibrate(lost).of_ten(lost[0].scores, 0.5) < 0.1


def test_the_whole_recipe_finds_what_was_learned():
    material = make_material(texts=160)
    training = replace(
        material,
        texts=material.texts[:120],
        links=material.links[:120],
        together=material.together[:120],
        alike=material.alike[:120],
    )
    fitted = fit_best(training, parts_of(training), QUICK)
    texts = fitted.matcher.texts(material.texts[120:])
    pictures = fitted.matcher.pictures(material.features[120:])
    found = ranks(texts @ pictures.T, own(40))
    assert (found <= 10).mean() > 0.7  # chance is a quarter
    assert fitted.rehearsed["blend"] >= max(fitted.rehearsed.values()) - 0.02
    assert fitted.asked == 120
    assert fitted.blend.confidence is not None


def test_captions_are_weighed_where_there_are_some():
    material = make_material(captions=True, noise=5.0)

    def shared_words(texts, captions):
        scores = [[len(set(t.split()) & set(c.split())) for c in captions] for t in texts]
        return np.array(scores, dtype=np.float32)

    fitted = fit_best(material, parts_of(material), QUICK, shared_words)
    assert fitted.blend.weights.words > 0
    assert fitted.rehearsed["blend"] > fitted.rehearsed["direct"]


def test_without_a_sentence_encoder_there_are_no_class_names():
    material = make_material()
    parts = TextParts(material.texts, lambda texts: TinyTextEncoder(64), None)
    fitted = fit_best(material, parts, QUICK)
    assert fitted.blend.names is None
    assert "names" not in fitted.rehearsed


def test_equal_seeds_give_equal_results():
    material = make_material()
    one, other = (fit_best(material, parts_of(material), QUICK) for _ in range(2))
    assert one.matcher.fingerprint == other.matcher.fingerprint
    assert one.blend.weights == other.blend.weights
    assert one.blend.confidence == other.blend.confidence


def test_an_archive_that_is_too_small_is_refused():
    material = make_material(texts=9)
    with pytest.raises(BadInput, match="9 texts to learn from, at least 10"):
        fit_best(material, parts_of(material), QUICK)


def test_a_dozen_texts_are_enough_to_begin_with():
    material = make_material(texts=12)
    fitted = fit_best(material, parts_of(material), BestConfig())
    assert fitted.blend.confidence is None
    assert np.isfinite(fitted.matcher.texts(material.texts)).all()


def test_levels_that_are_not_named_weigh_nothing():
    weights = [block.weight for block in level_blocks(SPEC, ["final"])]
    assert weights == [0, 1, 0]
    assert [block.scaled for block in level_blocks(SPEC)] == [True, True, False]


def test_material_of_unequal_lengths_is_refused():
    with pytest.raises(BadInput, match="captions"):
        replace(make_material(), captions=())


def test_features_are_those_of_the_encoder_whatever_was_known_before():
    material = make_material(texts=20)
    parts = TextParts(material.texts, lambda texts: TinyTextEncoder(16), TinyTextEncoder(32))
    encoder = parts.fit(np.arange(10))
    rows = np.array([3, 15])
    expected = encoder.encode([material.texts[row] for row in rows])
    np.testing.assert_allclose(parts.features(encoder, rows), expected, atol=1e-6)
    first, last = parts.sentence_columns(encoder)
    assert (first, last) == (16, 48)
    np.testing.assert_allclose(
        length_one(expected[:, first:last]),
        TinyTextEncoder(32).encode([material.texts[row] for row in rows]),
        atol=1e-6,
    )
