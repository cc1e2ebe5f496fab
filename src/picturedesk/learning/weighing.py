"""Chooses the weights of the routes on rehearsals. Knows scores only.

A route is let in only if it adds to the mean reciprocal rank by more than a threshold; where one
route alone does best, it is left alone. So the blend is not worse than the best single route, as
far as the rehearsals can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.cross_validation import Rehearsal
from picturedesk.measuring.metrics import ranks
from picturedesk.routes import Weights
from picturedesk.types import Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """Deviation of each route's scores over the candidates of a text, averaged; above 0.

    Texts that a route tells nothing of, as one without a word of any caption, do not count.
    """

    direct: float
    transfer: float
    names: float
    words: float

    @classmethod
    def of(cls, rehearsals: Sequence[Rehearsal], saturation: float) -> Scale:
        """Measured on rehearsals; words saturate at ``saturation``."""

        def deviation(matrices: Sequence[Floats | None]) -> float:
            measured = [m.std(axis=1) for m in matrices if m is not None and m.size]
            told = np.concatenate([deviations[deviations > 0] for deviations in measured] or [[]])
            return float(told.mean()) if len(told) else 1.0

        words = [
            r.words / (r.words + saturation) if r.words is not None else None for r in rehearsals
        ]
        return cls(
            deviation([r.direct for r in rehearsals]),
            deviation([r.transfer for r in rehearsals]),
            deviation([r.names for r in rehearsals]),
            deviation(words),
        )

    def weights(self, hubs: float, transfer: float, names: float, words: float) -> Weights:
        """Weights of cosines from weights in deviations; the direct route weighs one."""
        return Weights(
            direct=1 / self.direct,
            hubs=hubs / self.direct,
            transfer=transfer / self.transfer,
            names=names / self.names,
            words=words / self.words,
        )


def choose(rehearsals: Sequence[Rehearsal], config: BestConfig, saturation: float) -> Weights:
    """The weights of highest mean reciprocal rank, less the gain that each route must bring."""
    scale = Scale.of(rehearsals, saturation)
    some = rehearsals[0]
    grid = product(
        config.hubs,
        config.transfer,
        config.names if some.names is not None else (0.0,),
        config.words if some.words is not None else (0.0,),
    )

    def value(weights: tuple[float, ...]) -> float:
        let_in = sum(weight > 0 for weight in weights)
        blended = scale.weights(*weights)
        return mean_reciprocal_rank(rehearsals, blended, saturation) - config.gain * let_in

    return scale.weights(*max(grid, key=value))


def mean_reciprocal_rank(
    rehearsals: Sequence[Rehearsal], weights: Weights, saturation: float
) -> float:
    """Over all texts of all rehearsals, 0 to 1."""
    reciprocal = [1 / ranks(blended(r, weights, saturation), r.relevant) for r in rehearsals]
    return float(np.concatenate(reciprocal).mean())


def blended(rehearsal: Rehearsal, weights: Weights, saturation: float) -> Floats:
    """Scores (Q, n) of weighed routes."""
    scores = weights.direct * rehearsal.direct - weights.hubs * rehearsal.hubs
    if weights.transfer:
        scores = scores + weights.transfer * rehearsal.transfer
    if weights.names and rehearsal.names is not None:
        scores = scores + weights.names * rehearsal.names
    if weights.words and rehearsal.words is not None:
        scores = scores + weights.words * (rehearsal.words / (rehearsal.words + saturation))
    return scores.astype(np.float32, copy=False)
