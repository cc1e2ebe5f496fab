"""Searches a catalogue and arranges what is found: copies collapse, pictures differ, rest.

Takes more of the best pictures than are shown, and still more where too few are left. Reads; never
writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.images.hashes import Hashes
from picturedesk.products import products
from picturedesk.routes import Blend
from picturedesk.routes.blend import QueryVectors
from picturedesk.routes.diversity import (
    OrderConfig,
    collapsed,
    diversified,
    near_duplicates,
    tiredness,
)
from picturedesk.routes.search import BACKGROUND, Ranking, SearchConfig, search
from picturedesk.types import Bools, Catalogue, Doubles, Floats, Ints

POOL = 50  # best pictures among which diversity chooses, at least
_WIDER = 3  # times as many as are shown, at least
_MORE = 4  # times as many if too few are left
SAMPLE = BACKGROUND  # entries on which the deviation of scores is measured
_FLAT = 1e-9  # a deviation below it is none

HashesOf = Callable[[Sequence[str]], Mapping[str, np.uint64]]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is searched, and how it is scored.

    Attributes:
        route: "blend", or one route alone.
        where: condition on the metadata.
        weights: of the routes; None for those of ``route``.
        unwanted: (M, D) places in the shared space of pictures that are not shown, nor their
            near-duplicates.
        unwanted_keys: (M) their content keys.
    """

    route: str
    where: str = ""
    weights: Mapping[str, float] | None = None
    unwanted: Floats | None = None
    unwanted_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The pictures to show for one query, in order.

    Attributes:
        ranking: K pictures.
        others: (K) keys of the near-duplicates of each, which are not shown.
        values: (K,) scores in deviations, less what reuse takes from them; as they are where
            pictures are shown by score alone.
    """

    ranking: Ranking
    others: tuple[tuple[str, ...], ...]
    values: Doubles

    def some(self, rows: Ints) -> Arranged:
        """Some of the pictures, in this order."""
        ranking, places = self.ranking, rows.tolist()
        chosen = replace(
            ranking,
            pictures=tuple(ranking.pictures[row] for row in places),
            vectors=ranking.vectors[rows],
            scores=ranking.scores[rows],
            route_scores={name: values[rows] for name, values in ranking.route_scores.items()},
            judged=ranking.judged[rows],
        )
        return Arranged(chosen, tuple(self.others[row] for row in places), self.values[rows])


class Arranger:
    """Searches and arranges.

    Args:
        blend: scores the pictures.
        catalogue: is searched.
        hashes: gives the perceptual hashes of pictures by key, of those that it knows; None if
            none are known.
    """

    def __init__(self, blend: Blend, catalogue: Catalogue, hashes: HashesOf | None = None) -> None:
        self.blend = blend
        self.catalogue = catalogue
        self._hashes_of = hashes
        self._known: dict[str, np.uint64] = {}  # content never changes under its key

    def arranged(
        self,
        queries: QueryVectors,
        k: int,
        request: Request,
        order: OrderConfig,
        config: SearchConfig,
    ) -> list[Arranged]:
        """The k pictures to show for each of Q queries; fewer if fewer can be shown.

        Args:
            queries: Q queries.
            k: how many, at least 1.
            request: what is searched.
            order: how the best are arranged.
            config: of the search.
        """
        depth = k if order.by_score else max(POOL, _WIDER * k)
        depth += len(request.unwanted_keys)
        rankings = self._searched(queries, depth, request, config)
        if order.by_score and not request.unwanted_keys:
            return [Arranged(one, ((),) * len(one.pictures), one.scores) for one in rankings]
        found = []
        for query, ranking in enumerate(rankings):
            one, deeper = queries.of(query), depth
            deviation = self._deviation(one, ranking, request)
            while True:
                shown, final = self._arranged(ranking, k, request, order, deviation)
                if final or len(ranking.pictures) < deeper:
                    break
                deeper *= _MORE
                ranking = self._searched(one, deeper, request, config)[0]
            found.append(shown)
        return found

    def _searched(
        self, queries: QueryVectors, depth: int, request: Request, config: SearchConfig
    ) -> list[Ranking]:
        where, weights = request.where, request.weights
        return search(
            self.blend, self.catalogue, queries, depth, request.route, where, config, weights
        )

    def _deviation(self, query: QueryVectors, ranking: Ranking, request: Request) -> float:
        """The deviation of one query's scores over a sample of the catalogue, above 0."""
        sampled = ranking.sampled
        if sampled is None:
            vectors = self.catalogue.sample(SAMPLE).vectors
            weights = request.weights
            if weights is None:
                weights = self.blend.weights_of(request.route)
            rows = self.blend.combined(query, weights).astype(np.float32)
            sampled = products(rows, vectors).max(axis=0) * np.float64(self.blend.layout.radius)
        deviation = deviation_of(sampled)
        return deviation if deviation > _FLAT else 1.0

    def _arranged(
        self, ranking: Ranking, k: int, request: Request, order: OrderConfig, deviation: float
    ) -> tuple[Arranged, bool]:
        """The pictures to show, and whether a deeper ranking could not change them."""
        vectors = fused(self.blend, ranking.vectors)
        keys = [picture.key for picture in ranking.pictures]
        hashes = self.hashes(keys)
        used = [picture.last_used for picture in ranking.pictures]
        held_back = tiredness(used, order.fatigue, order.today)
        scores = ranking.scores / deviation - held_back
        ordered = np.argsort(-scores, kind="stable")
        ordered = ordered[self._wanted(request, keys, vectors, hashes)[ordered]]
        groups = [[place] for place in range(len(ordered))]
        if not order.duplicates:
            groups = collapsed(None if hashes is None else hashes[ordered], vectors[ordered])
        kept = ordered[[group[0] for group in groups]]
        chosen = diversified(scores[kept], vectors[kept], k, order.diversity)
        # Entries beyond the ranking score at most its last score, whenever they ran.
        reached = scores[kept[:k]].min(initial=np.inf) if len(kept) >= k else -np.inf
        last = float(ranking.scores[-1]) / deviation if len(keys) else -np.inf
        final = len(kept) >= k and (not held_back.any() or reached >= last)
        copies: list[tuple[str, ...]] = [()] * len(keys)
        places = ordered.tolist()
        for first, *others in groups:
            copies[places[first]] = tuple(keys[places[other]] for other in others)
        everything = Arranged(ranking, tuple(copies), scores)
        return everything.some(kept[chosen]), final

    def _wanted(
        self, request: Request, keys: Sequence[str], vectors: Floats, hashes: Hashes | None
    ) -> Bools:
        """Which pictures (N,) are none of the unwanted ones, nor near-duplicates of them."""
        wanted = np.array([key not in request.unwanted_keys for key in keys], dtype=bool)
        if request.unwanted is None:
            return wanted
        places = np.arange(1, len(keys) + 1, dtype=np.int64)
        for key, vector in zip(request.unwanted_keys, request.unwanted, strict=True):
            own, both = self.hashes([key]), None
            if hashes is not None and own is not None:
                both = np.concatenate([own, hashes])
            wanted &= ~near_duplicates(both, vectors @ vector, 0, places)
        return wanted

    def hashes(self, keys: Sequence[str]) -> Hashes | None:
        """Perceptual hashes (N,) of pictures; None if one is not known."""
        if self._hashes_of is None:
            return None
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        if new:
            self._known |= self._hashes_of(new)
        if not all(key in self._known for key in keys):
            return None
        return np.array([self._known[key] for key in keys], dtype=np.uint64)


def fused(blend: Blend, vectors: Floats) -> Floats:
    """The places (N, D) in the shared space, in catalogue vectors (N, W)."""
    return blend.layout.part(vectors, blend.block_routes[0].block.name)


def deviation_of(scores: Floats | Doubles) -> float:
    """The deviation of scores; 0 for fewer than two."""
    return float(np.std(scores)) if len(scores) > 1 else 0.0
