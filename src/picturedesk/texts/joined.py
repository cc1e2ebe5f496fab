"""Several text encoders side by side: what one misses, another may see. Knows none of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from picturedesk.disk.artifacts import atomic_folder, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput, Mismatch
from picturedesk.texts.loading import load_text_encoder
from picturedesk.types import Floats, TextEncoder

KIND = "joined"


class JoinedEncoder:
    """Texts → the parts' vectors, one after the other; see ``types.TextEncoder``.

    Each of n parts is scaled by √(1/n), so that a cosine of two texts is the mean of the parts'
    cosines. A text that only k parts know has zeros in place of the others, and length √(k/n).

    Attributes:
        parts: the encoders, in their order.
        scale: √(1/n), by which each part's vector is multiplied.
    """

    def __init__(self, parts: Sequence[TextEncoder]) -> None:
        """Raises BadInput for no parts."""
        if not parts:
            raise BadInput("no text encoder to join: give one or more")
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
        """Hash of the parts' fingerprints, in their order."""
        return fingerprint({"kind": KIND, "parts": [part.fingerprint for part in self.parts]})

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one where all parts know a word of the text."""
        return self.join([part.encode(texts) for part in self.parts])

    def join(self, vectors: Sequence[Floats]) -> Floats:
        """What each part gave for the same Q texts, (Q, D_part) each → what ``encode`` gives."""
        widths = tuple(part.width for part in self.parts)
        given = tuple(rows.shape[1] for rows in vectors)
        if given != widths:
            raise BadInput(f"vectors of widths {given}: the parts of this encoder have {widths}")
        return np.concatenate(vectors, axis=1) * np.float32(self.scale)

    def save(self, folder: Path) -> None:
        """Writes a manifest, and each part into a folder of its own (``part-0`` …)."""
        with atomic_folder(folder) as temporary:
            for number, part in enumerate(self.parts):
                part.save(_part(temporary, number))
            content = {"fingerprint": self.fingerprint, "parts": len(self.parts)}
            write_manifest(temporary, KIND, content)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; gives the same output.

        Raises:
            MissingArtefact: a file is not there, broken or cut short.
            Mismatch: of another kind or format, or a part is not the one that was saved.
        """
        manifest = read_manifest(folder, KIND)
        parts = [load_text_encoder(_part(folder, number)) for number in range(manifest["parts"])]
        joined = cls(parts)
        if joined.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} was joined of other parts ({manifest['fingerprint']}) than lie in it "
                f"now ({joined.fingerprint}): make it again"
            )
        return joined


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number}"
