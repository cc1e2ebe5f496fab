"""Searches a catalogue: candidates by vector and by words, scored exactly as a blend.

The catalogue returns the best candidates by vector and by words; all of them are scored exactly.
While another entry could still be among the first k, more candidates are fetched (the threshold
algorithm: Fagin, Lotem and Naor 2003), so that the result over an exact catalogue is exact. Knows
the Protocol ``Catalogue`` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import UnknownPicture
from picturedesk.products import products
from picturedesk.routes.archive import ROUNDING
from picturedesk.routes.blend import Blend, QueryVectors, total
from picturedesk.routes.confidence import Pool
from picturedesk.texts.words import words
from picturedesk.types import (
    Catalogue,
    Doubles,
    Entries,
    Floats,
    Found,
    Ints,
    LazyPictures,
    Picture,
)

CANDIDATES = 200  # entries of each search, at first
MOST_CANDIDATES = 12_800  # … at most; missed entries rank lower by vector and by words
BACKGROUND = 512  # entries of the background sample
_TOGETHER = 64  # queries whose candidates are in memory together
_ATTEMPTS = 8  # at a search while others remove pictures
_MORE = 4  # times as many candidates if they were too few


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Catalogue entries for one query.

    Attributes:
        pictures: (K) suggested pictures, best first.
        vectors: (K, W) of these.
        scores: (K,) of these.
        route_scores: route → (K,) scores, not weighted.
        judged: (K,) their scores as the confidence was calibrated on: with or without captions.
        pool: scores of the whole catalogue, for the confidence; None if none is needed.
        sampled: (B,) scores of the background sample, without words; None as for the pool.
    """

    pictures: tuple[Picture, ...]
    vectors: Floats
    scores: Doubles
    route_scores: Mapping[str, Doubles]
    judged: Doubles
    pool: Pool | None
    sampled: Doubles | None = None


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """Numbers of entries.

    Attributes:
        candidates: of each search at first, at least 1.
        most: of each search at most.
        background: of the background sample; 0 if no confidence is needed.
        judge_captions: whether captions count in the scores for the confidence.
    """

    candidates: int = CANDIDATES
    most: int = MOST_CANDIDATES
    background: int = BACKGROUND
    judge_captions: bool = True


def search(
    blend: Blend,
    catalogue: Catalogue,
    queries: QueryVectors,
    k: int,
    route: str,
    where: str = "",
    config: SearchConfig = SearchConfig(),
    weights: Mapping[str, float] | None = None,
) -> list[Ranking]:
    """The k best entries for each of Q queries that meet a condition, best first.

    Args:
        blend: scores the entries.
        catalogue: is searched.
        queries: Q queries, at least 1.
        k: how many, at least 1; the result has fewer if fewer meet the condition.
        route: "blend", or one route alone.
        where: condition on the metadata.
        config: numbers of candidates.
        weights: of the routes; None for those of ``route``.
    """
    checks.instance("blend", blend, Blend)
    checks.instance("catalogue", catalogue, Catalogue)
    checks.instance("queries", queries, QueryVectors)
    k = checks.whole_number("k", k, 1)
    checks.text("where", where)
    checks.instance("config", config, SearchConfig)
    weighed = blend.weights_of(route)
    if weights is not None:
        weighed = dict(checks.instance("weights", weights, Mapping))
    each = [queries.of(query) for query in range(len(queries.texts))]

    def ranked() -> list[Ranking]:
        scope = _Scope(blend, catalogue, weighed, where, config)
        searches = [_Search(scope, one, blend.combined(one, scope.weights)) for one in each]
        parts = (
            searches[start : start + _TOGETHER] for start in range(0, len(searches), _TOGETHER)
        )
        return [ranking for part in parts for ranking in _ranked(part, k)]

    for _ in range(_ATTEMPTS - 1):
        with suppress(UnknownPicture):  # it was removed between two looks at it: begin again
            return ranked()
    return ranked()


def _ranked(searches: Sequence[_Search], k: int) -> list[Ranking]:
    """The rankings of several searches, whose first candidates are fetched together."""
    scope = searches[0].scope
    depth = k + 1  # one more shows that the k best are final
    if scope.uses_words or not scope.where:  # else all candidates are for the k best
        depth = max(depth, scope.config.candidates)
    dense = np.concatenate([one.dense for one in searches])
    found = iter(scope.catalogue.nearest(dense, depth, scope.where))
    return [one.ranked([*islice(found, len(one.dense))], k, depth) for one in searches]


@dataclass(frozen=True, eq=False)
class _Scope:
    """Data that the searches of several queries share; read once."""

    blend: Blend
    catalogue: Catalogue
    weights: Mapping[str, float]
    where: str
    config: SearchConfig

    @cached_property
    def uses_words(self) -> bool:
        """Whether captions are used."""
        weighed = any(self.weights.get(route.name) for route in self.blend.word_routes)
        return weighed and self.catalogue.has_words

    @cached_property
    def sample(self) -> Entries:
        """The background sample, which stands for entries that are no candidates."""
        return self.catalogue.sample(self.config.background)

    @cached_property
    def sample_keys(self) -> tuple[str, ...]:
        """Keys of the sample."""
        return self.sample.keys

    @cached_property
    def total(self) -> int:
        """Number of entries, whether they meet the condition or not."""
        return self.catalogue.count()

    @cached_property
    def judged_weights(self) -> dict[str, float]:
        """The weights of the routes that count for the confidence."""
        words_alone = {route.name for route in self.blend.word_routes}
        return {
            name: weight
            for name, weight in self.weights.items()
            if self.config.judge_captions or name not in words_alone
        }

    def word_part(self, bm25: Doubles, weights: Mapping[str, float]) -> Doubles:
        """The weighted scores of word routes, from BM25 (N,)."""
        added = np.zeros(len(bm25))
        for route in self.blend.word_routes:
            added += weights.get(route.name, 0.0) * route.from_words(bm25)
        return added


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """One query's search."""

    scope: _Scope
    query: QueryVectors
    dense: Doubles  # (R, W)

    def ranked(self, found: Sequence[Found], k: int, depth: int) -> Ranking:
        """The k best entries.

        Args:
            found: for each dense row (R), the ``depth`` entries of highest cosine.
            k: how many.
            depth: number of entries of each search.
        """
        scope = self.scope
        query_words = words(self.query.texts[0]) if scope.uses_words else []
        while True:
            matching = self._matching(query_words, depth, scope.where)
            candidates = self._union(found, matching)
            scored = self._scored(candidates, query_words)
            scores = np.asarray(total(scored, scope.weights), dtype=np.float64)
            order = _order(scores, candidates.keys)
            best = order[:k]
            whole = any(len(hits.scores) < depth for hits in found)  # all entries are candidates
            if whole or depth >= scope.config.most:
                break
            if len(best) == k:
                last, key = float(scores[best[-1]]), candidates.keys[best[-1]]
                if _is_final(last, key, found, self._bound(found, matching, depth)):
                    break
            depth = min(_MORE * depth, scope.config.most)
            found = scope.catalogue.nearest(self.dense, depth, scope.where)
        judged = np.asarray(total(scored, scope.judged_weights), dtype=np.float64)
        sampled = self._sampled() if scope.config.background else None
        return Ranking(
            pictures=tuple(candidates.pictures[index] for index in best),
            vectors=candidates.vectors[best],
            scores=scores[best],
            route_scores={name: values[best] for name, values in scored.items()},
            judged=judged[best],
            pool=self._pool(candidates, judged, query_words, whole, sampled),
            sampled=sampled,
        )

    def _matching(self, query_words: Sequence[str], depth: int, where: str) -> Found | None:
        """The entries of highest BM25; None if captions are not used."""
        if not query_words:
            return None
        return self.scope.catalogue.matching(query_words, depth, where)

    def _union(self, found: Sequence[Found], matching: Found | None) -> Entries:
        """The candidates of all searches, each once."""
        searches = [*found, matching] if matching is not None else [*found]
        if len(searches) == 1 and len(searches[0].entries):
            return searches[0].entries
        first: dict[str, tuple[Entries, int]] = {}  # by key: where it is found first
        for hits in searches:
            for place, key in enumerate(hits.entries.keys):
                first.setdefault(key, (hits.entries, place))
        rows = np.array([one.vectors[place] for one, place in first.values()], dtype=np.float32)
        rows = rows.reshape(-1, self.scope.blend.layout.width)
        pictures = LazyPictures(tuple(first.values()), lambda one: one[0].pictures[one[1]])
        return Entries(pictures, rows, tuple(first))

    def _scored(self, entries: Entries, query_words: Sequence[str]) -> dict[str, Doubles]:
        bm25 = None
        if query_words:
            bm25 = self.scope.catalogue.word_scores(query_words, entries.keys)
        return self.scope.blend.exact_scores(self.query, entries.vectors, bm25, self.scope.weights)

    def _bound(self, found: Sequence[Found], matching: Found | None, depth: int) -> float:
        """Upper bound of the scores of entries that are no candidates."""
        bound = max(
            float(self.scope.blend.layout.products(hits.scores[-1:] + ROUNDING, row)[0])
            for hits, row in zip(found, self.dense, strict=True)
        )
        if matching is not None and len(matching.scores) >= depth:
            bound += float(self.scope.word_part(matching.scores[-1:], self.scope.weights)[0])
        return bound

    def _pool(
        self,
        candidates: Entries,
        scores: Doubles,
        query_words: Sequence[str],
        whole: bool,
        sampled: Doubles | None,
    ) -> Pool | None:
        """Scores of the best entries of the whole catalogue, and of a sample of the others."""
        scope = self.scope
        if sampled is None:
            return None
        if scope.where:
            depth = scope.config.candidates
            if len(self.dense) == 1 and not query_words:  # the cosines tell all that is needed
                return self._pool_of_cosines(depth, scores, sampled)
            found = scope.catalogue.nearest(self.dense, depth)
            candidates = self._union(found, self._matching(query_words, depth, ""))
            scored = self._scored(candidates, query_words)
            scores = np.asarray(total(scored, scope.judged_weights), dtype=np.float64)
            whole = any(len(hits.scores) < depth for hits in found)
        if whole:
            return Pool.of(scores)
        known = {*candidates.keys}
        other = np.array([key not in known for key in scope.sample_keys], dtype=bool)
        background = sampled
        if query_words:
            bm25 = scope.catalogue.word_scores(query_words, scope.sample_keys)
            background = background + scope.word_part(bm25, scope.judged_weights)
        return Pool.of(scores, background[other], scope.total)

    def _pool_of_cosines(self, depth: int, known: Doubles, sampled: Doubles) -> Pool:
        """The pool of a query of one vector, without words.

        Cosines and sums of routes differ in their last bits: where an entry has a ``known`` score,
        the pool has that one, else it would rank before itself.
        """
        scope, row = self.scope, self.dense[0]
        (cosines,) = scope.catalogue.highest(self.dense, depth)
        scores = scope.blend.layout.products(cosines, row)
        if len(scores):
            apart = np.abs(scores[:, None] - known)
            same = apart.min(axis=0) <= scope.blend.layout.products(np.array(ROUNDING), row)
            scores[apart.argmin(axis=0)[same]] = known[same]
        if len(scores) < depth:
            return Pool.of(scores)
        return Pool.of(scores, sampled[sampled < scores.min()], scope.total)

    def _sampled(self) -> Doubles:
        """Scores (B,) of the background sample, without words."""
        vectors = self.scope.sample.vectors
        if not len(vectors):  # of an empty catalogue, which has no width yet
            return np.empty(0)
        cosines = products(self.dense.astype(np.float32), vectors)  # (R, B)
        scores: Doubles = cosines.max(axis=0) * np.float64(self.scope.blend.layout.radius)
        return scores


def _is_final(score: float, key: str, found: Sequence[Found], bound: float) -> bool:
    """Whether no other entry can rank before the last of the best.

    Args:
        score: of the last one.
        key: of the last one.
        found: results of each search.
        bound: upper bound of other entries' scores.
    """
    if score != bound:
        return score > bound
    # An entry of equal score ties with the last entry of a search, which orders ties by key.
    return all(key <= hits.entries.keys[-1] for hits in found)


def _order(scores: Doubles, keys: Sequence[str]) -> Ints:
    """Best first; of equal scores the lower key is first."""
    return np.lexsort((np.array(keys, dtype=str), -scores))
