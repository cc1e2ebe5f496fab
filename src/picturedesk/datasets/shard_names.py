"""Names of shards: ``shards-{000..003}.tar`` stands for four files. Knows no format."""

from __future__ import annotations

import os
import re
from itertools import islice, product
from pathlib import Path

from picturedesk.errors import BadInput

MOST_SHARDS = 100_000
_RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


def is_pattern(spec: str) -> bool:
    """Whether a path has numbers in braces and is no file."""
    return bool(_RANGE.search(spec)) and not os.path.lexists(spec)


def expanded(pattern: str) -> list[Path]:
    """The files of a pattern, in the order of their numbers, which have as many digits as written.

    Raises:
        BadInput: a range ends before it begins, there are too many, or a file is missing.
    """
    found = [Path(name) for name in addresses(pattern)]
    missing = [path for path in found if not path.exists()]
    if missing:
        raise BadInput(
            f"{len(missing)} of {len(found)} shards of {pattern} do not exist, the first: "
            f"{missing[0]}: fetch them, or name those that are there"
        )
    return found


def addresses(pattern: str) -> list[str]:
    """The names that a pattern stands for; the pattern itself if it has no braces.

    Raises:
        BadInput: a range ends before it begins, or there are too many.
    """
    parts = _RANGE.split(pattern)  # text, first, last, text, first, last, text
    ranges = [range(int(a), int(b) + 1) for a, b in zip(parts[1::3], parts[2::3], strict=True)]
    if not all(ranges):
        raise BadInput(f"{pattern}: a range ends before it begins: write {{000..003}}")
    digits = [len(first) for first in parts[1::3]]
    found = []
    for numbers in islice(product(*ranges), MOST_SHARDS + 1):
        words = (f"{n:0{width}d}" for n, width in zip(numbers, digits, strict=True))
        joined = (word + text for word, text in zip(words, parts[3::3], strict=True))
        found.append(parts[0] + "".join(joined))
    if len(found) > MOST_SHARDS:
        raise BadInput(f"{pattern} names more than {MOST_SHARDS:,} shards: give their folder")
    return found
