from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.testing import TinyTextEncoder, tiny_backbone
from picturedesk.texts.lsa import LsaConfig, LsaEncoder

SENTENCES = [
    "a boat on the river in the rain",
    "the river rose after days of rain",
    "a team wins the match in the rain",
    "the boat club and its team by the river",
    "after the match the team went home",
]


def fusion(inputs=48, width=3, seed=0):
    return FusionMLP.initial(FusionConfig((6,)), inputs, width, np.random.default_rng(seed))


def matcher(seed=0):
    encoder = LsaEncoder.fit(SENTENCES, LsaConfig(topics=3, min_count=1, max_share=1.0))
    return Matcher(encoder, fusion(width=encoder.width, seed=seed), tiny_backbone().spec)


def features(rows=4, width=48):
    return np.random.default_rng(2).normal(size=(rows, width)).astype(np.float32)


def test_texts_and_pictures_lie_in_one_space_at_length_one():
    ours = matcher()
    texts, pictures = ours.texts(SENTENCES[:2]), ours.pictures(features())
    assert texts.shape == (2, ours.width)
    assert pictures.shape == (4, ours.width)
    assert np.linalg.norm(texts, axis=1) == pytest.approx(1)
    assert np.linalg.norm(pictures, axis=1) == pytest.approx(1)


def test_a_text_without_a_known_word_gives_zeros():
    assert not matcher().texts(["zzz qqq"]).any()


def test_saved_and_loaded_it_gives_the_same_vectors(tmp_path):
    ours = matcher()
    ours.save(tmp_path / "matcher")
    loaded = Matcher.load(tmp_path / "matcher")
    assert loaded.fingerprint == ours.fingerprint
    assert loaded.backbone == ours.backbone
    assert loaded.levels == ("patches:max", "mixed:avg", "final")
    assert np.array_equal(loaded.texts(SENTENCES), ours.texts(SENTENCES))
    assert np.array_equal(loaded.pictures(features()), ours.pictures(features()))
    assert {path.name for path in (tmp_path / "matcher").iterdir()} == {
        "text_encoder",
        "fusion",
        "manifest.json",
    }


def test_loading_and_using_it_imports_neither_torch_nor_sklearn(tmp_path):
    matcher().save(tmp_path / "matcher")
    code = (
        "import sys; from pathlib import Path; from picturedesk.heads.matcher import Matcher;"
        "Matcher.load(Path(sys.argv[1])).texts(['the river']);"
        "sys.exit(bool({'torch', 'sklearn', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "matcher"]).returncode == 0


def test_it_may_read_some_of_the_levels_only():
    encoder = TinyTextEncoder(5)
    ours = Matcher(encoder, fusion(32, 5), tiny_backbone().spec, ("final", "mixed:avg"))
    assert ours.pictures(features(width=32)).shape == (4, 5)
    with pytest.raises(BadInput, match="reads 32 numbers per picture: final, mixed:avg of tiny"):
        ours.pictures(features(width=48))


def test_features_of_another_backbone_are_refused_with_what_differs():
    ours = matcher()
    ours.require(tiny_backbone().spec)
    ours.require(replace(tiny_backbone().spec, weights="the same weights from elsewhere"))
    with pytest.raises(Mismatch, match=r"weights_sha256 .* extract the pictures again"):
        ours.require(tiny_backbone(seed=1).spec)


def test_parts_that_do_not_fit_together_are_refused():
    spec = tiny_backbone().spec
    with pytest.raises(Mismatch, match="fusion reads 40 numbers per picture"):
        Matcher(TinyTextEncoder(3), fusion(40), spec)
    with pytest.raises(Mismatch, match="text vectors have 7 numbers, picture vectors 3"):
        Matcher(TinyTextEncoder(7), fusion(), spec)
    head = LinearHead(1.0, np.zeros((5, 3), np.float32), np.zeros(3, np.float32))
    with pytest.raises(Mismatch, match="gives 7 numbers per text, the text head reads 5"):
        Matcher(TinyTextEncoder(7), fusion(), spec, text_head=head)
    with pytest.raises(BadInput, match="'nowhere' is not among those of tiny"):
        Matcher(TinyTextEncoder(3), fusion(), spec, ("nowhere",))


def test_the_fingerprint_follows_every_part():
    spec = tiny_backbone().spec
    prints = {
        Matcher(TinyTextEncoder(3), fusion(), spec).fingerprint,
        Matcher(TinyTextEncoder(4), fusion(width=4), spec).fingerprint,
        Matcher(TinyTextEncoder(3), fusion(seed=1), spec).fingerprint,
        Matcher(TinyTextEncoder(3), fusion(), tiny_backbone(seed=1).spec).fingerprint,
        Matcher(TinyTextEncoder(3), fusion(8), spec, ("final",)).fingerprint,
    }
    assert len(prints) == 5


def test_an_exchanged_part_is_noticed(tmp_path):
    matcher().save(tmp_path / "one")
    matcher(seed=1).save(tmp_path / "two")
    (tmp_path / "one" / "fusion").rename(tmp_path / "old")
    (tmp_path / "two" / "fusion").rename(tmp_path / "one" / "fusion")
    with pytest.raises(Mismatch, match="was replaced"):
        Matcher.load(tmp_path / "one")


def test_a_folder_without_a_matcher_is_refused(tmp_path):
    with pytest.raises(MissingArtefact):
        Matcher.load(tmp_path)
