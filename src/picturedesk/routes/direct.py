"""The direct route: cosine of text and fused picture in the shared space.

The paper's similarity matching (Tables 3 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.heads.linear import LinearHead, signed_power
from picturedesk.heads.matcher import Matcher
from picturedesk.heads.shares import inverse, output_shares
from picturedesk.routes.archive import same_width
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

DIRECT = "direct"
FUSED = "fused"
ALWAYS = "always"  # the score of the baseline, a picture with mean features
NOT_ATTRIBUTED = "not attributed"  # error of a perceptron's integrated gradients


def fused_block(matcher: Matcher) -> Block:
    """The fused vector, which several routes share."""
    return Block(FUSED, matcher.width)


@dataclass(frozen=True, slots=True)
class DirectPlan:
    """Plan of the direct route; its weight is always 1."""

    name: str = DIRECT
    weights: tuple[float, ...] = (1.0,)
    unit: str = DIRECT
    default_weight: float = 1.0

    def fit(self, fold: Fold) -> DirectRoute:
        """Fits nothing: the heads are fitted before."""
        return DirectRoute(fold.queries.matcher)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> DirectRoute:
        """The route of a saved matcher."""
        return DirectRoute(matcher)


@dataclass(frozen=True, slots=True, eq=False)
class DirectRoute:
    """See the module. Stores fused vectors; the query is the text's vector."""

    matcher: Matcher
    name: str = DIRECT
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The fused vector."""
        return fused_block(self.matcher)

    def store(self, pictures: Pictures) -> Floats:
        """(N, D) fused vectors."""
        return pictures.vectors

    def ask(self, queries: Queries) -> Rows:
        """(Q, D) vectors of the texts."""
        return Rows.one_each(queries.vectors)

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares:
        """The share of each level, then ``ALWAYS``, the score of a picture with mean features.

        Exact for a linear head. For the paper's perceptron, the shares are integrated gradients,
        with their error as ``NOT_ATTRIBUTED``. All shares sum to the product.
        """
        shares: list[tuple[PictureShare, ...]] = [()] * len(pictures)
        for head, rows in self.matcher.heads_of(len(pictures), pictures.keys):
            features = pictures.features[rows]
            found = output_shares(head, features, toward, config.typical, config.steps)
            rest = {ALWAYS: found.start}
            if not isinstance(head, LinearHead):
                rest[NOT_ATTRIBUTED] = found.missed
            for place, row in enumerate(rows.tolist()):
                own = found.inputs[place]
                shares[row] = (
                    *(
                        PictureShare(name, float(own[span].sum()))
                        for name, span in self.matcher.level_columns().items()
                    ),
                    *(PictureShare(name, float(values[place])) for name, values in rest.items()),
                )
        return PictureShares("levels", tuple(shares))

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes:
        """Linear in the text features, with the vector's length held constant."""
        head = self.matcher.text_head
        features = queries.features[0]
        if head is None:
            scale = float(inverse(np.linalg.norm(features)))
            slopes = (stored * scale).astype(np.float32)
            return TextSlopes(slopes, np.zeros(len(stored)))
        scale = float(inverse(np.linalg.norm(head(queries.features)[0])))
        raised = signed_power(features, head.power)
        shape = np.divide(raised, features, out=np.zeros_like(features), where=features != 0)
        slopes = ((stored @ head.weights.T) * shape * scale).astype(np.float32)
        return TextSlopes(slopes, (stored @ head.bias).astype(np.float64) * scale)

    def settings(self) -> Json:
        """None: the matcher has them."""
        return {}

    def arrays(self) -> Arrays:
        """None: the matcher has them."""
        return {}


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine of every pair of rows; a zero vector has cosine zero with everything.

    Args:
        a: (Q, D).
        b: (N, D).

    Returns:
        (Q, N), -1 to 1.

    Raises:
        BadInput: the widths differ.
    """
    same_width(a, b)
    return length_one(a) @ length_one(b).T


def direct_scores(texts: Floats, pictures: Floats) -> Floats:
    """The direct route over plain arrays: texts (Q, D), fused pictures (N, D) → cosines (Q, N)."""
    return cosine(texts, pictures)
