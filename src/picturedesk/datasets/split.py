"""Splits an archive's texts into train, validate and test without leaks.

Knows links, groups and equal pictures; reads no picture and no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.groups import connected_groups
from picturedesk.types import PARTS as PARTS
from picturedesk.types import Archive, Ints


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """How an archive is split.

    Attributes:
        validate: share of the texts without a given part, 0 to 1.
        test: share of the texts without a given part, 0 to 1; the rest is for training.
        seed: seed of the split.
        most: texts that validate and test get by their shares, at most, each; 0 for no limit.
    """

    validate: float = 0.1
    test: float = 0.1
    seed: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        if min(self.validate, self.test) < 0 or self.validate + self.test >= 1:
            raise BadInput(
                f"shares of validate ({self.validate}) and test ({self.test}) must be 0 or more, "
                "with a sum under 1"
            )
        checks.whole_number("most", self.most)


def split(
    archive: Archive, config: SplitConfig | None = None, same: Ints | None = None
) -> tuple[str, ...]:
    """Gives every text a part; texts that already have one keep it.

    Texts stay together if they share a group, all their words, a picture, or a picture of the same
    class, directly or through other texts. Each such component goes into one part, at random. The
    shares are met as closely as the components allow, and no part with a share is left empty while
    there are enough components. The result depends on the seed, the text ids and the components,
    not on the order of texts or pictures.

    An archive that has test texts gets no more of them; the same holds for validation texts. If a
    component has texts with and without a given part, those without go to validate if all the
    given ones are there, else to train. So a given test part never changes, and reports tell what
    it shares with the training texts.

    Args:
        archive: texts, pictures, links; empty parts are filled.
        config: shares and seed.
        same: (N,) class of each picture: equal classes are equal pictures. None: only equal
            content keys count.

    Returns:
        "train", "validate" or "test" for each text.

    Raises:
        BadInput: the length of ``same`` is not the number of pictures.
    """
    config = config or SplitConfig()
    if same is not None and len(same) != len(archive.pictures):
        raise BadInput(
            f"same has {len(same)} classes, {archive.name} has {len(archive.pictures)} pictures: "
            "give one class per picture"
        )
    parts = list(archive.parts)
    free: list[list[int]] = []
    for component in _components(archive, same):
        given = {parts[text] for text in component} - {""}
        if not given:
            free.append(component)
            continue
        follow = "validate" if given == {"validate"} else "train"
        for text in component:
            parts[text] = parts[text] or follow
    ids = [text.id for text in archive.texts]
    free.sort(key=_chance(ids, config.seed))
    wanted = _wanted(config, archive.parts, sum(map(len, free)))
    for component, part in zip(free, _parts_of([len(c) for c in free], wanted), strict=True):
        for text in component:
            parts[text] = part
    return tuple(parts)


def components(archive: Archive, same: Ints | None = None) -> Ints:
    """Number (T,) of the component of each text: texts with one number must stay together.

    Args:
        archive: texts, pictures, links.
        same: (N,) class of each picture: equal classes are equal pictures.
    """
    texts = np.arange(len(archive.texts), dtype=np.int64)
    pictures = len(texts) + np.arange(len(archive.pictures), dtype=np.int64)  # nodes behind these
    whole = _first_equal([text.whole.strip() or " " for text in archive.texts])
    keys = _first_equal([picture.key for picture in archive.pictures])
    ties = [(texts, whole), (archive.links[:, 0], pictures[archive.links[:, 1]])]
    ties += [(pictures, pictures[keys])]
    if archive.groups:
        ties += [(texts, _first_equal(archive.groups))]
    if same is not None:
        _, first, place = np.unique(same, return_index=True, return_inverse=True)
        ties += [(pictures, pictures[first[place.reshape(-1)]])]
    ones, others = (np.concatenate(side) for side in zip(*ties, strict=True))
    return connected_groups(ones, others, len(texts) + len(pictures))[: len(texts)]


def _first_equal(values: Sequence[str]) -> Ints:
    """For each value (N,) the place of the first equal one; "" is only equal to itself."""
    first: dict[str, int] = {}
    places = (first.setdefault(one, place) if one else place for place, one in enumerate(values))
    return np.fromiter(places, dtype=np.int64, count=len(values))


def _components(archive: Archive, same: Ints | None) -> list[list[int]]:
    """Texts that hang together, as lists of indices."""
    found: dict[int, list[int]] = {}
    for text, number in enumerate(components(archive, same).tolist()):
        found.setdefault(number, []).append(text)
    return list(found.values())


def _chance(ids: Sequence[str], seed: int) -> Callable[[list[int]], bytes]:
    """A pseudo-random sort key that depends on seed and text ids only."""

    def key(component: list[int]) -> bytes:
        return min(hashlib.sha256(f"{seed}\0{ids[text]}".encode()).digest() for text in component)

    return key


def _wanted(config: SplitConfig, given: Sequence[str], texts: int) -> dict[str, int]:
    """How many texts each part except train should get."""
    shares = {"test": config.test, "validate": config.validate}
    most = config.most or texts
    return {
        part: max(1, min(most, round(share * texts)))
        for part, share in shares.items()
        if share > 0 and part not in given
    }


def _parts_of(sizes: Sequence[int], wanted: dict[str, int]) -> list[str]:
    """A part for each component, in order; components that fit in no other part go to train."""
    parts = []
    missing = dict(wanted)
    for size in sizes:
        part = next((part for part, room in missing.items() if size <= room), "train")
        if part != "train":
            missing[part] -= size
        parts.append(part)
    if parts and "train" not in parts:  # fewer components than parts
        parts[-1] = "train"
    for part, room in missing.items():
        _top_up(parts, sizes, part, room, empty=room == wanted[part])
    return parts


def _top_up(parts: list[str], sizes: Sequence[int], part: str, room: int, empty: bool) -> None:
    """Moves one component from train if that comes closer to the share or fills an empty part."""
    training = [index for index, other in enumerate(parts) if other == "train"]
    if room <= 0 or len(training) < 2:
        return
    best = min(training, key=lambda index: abs(room - sizes[index]))
    if empty or abs(room - sizes[best]) < room:
        parts[best] = part
