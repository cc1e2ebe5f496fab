"""All that a picture file says and shows of itself, and how it completes what an archive says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from picturedesk.images.appearance import appearance
from picturedesk.images.decode import Decoded
from picturedesk.images.guard import reading
from picturedesk.images.metadata import known_facts
from picturedesk.own_columns import FIXED
from picturedesk.types import Cell, Picture


def facts_of(decoded: Decoded) -> dict[str, Cell]:
    """Facts by the names of a picture's fields and own columns: metadata, format, appearance.

    ``images.metadata.known_facts`` and ``images.appearance.appearance`` name them; beside them
    "format" is the kind of the file ("JPEG").
    """
    with reading(math.inf):  # keeps Pillow quiet about damaged blocks
        known = known_facts(decoded.blocks)
    return known | {"format": decoded.kind} | appearance(decoded.image, decoded.size)


def with_file_facts(picture: Picture, facts: Mapping[str, Cell]) -> Picture:
    """The picture with the facts of its file where the archive says nothing.

    What is known already counts before what the file says.
    """
    changes: dict[str, Any] = {}
    own: dict[str, Cell] = {}
    for name, value in facts.items():
        if name not in FIXED:
            own[name] = value
        elif not getattr(picture, name):
            changes[name] = value
    columns = own | dict(picture.columns)
    return replace(picture, **changes, columns=columns)
