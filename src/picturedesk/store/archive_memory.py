"""The archive as suggesting needs it: text vectors, picture vectors, links, and words to show.

Kept as one folder beside the matcher that made the vectors. Knows nothing of routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.disk.artifacts import (
    atomic_folder,
    plain,
    read_arrays,
    read_json,
    read_manifest,
    write_arrays,
    write_json,
    write_manifest,
)
from picturedesk.errors import Mismatch
from picturedesk.types import Archive, Floats, Ints, Picture

EXCERPT = 280  # characters of an archive text that are kept to be shown
_RECORDS = "records.json"


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveMemory:
    """An archive in the shared space.

    Attributes:
        matcher: fingerprint of the matcher that made the vectors.
        text_vectors: (T, D), of length one, or zeros for a text without a known word.
        picture_vectors: (N, D), fused, of length one.
        links: (M, 2) indices (text, picture).
        parts: per text "train", "validate" or "test".
        text_ids: per text its id in the archive.
        excerpts: per text its beginning.
        pictures: N pictures with keys.
        groups: (N,) near-duplicate group of each picture.
        typical: (ΣD_l,) mean level features of the pictures: what a picture is compared with
            to say what is special about it.
        alike: (T,) near-duplicate group of each text.
        named_texts: (T, R) texts in the class-name space; R is 0 where there is none.
        captions: per picture the words by which it may be measured, "" for none.
        asked: per text the whole of it where it may be asked to measure and captions play a
            part, else "".
    """

    matcher: str
    text_vectors: Floats
    picture_vectors: Floats
    links: Ints
    parts: tuple[str, ...]
    text_ids: tuple[str, ...]
    excerpts: tuple[str, ...]
    pictures: tuple[Picture, ...]
    groups: Ints
    typical: Floats
    alike: Ints
    named_texts: Floats
    captions: tuple[str, ...]
    asked: tuple[str, ...]

    def texts_of(self, part: str) -> Ints:
        """Indices of the texts of one part, ascending."""
        return np.flatnonzero(np.asarray(self.parts) == part).astype(np.int64)

    def links_of(self, texts: Ints) -> Ints:
        """The links (m, 2) of these texts, indices still those of the whole archive."""
        return self.links[np.isin(self.links[:, 0], texts)]

    def links_among(self, texts: Ints, keys: Sequence[str]) -> Ints:
        """The links (m, 2) of these texts (ascending) with these pictures, as places in both."""
        place = {key: row for row, key in enumerate(keys)}
        links = self.links_of(texts)
        columns = np.array([place.get(self.pictures[p].key, -1) for p in links[:, 1]], np.int64)
        pairs = np.stack([np.searchsorted(texts, links[:, 0]), columns], axis=1)
        return pairs[columns >= 0]

    def save(self, folder: Path) -> None:
        """Writes arrays and JSON; the folder is there whole or not at all."""
        with atomic_folder(folder) as temporary:
            write_manifest(temporary, "archive memory", {"matcher": self.matcher})
            write_arrays(
                temporary,
                {
                    "text_vectors": self.text_vectors,
                    "picture_vectors": self.picture_vectors,
                    "links": self.links,
                    "groups": self.groups,
                    "typical": self.typical,
                    "alike": self.alike,
                    "named_texts": self.named_texts,
                },
            )
            write_json(
                temporary / _RECORDS,
                {
                    "parts": self.parts,
                    "text_ids": self.text_ids,
                    "excerpts": self.excerpts,
                    "pictures": plain(self.pictures),
                    "captions": self.captions,
                    "asked": self.asked,
                },
            )

    @classmethod
    def load(cls, folder: Path, matcher: str) -> ArchiveMemory:
        """Reads what ``save`` wrote; refuses vectors that another matcher made."""
        manifest = read_manifest(folder, "archive memory")
        if manifest["matcher"] != matcher:
            raise Mismatch(
                f"{folder} was made by matcher {manifest['matcher']}, the desk has {matcher}: "
                "run picturedesk fit again"
            )
        arrays = read_arrays(folder)
        records = read_json(folder / _RECORDS)
        return cls(
            matcher=matcher,
            text_vectors=arrays["text_vectors"],
            picture_vectors=arrays["picture_vectors"],
            links=arrays["links"],
            parts=tuple(records["parts"]),
            text_ids=tuple(records["text_ids"]),
            excerpts=tuple(records["excerpts"]),
            pictures=tuple(
                Picture(**{**record, "tags": tuple(record["tags"])})
                for record in records["pictures"]
            ),
            groups=arrays["groups"],
            typical=arrays["typical"],
            alike=arrays["alike"],
            named_texts=arrays["named_texts"],
            captions=tuple(records["captions"]),
            asked=tuple(records["asked"]),
        )


def excerpts(archive: Archive) -> tuple[str, ...]:
    """The beginning of each text, white space folded, for people to recognise it by."""
    return tuple(excerpt(text.whole) for text in archive.texts)


def excerpt(text: str) -> str:
    """The first ``EXCERPT`` characters of a text, white space folded."""
    folded = " ".join(text[: 4 * EXCERPT].split())
    return folded if len(folded) <= EXCERPT else folded[: EXCERPT - 1] + "…"
