"""Slopes of the scores of K pictures by text features. Knows no particular route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.routes import Blend, BlockRoute, Queries
from picturedesk.routes.route import TextSlopes
from picturedesk.types import Doubles, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """K pictures and one text, for the routes that depend on the text's words.

    Attributes:
        blend: the routes.
        weights: of the routes.
        parts: blocks by name, each (K, w).
        queries: the one text.
    """

    blend: Blend
    weights: Mapping[str, float]
    parts: Mapping[str, Floats]
    queries: Queries

    def slopes(self) -> TextSlopes:
        """Slopes (K, I) and offsets (K,) of the scores of these routes together."""
        count = len(next(iter(self.parts.values())))
        slopes = np.zeros((count, self.queries.features.shape[1]), dtype=np.float32)
        offsets = np.zeros(count)
        for route, weight in self._weighted():
            found = route.text_slopes(self.queries, self.parts[route.block.name])
            if found is not None:
                slopes += np.float32(weight) * found.slopes
                offsets += weight * found.offsets
        return TextSlopes(slopes, offsets)

    def scores(self, features: Floats) -> Doubles:
        """Scores (n, K) of these routes together, for other features (n, I) of the text."""
        queries = Queries(self.blend.matcher, [""] * len(features), features, self.queries.archive)
        count = len(next(iter(self.parts.values())))
        scores = np.zeros((len(features), count))
        for route, weight in self._weighted():
            stored = self.parts[route.block.name]
            if route.text_slopes(self.queries, stored) is not None:
                scores += weight * (route.ask(queries).vectors @ stored.T)
        return scores

    def _weighted(self) -> list[tuple[BlockRoute, float]]:
        return [
            (route, self.weights[route.name])
            for route in self.blend.block_routes
            if self.weights.get(route.name)
        ]
