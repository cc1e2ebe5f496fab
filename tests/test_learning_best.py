"""The recipe: folds that see nothing they should not, weights, calibration, all of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.learning import cross_validation
from picturedesk.learning.best import fit_best
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.choices import (
    DECISIONS,
    best_of,
    best_ridges,
    sets_of_encoders,
    sets_of_levels,
)
from picturedesk.learning.cross_validation import (
    FoldScores,
    HeldOut,
    divide,
    fit_routes,
    fold_of,
    held_out_folds,
    held_out_scores,
)
from picturedesk.learning.projections import Projections
from picturedesk.learning.training_pairs import TextFeatures, level_blocks
from picturedesk.learning.weighing import (
    blended,
    choose,
    deviations,
    mean_reciprocal_rank,
    overall,
)
from picturedesk.measuring.metrics import ranks
from picturedesk.routes import Blend
from picturedesk.routes.class_names import ClassNamesPlan
from picturedesk.routes.kinds import BEST
from picturedesk.testing import TinyTextEncoder
from picturedesk.types import Level
from small_pairs import QUICK, SPEC, features_of, make_pairs


class NoisyEncoder(TinyTextEncoder):
    """An encoder whose vectors say nothing of the texts."""

    def encode(self, texts):
        random = np.random.default_rng(len(texts))
        return length_one(random.normal(size=(len(texts), self.width)).astype(np.float32))


def fold_scores(relevant, **scores):
    queries, candidates = scores["direct"].shape
    held_out = HeldOut(np.arange(queries), np.arange(candidates), relevant)
    return FoldScores(held_out, scores, np.full(queries, 0.5, dtype=np.float32))


def signal(strength, count=60, seed=0):
    """Scores (Q, Q) whose diagonal is right, the stronger the surer."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(count, count)) + strength * np.eye(count)
    return scores.astype(np.float32)


def own(count=60):
    return np.stack([np.arange(count)] * 2, axis=1)


def weights_of(*folds, plans=BEST, gain=0.002):
    return choose(folds, plans, gain)


def test_texts_that_belong_together_are_held_out_together():
    groups = np.repeat(np.arange(30), 4)
    config = BestConfig(folds=4)
    parts = divide(groups, config)
    held = held_out_folds(parts, config)
    assert len(held) == 4
    for part, fold in enumerate(held):
        assert set(parts[fold]) == {part}
    assert sorted(np.concatenate(held).tolist()) == list(range(120))
    for fold in held:
        assert np.bincount(groups[fold], minlength=30).tolist().count(4) == len(fold) / 4
    assert max(map(len, held)) - min(map(len, held)) <= 4


def test_folds_are_held_out_until_they_have_texts_enough():
    config = BestConfig(held_out_texts=50)
    large, small = (divide(np.arange(count), config) for count in (150, 50))
    assert set(large) == set(small) == set(range(5))
    assert [fold.tolist() for fold in held_out_folds(large, config)] == [
        np.flatnonzero(large == part).tolist() for part in (0, 1)
    ]
    assert len(held_out_folds(small, config)) == 5


def test_of_very_many_texts_held_out_a_sample_counts_and_all_their_pictures_compete():
    pairs = make_pairs()
    fold = np.arange(40, 80)
    some = HeldOut.of(pairs, fold, BestConfig(max_queries=7))
    assert len(some.texts) == 7
    assert set(some.texts) <= set(fold)
    assert some.texts.tolist() == sorted(some.texts)
    assert some.candidates.tolist() == fold.tolist()
    assert some.candidates[some.relevant[:, 1]].tolist() == some.texts[some.relevant[:, 0]].tolist()
    every = HeldOut.of(pairs, fold, BestConfig())
    assert every.texts.tolist() == fold.tolist()
    assert set(every.others) == set(range(len(pairs.keys))) - set(fold)


def test_of_very_many_pictures_held_out_some_compete_with_those_of_the_texts(monkeypatch):
    monkeypatch.setattr(cross_validation, "_CANDIDATES", 20)
    pairs, fold = make_pairs(), np.arange(40, 80)
    some = HeldOut.of(pairs, fold, BestConfig(max_queries=7))
    assert len(set(some.candidates)) == 20
    assert set(some.texts) < set(some.candidates) < set(fold)  # a text's picture has its number
    assert some.candidates[some.relevant[:, 1]].tolist() == some.texts[some.relevant[:, 0]].tolist()
    assert not set(some.others) & set(fold)


def test_projections_are_fitted_on_the_chosen_texts_only():
    pairs = make_pairs()
    chosen = np.arange(80)
    one = Projections.of(pairs, features_of(pairs), chosen, QUICK.alignment)
    features = pairs.features.copy()
    features[80:] = 1e3
    changed = replace(pairs, features=features)
    other = Projections.of(changed, features_of(changed), chosen, QUICK.alignment)
    np.testing.assert_array_equal(one.picture_rows, other.picture_rows)
    np.testing.assert_array_equal(one.picture_side.weights, other.picture_side.weights)


def test_routes_of_a_fold_know_nothing_of_what_is_held_out():
    pairs = make_pairs(captions=True)
    chosen, held = np.arange(80), np.arange(80, 120)
    held_out = HeldOut.of(pairs, held, QUICK)

    def scores(pairs):
        features = features_of(pairs)
        projections = Projections.of(pairs, features, chosen, QUICK.alignment)
        matcher = projections.align(QUICK.alignment)
        fold = fold_of(projections, matcher, None)
        rows = features.features(projections.encoder, held_out.texts)
        blend = Blend(matcher, fit_routes(BEST, fold), {})
        return held_out_scores(blend, fold.archive, rows, pairs, held_out)

    ours = scores(pairs)
    assert set(ours.scores) == {"direct", "hubness", "transfer", "captions"}
    shapes = {values.shape for values in ours.scores.values()}
    assert shapes == {(40, 40)}
    texts, features = list(pairs.texts), pairs.features.copy()
    texts[119], features[119] = "horse horse", 0.0
    theirs = scores(replace(pairs, texts=tuple(texts), features=features))
    for name, values in ours.scores.items():
        np.testing.assert_allclose(theirs.scores[name][:39, :39], values[:39, :39], atol=1e-5)


def test_no_text_is_given_to_the_fitted_encoder_that_will_be_held_out():
    pairs = make_pairs()
    fitted = []

    def fit(texts):
        fitted.append(set(texts))
        return TinyTextEncoder(64)

    features = TextFeatures(pairs.texts, fit, {"tiny": TinyTextEncoder(32)})
    fit_best(pairs, features, QUICK)
    folds = sorted(fitted, key=len)[:-1]
    assert len(folds) == 3
    held_out = [set(pairs.texts) - texts for texts in folds]
    assert set().union(*held_out) == set(pairs.texts)
    assert sum(map(len, held_out)) == len(pairs.texts)


def test_a_route_that_adds_nothing_is_left_out():
    fold = fold_scores(own(), direct=signal(3), transfer=signal(0, seed=9))
    assert weights_of(fold)["transfer"] == 0


def test_a_better_route_takes_over():
    fold = fold_scores(own(), direct=signal(0), transfer=signal(4, seed=1))
    alone = mean_reciprocal_rank([fold], {"transfer": 1.0})
    assert mean_reciprocal_rank([fold], weights_of(fold)) > alone - 0.03


def test_routes_that_know_different_things_all_count():
    fold = fold_scores(
        own(),
        direct=signal(2),
        transfer=signal(2, seed=1),
        class_names=signal(2, seed=2),
        captions=np.maximum(signal(2, seed=3), 0),
    )
    chosen = weights_of(fold)
    assert min(chosen["transfer"], chosen["class_names"], chosen["captions"]) > 0
    alone = mean_reciprocal_rank([fold], {"direct": 1.0})
    assert mean_reciprocal_rank([fold], chosen) > alone + 0.1


def test_hubs_are_taken_off_where_that_helps():
    hubs = np.zeros((60, 60), dtype=np.float32)
    hubs[:, :5] = 4.0
    fold = fold_scores(own(), direct=signal(2) + hubs, hubness=-hubs)
    assert weights_of(fold)["hubness"] > 0


def test_weights_are_given_for_scores_of_one_deviation():
    fold = fold_scores(own(), direct=3 * signal(3), hubness=signal(0, seed=4), transfer=signal(1))
    found = deviations([fold])
    assert found["direct"] == pytest.approx(fold.scores["direct"].std(axis=1).mean())
    chosen = weights_of(fold)
    assert chosen["direct"] == pytest.approx(1 / found["direct"])
    tried = {
        weight / found["direct"] for weight in (0.0, 0.25, 0.5)
    }  # hubness: of the direct route
    assert chosen["hubness"] in tried


def test_texts_for_which_a_route_scores_all_alike_do_not_count_in_its_deviation():
    captions = np.zeros((60, 60), dtype=np.float32)
    captions[:3] = signal(1)[:3]
    fold = fold_scores(own(), direct=signal(1), captions=captions)
    assert deviations([fold])["captions"] == pytest.approx(captions[:3].std(axis=1).mean())
    silent = fold_scores(own(), direct=signal(1), captions=np.zeros_like(captions))
    assert deviations([silent])["captions"] == 1.0


def test_a_route_that_not_every_fold_has_gets_its_default_weight():
    whole = fold_scores(own(), direct=signal(1), captions=signal(4, seed=1))
    part = fold_scores(own(), direct=signal(1))
    for folds in ((whole, part), (part, whole), (part,)):
        chosen = weights_of(*folds)
        assert chosen["captions"] == 1.5
        assert chosen["class_names"] == 0.0


def test_blended_scores_are_the_weighted_sum():
    fold = fold_scores(own(), direct=signal(1), captions=np.maximum(signal(1, seed=3), 0))
    expected = 2 * fold.scores["direct"] + 3 * fold.scores["captions"]
    found = blended(fold, {"direct": 2.0, "transfer": 0.0, "captions": 3.0})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_whole_recipe_finds_what_was_learned():
    pairs = make_pairs(texts=160)
    training = replace(
        pairs,
        texts=pairs.texts[:120],
        links=pairs.links[:120],
        split_groups=pairs.split_groups[:120],
        duplicate_groups=pairs.duplicate_groups[:120],
    )
    fitted = fit_best(training, features_of(training), QUICK)
    texts = fitted.matcher.texts(pairs.texts[120:])
    pictures = fitted.matcher.pictures(pairs.features[120:])
    found = ranks(texts @ pictures.T, own(40))
    assert (found <= 10).mean() > 0.7  # chance is a quarter
    measured = fitted.cross_validated
    assert set(measured) == {"direct", "transfer", "class_names", "blend"}
    assert measured["blend"] >= max(measured.values()) - 0.02
    assert fitted.held_out == 120
    assert fitted.blend.confidence is not None
    np.testing.assert_array_equal(
        fitted.text_features, fitted.matcher.text_encoder.encode(training.texts)
    )


def test_captions_are_weighed_where_there_are_some():
    pairs = make_pairs(captions=True)
    unlike = np.random.default_rng(0).normal(size=pairs.features.shape)
    pairs = replace(pairs, features=np.abs(unlike).astype(np.float32))
    fitted = fit_best(pairs, features_of(pairs), QUICK)
    assert fitted.blend.weights["captions"] > 0
    assert fitted.cross_validated["blend"] > fitted.cross_validated["direct"]


def test_without_captions_their_weight_is_the_default():
    pairs = make_pairs()
    fitted = fit_best(pairs, features_of(pairs), QUICK)
    assert fitted.blend.weights["captions"] == 1.5
    assert "captions" not in fitted.cross_validated


def test_without_a_sentence_encoder_there_are_no_class_names():
    pairs = make_pairs()
    features = TextFeatures(pairs.texts, lambda texts: TinyTextEncoder(64))
    fitted = fit_best(pairs, features, QUICK)
    assert "class_names" not in [route.name for route in fitted.blend.routes]
    assert "class_names" not in fitted.cross_validated


def test_routes_are_those_of_the_settings():
    pairs = make_pairs(texts=40)
    fitted = fit_best(pairs, features_of(pairs), replace(QUICK, routes=BEST[:3]))
    assert [route.name for route in fitted.blend.routes] == ["direct", "hubness", "transfer"]


@dataclass(frozen=True)
class CountedPlan(ClassNamesPlan):
    """Class names that may weigh nothing, or must weigh something; counts its fits."""

    fits: list = field(default_factory=list)

    def fit(self, fold):
        self.fits.append(len(fold.queries))
        return super().fit(fold)


@pytest.mark.parametrize(("weights", "fits"), [((0.0,), 3), ((0.5,), 6)])
def test_the_last_routes_are_fitted_in_all_folds_only_where_they_add_something(weights, fits):
    pairs, plan = make_pairs(texts=60), CountedPlan(weights=weights)
    config = replace(QUICK, folds=5, routes=(*BEST[:3], plan))
    fitted = fit_best(pairs, features_of(pairs), config)
    assert len(plan.fits) == fits  # two folds or five, and all training texts
    assert (fitted.blend.weights[plan.name] > 0) == (weights[0] > 0)
    assert (plan.name in fitted.cross_validated) == (weights[0] > 0)


def test_what_editors_decided_is_weighed_by_cross_validation():
    pairs = make_pairs(texts=40)
    decided = replace(
        pairs,
        decided=(True,) * 5 + (False,) * 35,
        against=np.arange(5),
        passed_over=pairs.features[20:25],
    )
    assert fit_best(pairs, features_of(pairs), QUICK).decisions is None
    fitted = fit_best(decided, features_of(decided), QUICK)
    assert fitted.decisions in DECISIONS
    assert (
        fitted.matcher.fingerprint != fit_best(pairs, features_of(pairs), QUICK).matcher.fingerprint
    )


def test_equal_seeds_give_equal_results():
    pairs = make_pairs()
    one, other = (fit_best(pairs, features_of(pairs), QUICK) for _ in range(2))
    assert one.matcher.fingerprint == other.matcher.fingerprint
    assert one.blend.weights == other.blend.weights
    assert one.blend.confidence == other.blend.confidence
    assert one.blend.fingerprint == other.blend.fingerprint


def test_an_archive_that_is_too_small_is_refused():
    pairs = make_pairs(texts=9)
    with pytest.raises(BadInput, match="9 texts to learn from, at least 10"):
        fit_best(pairs, features_of(pairs), QUICK)


def test_a_dozen_texts_are_enough_to_begin_with():
    pairs = make_pairs(texts=12)
    fitted = fit_best(pairs, features_of(pairs), BestConfig())
    assert fitted.blend.confidence is None
    assert np.isfinite(fitted.matcher.texts(pairs.texts)).all()


def test_levels_that_are_not_named_weigh_nothing():
    weights = [block.weight for block in level_blocks(SPEC, ["final"])]
    assert weights == [0, 1, 0]
    assert [block.scaled for block in level_blocks(SPEC)] == [True, True, False]


@pytest.mark.parametrize("missing", ["captions", "keys"])
def test_pairs_of_unequal_lengths_are_refused(missing):
    with pytest.raises(BadInput, match="the counts must be equal"):
        replace(make_pairs(), **{missing: ()})
    with pytest.raises(BadInput, match=r"texts, split groups and duplicate groups are \(120, 3"):
        replace(make_pairs(), split_groups=np.arange(3))


def test_features_are_those_of_the_encoder_whatever_was_known_before():
    pairs = make_pairs(texts=20)
    pretrained = {"first": TinyTextEncoder(32), "second": TinyTextEncoder(24)}
    features = TextFeatures(pairs.texts, lambda texts: TinyTextEncoder(16), pretrained)
    assert features.names == ("fitted", "first", "second")
    encoder = features.fit(np.arange(10))
    rows = np.array([3, 15])
    texts = [pairs.texts[row] for row in rows]
    expected = encoder.encode(texts)
    np.testing.assert_allclose(features.features(encoder, rows), expected, atol=1e-6)
    columns = features.columns_of(encoder, "second")
    assert columns == slice(48, 72)
    alone = pretrained["second"].encode(texts)
    np.testing.assert_allclose(length_one(expected[:, columns]), alone, atol=1e-6)
    bare = TextFeatures(pairs.texts, lambda texts: TinyTextEncoder(16))
    assert bare.columns_of(bare.fit(rows), "second") == slice(0, 0)


def test_features_of_some_texts_are_renumbered_and_not_encoded_again():
    pairs = make_pairs(texts=20)
    read = []

    class Counting(TinyTextEncoder):
        def encode(self, texts):
            read.extend(texts)
            return super().encode(texts)

    features = TextFeatures(pairs.texts, None, {"counting": Counting(32)})
    chosen = np.array([2, 5, 11])
    some = features.of(chosen)
    encoder = some.fit(np.arange(3))
    found = some.features(encoder, np.array([2]))
    assert len(read) == 20
    np.testing.assert_array_equal(found, features.features(encoder, chosen[[2]]))
    other = TinyTextEncoder(8)  # an encoder that joins nothing is asked itself
    expected = other.encode([pairs.texts[11]])
    np.testing.assert_array_equal(some.features(other, np.array([2])), expected)


@pytest.mark.parametrize("names", [["first"], ["second", "fitted"], ["fitted"]])
def test_some_of_the_encoders_are_those_of_all_and_encode_nothing_again(names):
    pairs = make_pairs(texts=20)
    read = []

    class Counting(TinyTextEncoder):
        def encode(self, texts):
            read.extend(texts)
            return super().encode(texts)

    pretrained = {"first": Counting(32), "second": Counting(24)}
    features = TextFeatures(pairs.texts, lambda texts: TinyTextEncoder(16), pretrained)
    some, rows = features.only(names), np.array([3, 15])
    assert some.names == tuple(name for name in features.names if name in names)
    joined, whole = some.fit(rows), features.fit(rows)
    found, expected = some.features(joined, rows), features.features(whole, rows)
    assert len(read) == 2 * len(pairs.texts)
    for name in features.names:
        columns = some.columns_of(joined, name)
        if name not in names:
            assert columns == slice(0, 0)
            continue
        theirs = expected[:, features.columns_of(whole, name)]
        np.testing.assert_allclose(found[:, columns] / joined.scale, theirs / whole.scale, 1e-6)
    assert some.of(rows).only(some.names).names == some.names


def test_class_names_are_read_by_the_first_pretrained_encoder_in_use():
    pairs = make_pairs(texts=40)
    pretrained = {"first": TinyTextEncoder(64), "second": TinyTextEncoder(48)}
    features = TextFeatures(pairs.texts, None, pretrained)
    for some, columns in ((features, (0, 64)), (features.only(["second"]), (0, 48))):
        routes = {route.name: route for route in fit_best(pairs, some, QUICK).blend.routes}
        assert routes["class_names"].columns == columns


def test_no_encoder_at_all_is_refused():
    with pytest.raises(BadInput, match="no text encoder is left"):
        TextFeatures(("a",), None)


@pytest.mark.parametrize(
    ("pretrained", "known", "message"),
    [
        ({"fitted": TinyTextEncoder(8)}, {}, "names the encoder that is fitted"),
        ({"tiny": TinyTextEncoder(8)}, {"other": np.zeros((1, 8))}, "encoders are tiny"),
        ({"tiny": TinyTextEncoder(8)}, {"tiny": np.zeros((2, 8))}, "2 rows, there are 1 texts"),
        ({"tiny": TinyTextEncoder(8)}, {"tiny": np.zeros((1, 7))}, "numbers in rows"),
    ],
)
def test_encoders_and_vectors_that_do_not_fit_are_refused(pretrained, known, message):
    with pytest.raises(BadInput, match=message):
        TextFeatures(("a",), None, pretrained, known)


def test_an_encoder_that_is_not_there_cannot_be_chosen():
    features = TextFeatures(("a",), None, {"tiny": TinyTextEncoder(8)})
    with pytest.raises(BadInput, match=r"no text encoder 'fitted', 'use': there are tiny"):
        features.only(["use", "fitted"])
    with pytest.raises(BadInput, match="no text encoder is left"):
        features.only([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 1}, "at least 2, 1 and 1 are needed"),
        ({"ridges": ()}, "at least 2, 1 and 1 are needed"),
        ({"short_queries": -1}, "at least 2, 1 and 1 are needed"),
        ({"ridge_step": 1}, "above 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        BestConfig(**settings)


def test_ridges_are_sought_beyond_the_edge_of_the_grid():
    tried = []

    def value(ridges):
        tried.append(ridges)
        return np.full(9, -(abs(np.log(ridges[0] / 27)) + abs(np.log(ridges[1] / 0.01))))

    best = best_ridges(value, BestConfig(ridges=((1.0, 1.0), (3.0, 3.0))))
    assert best[0] == pytest.approx(27)
    assert best[1] == pytest.approx(0.01, rel=0.5)
    assert len(tried) == len(set(tried))  # nothing is tried twice


def test_a_single_pair_of_ridges_is_taken_as_it_is():
    assert best_ridges(lambda _: 1 / 0, BestConfig(ridges=((2.0, 5.0),))) == (2.0, 5.0)


def test_ridges_that_are_better_by_luck_are_not_taken():
    random = np.random.default_rng(0)
    grid = ((0.3, 0.5), (1.0, 1.0))
    noise = random.normal(0.5, 0.2, 400)

    def values(ridges):
        found = noise + random.normal(0, 0.2, 400)
        return found + (0.1 if ridges == (1.0, 1.0) else 0.0)

    assert best_ridges(values, BestConfig(ridges=grid)) == (1.0, 1.0)


def test_another_choice_must_be_likely_to_be_better():
    random = np.random.default_rng(0)
    noise = random.normal(size=400)
    values = {"usual": noise, "lucky": noise + random.normal(0.02, 1.0, 400)}
    assert best_of(("usual", "lucky"), values.__getitem__) == "usual"
    values["better"] = noise + random.normal(0.5, 1.0, 400)
    assert best_of(("usual", "lucky", "better"), values.__getitem__) == "better"
    assert best_of(("usual",), lambda _: 1 / 0) == "usual"


def test_encoders_are_tried_together_and_fewer_of_them_but_never_without_the_fitted_one():
    assert sets_of_encoders(("fitted", "use", "e5")) == [(0, 1, 2), (0, 1), (0, 2), (0,)]
    assert sets_of_encoders(("use", "e5")) == [(0, 1), (0,), (1,)]
    assert sets_of_encoders(("fitted", "openclip", "e5")) == [(0, 1, 2), (0, 1)]


def test_levels_are_tried_without_probabilities_and_without_maxima():
    levels = (Level("a", 4, "max"), Level("final", 3, "none"), Level("probs", 2, "none"))
    spec = replace(SPEC, levels=levels)
    blocks = level_blocks(spec)
    assert sets_of_levels(spec, blocks) == [(0.5, 1.0, 0.5), (0.5, 1.0, 0.0), (0.0, 1.0, 0.0)]
    assert sets_of_levels(spec, level_blocks(spec, ["final"])) == [(0.0, 1.0, 0.0)]


def test_an_encoder_that_knows_nothing_is_left_out():
    pairs = make_pairs()
    noise = NoisyEncoder(32)
    features = TextFeatures(pairs.texts, None, {"tiny": TinyTextEncoder(64), "noise": noise})
    fitted = fit_best(pairs, features, QUICK)
    assert fitted.encoders == ("tiny",)
    assert fitted.matcher.text_encoder.width == 64
    assert fitted.text_features.shape == (len(pairs.texts), 64)


def test_weights_count_what_was_learned_from_as_rivals():
    right = signal(3.0)
    rivals = {"direct": right[:, :40] * 0 + 9.0, "transfer": right[:, :40] * 0 - 9.0}
    alone = fold_scores(own(), direct=right, transfer=right)
    crowded = replace(alone, others=rivals)
    assert overall([alone], {"direct": 1.0}) == pytest.approx(
        mean_reciprocal_rank([alone], {"direct": 1.0})
    )
    assert overall([crowded], {"direct": 1.0}) < 0.8 * overall([alone], {"direct": 1.0})
    assert overall([crowded], {"transfer": 1.0}) == overall([alone], {"transfer": 1.0})
