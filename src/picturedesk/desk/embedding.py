"""Texts and pictures as vectors whose inner product is a score. Reads; never writes.

The catalogue has one joined vector per picture, and every route that scores by vectors asks it with
a query of its own. Their weighted sum is one query, so a blend is one inner product, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.desk.suggesting import BATCH, Suggester
from picturedesk.errors import BadInput
from picturedesk.routes import Blend
from picturedesk.types import Floats


def query_vectors(suggester: Suggester, texts: Sequence[str], route: str) -> Floats:
    """Q texts → (Q, W): the inner product with a catalogue vector is the score of the route.

    Weights are folded in. The share of the route ``captions`` in a blend is left out: it counts
    words.

    Args:
        suggester: of the desk.
        texts: Q texts.
        route: of the desk.

    Raises:
        BadInput: the route scores by words alone, or asks with several vectors per text; or no
            word of a text is known.
    """
    blend = suggester.blend
    weights = vector_weights(blend, route)
    asked = np.zeros((len(texts), blend.layout.width), dtype=np.float32)
    for start in range(0, len(texts), BATCH):
        batch = blend.ask(suggester.queries(texts[start : start + BATCH]), weights)
        for place in range(len(batch.texts)):
            rows = blend.combined(batch.of(place), weights)
            if len(rows) > 1:
                raise BadInput(
                    f"route {route!r} asks with several vectors per text, of which the best "
                    "counts: name another route"
                )
            asked[start + place] = rows[0] * blend.layout.radius
    return asked


def vector_weights(blend: Blend, route: str) -> dict[str, float]:
    """The weights of a route, of the parts that score by vectors.

    Raises:
        BadInput: it is unknown, or has no such part.
    """
    by_vectors = {one.name for one in blend.block_routes}
    weights = blend.weights_of(route)
    found = {name: weight for name, weight in weights.items() if name in by_vectors}
    if not found:
        raise BadInput(f"route {route!r} scores by words: it has no vectors, name another route")
    return found
