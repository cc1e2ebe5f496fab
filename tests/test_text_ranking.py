"""Texts for a picture: weights and a correction of their own, and ``Desk.texts``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picturedesk.cli.app import run
from picturedesk.desk import Desk
from picturedesk.desk.given import read_given
from picturedesk.desk.ranking_texts import AGAIN, TextRanker
from picturedesk.errors import BadInput, BadPicture
from picturedesk.learning.cross_validation import FoldScores, HeldOut
from picturedesk.learning.weighing import choose
from picturedesk.learning.weighing_texts import (
    TextFold,
    choose_texts,
    mean_reciprocal_rank_of_texts,
)
from picturedesk.measuring.evaluation import TO_PICTURE, TO_TEXT, evaluate, evaluate_blocks
from picturedesk.routes import Blend, Pictures
from picturedesk.routes.blend import total
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.kinds import BEST
from picturedesk.routes.text_ranking import USUAL, Correction, TextRanking, soft_maximum
from shapes import draw
from small_routes import make_blend, make_fold, make_pictures, make_queries, make_texts

GAIN = 0.002


def planted(count=60, others=80, seed=0, loud=30.0):
    """Transfer tells pictures of one text apart, but some texts get a lot of it from all of them.

    Subtracting the usual score of a text repairs what the loud texts spoil.
    """
    random = np.random.default_rng(seed)
    links = np.stack([np.arange(count)] * 2, axis=1)

    def both(strength, offset):
        right = random.normal(size=(count, count)) + strength * np.eye(count) + offset
        rest = random.normal(size=(count, others)) + offset
        return right.astype(np.float32), rest.astype(np.float32)

    own, rest = {}, {}
    own["direct"], rest["direct"] = both(1.5, 0.0)
    offsets = loud * random.random((count, 1))
    own["transfer"], rest["transfer"] = both(3.0, offsets)
    held_out = HeldOut(np.arange(count), np.arange(count), links)
    scores = FoldScores(held_out, own, np.full(count, 0.5, dtype=np.float32), rest)
    return scores, TextFold(links, own, rest)


def test_weights_that_rank_pictures_are_bad_for_texts_and_the_second_ones_repair_it():
    scores, folds = zip(*(planted(seed=seed) for seed in (0, 1)), strict=True)
    for_pictures = choose(scores, BEST, GAIN)
    assert for_pictures["transfer"] > for_pictures["direct"]
    chosen = choose_texts(scores, folds, BEST, for_pictures, GAIN)
    unseen, fold = planted(seed=7)
    assert set(unseen.scores) == {"direct", "transfer"}
    direct, old, new = (
        mean_reciprocal_rank_of_texts([fold], weights)
        for weights in (
            {"direct": 1.0},
            for_pictures,
            {**chosen.weights, USUAL: chosen.blended.strength},
        )
    )
    assert old < direct - 0.05
    assert new > direct + 0.05
    assert chosen.direct.temperature > 0
    assert chosen.weights["captions"] == for_pictures["captions"] > 0  # which no fold can score


def test_texts_that_no_correction_helps_get_none():
    scores, fold = planted(loud=0.0)
    quiet = {name: rest - rest for name, rest in fold.references.items()}
    chosen = choose_texts([scores], [replace(fold, references=quiet)], BEST, {}, GAIN)
    assert chosen.blended.strength == chosen.direct.strength == 0
    np.testing.assert_array_equal(
        chosen.direct.corrected(fold.scores["direct"], quiet["direct"]), fold.scores["direct"]
    )


def test_ranks_of_texts_are_counted_down_the_columns_of_each_picture():
    scores = np.array([[0.9, 0.1, 0.5], [0.8, 0.3, 0.2], [0.7, 0.2, 0.4]], dtype=np.float32)
    links = np.array([[0, 0], [2, 0], [1, 1], [1, 2]])  # picture 0 has two right texts
    nothing = {"direct": np.zeros((3, 4), dtype=np.float32)}
    fold = TextFold(links, {"direct": scores}, nothing)
    # Down the columns: text 0 is first of picture 0, text 1 first of 1, text 1 last of 2.
    expected = (1 / 1 + 1 / 1 + 1 / 3) / 3
    assert mean_reciprocal_rank_of_texts([fold], {"direct": 1.0}) == pytest.approx(expected)
    usual = {"direct": np.array([[0.6] * 4, [0.3] * 4, [0.2] * 4], dtype=np.float32)}
    fold = TextFold(links, {"direct": scores}, usual)
    # Less .6, .3 and .2: text 1 and 2 tie on picture 0 (.5), a tie counts against the right one;
    # picture 1 has 0 for 1 and 2: second; picture 2 has text 1 at -.1 with 0, below text 2: third.
    corrected = Correction(1.0, 1.0).corrected(scores, usual["direct"])
    np.testing.assert_allclose(corrected[:, 0], [0.3, 0.5, 0.5], atol=1e-6)
    np.testing.assert_allclose(corrected[:, 2], [-0.1, -0.1, 0.2], atol=1e-6)


def test_a_picture_without_a_text_does_not_count():
    scores = {"direct": np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)}
    fold = TextFold(np.array([[1, 0]]), scores, {"direct": np.zeros((2, 3), dtype=np.float32)})
    assert mean_reciprocal_rank_of_texts([fold], {"direct": 1.0}) == 0.5


def test_the_soft_maximum_is_between_mean_and_maximum_and_leaves_out_what_it_should():
    scores = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    for temperature in (0.05, 1.0, 20.0):
        found = soft_maximum(scores, temperature)
        assert (found <= scores.max(axis=1) + 1e-5).all()
        assert (found >= scores.mean(axis=1) - 1e-5).all()
    own = np.zeros(scores.shape, dtype=bool)
    own[0, scores[0].argmax()] = own[1] = True
    found = soft_maximum(scores, 0.5, own)
    assert found[0] == pytest.approx(soft_maximum(np.sort(scores[:1])[:, :-1], 0.5)[0], abs=1e-5)
    assert found[1] == 0
    np.testing.assert_allclose(found[2:], soft_maximum(scores, 0.5)[2:], atol=1e-6)
    with pytest.raises(BadInput, match="temperature above 0"):
        Correction(1.0, 0.0)


def with_texts(blend, fold, strength=0.8):
    """The blend with weights for texts; its reference pictures are those of the archive."""
    pictures = fold.pictures
    correction = Correction(strength, 0.4)
    vectors, keys = blend.vectors(pictures), tuple(pictures.keys)
    weights = {"direct": 1.0, "transfer": 0.5, "captions": 0.3}
    return replace(blend, texts=TextRanking(weights, correction, correction, vectors, keys))


def test_scores_of_texts_are_their_weighted_sum_less_what_they_usually_get():
    fold = make_fold()
    blend = with_texts(make_blend(fold=fold), fold)
    pictures = make_pictures(7, matcher=blend.matcher)
    asked = blend.ask(make_queries(make_texts(5, 1), fold))
    with CaptionIndex(make_texts(7, 2)) as captions:
        alone = blend.scores(asked, blend.store(pictures), captions)
    found = blend.text_scores(asked, alone)
    usual = blend.scores(asked, blend.store(fold.pictures), None)
    summed = total(usual, blend.text_weights).astype(np.float64)
    for text in range(5):
        level = 0.4 * np.log(np.exp(summed[text] / 0.4).mean())
        expected = total(alone, blend.text_weights)[text] - 0.8 * level
        np.testing.assert_allclose(found[text], expected, atol=1e-4)
    plain = replace(blend, texts=None)
    np.testing.assert_allclose(
        plain.text_scores(asked, alone), total(alone, blend.weights_of("blend")), atol=1e-5
    )


def test_weights_of_texts_come_back_from_a_folder(tmp_path: Path):
    fold = make_fold()
    blend = with_texts(make_blend(fold=fold), fold)
    blend.save(tmp_path / "blend")
    again = Blend.load(tmp_path / "blend", blend.matcher)
    assert again.text_weights == {"direct": 1.0, "transfer": 0.5, "captions": 0.3}
    assert again.texts.blended == blend.texts.blended
    assert again.texts.direct == blend.texts.direct
    assert again.texts.keys == blend.texts.keys
    np.testing.assert_array_equal(again.texts.pictures, blend.texts.pictures)
    assert again.fingerprint == replace(blend, texts=None).fingerprint
    replace(blend, texts=None).save(tmp_path / "plain")
    assert Blend.load(tmp_path / "plain", blend.matcher).texts is None


def test_a_table_takes_the_rows_of_texts_from_the_scores_that_are_meant_for_them():
    random = np.random.default_rng(0)
    one, other = (random.random((6, 4)).astype(np.float32) for _ in range(2))
    links = np.stack([np.arange(4)] * 2, axis=1)

    def blocks():
        yield slice(0, 6), {"blend": one, "turned": other}

    found = evaluate_blocks(blocks, 6, 4, links, backwards={"blend": "turned"})
    assert {row.name for row in found.rows} == {"chance", "blend"}
    apart = evaluate({"one": one, "other": other}, links)
    assert found.row("blend", TO_PICTURE) == apart.row("one", TO_PICTURE)
    assert found.row("blend", TO_TEXT) == apart.row("other", TO_TEXT)
    with pytest.raises(BadInput, match="'absent'"):
        evaluate_blocks(blocks, 6, 4, links, backwards={"blend": "absent"})


TEXTS = ["a red circle by the river", "a blue square", "a green cross at night", "a red square"]


def test_given_texts_are_ranked_as_by_hand(fitted_desk: Path):
    with Desk(fitted_desk) as desk:
        picture = desk.memory.pictures([5])[0]
        found = desk.texts(picture.key, 4, TEXTS)
        shown = shown_by(desk, picture.key)
        asked = desk.blend.ask(desk.suggester.queries(TEXTS))
        captions = lambda words: desk.catalogue.word_scores(words, [picture.key])  # noqa: E731
        alone = desk.blend.scores(asked, desk.blend.store(shown), captions)
        expected = desk.blend.text_scores(asked, alone)[:, 0]
        assert [one.text for one in found] == [TEXTS[row] for row in np.argsort(-expected)]
        np.testing.assert_allclose([one.score for one in found], np.sort(expected)[::-1], atol=1e-5)
        assert [one.rank for one in found] == [1, 2, 3, 4]
        assert {(one.route, one.id) for one in found} == {("blend", "")}
        assert desk.texts(picture.key, 2, TEXTS) == found[:2]
        assert desk.texts(picture.key, 2, []) == []


def shown_by(desk: Desk, key: str) -> Pictures:
    folder = desk.folder
    return read_given([key], desk.matcher, folder.features, folder.backbone, desk.limits)


def test_texts_of_the_archive_are_ranked_as_by_hand(fitted_desk: Path):
    with Desk(fitted_desk) as desk:
        memory, ranking = desk.memory, desk.blend.texts
        picture = memory.pictures([3])[0]
        shown = shown_by(desk, picture.key)
        found = desk.texts(picture.key, 5)
        rows = np.arange(len(memory))
        assert len(rows) <= AGAIN  # so that all texts are scored by all routes
        excerpts = [text.excerpt for text in memory.texts(rows)]
        asked = desk.blend.ask(desk.suggester.queries(excerpts))
        own = np.zeros((len(rows), len(ranking.keys)), dtype=bool)
        keys = [one.key for one in memory.pictures(np.arange(len(memory.picture_vectors)))]
        for text, column in memory.links.tolist():
            if keys[column] in ranking.keys:
                own[text, ranking.keys.index(keys[column])] = True
        captions = lambda words: desk.catalogue.word_scores(words, [picture.key])  # noqa: E731
        alone = desk.blend.scores(asked, desk.blend.store(shown), captions)
        expected = desk.blend.text_scores(asked, alone, own)[:, 0]
        np.testing.assert_allclose(
            [one.score for one in found], np.sort(expected)[::-1][:5], atol=1e-4
        )
        ids = [one.id for one in memory.texts(np.argsort(-expected, kind="stable")[:5])]
        assert [one.id for one in found] == ids
        assert {one.route for one in found} == {"blend"}


def test_texts_that_the_desk_has_only_the_beginning_of_are_ranked_by_the_direct_route(
    fitted_desk: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("picturedesk.desk.ranking_texts._BLOCK", 50)
    with Desk(fitted_desk) as desk:
        monkeypatch.setattr("picturedesk.desk.ranking_texts._is_whole", lambda text: False)
        memory, direct = desk.memory, desk.blend.texts.direct
        key = memory.pictures([3])[0].key
        shown = shown_by(desk, key)
        found = TextRanker(desk.suggester).of_archive(shown, len(memory))
        assert {one.route for one in found} == {"direct"}
        assert len(found) == len(memory)
        scores = {one.id: one.score for one in found}
        fused = desk.blend.layout.split(desk.blend.texts.pictures)["fused"]
        for row in (0, 57, len(memory) - 1):
            columns = memory.links_of(np.array([row]))[:, 1]
            own = {one.key for one in memory.pictures(columns)}
            others = [place for place, one in enumerate(desk.blend.texts.keys) if one not in own]
            vector = memory.text_vectors[row].astype(np.float64)
            usual = vector @ fused[others].T / direct.temperature
            level = direct.temperature * np.log(np.exp(usual).mean())
            expected = vector @ shown.vectors[0] - direct.strength * level
            assert scores[memory.texts([row])[0].id] == pytest.approx(expected, abs=1e-4)


def test_a_picture_that_the_desk_has_not_read_is_ranked_and_not_added(
    own_desk: Path, tmp_path: Path
):
    file = tmp_path / "new.png"
    draw("red", "circle", 999).save(file)
    with Desk(own_desk) as desk:
        before = desk.catalogue.count()
        found = desk.texts(file, 10)
        assert sum("red" in one.text for one in found) >= 5
        assert desk.catalogue.count() == before
        with pytest.raises(BadPicture):
            desk.texts(tmp_path / "absent.png")
        with pytest.raises(BadInput, match="text 2"):
            desk.texts(file, texts=["a red circle", "§§§"])


def test_the_papers_desk_ranks_texts_by_its_default_route(paper_desk: Path):
    with Desk(paper_desk) as desk:
        key = desk.memory.pictures([0])[0].key
        assert {one.route for one in desk.texts(key, 3)} == {"direct"}
        assert [one.rank for one in desk.texts(key, 3, TEXTS)] == [1, 2, 3]


def test_the_verb_prints_texts_of_a_file_and_of_the_archive(
    fitted_desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with Desk(fitted_desk) as desk:
        key = desk.memory.pictures([0])[0].key
    file = tmp_path / "texts.txt"
    file.write_text("\n".join([*TEXTS, "", "  "]), encoding="utf-8")
    assert run(["texts", key, "--desk", str(fitted_desk), "--texts", str(file), "--k", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run(["texts", key, "--desk", str(fitted_desk), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["picture"] == key
    assert len(document["texts"]) == 10
    pytest.importorskip("jsonschema", reason="schemas are validated with the extra 'dev'")
    from json_schemas import validate

    validate("texts", document)
