from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg

import picturedesk.research.baselines.towers
from pairs_of_arrays import linear_archive, spelled_out
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.measuring.metrics import chance_scores, retrieval_scores
from picturedesk.research.baselines.closed_form import CcaConfig, RidgeConfig, cca, ridge

NARROW, WIDE = (10, 14), (10, 200)  # more pictures than numbers, and fewer: the dual form


def archives(widths=NARROW, **changes):
    """A training set and a validation set of 30 texts and pictures."""
    return (
        linear_archive(widths=widths, **changes),
        linear_archive(30, 30, seed=1, widths=widths, **changes),
    )


def scores(towers, asked):
    return length_one(towers.texts(asked.texts)) @ length_one(towers.pictures(asked.pictures)).T


@pytest.mark.parametrize("fit", [ridge, cca])
@pytest.mark.parametrize("widths", [NARROW, WIDE])
def test_a_planted_linear_relation_is_found(fit, widths):
    towers = fit(*archives(widths))
    asked = linear_archive(60, 60, seed=2, widths=widths)
    found = retrieval_scores(scores(towers, asked), asked.links)
    assert found.recall[5] > 0.85
    assert found.mrr > 5 * chance_scores(asked.links, 60).mrr


@pytest.mark.parametrize("widths", [NARROW, WIDE])
@pytest.mark.parametrize("penalty", [0.01, 3.0])
def test_ridge_is_least_squares_over_links_with_a_penalty(widths, penalty):
    training, validation = archives(widths)
    towers = ridge(training, validation, RidgeConfig((penalty,)))
    texts, pictures, means, deviation = spelled_out(training)
    root = np.sqrt(penalty * len(texts))  # the penalty, as so many more rows of zeros to explain
    rows = np.concatenate([pictures, root * np.eye(pictures.shape[1])])
    wanted = np.concatenate([texts, np.zeros((pictures.shape[1], texts.shape[1]))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    expected = (validation.pictures - means[1]) / deviation @ weights
    assert towers.pictures(validation.pictures) == pytest.approx(expected, abs=1e-4)
    assert towers.texts(validation.texts) == pytest.approx(validation.texts - means[0], abs=1e-5)


def by_eigenproblem(training, text_penalty, picture_penalty):
    """CCA as the textbook's generalised eigenproblem over both sides at once."""
    texts, pictures, means, deviation = spelled_out(training)
    count, width = len(texts), texts.shape[1]
    both = np.concatenate([texts, pictures], axis=1)
    whole = both.T @ both / count
    own = scipy.linalg.block_diag(whole[:width, :width], whole[width:, width:])
    unit = own.diagonal()[:width].mean()
    penalties = np.full(len(own), picture_penalty)
    penalties[:width] = text_penalty * unit
    across = whole - own
    values, vectors = scipy.linalg.eigh(across, own + np.diag(penalties))
    best = np.argsort(-values)[:width]
    vectors = vectors[:, best] * np.sqrt(2)  # each side has half of the length
    return values[best], vectors[:width], vectors[width:] / deviation[:, None], means


@pytest.mark.parametrize("widths", [NARROW, WIDE])
@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_cca_is_the_generalised_eigenproblem(widths, power):
    training, validation = archives(widths)
    config = CcaConfig((0.1,), (0.3,), (widths[0],), (power,))
    towers = cca(training, validation, config)
    correlations, text, picture, means = by_eigenproblem(training, 0.1, 0.3)
    expected = (validation.texts - means[0]) @ text * correlations**power
    found = towers.texts(validation.texts)
    signs = np.sign((expected * found).sum(axis=0))
    assert found * signs == pytest.approx(expected, abs=2e-3)
    expected = (validation.pictures - means[1]) @ picture * correlations**power
    assert towers.pictures(validation.pictures) * signs == pytest.approx(expected, abs=2e-3)


def test_settings_are_those_that_find_most_on_the_validation_set():
    training, validation = archives(noise=1.0)
    tried = {
        penalty: retrieval_scores(
            scores(ridge(training, validation, RidgeConfig((penalty,))), validation),
            validation.links,
        ).mrr
        for penalty in RidgeConfig().penalties
    }
    chosen = ridge(training, validation).chosen
    assert chosen["mrr"] == pytest.approx(max(tried.values()))
    assert tried[chosen["penalty"]] == pytest.approx(max(tried.values()))
    towers = cca(training, validation)
    found = retrieval_scores(scores(towers, validation), validation.links).mrr
    assert towers.chosen["mrr"] == pytest.approx(found)
    assert towers.chosen["dimensions"] <= 10


@pytest.mark.parametrize("fit", [ridge, cca])
def test_neither_blocks_nor_repeated_links_nor_idle_pictures_change_anything(fit, monkeypatch):
    training, validation = archives()
    whole = fit(training, validation)
    idle = replace(
        training,
        links=np.concatenate([training.links, training.links[:20]]),
        pictures=np.concatenate([training.pictures, 100 + training.pictures[:3]]),
        groups=np.arange(103),
    )
    monkeypatch.setattr(picturedesk.research.baselines.towers, "_BLOCK", 7)
    assert scores(fit(idle, validation), validation) == pytest.approx(
        scores(whole, validation), abs=1e-4
    )


@pytest.mark.parametrize("fit", [ridge, cca])
def test_both_forms_agree_where_pictures_outnumber_columns_by_one(fit):
    """One picture more or less switches the form; the scores hardly move."""
    training, validation = archives((10, 100))
    one_less = replace(
        training,
        pictures=training.pictures[:99],
        links=training.links[training.links[:, 1] < 99],
        groups=np.arange(99),
    )
    apart = scores(fit(training, validation), validation) - scores(
        fit(one_less, validation), validation
    )
    assert np.abs(apart).mean() < 0.05


@pytest.mark.parametrize("fit", [ridge, cca])
def test_a_column_that_never_varies_does_no_harm(fit):
    training, validation = archives()
    dull = [
        replace(one, pictures=np.hstack([one.pictures, np.full((len(one.pictures), 1), 0.1)]))
        for one in (training, validation)
    ]
    dull = [replace(one, pictures=one.pictures.astype(np.float32)) for one in dull]
    assert scores(fit(*dull), dull[1]) == pytest.approx(
        scores(fit(training, validation), validation), abs=1e-4
    )


@pytest.mark.parametrize("fit", [ridge, cca])
def test_a_text_without_a_known_word_scores_zero_everywhere(fit):
    training, validation = archives()
    towers = fit(training, validation)
    assert not towers.texts(np.zeros((2, 10), dtype=np.float32)).any()


@pytest.mark.parametrize("fit", [ridge, cca])
def test_texts_that_are_all_equal_teach_nothing_and_break_nothing(fit):
    training, validation = archives()
    towers = fit(replace(training, texts=np.ones_like(training.texts)), validation)
    assert np.isfinite(scores(towers, validation)).all()


@pytest.mark.parametrize("fit", [ridge, cca])
def test_equal_input_gives_equal_weights(fit):
    first, again = fit(*archives()), fit(*archives())
    assert first.picture.weights.tobytes() == again.picture.weights.tobytes()
    assert first.text.weights.tobytes() == again.text.weights.tobytes()


@pytest.mark.parametrize("fit", [ridge, cca])
def test_sets_that_cannot_be_used_are_refused(fit):
    training, validation = archives()
    with pytest.raises(BadInput, match=r"widths \(10, 14\), validation ones \(10, 15\)"):
        fit(training, linear_archive(widths=(10, 15)))
    with pytest.raises(BadInput, match="validation set links no text"):
        fit(training, replace(validation, links=np.empty((0, 2), dtype=np.int64)))
    broken = training.pictures.copy()
    broken[3, 2] = np.nan
    with pytest.raises(BadInput, match="level features of the training set hold NaN"):
        fit(replace(training, pictures=broken), validation)


def test_other_features_than_those_it_was_fitted_on_are_refused():
    towers = ridge(*archives())
    with pytest.raises(BadInput, match=r"level features of shape \(2, 9\).*\(rows, 14\)"):
        towers.pictures(np.zeros((2, 9), dtype=np.float32))
    with pytest.raises(BadInput, match="text vectors of shape"):
        towers.texts(np.zeros((2, 9), dtype=np.float32))


@pytest.mark.parametrize(
    "build",
    [
        lambda: RidgeConfig(()),
        lambda: RidgeConfig((0.0,)),
        lambda: CcaConfig(dimensions=(0,)),
        lambda: CcaConfig(text_penalties=(-1.0,)),
        lambda: CcaConfig(powers=(-1.0,)),
    ],
)
def test_settings_that_mean_nothing_are_refused(build):
    with pytest.raises(BadInput, match="give at least one"):
        build()
