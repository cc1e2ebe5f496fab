"""Files somewhere below a folder, found by their names. Knows no format and opens nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Every folder at and below ``root`` with its file names, each above those it holds.

    In sorted order, hidden ones left out. Links to folders are followed, so that large sets
    need not be moved; a folder that is reached in two ways comes once.
    """
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield folder, sorted(name for name in names if not name.startswith("."))


def find(
    root: Path, wanted: Iterable[str], named: Callable[[str], str] = lambda name: name
) -> dict[str, str]:
    """Paths of the files that are there, in whatever folder below ``root``.

    Where copies lie in several folders (thumbnails, a set unpacked twice), the folder that has
    most of what is wanted is taken, of equals the first.

    Args:
        root: where to look.
        wanted: file names, or ends of paths with "/" (``train2014/x.jpg``).
        named: what a file name is to be compared as; "" for one that does not count.

    Returns:
        Path by wanted name.
    """
    tails: dict[str, set[str]] = defaultdict(set)  # folder that is asked for, "" for any → names
    for name in wanted:
        tail, _, last = name.rpartition("/")
        tails[tail].add(last)
    found = []
    for folder, names in reversed(list(walk(root))):
        there = {named(name): name for name in reversed(names)}
        for tail, lasts in tails.items():
            if not tail or f"/{Path(folder).as_posix()}".endswith(f"/{tail}"):
                found.append(
                    {
                        f"{tail}/{last}" if tail else last: os.path.join(folder, there[last])
                        for last in lasts & there.keys()
                    }
                )
    found.sort(key=len)  # of equal names a dict keeps the last
    return dict(item for paths in found for item in paths.items())
