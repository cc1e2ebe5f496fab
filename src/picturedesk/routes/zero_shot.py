"""The zero-shot route: cosine of text and picture in a dual encoder's own space.

A dual encoder (CLIP, SigLIP) was trained on pairs of the web, so the route needs none of the
archive: its texts and pictures choose a basis, nothing is learned from who belongs to whom. Source:
Radford et al. 2021, "Learning transferable visual models from natural language supervision".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.heads.matcher import Matcher
from picturedesk.heads.shares import inverse
from picturedesk.routes.route import (
    Arrays,
    Block,
    Fold,
    Pictures,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextSlopes,
)
from picturedesk.types import Floats, Json

ZERO_SHOT = "zero_shot"
WIDTH = 512  # numbers per picture, so that a catalogue vector stays under 1,536


@dataclass(frozen=True, slots=True)
class ZeroShotPlan:
    """Plan of the zero-shot route."""

    name: str = ZERO_SHOT
    weights: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    unit: str = ZERO_SHOT
    default_weight: float = 0.0

    def fit(self, fold: Fold) -> ZeroShotRoute | None:
        """A basis for the fold's texts and pictures; None if the backbone is no dual encoder."""
        dual = fold.dual
        if dual is None:
            return None
        texts = length_one(fold.queries.features[:, dual.columns])
        pictures = length_one(fold.pictures.level(dual.level))
        columns = (dual.columns.start, dual.columns.stop)
        return ZeroShotRoute(principal_basis(texts, pictures), dual.level, columns)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> ZeroShotRoute:
        """The route as it was saved."""
        first, last = settings["columns"]
        basis = np.asarray(arrays["basis"], dtype=np.float32)
        return ZeroShotRoute(basis, settings["level"], (first, last))


@dataclass(frozen=True, slots=True, eq=False)
class ZeroShotRoute:
    """See the module.

    Attributes:
        basis: (S, R) orthonormal; with R = S, scores are exactly the model's cosines.
        level: the level of the projected vectors.
        columns: start and stop of the text tower's columns in the text features.
    """

    basis: Floats
    level: str
    columns: tuple[int, int]
    name: str = ZERO_SHOT
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The picture's vector in the basis."""
        return Block(ZERO_SHOT, self.basis.shape[1])

    def store(self, pictures: Pictures) -> Floats:
        """(N, R), of length one at most."""
        stored: Floats = length_one(pictures.level(self.level)) @ self.basis
        return stored

    def ask(self, queries: Queries) -> Rows:
        """(Q, R), of length one at most; zeros for a text that the tower did not read."""
        return Rows.one_each(length_one(queries.features[:, slice(*self.columns)]) @ self.basis)

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """None: the numbers of the projected vector have no names."""
        return None

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes:
        """Linear in the text tower's vector, with its length held constant."""
        features = queries.features[0]
        scale = np.float32(inverse(np.linalg.norm(features[slice(*self.columns)])))
        slopes = np.zeros((len(stored), len(features)), dtype=np.float32)
        slopes[:, slice(*self.columns)] = (stored @ self.basis.T) * scale
        return TextSlopes(slopes, np.zeros(len(stored)))

    def settings(self) -> Json:
        """Level and columns."""
        return {"level": self.level, "columns": list(self.columns)}

    def arrays(self) -> Arrays:
        """The basis."""
        return {"basis": self.basis}


def principal_basis(texts: Floats, pictures: Floats, width: int = WIDTH) -> Floats:
    """The orthonormal basis (S, R) that keeps most of the squared length of both sides.

    Both sides count alike. The vectors are not centred: their means are directions like others, so
    that rows never exceed length one. Few vectors leave directions open; any will do then.

    Args:
        texts: (T, S) of length one.
        pictures: (N, S) of length one.
        width: R, at most.
    """
    moments = sum(
        rows.T.astype(np.float64) @ rows / max(len(rows), 1) for rows in (texts, pictures)
    )
    _, directions = np.linalg.eigh(moments)  # ascending
    basis: Floats = np.ascontiguousarray(directions[:, ::-1][:, :width], dtype=np.float32)
    return basis
