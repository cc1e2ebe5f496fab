"""Pictures that several captions describe → Archive. Knows no file format.

Each caption is one text, named ``<picture>#<number>`` as in Flickr's token files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picturedesk.datasets.draft import Draft, uri_of
from picturedesk.datasets.files import find
from picturedesk.types import Picture, Text


@dataclass(frozen=True, slots=True)
class Described:
    """One picture with its captions.

    Attributes:
        picture: file name, or the end of a path ("train2014/x.jpg").
        place: file and line of its first caption.
        part: "" (to be split), "train", "validate" or "test".
        captions: by number.
    """

    picture: str
    place: str
    part: str = ""
    captions: dict[str, str] = field(default_factory=dict)


def put(draft: Draft, root: Path, described: Sequence[Described]) -> None:
    """Adds pictures from anywhere below ``root`` with their captions; reports missing ones."""
    paths = find(root, (entry.picture for entry in described))
    for entry in described:
        path = paths.get(entry.picture)
        if not entry.captions:
            draft.reject(entry.place, f"{entry.picture} has no caption", "write one")
        elif path is None:
            cure = f"put it, or a link to its folder, below {root}"
            draft.reject(entry.place, f"picture {entry.picture} does not exist", cure)
        else:
            picture = draft.add_picture(Picture(uri_of(path)))
            for number, words in entry.captions.items():
                text = draft.add_text(Text(f"{entry.picture}#{number}", words), entry.part)
                draft.link(text, [picture])
