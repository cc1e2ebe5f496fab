"""From a text to pictures, by every route that a desk knows. Reads; changes nothing.

Given matcher, blend, memory and catalogue; knows no folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.desk.vectors import catalogue_space
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, Confidence, Question
from picturedesk.routes.blend import BLEND, DIRECT, TRANSFER
from picturedesk.routes.scores import Memory, Neighbourhood, evidence_for
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue.exact import ExactCatalogue
from picturedesk.texts.words import words
from picturedesk.types import Doubles, Evidence, Floats, Hit, Picture, Suggestion, Suggestions

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation

LEAST = 0.25  # probability that one of ten is acceptable, below which there is doubt


def routes(blend: Blend | None) -> tuple[str, ...]:
    """The routes of a desk; the last one is its default. Without a blend, the paper's two."""
    return (TRANSFER, DIRECT) if blend is None else blend.routes(captions=True)


class Suggester:
    """Answers texts.

    Args:
        matcher: puts texts where the catalogue's pictures are.
        blend: how the routes are weighed; None with the paper's recipe.
        memory: the archive in the shared space.
        catalogue: the pictures that may be suggested.
    """

    def __init__(
        self,
        matcher: Matcher,
        blend: Blend | None,
        memory: ArchiveMemory,
        catalogue: ExactCatalogue,
    ) -> None:
        self.matcher = matcher
        self.blend = blend
        self.memory = memory
        self.catalogue = catalogue
        self._space = catalogue_space(matcher, blend)
        self._archive = Memory(memory.text_vectors, memory.picture_vectors, memory.links)

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood.of(self._archive, self.memory.alike)

    def suggest(self, text: str, k: int, route: str, where: str, least: float) -> Suggestions:
        """See ``Desk.suggest``."""
        if route not in routes(self.blend):
            raise BadInput(f"route {route!r} is not known: {', '.join(routes(self.blend))}")
        if k < 1:
            raise BadInput(f"k is {k}: ask for at least one picture")
        features = self.features(text)
        if self.blend is not None:
            return self._blended(self.blend, text, features, k, route, where, least)
        vector = self.matcher.placed(features)[0]
        hits = (
            self.catalogue.search(vector, k, where)
            if route == DIRECT
            else self._transfer(vector, k, where)
        )
        return Suggestions(
            Suggestion(hit.picture, hit.score, route, rank, self._evidence(vector, hit.picture))
            for rank, hit in enumerate(hits, start=1)
        )

    def features(self, text: str) -> Floats:
        """Text features (1, I); raises BadInput if no word of the text is known."""
        features = self.matcher.text_encoder.encode([text])
        if not features.any():
            raise BadInput(
                "no word of the text is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        return features

    def question(self, features: Floats) -> Question:
        """Text features (1, I) as the routes see them; raises BadInput without a blend."""
        if self.blend is None:
            raise BadInput("this desk was fitted with the paper's recipe: it blends nothing")
        kernel = self.blend.kernel
        text = self.matcher.placed(features)
        spoken, nearest = self._neighbourhood(text, kernel.nearest, kernel.temperature)
        named = self.blend.named_texts(features)
        return Question(text[0], spoken[0], named[0], float(nearest[0]))

    def explain(
        self, text: str, suggestions: Sequence[Suggestion], features: Floats
    ) -> list[Explanation]:
        """What spoke for each of K suggestions of one route.

        Args:
            text: the text that they were made for.
            suggestions: at least one.
            features: (K, ΣD_l) their level features.

        Raises:
            BadInput: for the paper's transfer route, which is no sum.
        """
        from picturedesk.explaining import Shown, explain_all

        route = suggestions[0].route
        if self.blend is None and route != DIRECT:
            raise BadInput(f"route {route!r} of the paper cannot be explained: ask for direct")
        keys = [suggestion.picture.key for suggestion in suggestions]
        vectors = self.catalogue.vectors(keys)
        columns = [self.matcher.backbone.columns(level) for level in self.matcher.levels]
        typical = np.concatenate([self.memory.typical[column] for column in columns])
        blend = question = spoken = None
        if self.blend is not None:
            blend = replace(self.blend, weights=self.blend.weights_of(route))
            question = self.question(self.features(text))
            spoken = self._words(blend, text, keys, "").astype(np.float32)
        shown = Shown(features, self._space.hubness_of(vectors), spoken, typical)
        return explain_all(self.matcher, blend, text, question, shown)

    def _blended(
        self,
        blend: Blend,
        text: str,
        features: Floats,
        k: int,
        route: str,
        where: str,
        least: float,
    ) -> Suggestions:
        question = self.question(features)
        keys, scores = self._scores(blend, question, text, route, where)
        order = np.argsort(-scores, kind="stable")[:k].astype(np.int64)
        pictures = self.catalogue.pictures([keys[index] for index in order])
        sure: list[float | None] = [None] * len(order)
        together, doubt = None, ""
        if blend.confidence is not None and route == BLEND and len(order):
            sure = list(map(float, blend.confidence.of_pictures(scores, order)))
            together = blend.confidence.of_ten(scores, question.nearest)
            doubt = _doubt(blend.confidence, together, least, scores, question.nearest)
        ranked = zip(order, pictures, sure, strict=True)
        found = [
            Suggestion(
                picture,
                float(scores[index]),
                route,
                rank,
                self._evidence(question.text, picture),
                confidence,
            )
            for rank, (index, picture, confidence) in enumerate(ranked, start=1)
        ]
        return Suggestions(found, together, doubt)

    def _scores(
        self, blend: Blend, question: Question, text: str, route: str, where: str
    ) -> tuple[list[str], Doubles]:
        """Keys of all pictures that pass the condition, ascending, and a route's scores (N,)."""
        query = blend.query(question, route)
        found = self.catalogue.scores(query, where)
        scores = blend.space.scores(found.cosines, query)
        weight = blend.weights_of(route).words
        if weight:
            scores = scores + weight * self._words(blend, text, found.keys, where)
        return found.keys, scores

    def _words(self, blend: Blend, text: str, keys: Sequence[str], where: str) -> Doubles:
        """Saturated BM25 (N,) of the captions of pictures that pass the condition, 0 to 1."""
        if not self.catalogue.has_words:
            return np.zeros(len(keys))
        spoken = self.catalogue.words(words(text), where)
        return blend.saturated(np.array([spoken.get(key, 0.0) for key in keys]))

    def _transfer(self, vector: Floats, k: int, where: str) -> list[Hit]:
        """Eq. 7 and 8; where the archive text has several pictures, the nearest one counts."""
        nearest = int(np.argmax(self.memory.text_vectors @ vector))
        best: dict[str, Hit] = {}
        for _, picture in self.memory.links_of(np.array([nearest])):
            for hit in self.catalogue.search(self.memory.picture_vectors[picture], k, where):
                known = best.get(hit.picture.key)
                if known is None or hit.score > known.score:
                    best[hit.picture.key] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, hit.picture.key))[:k]

    def _evidence(self, vector: Floats, picture: Picture) -> tuple[Evidence, ...]:
        memory = self.memory
        fused = self._space.fused_of(self.catalogue.vectors([picture.key]))[0]
        return tuple(
            Evidence(
                memory.excerpts[found.text],
                found.text_similarity,
                memory.pictures[found.picture],
                found.picture_similarity,
            )
            for found in evidence_for(vector, fused, self._archive)
        )


def _doubt(sure: Confidence, together: float, least: float, scores: Doubles, nearest: float) -> str:
    """Why there may be no good picture, "" if there is no reason to think so."""
    if together < least:
        return f"the chance that one of the first ten suits is {together:.0%}, under {least:.0%}"
    if not sure.is_strong(scores):
        return "even the best picture scores lower than nearly all that suited texts of the archive"
    if not sure.is_familiar(nearest):
        return "the text is unlike everything in the archive, so the confidence means little"
    return ""
