"""The class-name route: what the network says a picture shows, in words, against the text.

A backbone trained to tell classes apart says of every picture how much it looks like each. A
sentence encoder puts the names of the classes where it puts texts. The mean of the names under the
probabilities is a vector that can be compared with a text's, and needs no pairs at all (compare
Norouzi et al. 2014, "ConSE"). Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.types import Floats

WIDTH = 256  # directions that are kept: they hold 98 % of what sets class names apart
ROOT = np.float32(0.5)  # of probabilities: the second and third class are heard too


@dataclass(frozen=True, slots=True, eq=False)
class ClassNames:
    """Class probabilities and texts → one space.

    Attributes:
        names: per class its name.
        vectors: (C, R) of the names, in the space below.
        basis: (S, R) orthonormal: from sentence vectors into the space.
        text_centre: (S,) mean sentence vector of the archive's texts.
        picture_centre: (R,) mean expected name of the archive's pictures.
    """

    names: tuple[str, ...]
    vectors: Floats
    basis: Floats
    text_centre: Floats
    picture_centre: Floats

    @classmethod
    def of(cls, names: tuple[str, ...], vectors: Floats, width: int = WIDTH) -> ClassNames:
        """The space that names span, not yet centred on any archive.

        Args:
            names: of C classes.
            vectors: (C, S) sentence vectors of the names.
            width: directions that are kept, at most.
        """
        _, _, directions = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
        basis = np.ascontiguousarray(directions[:width].T, dtype=np.float32)  # (S, R)
        nowhere = np.zeros(vectors.shape[1] + basis.shape[1], dtype=np.float32)
        text_centre, picture_centre = np.split(nowhere, [vectors.shape[1]])
        placed = (vectors @ basis).astype(np.float32)
        return cls(names, placed, basis, text_centre, picture_centre)

    def centred(self, texts: Floats, probabilities: Floats) -> ClassNames:
        """The same, centred on an archive; which picture ran with which text plays no part.

        Args:
            texts: (T, S) sentence vectors of the archive's texts.
            probabilities: (N, C) of the archive's pictures.
        """
        centre = (shares(probabilities) @ self.vectors).mean(axis=0)
        return replace(self, text_centre=texts.mean(axis=0), picture_centre=centre)

    @property
    def width(self) -> int:
        """Width R of the space."""
        return int(self.basis.shape[1])

    def pictures(self, probabilities: Floats) -> Floats:
        """Class probabilities (N, C) → (N, R) of length one."""
        return length_one(shares(probabilities) @ self.vectors - self.picture_centre)

    def texts(self, sentences: Floats) -> Floats:
        """Sentence vectors (Q, S) → (Q, R), at most of length one; zeros stay zeros.

        What lies outside the space is lost, so that a text about nothing that has a class is
        short here, and counts for little.
        """
        centred = length_one(sentences - self.text_centre)
        placed: Floats = (centred @ self.basis) * sentences.any(axis=1, keepdims=True)
        return placed

    def seen(self, probabilities: Floats, n: int = 3) -> list[tuple[str, float]]:
        """The n likeliest classes of one picture's probabilities (C,), likeliest first."""
        best = np.argsort(-probabilities, kind="stable")[:n]
        return [(self.names[index], float(probabilities[index])) for index in best]


def shares(probabilities: Floats) -> Floats:
    """Roots of the probabilities (N, C), brought to sum to one."""
    roots = np.maximum(probabilities, 0) ** ROOT
    share: Floats = roots / np.maximum(roots.sum(axis=1, keepdims=True), 1e-12)
    return share
