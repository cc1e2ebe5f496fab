from __future__ import annotations

import random
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from picturedesk.texts import shingles as shingles_module
from picturedesk.texts.shingles import (
    WordHashes,
    duplicate_groups,
    near_duplicate_texts,
    shingles,
)
from picturedesk.texts.words import words

CHINESE = "今天上午北京发布暴雨红色预警部分地区降雨量超过一百毫米多条道路积水严重市民出行受到影响"


def story(draw, length=80):
    """A text of words nobody else uses in this order."""
    return " ".join(f"word{draw.randint(0, 3000)}" for _ in range(length))


def rewritten(draw, text, share):
    """The same with some words exchanged."""
    return " ".join("other" if draw.random() < share else word for word in text.split())


def jaccard(a, b):
    """Slow and obvious: by the words themselves."""
    one, other = (
        {tuple(found[i : i + 3]) for i in range(max(1, len(found) - 2))}
        for found in (words(a), words(b))
    )
    return len(one & other) / len(one | other)


def test_planted_near_duplicates_are_found_and_nothing_else():
    draw = random.Random(0)
    archive = [story(draw) for _ in range(400)]
    asked = [story(draw) for _ in range(50)] + [
        rewritten(draw, archive[i], 0.03) for i in range(50)
    ]
    pairs = near_duplicate_texts(asked, archive)
    assert pairs.tolist() == [[50 + i, i] for i in range(50)]
    assert pairs.dtype == np.int64


def test_exactly_the_pairs_at_or_above_the_threshold_are_given():
    draw = random.Random(1)
    archive = [story(draw) for _ in range(150)]
    asked = [rewritten(draw, text, draw.random() * 0.35) for text in archive]
    similarities = [jaccard(a, b) for a, b in zip(asked, archive, strict=True)]
    found = {tuple(pair) for pair in near_duplicate_texts(asked, archive).tolist()}
    wanted = {(i, i) for i, similarity in enumerate(similarities) if similarity >= 0.5}
    assert found <= wanted
    assert len(found) >= 0.95 * len(wanted)


def test_chinese_texts_are_compared_word_by_word():
    other = CHINESE.replace("一百毫米", "两百毫米")
    unrelated = "昨天晚上国家队在主场以三比一击败对手获得小组第一名球迷在场外庆祝直到深夜才离开"
    assert near_duplicate_texts([other, unrelated], [CHINESE]).tolist() == [[0, 0]]


def test_upper_case_and_punctuation_make_no_difference():
    text = "The river burst its banks, after days of rain."
    assert near_duplicate_texts([text.upper()], [text.replace(",", " –")]).tolist() == [[0, 0]]


def test_the_order_of_words_makes_a_difference():
    text = story(random.Random(2))
    backwards = " ".join(reversed(text.split()))
    assert not len(near_duplicate_texts([backwards], [text]))


def test_short_texts_are_one_shingle():
    for text in ("flood", "river flood", "a b c"):
        assert len(shingles(text, WordHashes())) == 1
    assert near_duplicate_texts(["river flood"], ["flood", "River flood!"]).tolist() == [[0, 1]]


def test_texts_without_words_resemble_nothing():
    assert not len(shingles(" … ", WordHashes()))
    assert near_duplicate_texts(["", "…"], ["", "…"]).shape == (0, 2)
    assert near_duplicate_texts([], ["a"]).shape == (0, 2)
    assert near_duplicate_texts(["a"], []).shape == (0, 2)


def test_every_copy_of_a_text_is_a_pair():
    pairs = near_duplicate_texts(["a b c d", "x", "a b c d"], ["x y z", "a b c d", "a b c d"])
    assert pairs.tolist() == [[0, 1], [0, 2], [2, 1], [2, 2]]


def test_another_threshold_finds_more_or_fewer():
    draw = random.Random(3)
    text = story(draw, 200)
    close, far = rewritten(draw, text, 0.02), rewritten(draw, text, 0.12)
    assert near_duplicate_texts([close, far], [text], shared=0.75).tolist() == [[0, 0]]
    assert near_duplicate_texts([close, far], [text], shared=0.4).tolist() == [[0, 0], [1, 0]]


def test_hashes_are_the_same_in_another_process():
    code = (
        "from picturedesk.texts.shingles import WordHashes, shingles; "
        "print(shingles('a b c d', WordHashes()).tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(shingles("a b c d", WordHashes()).tolist())


def test_twenty_thousand_texts_take_seconds():
    draw = random.Random(4)
    vocabulary = [f"w{n}" for n in range(5000)]
    texts = [" ".join(draw.choices(vocabulary, k=40)) for _ in range(20_000)]
    began = time.process_time()
    assert not len(near_duplicate_texts(texts[::2], texts[1::2]))
    assert time.process_time() - began < 20  # some 2 s; a quadratic search takes many minutes


def connected_pairs(texts):
    """The groups the slow way: all pairs are listed, and the lowest number spreads along them."""
    pairs = near_duplicate_texts(texts, texts).tolist()
    groups, before = list(range(len(texts))), None
    while groups != before:
        before = list(groups)
        for one, other in pairs:
            groups[one] = groups[other] = min(groups[one], groups[other])
    seen = list(dict.fromkeys(groups))
    return [seen.index(group) for group in groups]


def clusters(draw, count, share):
    """Texts of which many are another one with words exchanged, equal to it, or without words."""
    texts = [story(draw, 40) for _ in range(5)]
    while len(texts) < count:
        text = draw.choice(texts)
        texts.append(
            draw.choice([rewritten(draw, text, share), rewritten(draw, text, share), text])
        )
    texts += ["…", "", "…", *(f"{texts[0]} edition {n}" for n in range(20))]
    draw.shuffle(texts)
    return texts


@pytest.mark.parametrize("share", [0.02, 0.08, 0.15])
@pytest.mark.parametrize("seed", range(4))
def test_groups_are_what_the_pairs_connect(seed, share, monkeypatch):
    monkeypatch.setattr(shingles_module, "_PAIRS", 7)  # so that no comparison fits into one part
    texts = clusters(random.Random(seed), 100, share)
    groups = duplicate_groups(texts)
    assert groups.dtype == np.int64
    assert groups.tolist() == connected_pairs(texts)


def test_texts_without_words_and_no_texts_are_grouped_too():
    assert duplicate_groups(["", "a b c", "…", "A b c!"]).tolist() == [0, 1, 2, 1]
    assert duplicate_groups(["", ""]).tolist() == [0, 1]
    assert duplicate_groups([]).tolist() == []


@pytest.mark.parametrize("kind", ["equal", "nearly equal"])
def test_memory_of_groups_is_linear_in_the_texts(kind):
    text = story(random.Random(5), 40)
    texts = [text if kind == "equal" else f"{text} edition {n}" for n in range(3000)]
    tracemalloc.start()
    groups = duplicate_groups(texts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(groups.tolist()) == {0}
    assert peak < 50e6  # 9 million pairs would take a gigabyte
