"""Cross-fitted heads: which head places which picture, saved and loaded."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from picturedesk.errors import BadInput, Mismatch, MissingArtefact
from picturedesk.heads.cross_fitted import CrossFitted
from picturedesk.heads.fusion import length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.direct import DirectPlan
from picturedesk.routes.route import Pictures, ShareConfig
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from small_routes import D, head, make_features, make_fold, make_matcher, make_texts, unit

KEYS = ("ee", "aa", "dd", "bb", "cc")
PARTS = np.array([0, 1, 0, 2, 1])


def made(keys=KEYS, parts=PARTS, seeds=(11, 12, 13)):
    return CrossFitted(keys, np.asarray(parts, dtype=np.int64), [head(25, seed) for seed in seeds])


def matcher():
    """A matcher that can be saved."""
    texts = LsaEncoder.fit(make_texts(20, 1), LsaConfig(topics=4, min_count=1, max_share=1.0))
    text_head = LinearHead(1.0, unit(texts.width, D, 2), unit(1, D, 3)[0])
    return replace(make_matcher(), text_encoder=texts, text_head=text_head, cross_fitted=made())


def test_every_picture_has_the_head_of_its_part():
    assert made().parts_of(["aa", "bb", "cc", "dd", "ee"]).tolist() == [1, 2, 1, 0, 0]
    assert len(made()) == 5


def test_a_picture_that_was_not_learned_from_has_none():
    found = made().parts_of(["aaa", "a", "", "aa", "zz" * 40])
    assert found.tolist() == [-1, -1, -1, 1, -1]
    assert made().parts_of([]).shape == (0,)
    assert made(keys=(), parts=()).parts_of(["aa"]).tolist() == [-1]


def test_the_matcher_places_a_picture_by_the_head_of_its_part():
    ours, features = matcher(), make_features(5, 1)
    found = ours.pictures(features, ["bb", "new", "aa", "ee", "dd"])
    heads = [ours.cross_fitted.heads[2], ours.fusion, *(ours.cross_fitted.heads[n] for n in (1, 0))]
    for row, one in zip(found, [*heads, heads[-1]], strict=True):
        place = np.flatnonzero((found == row).all(axis=1))
        np.testing.assert_allclose(row, length_one(one(features[place]))[0], atol=1e-6)


def test_without_keys_or_with_unknown_ones_the_main_head_places_all():
    ours, features = matcher(), make_features(5, 1)
    expected = length_one(ours.fusion(features))
    np.testing.assert_array_equal(ours.pictures(features), expected)
    np.testing.assert_array_equal(ours.pictures(features, list("vwxyz")), expected)
    np.testing.assert_array_equal(make_matcher().pictures(features, KEYS), expected)


def test_heads_share_out_all_rows():
    ours = matcher()
    rows = [row for _, found in ours.heads_of(6, ["new", *KEYS]) for row in found.tolist()]
    assert sorted(rows) == list(range(6))
    ((only, every),) = ours.heads_of(3)
    assert only is ours.fusion
    assert every.tolist() == [0, 1, 2]


def test_shares_of_levels_sum_to_the_stored_vectors_product_for_archive_pictures_too():
    fold = make_fold()
    ours = replace(fold.queries.matcher, cross_fitted=made())
    pictures = Pictures(ours, ["new", *KEYS], make_features(6, 1))
    route = replace(DirectPlan().fit(fold), matcher=ours)
    toward = unit(1, route.block.width, 8)[0]
    stored = route.store(pictures)
    for typical in (None, pictures.features.mean(axis=0)):
        found = route.picture_shares(pictures, toward, ShareConfig(typical=typical))
        for shares, product in zip(found.shares, stored @ toward, strict=True):
            assert sum(share.share for share in shares) == pytest.approx(product, abs=1e-5)
    plain = Pictures(make_matcher(), pictures.keys, pictures.features).vectors
    assert (np.abs(stored - plain).max(axis=1) > 0.1).tolist() == [False, *[True] * 5]


@pytest.mark.parametrize(
    ("keys", "parts", "message"),
    [
        (("aa", "bb"), (0,), "2 keys, 1 parts"),
        (("aa", "aa"), (0, 1), "give each picture one part"),
        (("aa", "bb"), (0, 3), "there are 3 heads"),
        (("aa", "bb"), (-1, 0), "there are 3 heads"),
    ],
)
def test_parts_that_do_not_fit_are_refused(keys, parts, message):
    with pytest.raises(BadInput, match=message):
        made(keys, parts)


def test_what_decides_where_pictures_lie_is_in_the_fingerprint():
    order = [3, 1, 4, 0, 2]
    same = made([KEYS[place] for place in order], PARTS[order])
    assert same.fingerprint == made().fingerprint
    others = [made(parts=PARTS[::-1]), made(keys=("ff", *KEYS[1:])), made(seeds=(11, 12, 14))]
    assert len({made().fingerprint, *(other.fingerprint for other in others)}) == 4
    known = {replace(make_matcher(), cross_fitted=one).fingerprint for one in (None, made())}
    known |= {replace(make_matcher(), cross_fitted=other).fingerprint for other in others}
    assert len(known) == 5


def test_saved_and_loaded_it_gives_the_same_vectors(tmp_path):
    ours, features = matcher(), make_features(6, 1)
    ours.save(tmp_path / "matcher")
    loaded = Matcher.load(tmp_path / "matcher")
    assert loaded.fingerprint == ours.fingerprint
    assert loaded.cross_fitted.fingerprint == ours.cross_fitted.fingerprint
    keys = ["new", *KEYS]
    np.testing.assert_array_equal(loaded.pictures(features, keys), ours.pictures(features, keys))
    loaded.save(tmp_path / "again")
    again = Matcher.load(tmp_path / "again")
    np.testing.assert_array_equal(again.pictures(features, keys), ours.pictures(features, keys))
    kept = loaded.cross_fitted.heads
    assert (len(kept), len(list(kept)), len(kept[1:])) == (3, 3, 2)
    with pytest.raises(IndexError):
        kept[3]


def test_none_at_all_are_saved_and_loaded(tmp_path):
    made((), (), ()).save(tmp_path / "heads")
    assert CrossFitted.load(tmp_path / "heads").parts_of(["aa"]).tolist() == [-1]


def test_a_head_is_read_when_it_is_first_used(tmp_path):
    matcher().save(tmp_path / "matcher")
    loaded = Matcher.load(tmp_path / "matcher")
    shutil.rmtree(tmp_path / "matcher" / "cross_fitted" / "head-2")
    assert loaded.pictures(make_features(2, 1), ["aa", "new"]).shape == (2, 6)
    with pytest.raises(MissingArtefact):
        loaded.pictures(make_features(1, 1), ["bb"])


def test_a_head_that_was_replaced_is_refused(tmp_path):
    matcher().save(tmp_path / "matcher")
    home = tmp_path / "matcher" / "cross_fitted" / "head-1"
    shutil.rmtree(home)
    head(25, 99).save(home)
    loaded = Matcher.load(tmp_path / "matcher")
    with pytest.raises(Mismatch, match="head-1 was replaced: fit again"):
        loaded.pictures(make_features(1, 1), ["aa"])


def test_heads_of_another_fit_are_refused(tmp_path):
    matcher().save(tmp_path / "matcher")
    shutil.rmtree(tmp_path / "matcher" / "cross_fitted")
    made(parts=PARTS[::-1]).save(tmp_path / "matcher" / "cross_fitted")
    with pytest.raises(Mismatch, match="fit again"):
        Matcher.load(tmp_path / "matcher")
    shutil.rmtree(tmp_path / "matcher" / "cross_fitted")
    with pytest.raises(MissingArtefact):
        Matcher.load(tmp_path / "matcher")


@pytest.mark.parametrize("place", ["cross_fitted", "cross_fitted/head-0"])
def test_damaged_heads_are_refused(tmp_path, place):
    matcher().save(tmp_path / "matcher")
    arrays = tmp_path / "matcher" / place / "arrays.safetensors"
    content = bytearray(arrays.read_bytes())
    content[-3] ^= 1
    arrays.write_bytes(content)
    with pytest.raises((MissingArtefact, Mismatch), match=r"damaged|changed"):
        Matcher.load(tmp_path / "matcher").pictures(make_features(1, 1), ["ee"])
