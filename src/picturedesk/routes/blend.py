"""The blend: fitted routes with weights, and the confidence.

Cross-validation, measuring and suggesting use the same scorer: each route scores alone, ``total``
adds the weighted scores. Saved as one folder. Takes arrays; knows neither desk nor catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.arrays import Arrays, read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    plain,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.heads.matcher import Matcher
from picturedesk.parallel import side_by_side
from picturedesk.products import products_alone
from picturedesk.routes.confidence import Confidence, Judgement, Pool, standardised
from picturedesk.routes.kinds import BEST, PAPER
from picturedesk.routes.layout import Layout
from picturedesk.routes.route import (
    Block,
    BlockRoute,
    NeighbourRoute,
    Pictures,
    Queries,
    Route,
    RoutePlan,
    Rows,
    WordRoute,
)
from picturedesk.routes.text_ranking import TextRanking
from picturedesk.texts.known import known_share
from picturedesk.texts.words import words
from picturedesk.types import Bools, Doubles, Floats, Json

KIND = "blend"
BLEND = "blend"
ASKED = "asked"  # the part of a score that no route gives: see ``QueryVectors.added``
RECIPES = {"best": BEST, "paper": PAPER}

_AT_ONCE = 4096  # pictures that are stored together: routes compute much of each

WordScores = Callable[[Sequence[str]], Floats | Doubles]  # words of one query → BM25 (N,)


@dataclass(frozen=True, slots=True, eq=False)
class QueryVectors:
    """Q queries: the vectors of every route, and the texts.

    Attributes:
        rows: route → its query vectors.
        texts: of the queries, for routes that score by words.
        nearest: (Q,) cosine of the most similar archive text.
        added: block name → (w,) a vector whose inner product with the block counts beside the
            routes, in all queries, as the route ``ASKED``; {} for none.
    """

    rows: Mapping[str, Rows]
    texts: Sequence[str]
    nearest: Floats
    added: Mapping[str, Floats] = field(default_factory=dict)

    def of(self, query: int) -> QueryVectors:
        """One of the queries."""
        return QueryVectors(
            {name: rows.of(query) for name, rows in self.rows.items()},
            self.texts[query : query + 1],
            self.nearest[query : query + 1],
            self.added,
        )


@dataclass(frozen=True, eq=False)
class Blend:
    """Fitted routes and their weights.

    Attributes:
        matcher: text encoder and heads.
        routes: fitted.
        weights: route → weight; a route with weight 0, or without one, is not used.
        default: the route for suggestions if none is named: "blend", or one of the routes.
        confidence: None if the archive is too small to calibrate one.
        recipe: name of the recipe, which has the plans of the routes.
        references: (R, W) query vectors of archive texts, routes weighted as for the default, that
            matches are measured against; None without a confidence.
        texts: what ranks texts for a picture; None for the same weights as pictures.
    """

    matcher: Matcher
    routes: tuple[Route, ...]
    weights: Mapping[str, float]
    default: str = BLEND
    confidence: Confidence | None = None
    recipe: str = "best"
    references: Floats | None = None
    texts: TextRanking | None = None

    def __post_init__(self) -> None:
        """Raises BadInput for wrong types, or routes that do not fit together."""
        checks.instance("matcher", self.matcher, Matcher)
        for route in checks.several("routes", self.routes):
            if not isinstance(route, BlockRoute | WordRoute):
                raise checks.refusal("a route", route, "a BlockRoute or a WordRoute")
        for name, weight in checks.instance("weights", self.weights, Mapping).items():
            checks.number(f"the weight of {name}", weight)
        checks.text("default", self.default)
        checks.text("recipe", self.recipe)
        checks.optional("confidence", self.confidence, Confidence)
        checks.optional("texts", self.texts, TextRanking)
        if self.references is not None:
            checks.array("references", self.references)
        names = [route.name for route in self.routes]
        if len({BLEND, *names}) != len(names) + 1:
            raise BadInput(
                f"routes {', '.join(names)}: each needs a name of its own, not {BLEND!r}"
            )
        blocks: dict[str, Block] = {}
        for route in self.block_routes:
            known = blocks.setdefault(route.block.name, route.block)
            if known != route.block:
                raise BadInput(f"route {route.name} stores {route.block}, another one {known}")

    @cached_property
    def block_routes(self) -> tuple[BlockRoute, ...]:
        """The routes that store a block."""
        return tuple(route for route in self.routes if isinstance(route, BlockRoute))

    @cached_property
    def neighbour_routes(self) -> tuple[NeighbourRoute, ...]:
        """The routes whose scores are sums over archive texts."""
        return tuple(route for route in self.routes if isinstance(route, NeighbourRoute))

    @cached_property
    def word_routes(self) -> tuple[WordRoute, ...]:
        """The routes that score by the words of captions."""
        return tuple(route for route in self.routes if isinstance(route, WordRoute))

    @cached_property
    def layout(self) -> Layout:
        """The layout of catalogue vectors."""
        return Layout(tuple(dict.fromkeys(route.block for route in self.block_routes)))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of everything that determines a catalogue vector (not weights and confidence)."""
        return self._fingerprint_of(
            {route.name: (route.settings(), route.arrays()) for route in self.block_routes}
        )

    def _fingerprint_of(self, stored: Mapping[str, tuple[Json, Arrays]]) -> str:
        """The fingerprint, from settings and arrays of the routes."""
        learned = [
            [route.name, stored[route.name][0], array_fingerprint(stored[route.name][1])]
            for route in self.block_routes
        ]
        return fingerprint([KIND, self.matcher.fingerprint, self.layout, learned])

    @property
    def names(self) -> tuple[str, ...]:
        """The routes that a user can name; the default is the last."""
        alone = [route.name for route in self.routes if route.standalone]
        return (*(name for name in alone if name != self.default), self.default)

    def weights_of(self, route: str) -> dict[str, float]:
        """The weights other than 0: those of the blend, or 1 for one route alone.

        Raises:
            BadInput: the route is unknown.
        """
        if checks.text("route", route) not in self.names:
            raise BadInput(f"route {route!r} is not known: {', '.join(self.names)}")
        if route == BLEND:
            return {name: weight for name, weight in self.weights.items() if weight}
        return {route: 1.0}

    @property
    def text_weights(self) -> Mapping[str, float]:
        """The weights that rank texts for a picture, by the default route."""
        return self.texts.weights if self.texts else self.weights_of(self.default)

    def text_scores(
        self, queries: QueryVectors, scores: Mapping[str, Floats], own: Bools | None = None
    ) -> Floats:
        """Scores (Q, N) that rank Q texts for each of N pictures.

        Args:
            queries: the texts.
            scores: route → (Q, N), from ``scores``.
            own: (Q, R) reference pictures that ran with a text; None for none.
        """
        summed = total(scores, self.text_weights)
        if self.texts is None:
            return summed.astype(np.float32, copy=False)
        found = self.scores(queries, self.layout.split(self.texts.pictures), None)
        return self.texts.blended.corrected(summed, total(found, self.text_weights), own)

    def store(self, pictures: Pictures) -> dict[str, Floats]:
        """Block name → (N, w) for N pictures."""
        checks.instance("pictures", pictures, Pictures)
        if len(pictures) > _AT_ONCE:
            rows = np.arange(len(pictures), dtype=np.int64)
            pieces = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
            blocks = list(side_by_side(lambda piece: self.store(pictures.some(piece)), pieces))
            return {name: np.concatenate([one[name] for one in blocks]) for name in blocks[0]}
        parts: dict[str, Floats] = {}
        pictures.stored = parts
        for route in self.block_routes:
            if route.block.name not in parts:
                parts[route.block.name] = route.store(pictures)
        return parts

    def vectors(self, pictures: Pictures) -> Floats:
        """Catalogue vectors (N, W), of length one."""
        return self.layout.join(self.store(pictures))

    def ask(self, queries: Queries, weights: Mapping[str, float] | None = None) -> QueryVectors:
        """The query vectors of every route that has a weight; None: of all routes."""
        checks.instance("queries", queries, Queries)
        rows = {
            route.name: route.ask(queries)
            for route in self.block_routes
            if weights is None or weights.get(route.name)
        }
        return QueryVectors(rows, queries.texts, queries.neighbours(1).cosines[:, 0])

    def combined(self, queries: QueryVectors, weights: Mapping[str, float]) -> Doubles:
        """Catalogue queries (R, W) of one query.

        The highest of the R inner products with a catalogue vector is the score, without the
        routes that score by words.

        Raises:
            BadInput: two of the weighted routes have several rows per query.
        """
        chosen = [
            (route, weights[route.name] * queries.rows[route.name].vectors.astype(np.float64))
            for route in self.block_routes
            if weights.get(route.name)
        ]
        several = [route.name for route, rows in chosen if len(rows) > 1]
        if len(several) > 1:
            raise BadInput(f"{' and '.join(several)} ask with several vectors: blend one of them")
        most = max((len(rows) for _, rows in chosen), default=1)
        sums: dict[str, Doubles] = {}
        for route, rows in chosen:
            nothing = np.zeros((most, route.block.width))
            sums[route.block.name] = sums.get(route.block.name, nothing) + rows
        for name, vector in queries.added.items():
            nothing = np.zeros((most, len(vector)))
            sums[name] = sums.get(name, nothing) + weights.get(ASKED, 0.0) * vector
        return self.layout.query(sums)

    def scores(
        self, queries: QueryVectors, parts: Mapping[str, Floats], bm25: WordScores | None
    ) -> dict[str, Floats]:
        """Scores (Q, N) of each route for N pictures.

        Args:
            queries: Q queries.
            parts: block name → (N, w), from ``store`` or ``Layout.split``.
            bm25: of the pictures' captions; None if captions are not used.
        """
        found: dict[str, Floats] = {}
        for route in self.block_routes:
            rows = queries.rows[route.name]
            products: Floats = rows.vectors @ parts[route.block.name].T  # (R, N)
            found[route.name] = rows.best(products)
        if bm25 is not None and self.word_routes:
            values = np.stack([bm25(words(text)) for text in queries.texts]).astype(np.float64)
            for word_route in self.word_routes:
                found[word_route.name] = word_route.from_words(values).astype(np.float32)
        return found

    def exact_scores(
        self,
        queries: QueryVectors,
        vectors: Floats,
        bm25: Doubles | None,
        weights: Mapping[str, float],
    ) -> dict[str, Doubles]:
        """Scores (N,) in double precision of one query: equal vectors get equal scores.

        Args:
            queries: one query.
            vectors: (N, W) catalogue vectors.
            bm25: (N,) of the captions; None if captions are not used.
            weights: of the routes; only those with a weight are scored.
        """
        found: dict[str, Doubles] = {}
        part = self.layout.part
        for route in self.block_routes:
            if weights.get(route.name):
                rows = queries.rows[route.name].vectors.astype(np.float64)
                stored = part(vectors, route.block.name)
                # A matrix product would round a row depending on its neighbours.
                products = [(stored * row).sum(axis=1) for row in rows]
                found[route.name] = np.max(products, axis=0)
        if queries.added and weights.get(ASKED):
            sides = [
                (part(vectors, name) * vector).sum(axis=1) for name, vector in queries.added.items()
            ]
            found[ASKED] = np.sum(sides, axis=0, dtype=np.float64)
        for word_route in self.word_routes:
            if weights.get(word_route.name):
                known = np.zeros(len(vectors)) if bm25 is None else bm25
                found[word_route.name] = word_route.from_words(known)
        return found

    def matches(self, vectors: Floats, scores: Doubles) -> Doubles:
        """Scores (K,) of pictures (K, W) against their scores with archive texts.

        In standard deviations from the mean, see ``confidence.standardised``.
        """
        assert self.references is not None
        found = products_alone(self.references, vectors) * np.float32(self.layout.radius)  # (R, K)
        return standardised(scores, found)

    def judge(
        self, pool: Pool, scores: Doubles, vectors: Floats, text: str, nearest: float
    ) -> Judgement | None:
        """What can be said of K pictures for a text; None where nothing was calibrated.

        Args:
            pool: scores over the whole catalogue.
            scores: (K,) of the pictures, at least one.
            vectors: (K, W) catalogue vectors of the pictures.
            text: the query.
            nearest: cosine of the most similar archive text.
        """
        if self.confidence is None:
            return None
        found = words(text)
        return self.confidence.judge(
            pool,
            scores,
            self.matches(vectors, scores),
            nearest,
            known_share(self.matcher.text_encoder, found),
            len(found),
        )

    def save(self, folder: Path) -> None:
        """Writes one folder with a folder for each route, atomically."""
        content: Json = {
            "recipe": self.recipe,
            "weights": dict(self.weights),
            "default": self.default,
            "confidence": self.confidence,
            "references": self.references is not None,
            "texts": self.texts.as_json() if self.texts else None,
            "routes": [route.name for route in self.routes],
            "fingerprint": self.fingerprint,
        }
        with atomic_folder(folder) as temporary:
            for route in self.routes:
                home = temporary / route.name
                home.mkdir()
                write_arrays(home, route.arrays())
                write_manifest(home, f"route {route.name}", {"settings": plain(route.settings())})
            if own := self._own_arrays():
                write_arrays(temporary, own)
            write_manifest(temporary, KIND, plain(content))

    def _own_arrays(self) -> dict[str, Floats]:
        """The arrays that belong to no route."""
        found = {} if self.references is None else {"references": self.references}
        return found | ({"text_pictures": self.texts.pictures} if self.texts else {})

    @classmethod
    def load(cls, folder: Path, matcher: Matcher, plans: Iterable[RoutePlan] = ()) -> Blend:
        """Reads what ``save`` wrote.

        Args:
            folder: of the blend.
            matcher: of the same fit.
            plans: of the routes; () for those of the recipe.

        Raises:
            Mismatch: a route has no plan, or the matcher is another fit's.
        """
        folder = checks.path("folder", folder)
        checks.instance("matcher", matcher, Matcher)
        plans = checks.several("plans", plans)
        for plan in plans:
            checks.instance("a plan", plan, RoutePlan)
        manifest = read_manifest(folder, KIND)
        kinds = {plan.name: plan for plan in plans or RECIPES.get(manifest["recipe"], ())}
        routes, stored = [], {}
        for name in manifest["routes"]:
            if name not in kinds:
                raise Mismatch(
                    f"{folder} has a route {name!r}, known are {', '.join(kinds) or 'none'}: "
                    "load it with its plan"
                )
            route = read_manifest(folder / name, f"route {name}")
            stored[name] = route["settings"], read_arrays(folder / name, route)
            routes.append(kinds[name].restore(matcher, *stored[name]))
        confidence, texts = manifest["confidence"], manifest.get("texts")
        arrays = read_arrays(folder, manifest) if manifest["references"] or texts else {}
        blend = cls(
            matcher=matcher,
            routes=tuple(routes),
            weights=manifest["weights"],
            default=manifest["default"],
            confidence=Confidence.from_json(confidence) if confidence else None,
            recipe=manifest["recipe"],
            references=arrays["references"] if manifest["references"] else None,
            texts=TextRanking.from_json(texts, arrays["text_pictures"]) if texts else None,
        )
        # To take the arrays out of the routes again would take as long as all before.
        known = blend.__dict__["fingerprint"] = blend._fingerprint_of(stored)
        if known != manifest["fingerprint"]:
            raise Mismatch(f"{folder} is not as it was saved, or of another fit: fit again")
        return blend


def total(scores: Mapping[str, Floats | Doubles], weights: Mapping[str, float]) -> Floats | Doubles:
    """The weighted sum of the routes' scores, each (Q, N) or (N,); zeros without weights."""
    summed: Floats | Doubles | None = None
    for name, values in scores.items():
        if weight := weights.get(name, 0.0):
            added = weight * values
            summed = added if summed is None else summed + added
    if summed is None:
        return np.zeros_like(next(iter(scores.values())))
    return summed
