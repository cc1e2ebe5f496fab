"""Searches a catalogue: candidates by vector and by words, scored exactly as a blend.

The catalogue returns the entries nearest to a query, and those whose captions have so many of its
words that they could still be among the first k; all of them are scored exactly. While yet another
entry could be among these, more candidates are fetched (the threshold algorithm: Fagin, Lotem and
Naor 2003), so that the result over an exact catalogue is exact. Knows the Protocol ``Catalogue``
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import NamedTuple

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
_MORE = 4  # times as many candidates if they were too few; so many by words for each by vector
_BM25 = np.append(0.0, np.geomspace(1e-2, 1e4, 500))  # that entries are asked for at least


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

    @cached_property
    def word_parts(self) -> Doubles:
        """What words add at most, for each of ``_BM25`` at most; ascending from 0."""
        return np.maximum.accumulate(self.word_part(_BM25, self.weights))


class _Candidates(NamedTuple):
    """Entries that may be among the best of one query.

    Attributes:
        entries: N.
        scored: route → (N,) scores, not weighted.
        scores: (N,) weighted.
        best: places of the k best, best first.
        whole: whether these are all entries that meet the condition.
        final: whether no other entry can be among the k best.
    """

    entries: Entries
    scored: Mapping[str, Doubles]
    scores: Doubles
    best: Ints
    whole: bool
    final: bool


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
            candidates = self._candidates(found, query_words, k, depth, scope.where)
            if candidates.final or depth >= scope.config.most:
                break
            depth = min(_MORE * depth, scope.config.most)
            found = scope.catalogue.nearest(self.dense, depth, scope.where)
        best = candidates.best
        judged = _weighed(candidates.scored, scope.judged_weights)
        sampled = self._sampled() if scope.config.background else None
        return Ranking(
            pictures=tuple(candidates.entries.pictures[index] for index in best),
            vectors=candidates.entries.vectors[best],
            scores=candidates.scores[best],
            route_scores={name: values[best] for name, values in candidates.scored.items()},
            judged=judged[best],
            pool=self._pool(candidates, judged, query_words, sampled),
            sampled=sampled,
        )

    def _candidates(
        self, found: Sequence[Found], query_words: Sequence[str], k: int, depth: int, where: str
    ) -> _Candidates:
        """The entries of highest cosine, and those that captions may bring among the k best.

        Args:
            found: for each dense row (R), the ``depth`` entries of highest cosine.
            query_words: [] if captions are not used.
            k: how many are wanted.
            depth: number of entries of each search.
            where: condition that all of them meet.
        """
        scope, catalogue = self.scope, self.scope.catalogue
        entries = self._together(found)
        bm25 = catalogue.word_scores(query_words, entries.keys) if query_words else None
        scored = self._scored(entries.vectors, bm25)
        scores = _weighed(scored, scope.weights)
        whole = any(len(hits.scores) < depth for hits in found)
        bound = self._bound(found)
        if query_words and not whole:
            at_least, part = self._needed(scores, k, bound)
            if at_least < np.inf:
                told = catalogue.matching(query_words, _MORE * depth, where, at_least)
                if len(told.scores) == _MORE * depth:  # there may be more of them
                    part = max(0.0, float(scope.word_part(told.scores[-1:], scope.weights)[0]))
                entries, scored = self._with(entries, scored, told)
                scores = _weighed(scored, scope.weights)
            bound += part
        best = _order(scores, entries.keys)[:k]
        final = whole
        if not final and len(best) == k:
            last, key = float(scores[best[-1]]), entries.keys[best[-1]]
            final = _is_final(last, key, found, bound)
        return _Candidates(entries, scored, scores, best, whole, final)

    def _together(self, found: Sequence[Found]) -> Entries:
        """The entries of several searches, each once."""
        if len(found) == 1 and len(found[0].entries):
            return found[0].entries
        first: dict[str, tuple[Entries, int]] = {}  # by key: where it is found first
        for hits in found:
            for place, key in enumerate(hits.entries.keys):
                first.setdefault(key, (hits.entries, place))
        rows = np.array([one.vectors[place] for one, place in first.values()], dtype=np.float32)
        rows = rows.reshape(-1, self.scope.blend.layout.width)
        return _entries([*first.values()], rows, tuple(first))

    def _scored(self, vectors: Floats, bm25: Doubles | None) -> dict[str, Doubles]:
        return self.scope.blend.exact_scores(self.query, vectors, bm25, self.scope.weights)

    def _needed(self, scores: Doubles, k: int, bound: float) -> tuple[float, float]:
        """The BM25 from which on an entry of lower cosine could be among the k best.

        Args:
            scores: (N,) of the entries of highest cosine.
            k: how many are wanted.
            bound: upper bound of other entries' scores by vectors.

        Returns:
            The BM25, infinite if none is high enough, and what words add at most below it.
        """
        parts = self.scope.word_parts
        if len(scores) < k:
            return 0.0, 0.0
        lacks = float(np.partition(scores, -k)[-k]) - bound
        place = int(np.searchsorted(parts, lacks)) - 1  # the last that is not enough
        if place == len(parts) - 1:
            return np.inf, float(parts[-1])
        return (float(_BM25[place]), float(parts[place])) if place >= 0 else (0.0, 0.0)

    def _with(
        self, entries: Entries, scored: Mapping[str, Doubles], told: Found
    ) -> tuple[Entries, dict[str, Doubles]]:
        """Entries and scores of the routes, with those of a search by words that are not there."""
        known = {*entries.keys}
        fresh = [place for place, key in enumerate(told.entries.keys) if key not in known]
        if not fresh:
            return entries, dict(scored)
        origins = [
            *((entries, place) for place in range(len(entries))),
            *((told.entries, place) for place in fresh),
        ]
        vectors = told.entries.vectors[fresh]
        keys = (*entries.keys, *(told.entries.keys[place] for place in fresh))
        joined = _entries(origins, np.concatenate([entries.vectors, vectors]), keys)
        found = self._scored(vectors, told.scores[fresh])
        return joined, {name: np.concatenate([scored[name], found[name]]) for name in scored}

    def _bound(self, found: Sequence[Found]) -> float:
        """Upper bound of what vectors give entries that are no candidates."""
        return max(
            float(self.scope.blend.layout.products(hits.scores[-1:] + ROUNDING, row)[0])
            if len(hits.scores)
            else -np.inf
            for hits, row in zip(found, self.dense, strict=True)
        )

    def _pool(
        self,
        candidates: _Candidates,
        scores: Doubles,
        query_words: Sequence[str],
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
            k = max(1, len(candidates.best))
            candidates = self._candidates(found, query_words, k, depth, "")
            scores = _weighed(candidates.scored, scope.judged_weights)
        if candidates.whole:
            return Pool.of(scores)
        known = {*candidates.entries.keys}
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


def _weighed(scored: Mapping[str, Doubles], weights: Mapping[str, float]) -> Doubles:
    """Scores of routes (N,) → their weighted sum (N,)."""
    return np.asarray(total(scored, weights), dtype=np.float64)


def _entries(
    origins: Sequence[tuple[Entries, int]], vectors: Floats, keys: tuple[str, ...]
) -> Entries:
    """Entries of several searches, by their places there."""
    return Entries(LazyPictures(origins, lambda one: one[0].pictures[one[1]]), vectors, keys)


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
