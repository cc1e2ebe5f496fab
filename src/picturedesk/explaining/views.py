"""Pictures as a text's features see them: direct and names routes, and how they change.

Both routes are linear in the text features but for a division by a length, so that with the
length held they are slopes and an offset. Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.explaining.pictures import inverse
from picturedesk.heads.linear import signed_power
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import ClassNames
from picturedesk.types import Doubles, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """K pictures in both spaces, weights of the routes in them.

    Attributes:
        matcher: of the direct route.
        fused: (K, D) of length one, times the weight of the direct route.
        names: the names route; None where it has no weight.
        named: (K, R) of length one, times the weight of the names route; (K, 0) without one.
        sentences: first and last-plus-one column of the sentence vectors among text features.
    """

    matcher: Matcher
    fused: Floats
    names: ClassNames | None
    named: Floats
    sentences: tuple[int, int]

    def scores(self, features: Floats) -> Doubles:
        """Text features (Q, I) → direct and names together (Q, K)."""
        scores = (self.matcher.placed(features) @ self.fused.T).astype(np.float64)
        if self.names is not None:
            scores += self.names.texts(features[:, slice(*self.sentences)]) @ self.named.T
        return scores

    def slopes(self, features: Floats) -> Floats:
        """One text's features (I,) → (K, I), with ``slopes @ features + offsets`` its scores."""
        head = self.matcher.text_head
        if head is None:
            slopes = self.fused * self._scale(features)
        else:
            raised = signed_power(features, head.power)
            shape = np.divide(raised, features, out=np.zeros_like(features), where=features != 0)
            slopes = (self.fused @ head.weights.T) * shape * self._scale(features)
        slopes = slopes.astype(np.float32)
        if self.names is not None:
            slopes[:, slice(*self.sentences)] += self._named_slopes(self.names, features)
        return slopes

    def offsets(self, features: Floats) -> Doubles:
        """What one text's features (I,) have of each picture (K,) beside the slopes."""
        offsets = np.zeros(len(self.fused))
        if self.matcher.text_head is not None:
            offsets += (self.fused @ self.matcher.text_head.bias) * self._scale(features)
        if self.names is not None:
            offsets -= self._named_slopes(self.names, features) @ self.names.text_centre
        return offsets

    def _scale(self, features: Floats) -> float:
        """By which the text is brought to length one in the shared space."""
        head = self.matcher.text_head
        placed = features if head is None else head(features[None])[0]
        return float(inverse(np.linalg.norm(placed)))

    def _named_slopes(self, names: ClassNames, features: Floats) -> Floats:
        """The names route's slopes (K, S) in the sentence vector; zeros for a text without one."""
        sentence = features[slice(*self.sentences)]
        length = np.linalg.norm(sentence - names.text_centre)
        scale = np.float32(inverse(length) * sentence.any())
        slopes: Floats = (self.named @ names.basis.T) * scale
        return slopes
