"""The held-out texts, for measuring: texts of the validation and test parts.

One folder beside the archive memory, whose rows it refers to. Suggesting never reads it; explaining
reads the mean features (``typical``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    atomic_folder,
    read_checked,
    read_manifest,
    write_json,
    write_manifest,
)
from picturedesk.errors import Mismatch
from picturedesk.types import Floats, Ints

KIND = "held-out texts"
TRAIN = "train"
_RECORDS = "records.json"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutTexts:
    """The held-out texts with their features, and mean features of the archive's pictures.

    Attributes:
        matcher: fingerprint of the matcher, which was fitted without them.
        rows: (H,) of the archive memory, ascending.
        parts: per text "validate" or "test".
        features: (H, I) as the matcher's text encoder gives them.
        texts: per text its full length.
        captions: per archive picture the words that captions are scored by; () for none.
        picture_groups: (P,) near-duplicate group of each archive picture.
        typical: (ΣD_l,) mean level features of the archive's pictures; the baseline that
            explanations compare a picture with.
    """

    matcher: str
    rows: Ints
    parts: tuple[str, ...]
    features: Floats
    texts: tuple[str, ...]
    captions: tuple[str, ...]
    picture_groups: Ints
    typical: Floats

    def of(self, part: str) -> Ints:
        """Places of the texts of one part, ascending."""
        return np.flatnonzero(np.asarray(self.parts) == part).astype(np.int64)

    def save(self, folder: Path) -> None:
        """Writes a folder of arrays and JSON, atomically."""
        with atomic_folder(folder) as temporary:
            write_arrays(
                temporary,
                {
                    "rows": self.rows,
                    "features": self.features,
                    "picture_groups": self.picture_groups,
                    "typical": self.typical,
                },
            )
            records = {"parts": self.parts, "texts": self.texts, "captions": self.captions}
            write_json(temporary / _RECORDS, records)
            write_manifest(temporary, KIND, {"matcher": self.matcher})

    @classmethod
    def load(cls, folder: Path, matcher: str) -> HeldOutTexts:
        """Reads what ``save`` wrote; refuses another matcher's."""
        manifest = read_manifest(folder, KIND)
        if manifest["matcher"] != matcher:
            raise Mismatch(
                f"{folder} was made by matcher {manifest['matcher']}, the desk has {matcher}: "
                "run picturedesk fit again"
            )
        arrays = read_arrays(folder, manifest)
        records = json.loads(read_checked(folder, _RECORDS, manifest))
        return cls(
            matcher=matcher,
            rows=arrays["rows"],
            parts=tuple(records["parts"]),
            features=arrays["features"],
            texts=tuple(records["texts"]),
            captions=tuple(records["captions"]),
            picture_groups=arrays["picture_groups"],
            typical=arrays["typical"],
        )
