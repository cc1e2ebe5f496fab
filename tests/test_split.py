from collections import Counter

import numpy as np
import pytest

from picturedesk.datasets.split import SplitConfig, split
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Text


def make_archive(links, parts=None, groups=(), bodies=None, keys=None):
    texts = 1 + max(text for text, _ in links)
    pictures = 1 + max(picture for _, picture in links)
    bodies = bodies or [f"text {index}" for index in range(texts)]
    keys = keys or [""] * pictures
    return Archive(
        name="toy",
        texts=tuple(Text(f"id-{index}", body) for index, body in enumerate(bodies)),
        pictures=tuple(Picture(f"{index}.jpg", key) for index, key in enumerate(keys)),
        links=np.array(links, dtype=np.int64),
        parts=tuple(parts or [""] * texts),
        groups=groups,
    )


def one_each(texts, **settings):
    return make_archive([(index, index) for index in range(texts)], **settings)


def crossings(archive, parts, same):
    """What stands in more than one part, found the slow way."""
    seen: dict[object, set[str]] = {}
    for text, picture in archive.links.tolist():
        for what in (
            ("picture", picture),
            ("class", int(same[picture])),
            ("words", archive.texts[text].whole),
            ("group", archive.groups[text] if archive.groups else text),
        ):
            seen.setdefault(what, set()).add(parts[text])
    return [what for what, found in seen.items() if len(found) > 1]


@pytest.mark.parametrize("seed", range(8))
def test_no_text_picture_or_group_stands_in_two_parts(seed):
    random = np.random.default_rng(seed)
    texts, pictures = 300, 320
    links = {(t, int(random.integers(pictures))) for t in range(texts)}
    links |= {(int(random.integers(texts)), int(random.integers(pictures))) for _ in range(20)}
    links.add((0, pictures - 1))
    bodies = [
        f"text {random.integers(texts) if random.random() < 0.1 else t}" for t in range(texts)
    ]
    groups = tuple(f"g{t if random.random() < 0.9 else t // 9}" for t in range(texts))
    same = np.where(random.random(pictures) < 0.9, np.arange(pictures), np.arange(pictures) // 5)
    archive = make_archive(sorted(links), groups=groups, bodies=bodies)
    parts = split(archive, SplitConfig(0.15, 0.2, seed), same)
    assert crossings(archive, parts, same) == []
    counts = Counter(parts)
    assert abs(counts["validate"] - 45) <= 2
    assert abs(counts["test"] - 60) <= 2


def test_shares_are_met_exactly_where_nothing_hangs_together():
    assert Counter(split(one_each(200))) == {"train": 160, "validate": 20, "test": 20}


def test_equal_seeds_divide_equally_and_other_seeds_do_not():
    archive = one_each(200)
    assert split(archive) == split(archive)
    assert split(archive) != split(archive, SplitConfig(seed=1))


def test_the_order_of_rows_does_not_matter():
    archive = one_each(100, groups=tuple(f"g{index // 3}" for index in range(100)))
    order = np.random.default_rng(0).permutation(100)
    shuffled = Archive(
        name="toy",
        texts=tuple(archive.texts[index] for index in order),
        pictures=tuple(archive.pictures[index] for index in order),
        links=archive.links,
        parts=archive.parts,
        groups=tuple(archive.groups[index] for index in order),
    )
    parts = split(archive)
    assert split(shuffled) == tuple(parts[index] for index in order)


def test_equal_words_equal_keys_and_equal_classes_keep_texts_together():
    for settings, same in (
        ({"bodies": ["same"] * 2 + [f"{i}" for i in range(18)]}, None),
        ({"keys": ["abc"] * 2 + [""] * 18}, None),
        ({"groups": ("one",) * 2 + ("",) * 18}, None),
        ({}, np.array([0, 0, *range(1, 19)])),
    ):
        for seed in range(10):
            parts = split(one_each(20, **settings), SplitConfig(0.4, 0.4, seed), same)
            assert parts[0] == parts[1]


def test_given_parts_are_kept():
    given = ["train"] * 30 + ["validate"] * 5 + ["test"] * 5
    assert split(one_each(40, parts=given)) == tuple(given)


def test_an_archive_with_test_texts_gets_only_validation_texts():
    parts = split(one_each(120, parts=[""] * 100 + ["test"] * 20))
    assert Counter(parts) == {"train": 90, "validate": 10, "test": 20}
    assert set(parts[100:]) == {"test"}


def test_texts_that_hang_together_with_a_given_part_follow_it_but_never_into_test():
    archive = make_archive(
        [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3), (8, 3)],
        parts=["test", "", "validate", "", "train", "", "validate", "test", ""],
    )
    parts = split(archive)
    assert (parts[1], parts[3], parts[5], parts[8]) == ("train", "validate", "train", "train")


def test_a_component_that_is_too_large_goes_to_train():
    links = [(index, 0) for index in range(60)] + [(index, index) for index in range(60, 100)]
    parts = split(make_archive(links))
    assert set(parts[:60]) == {"train"}
    assert Counter(parts) == {"train": 80, "validate": 10, "test": 10}


def test_no_part_is_left_empty_while_there_are_components_enough():
    links = [(index, index // 5) for index in range(15)]
    assert Counter(split(make_archive(links))) == {"train": 5, "validate": 5, "test": 5}
    assert Counter(split(one_each(3))) == {"train": 1, "validate": 1, "test": 1}
    assert split(one_each(1)) == ("train",)


def test_a_share_of_zero_gives_an_empty_part():
    assert Counter(split(one_each(50), SplitConfig(0.1, 0))) == {"train": 45, "validate": 5}


def test_impossible_shares_are_refused():
    for validate, test in ((0.5, 0.5), (-0.1, 0.1)):
        with pytest.raises(BadInput, match="with a sum under 1"):
            SplitConfig(validate, test)


def test_classes_for_another_number_of_pictures_are_refused():
    with pytest.raises(BadInput, match="same has 3 classes, toy has 5 pictures"):
        split(one_each(5), same=np.arange(3))
