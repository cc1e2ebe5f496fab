"""The audit finds what was planted: swapped pairs, gaps, hubs, contradicting rights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picturedesk.desk import Desk
from picturedesk.desk.auditing import AuditConfig
from picturedesk.desk.auditing.duplicates import rights_conflicts
from picturedesk.desk.auditing.fitness import Fitness, Usual
from picturedesk.desk.auditing.topics import Naming, cluster
from picturedesk.errors import BadInput
from picturedesk.types import Picture


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def planted() -> tuple[Fitness, np.ndarray]:
    """200 pairs in a space of 24 numbers, of which ten are swapped; and which these are."""
    random = np.random.default_rng(0)
    texts = unit(random.normal(size=(200, 24)))
    pictures = unit(texts + 0.15 * random.normal(size=texts.shape))
    links = np.stack([np.arange(200), np.arange(200)], axis=1)
    swapped = random.permutation(200)[:10]
    links[swapped, 1] = np.roll(swapped, 1)
    held_out = np.arange(200) % 4 == 0
    return Fitness(texts, pictures, np.zeros(200, np.float32), links, held_out), swapped


def test_swapped_pairs_are_the_worst(planted):
    fitness, swapped = planted
    assert set(fitness.worst_pairs[:20].tolist()) >= set(swapped.tolist())
    assert (fitness.ranks(swapped) > 1).all()
    assert fitness.suspicion.min() == 0
    assert fitness.suspicion.max() <= 1


def test_learned_pairs_are_compared_with_learned_ones(planted):
    fitness, _ = planted
    texts = fitness.texts.copy()
    learned = ~fitness.held_out
    own = fitness.pictures[fitness.links[learned, 1]]
    texts[learned] = unit(texts[learned] + own)  # they know their pictures, right or wrong
    closer = replace(fitness, texts=texts)
    suspicion = [closer.suspicion[closer.held_out == kind].mean() for kind in (False, True)]
    assert suspicion == pytest.approx([0.5, 0.5], abs=0.01)


def test_usual_scores_are_those_of_the_whole_matrix(planted):
    fitness, _ = planted
    scores = fitness.texts.astype(np.float64) @ fitness.pictures.T
    usual = Usual.of(fitness.texts, fitness.pictures)
    np.testing.assert_allclose(usual.means, scores.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(usual.deviations, scores.std(axis=1), atol=1e-6)


def test_own_pictures_come_last_and_unknown_texts_are_not_asked(planted):
    fitness, _ = planted
    texts = fitness.texts.copy()
    texts[7] = 0
    links = fitness.links[fitness.links[:, 0] != 7]
    asked = replace(fitness, texts=texts, links=links)
    best = np.concatenate(list(asked.best(3)))
    assert best.shape == (199, 3)
    own = dict(links.tolist())
    rows = [row for row in range(200) if row != 7]
    assert not any(own[row] in found for row, found in zip(rows, best.tolist(), strict=True))


def test_a_hub_is_corrected_by_its_offset(planted):
    fitness, _ = planted
    pictures = fitness.pictures.copy()
    pictures[3] = unit(fitness.texts.mean(axis=0, keepdims=True))[0]
    offsets = np.where(np.arange(200) == 3, 2.0, 0.0).astype(np.float32)
    corrected = replace(fitness, pictures=pictures, offsets=offsets)
    assert 3 not in np.concatenate(list(corrected.best(10)))


def test_clusters_are_topics_and_their_words_tell_them():
    random = np.random.default_rng(0)
    centres = unit(random.normal(size=(2, 12)))
    of_text = np.repeat([0, 1], 60)
    vectors = unit(centres[of_text] + 0.05 * random.normal(size=(120, 12)))
    found = cluster(vectors)
    assert not set(found[:60]) & set(found[60:])
    texts = [f"the {'harbour ship' if one == 0 else 'forest tree'} 2024 x" for one in of_text]
    assert set(Naming(texts).name(np.arange(60))[:2]) == {"harbour", "ship"}


def test_a_small_archive_is_one_topic():
    assert cluster(np.eye(4, dtype=np.float32)).tolist() == [0, 0, 0, 0]


def test_copies_with_other_rights_contradict_and_gaps_come_after():
    pictures = [
        Picture("a.jpg", "1", credit="AFP", licence="cc0"),
        Picture("b.jpg", "2", credit="afp ", licence="rights managed"),
        Picture("c.jpg", "3", credit="Jane"),
        Picture("d.jpg", "4"),
        Picture("e.jpg", "5", credit="Alone"),
    ]
    far = 0xFFFF  # bits, of which groups differ in all
    hashes = np.array([far, far, far << 20, far << 20, far << 40], dtype=np.uint64)
    found = rights_conflicts(pictures[2:] + pictures[:2], np.roll(hashes, 3))
    assert [[one.uri for one in conflict.pictures] for conflict in found] == [
        ["a.jpg", "b.jpg"],
        ["c.jpg", "d.jpg"],
    ]
    assert [conflict.differ for conflict in found] == [("licence",), ("credit",)]


def test_a_desk_is_audited(fitted_desk: Path):
    with Desk(fitted_desk) as desk:
        found = desk.audit(AuditConfig(most=4, asked=40))
    assert (found.texts, found.pairs, found.pictures) == (192, 192, 192)
    assert len(found.suspects) == 4
    assert found.suspects[0].suspicion >= found.suspects[-1].suspicion > 0.5
    assert all(len(pair.instead) == 3 for pair in found.suspects)
    assert all(pair.picture not in pair.instead for pair in found.suspects)
    assert found.asked == 40
    assert found.usual_texts == pytest.approx(10)


def test_without_its_pictures_there_is_nothing_to_audit(quick_desk: Path):
    with Desk(quick_desk) as desk:
        keys = [one.key for one in desk.catalogue.sample(200).pictures]
        desk.catalogue.remove(keys)
        with pytest.raises(BadInput, match="has its picture in the catalogue"):
            desk.audit()


@pytest.mark.parametrize("wrong", [{"most": 0}, {"asked": 0}, {"overused": 1.0}, {"most": "x"}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(BadInput):
        AuditConfig(**wrong)


def test_the_verb_shows_tables_and_writes_the_page(fitted_desk: Path, tmp_path: Path, capsys):
    from picturedesk.cli.app import run

    page = tmp_path / "audit.html"
    assert run(["audit", "--desk", str(fitted_desk), "-q", "--html", str(page), "--most", "2"]) == 0
    told = capsys.readouterr()
    assert "pairs that look mispaired, of 192" in told.out
    assert str(page) in told.err
    assert page.read_text(encoding="utf-8").count('class="finding pair"') == 2


def test_suggestions_are_opened_in_the_browser(fitted_desk: Path, monkeypatch, tmp_path, capsys):
    from picturedesk.cli.app import run

    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    options = ["--desk", str(fitted_desk), "-k", "2", "--open", "--json"]
    assert run(["suggest", "a red circle", *options]) == 0
    assert len(json.loads(capsys.readouterr().out)["suggestions"]) == 2
    assert opened == [one.as_uri() for one in tmp_path.glob("picturedesk-*.html")]


def test_without_a_browser_the_page_is_named(fitted_desk: Path, monkeypatch, tmp_path, capsys):
    from picturedesk.cli.app import run

    monkeypatch.setattr("webbrowser.open", lambda address: False)
    page = tmp_path / "sheet.html"
    options = ["--desk", str(fitted_desk), "-k", "2", "--html", str(page), "--open"]
    assert run(["suggest", "a red circle", *options]) == 0
    assert "no browser was found" in capsys.readouterr().err
    assert "a red circle" in page.read_text(encoding="utf-8")
