"""Finds files below a folder by their names. Knows no format; opens no file."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def walk(
    root: Path, unreadable: Callable[[OSError], None] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Every folder at and below ``root`` with its file names, parents first.

    Sorted, without hidden names. Follows links to folders, so that large data sets need not be
    moved; a folder that is reached twice comes once. ``unreadable`` is told of folders that cannot
    be listed.
    """
    seen = set()
    for folder, folders, names in os.walk(root, onerror=unreadable, followlinks=True):
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
    """Paths of the wanted files in any folder below ``root``; missing ones are left out.

    If there are copies in several folders (thumbnails, a set unpacked twice), those of the folder
    with most of the wanted files are returned; of equal folders, the first.

    Args:
        root: folder to search.
        wanted: file names, or ends of paths with "/" (``train2014/x.jpg``).
        named: maps a file name to the name to compare; "" to ignore the file.

    Returns:
        Path by wanted name.
    """
    tails: dict[str, set[str]] = defaultdict(set)  # wanted folder, "" for any → names
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
    found.sort(key=len)  # a dict keeps the last of equal names
    return dict(item for paths in found for item in paths.items())
