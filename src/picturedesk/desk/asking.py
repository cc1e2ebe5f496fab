"""What can be asked beside one text: several texts, pictures, keywords, all in one question.

Each part is one more vector of the query, so that the catalogue is searched as for a text. Parts
are weighed in deviations of their scores over the catalogue (Rocchio 1971, with units). Reads;
never writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import picturedesk.checks as checks
from picturedesk.desk.arranging import SAMPLE, deviation_of
from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.routes import ArchiveVectors, Blend, Queries
from picturedesk.routes.blend import ASKED, QueryVectors
from picturedesk.routes.route import BlockRoute
from picturedesk.routes.seen_words import SEEN_WORDS
from picturedesk.texts.last_encoded import LastEncoded
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Floats

LIKE = 0.25  # deviations of a liked picture's scores for one deviation of the text's
UNLIKE = 0.1  # the same of pictures that are taken away
SEEN = 0.5  # … of the words that a picture shows, for keywords
CAPTION = 10.0  # deviations that a caption can add, by its saturated BM25 with the keywords
_NONE = 1e-9  # a deviation below it is none


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of several parts, for ``Desk.suggest``; at least one of the first three.

    Attributes:
        texts: one or more, answered together: the mean of their features is asked.
        like: pictures (files, or content keys that the desk knows) to resemble.
        keywords: words that captions, tags and pictures should have; captions and tags are then
            compared with these alone. Without texts and pictures, only pictures that have one of
            them are suggested.
        unlike: pictures not to resemble.

    Raises:
        BadInput: nothing is asked, or a part is of another kind.
    """

    texts: tuple[str, ...] = ()
    like: tuple[str | Path, ...] = ()
    unlike: tuple[str | Path, ...] = ()
    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("texts", "keywords"):
            object.__setattr__(self, name, tuple(checks.texts(name, getattr(self, name))))
        for name in ("like", "unlike"):
            given = checks.several(name, getattr(self, name))
            paths = tuple(str(checks.path(f"{name}[{n}]", one)) for n, one in enumerate(given))
            object.__setattr__(self, name, paths)
        if not (self.texts or self.like or self.keywords):
            raise BadInput("nothing is asked: give a text, a picture to resemble, or a keyword")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question, ready to be searched.

    Attributes:
        vectors: one query.
        weights: of the routes, and of what is asked beside the texts.
        queries: the texts as one; None without texts.
    """

    vectors: QueryVectors
    weights: dict[str, float]
    queries: Queries | None


class Questioner:
    """Makes questions.

    Args:
        blend: routes and weights.
        catalogue: whose deviations are the units.
        archive: the archive in the shared space.
        encoder: the blend's, which knows the last texts.
    """

    def __init__(
        self, blend: Blend, catalogue: Catalogue, archive: ArchiveVectors, encoder: LastEncoded
    ) -> None:
        self._blend = blend
        self._catalogue = catalogue
        self._archive = archive
        self._encoder = encoder

    def question(self, asked: Asked, like: Floats, unlike: Floats, route: str) -> Question:
        """The question.

        Args:
            asked: its texts and keywords.
            like: (n, D) places in the shared space of the pictures to resemble.
            unlike: (m, D) of those not to resemble.
            route: that scores the texts.

        Raises:
            BadInput: no word of the texts is known, or the desk knows nothing of keywords.
        """
        sample = self._catalogue.sample(SAMPLE).vectors
        blend, weights, queries = self._blend, dict[str, float](), None
        vectors = QueryVectors({}, [""], np.zeros(1, dtype=np.float32))
        unit = 1.0
        if asked.texts:
            queries = self._together(asked.texts)
            weights = blend.weights_of(route)
            vectors = blend.ask(queries, weights)
            rows = blend.combined(vectors, weights).astype(np.float32)
            unit = _spread(rows, sample) * blend.layout.radius
        elif len(like):
            place = blend.block_routes[0].block.name
            unit = _spread(like.mean(axis=0)[None], blend.layout.split(sample)[place])
        seen = self._seen(asked.keywords)
        self._require_words(asked.keywords, seen)
        if asked.keywords:
            for words_of in blend.word_routes:
                weights[words_of.name] = max(CAPTION * unit, weights.get(words_of.name, 0.0))
        fused = blend.block_routes[0].block.name
        sides = [
            (fused, LIKE if asked.texts else 1.0, like),
            (fused, -UNLIKE, unlike),
            (SEEN_WORDS, SEEN, seen),
        ]
        added = self._added(sides, blend.layout.split(sample), unit)
        if added:
            weights[ASKED] = 1.0
        # Captions count for keywords alone: their weight would raise "in" and "the" of texts, too.
        every = ["\n".join(asked.keywords or asked.texts)]
        return Question(QueryVectors(vectors.rows, every, vectors.nearest, added), weights, queries)

    def _added(
        self, sides: list[tuple[str, float, Floats]], sample: Mapping[str, Floats], unit: float
    ) -> dict[str, Floats]:
        """Block name → the sum of the means of vectors (n, w), each in deviations.

        Args:
            sides: blocks, weights and vectors; those without vectors are left out.
            sample: block name → entries of the catalogue (N, w).
            unit: the deviation of the text's scores.
        """
        added: dict[str, Floats] = {}
        for block, weight, vectors in sides:
            if len(vectors) and vectors.any():
                mean = vectors.mean(axis=0)
                factor = np.float32(weight * unit / _spread(mean[None], sample[block]))
                added[block] = added.get(block, np.zeros_like(mean)) + factor * mean
        return added

    def _together(self, texts: tuple[str, ...]) -> Queries:
        """Several texts as one query, with the mean of their features."""
        matcher = self._blend.matcher
        features = self._encoder.encode(texts)
        known = features[features.any(axis=1)]
        if not len(known):
            raise BadInput(
                "no word of the texts is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        mean: Floats = known.mean(axis=0, keepdims=True)
        return Queries(matcher, ["\n".join(texts)], mean, self._archive)

    def _seen(self, keywords: tuple[str, ...]) -> Floats:
        """The keywords as words that a picture shows, (1, w); (0, 0) without word detectors."""
        route = self._detectors
        if not keywords or route is None:
            return np.zeros((0, 0), dtype=np.float32)
        matcher = self._blend.matcher
        nothing = np.zeros((1, matcher.text_encoder.width), dtype=np.float32)
        asked = Queries(matcher, [" ".join(keywords)], nothing, self._archive)
        return route.ask(asked).vectors

    @property
    def _detectors(self) -> BlockRoute | None:
        routes = [route for route in self._blend.block_routes if route.name == SEEN_WORDS]
        return routes[0] if routes else None

    def _require_words(self, keywords: tuple[str, ...], seen: Floats) -> None:
        """Raises BadInput if neither captions nor pictures can have the keywords."""
        in_captions = bool(self._blend.word_routes) and self._catalogue.has_words
        known = seen.any() or (in_captions and bool(words(" ".join(keywords))))
        if keywords and not known:
            raise BadInput(
                f"the keywords {', '.join(keywords)} are neither words of captions nor words that "
                "this desk sees in pictures: put them into the text"
            )


def _spread(rows: Floats, vectors: Floats) -> float:
    """The deviation of the best products of rows (R, w) with vectors (N, w); 1 for none."""
    spread = deviation_of(products(rows, vectors).max(axis=0)) if len(vectors) else 0.0
    return spread if spread > _NONE else 1.0
