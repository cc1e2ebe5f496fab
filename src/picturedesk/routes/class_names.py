"""The class-name route: compares the names of a picture's likely classes with the text.

A classifier gives each picture a probability for each class. A sentence encoder maps the class
names to the same space as texts. The mean of the names' vectors, weighted by the probabilities, can
be compared with a text's vector; this needs no pairs (compare Norouzi et al. 2014, "ConSE").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.heads.matcher import Matcher
from picturedesk.heads.shares import inverse
from picturedesk.routes.route import (
    Arrays,
    Block,
    Fold,
    Pictures,
    PictureShare,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextSlopes,
)
from picturedesk.types import Floats, Json

CLASS_NAMES = "class_names"
OTHERS = "other classes"
CENTRE = "centre"  # mean of the archive's pictures, which is subtracted
WIDTH = 256  # principal directions: 98 % of the variance of the class names
ROOT = np.float32(0.5)  # of probabilities, so that the second and third class count, too


@dataclass(frozen=True, slots=True)
class ClassNamesPlan:
    """Plan of the class-name route."""

    name: str = CLASS_NAMES
    weights: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 8.0)
    unit: str = CLASS_NAMES
    default_weight: float = 0.0

    def fit(self, fold: Fold) -> ClassNamesRoute | None:
        """The space of class names, centred on the fold; None if the classes have no names."""
        classes = fold.classes
        if classes is None:
            return None
        space = ClassNameSpace.of(classes.names, classes.vectors)
        centred = space.centred(
            fold.queries.features[:, classes.columns], fold.pictures.level(classes.level)
        )
        columns = (classes.columns.start, classes.columns.stop)
        return ClassNamesRoute(centred, classes.level, columns)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> ClassNamesRoute:
        """The route as it was saved."""
        floats = {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}
        space = ClassNameSpace(tuple(settings["names"]), **floats)
        first, last = settings["columns"]
        return ClassNamesRoute(space, settings["level"], (first, last))


@dataclass(frozen=True, slots=True, eq=False)
class ClassNamesRoute:
    """See the module.

    Attributes:
        space: of the class names.
        level: the level of the class probabilities.
        columns: start and stop of the sentence vectors' columns in the text features.
    """

    space: ClassNameSpace
    level: str
    columns: tuple[int, int]
    name: str = CLASS_NAMES
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The picture's vector in the space of class names."""
        return Block(CLASS_NAMES, self.space.width)

    def store(self, pictures: Pictures) -> Floats:
        """(N, R) of length one."""
        return self.space.pictures(pictures.level(self.level))

    def ask(self, queries: Queries) -> Rows:
        """(Q, R) of length one at most."""
        return Rows.one_each(self.space.texts(queries.features[:, slice(*self.columns)]))

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares:
        """The share of each class, largest first, then ``OTHERS`` and ``CENTRE``."""
        probabilities = pictures.level(self.level)
        placed = shares(probabilities) @ self.space.vectors - self.space.picture_centre
        scale = inverse(np.linalg.norm(placed, axis=1))  # (K,)
        each = shares(probabilities) * (self.space.vectors @ toward).astype(np.float64)
        each *= scale[:, None]  # (K, C)
        centres = -float(self.space.picture_centre @ toward) * scale
        return PictureShares(
            "classes",
            tuple(
                self._named(row, likely, float(centre), config.most)
                for row, likely, centre in zip(each, probabilities, centres, strict=True)
            ),
        )

    def _named(
        self, row: Floats, likely: Floats, centre: float, most: int
    ) -> tuple[PictureShare, ...]:
        best, others = np.split(np.argsort(-row, kind="stable"), [most])
        return (
            *(PictureShare(self.space.names[c], float(row[c]), float(likely[c])) for c in best),
            PictureShare(OTHERS, float(row[others].sum()), float(likely[others].sum())),
            PictureShare(CENTRE, centre),
        )

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes:
        """Linear in the sentence vector, with its length held constant."""
        features = queries.features[0]
        sentence = features[slice(*self.columns)]
        length = np.linalg.norm(sentence - self.space.text_centre)
        scale = np.float32(inverse(length) * sentence.any())
        moved = (stored @ self.space.basis.T) * scale  # (K, S)
        slopes = np.zeros((len(stored), len(features)), dtype=np.float32)
        slopes[:, slice(*self.columns)] = moved
        return TextSlopes(slopes, -(moved @ self.space.text_centre).astype(np.float64))

    def settings(self) -> Json:
        """Names, level and columns."""
        return {
            "names": list(self.space.names),
            "level": self.level,
            "columns": list(self.columns),
        }

    def arrays(self) -> Arrays:
        """The space."""
        return {
            "vectors": self.space.vectors,
            "basis": self.space.basis,
            "text_centre": self.space.text_centre,
            "picture_centre": self.space.picture_centre,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ClassNameSpace:
    """Class probabilities and texts → one space.

    Attributes:
        names: of the C classes.
        vectors: (C, R) of the names in this space.
        basis: (S, R) orthonormal, from sentence vectors to this space.
        text_centre: (S,) mean sentence vector of the archive's texts.
        picture_centre: (R,) mean vector of the archive's pictures.
    """

    names: tuple[str, ...]
    vectors: Floats
    basis: Floats
    text_centre: Floats
    picture_centre: Floats

    @classmethod
    def of(cls, names: tuple[str, ...], vectors: Floats, width: int = WIDTH) -> ClassNameSpace:
        """The space that the names span, not centred on an archive.

        Args:
            names: of C classes.
            vectors: (C, S) sentence vectors of the names.
            width: maximum number of directions.
        """
        _, _, directions = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
        basis = np.ascontiguousarray(directions[:width].T, dtype=np.float32)  # (S, R)
        nowhere = np.zeros(vectors.shape[1] + basis.shape[1], dtype=np.float32)
        text_centre, picture_centre = np.split(nowhere, [vectors.shape[1]])
        placed = (vectors @ basis).astype(np.float32)
        return cls(names, placed, basis, text_centre, picture_centre)

    def centred(self, texts: Floats, probabilities: Floats) -> ClassNameSpace:
        """The same space, centred on an archive; needs no links.

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

        The part outside the space is lost, so a text that is not about any class has a short vector
        and low scores.
        """
        centred = length_one(sentences - self.text_centre)
        placed: Floats = (centred @ self.basis) * sentences.any(axis=1, keepdims=True)
        return placed


def shares(probabilities: Floats) -> Floats:
    """Roots of the probabilities (N, C), scaled to sum to one."""
    roots = np.maximum(probabilities, 0) ** ROOT
    share: Floats = roots / np.maximum(roots.sum(axis=1, keepdims=True), 1e-12)
    return share
