"""Several text encoders joined into one. Knows none of them in particular."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.artifacts import atomic_folder, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput, Mismatch
from picturedesk.texts.loading import load_text_encoder
from picturedesk.types import Floats, TextEncoder

KIND = "joined"


class JoinedEncoder:
    """Texts → the concatenated vectors of its parts; see ``types.TextEncoder``.

    Each of n parts is scaled by √(1/n), so that the cosine of two texts is the mean of the parts'
    cosines. If only k parts know a word of a text, the others are zeros and its length is √(k/n).

    Attributes:
        parts: the encoders, in order.
        scale: √(1/n), the factor of each part's vector.
    """

    def __init__(self, parts: Sequence[TextEncoder]) -> None:
        """Raises BadInput if there are no parts."""
        parts = checks.several_of("parts", parts, TextEncoder)
        if not parts:
            raise BadInput("there are no text encoders to join: give one or more")
        self.parts = tuple(parts)
        self.scale = math.sqrt(1 / len(self.parts))

    @property
    def width(self) -> int:
        """D: the sum of the parts' widths."""
        return sum(part.width for part in self.parts)

    @property
    def spans(self) -> tuple[slice, ...]:
        """The columns of each part."""
        ends = itertools.accumulate((part.width for part in self.parts), initial=0)
        return tuple(slice(first, last) for first, last in itertools.pairwise(ends))

    @property
    def fingerprint(self) -> str:
        """Hash of the parts' fingerprints, in order."""
        return fingerprint({"kind": KIND, "parts": [part.fingerprint for part in self.parts]})

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors, of length one if all parts know a word of the text."""
        return self.join([part.encode(texts) for part in self.parts])

    def join(self, vectors: Sequence[Floats]) -> Floats:
        """Vectors of each part for the same Q texts, (Q, D_part) each → result of ``encode``."""
        widths = tuple(part.width for part in self.parts)
        vectors = [checks.matrix("vectors", one) for one in checks.several("vectors", vectors)]
        given = tuple(rows.shape[1] for rows in vectors)
        if given != widths:
            raise BadInput(f"vectors of widths {given}: the parts of this encoder have {widths}")
        return np.concatenate(vectors, axis=1) * np.float32(self.scale)

    def only(self, places: Sequence[int]) -> Self:
        """Some of the parts, in the given order.

        Args:
            places: of the parts, from 0.
        """
        return type(self)([self.parts[place] for place in self._places(places)])

    def narrowed(self, vectors: Floats, places: Sequence[int]) -> Floats:
        """Output of ``encode`` → what ``only(places)`` gives for the same texts.

        Args:
            vectors: (Q, D).
            places: of the parts, from 0.

        Returns:
            (Q, D') with D' the width of these parts.
        """
        vectors = checks.matrix("vectors", vectors, self.width)
        spans, chosen = self.spans, self._places(places)
        narrow = np.concatenate([vectors[:, spans[place]] for place in chosen], axis=1)
        found: Floats = narrow * np.float32(self.only(chosen).scale / self.scale)
        return found

    def _places(self, places: Sequence[int]) -> list[int]:
        given = checks.several("places", places)
        if not given:
            raise BadInput("no place of a text encoder is given: give one or more")
        rows = np.array([checks.whole_number("a place", one, 0) for one in given], dtype=np.int64)
        found: list[int] = checks.indices("places", rows, len(self.parts)).tolist()
        return found

    def save(self, folder: Path) -> None:
        """Writes a manifest and one folder per part (``part-0`` …)."""
        with atomic_folder(folder) as temporary:
            for number, part in enumerate(self.parts):
                part.save(_part(temporary, number))
            content = {"fingerprint": self.fingerprint, "parts": len(self.parts)}
            write_manifest(temporary, KIND, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; returns the same output.

        Raises:
            MissingArtefact: a file is missing, damaged or truncated.
            Mismatch: the folder has another kind or format, or a part was replaced.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND)
        parts = [load_text_encoder(_part(folder, number)) for number in range(manifest["parts"])]
        joined = cls(parts)
        if joined.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} was saved with other parts ({manifest['fingerprint']}) than it has now "
                f"({joined.fingerprint}): make it again"
            )
        return joined


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number}"
