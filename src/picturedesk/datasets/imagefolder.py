"""A Hugging Face imagefolder: pictures with ``metadata.csv``, ``.jsonl`` or ``.parquet`` → Archive.

The metadata have a column ``file_name`` (or ``file_names``) with paths relative to their folder,
and other columns as every table. They lie at the top, or in a folder for each split. Knows which
tables to read, not their formats.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from picturedesk.datasets import table
from picturedesk.datasets.columns import Columns
from picturedesk.datasets.draft import Draft, display_name
from picturedesk.datasets.files import walk
from picturedesk.errors import BadInput
from picturedesk.types import Archive

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read(path: Path) -> Archive:
    """Reads all metadata at and below a folder.

    A row without a part of its own belongs to the part that a folder of its path names: ``train``,
    ``validation``, ``test``. Otherwise its text is still to be split.

    Raises:
        BadInput: there are no metadata, a column is missing, or no text with a picture is left.
    """
    files = metadata(path)
    if not files:
        raise BadInput(f"{path} has no {METADATA[0]}, .jsonl or .parquet: put one there")
    draft = Draft(display_name(path))
    for file in files:
        folder = file.parent

        def part_of(names: Sequence[str], folder: Path = folder) -> str:
            inside = (folder.relative_to(path) / PurePosixPath(name) for name in names)
            return next((part for one in inside if (part := _part(one.parts[:-1]))), "")

        table.put(draft, file, Columns(), part_of)
    return draft.archive()


def metadata(path: Path) -> list[Path]:
    """The metadata at and below a folder, parents first; of several in one folder the first."""
    found = []
    for folder, names in walk(path):
        first = next((name for name in METADATA if name in names), "")
        if first:
            found.append(Path(folder, first))
    return found


def is_one(path: Path) -> bool:
    """Whether a folder has metadata at its top or directly below it."""
    try:
        places = [path, *filter(os.path.isdir, path.iterdir())]
    except OSError:  # whoever reads the folder reports it
        return False
    return any(os.path.isfile(place / name) for place in places for name in METADATA)


def _part(folders: Sequence[str]) -> str:
    """The part that the names of folders give, the outermost first."""
    named = (table.PARTS.get(name.casefold(), "") for name in folders if name)
    return next((part for part in named if part), "")
