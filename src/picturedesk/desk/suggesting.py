"""From texts to pictures, by every route that a desk knows. Reads; never writes.

Given blend, archive memory and catalogue; knows no folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes import ArchiveVectors, Blend, Confidence, Pictures, Pool, Queries, search
from picturedesk.routes.evidence import NEAR, Witness, evidence
from picturedesk.routes.route import ShareConfig
from picturedesk.routes.search import Ranking, SearchConfig
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Evidence, Floats, Suggestion, Suggestions

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation

MIN_CONFIDENCE = 0.25  # probability that one of ten is acceptable, below which there is doubt
BATCH = 256  # texts that are answered together


class Suggester:
    """Answers texts.

    Args:
        blend: routes, weights and confidence.
        memory: the archive in the shared space.
        catalogue: the pictures that may be suggested.
    """

    def __init__(self, blend: Blend, memory: ArchiveMemory, catalogue: Catalogue) -> None:
        self.blend = blend
        self.memory = memory
        self.catalogue = catalogue

    @cached_property
    def _archive(self) -> ArchiveVectors:
        memory = self.memory
        return ArchiveVectors(
            memory.text_vectors, memory.picture_vectors, memory.links, memory.groups
        )

    def suggest(
        self, texts: Sequence[str], k: int, route: str, where: str, min_confidence: float
    ) -> list[Suggestions]:
        """See ``Desk.suggest``; one answer a text."""
        self.blend.weights_of(route)
        answers: list[Suggestions] = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            answers += self._answered(self._queries(batch), k, route, where, min_confidence)
        return answers

    def explain(
        self,
        text: str,
        suggestions: Sequence[Suggestion],
        features: Floats,
        typical: Floats | None,
    ) -> list[Explanation]:
        """What spoke for each of K suggestions of one route.

        Args:
            text: the text that they were made for.
            suggestions: at least one.
            features: (K, ΣD_l) their level features.
            typical: (ΣD_l,) what levels are compared with.

        Raises:
            BadInput: if the route asks with several vectors a text: its score is no sum.
        """
        from picturedesk.explaining import Shown, explain

        queries = self._queries([text])
        keys = [suggestion.picture.key for suggestion in suggestions]
        bm25 = None
        if self.blend.word_routes and self.catalogue.has_words:
            bm25 = self.catalogue.word_scores(words(text), keys)
        shown = Shown(
            pictures=Pictures(self.blend.matcher, keys, features),
            vectors=self.catalogue.fetch(keys).vectors,
            bm25=bm25,
        )
        config = ShareConfig(typical=typical)
        return explain(self.blend, suggestions[0].route, queries, shown, config)

    def _queries(self, texts: Sequence[str]) -> Queries:
        """The texts as routes see them; raises BadInput for one of which no word is known."""
        features = self.blend.matcher.text_encoder.encode(texts)
        known = features.any(axis=1)
        if not known.all():
            which = f"text {int(np.argmin(known)) + 1}" if len(texts) > 1 else "the text"
            raise BadInput(
                f"no word of {which} is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        return Queries(self.blend.matcher, texts, features, self._archive)

    def _answered(
        self, queries: Queries, k: int, route: str, where: str, min_confidence: float
    ) -> list[Suggestions]:
        judged = self.blend.confidence is not None and route == self.blend.default
        config = SearchConfig() if judged else SearchConfig(background=0)
        asked = self.blend.ask(queries)
        rankings = search(self.blend, self.catalogue, asked, k, route, where, config)
        return [
            self._suggestions(queries.of(place), ranking, route, float(nearest), min_confidence)
            for place, (ranking, nearest) in enumerate(zip(rankings, asked.nearest, strict=True))
        ]

    def _suggestions(
        self,
        query: Queries,
        ranking: Ranking,
        route: str,
        nearest: float,
        min_confidence: float,
    ) -> Suggestions:
        sure: list[float | None] = [None] * len(ranking.pictures)
        together, doubt = None, ""
        confidence = self.blend.confidence
        if confidence is not None and route == self.blend.default and ranking.pictures:
            ranked = np.arange(len(ranking.pictures), dtype=np.int64)
            sure = list(map(float, confidence.of_pictures(ranking.pool, ranked)))
            together = confidence.of_ten(ranking.pool, nearest)
            doubt = _doubt(confidence, together, min_confidence, ranking.pool, nearest)
        witnesses = self._evidence(query, ranking)
        rows = zip(ranking.pictures, ranking.scores, witnesses, sure, strict=True)
        return Suggestions(
            (
                Suggestion(picture, float(score), route, rank, spoken, probability)
                for rank, (picture, score, spoken, probability) in enumerate(rows, start=1)
            ),
            together,
            doubt,
        )

    def _evidence(self, query: Queries, ranking: Ranking) -> list[tuple[Evidence, ...]]:
        """What spoke for each suggestion; texts and pictures of all are read together."""
        fused = self.blend.layout.split(ranking.vectors)[self._fused]
        found = evidence(query.neighbours(NEAR), fused, self._archive)
        every = [witness for witnesses in found for witness in witnesses]
        told = self._told(every)
        return [tuple(told[witness] for witness in witnesses) for witnesses in found]

    def _told(self, witnesses: Sequence[Witness]) -> dict[Witness, Evidence]:
        texts = np.unique([witness.text for witness in witnesses]).astype(np.int64)
        pictures = np.unique([witness.picture for witness in witnesses]).astype(np.int64)
        text_of = dict(zip(texts.tolist(), self.memory.texts(texts), strict=True))
        picture_of = dict(zip(pictures.tolist(), self.memory.pictures(pictures), strict=True))
        return {
            witness: Evidence(
                text_of[witness.text].excerpt,
                witness.text_similarity,
                picture_of[witness.picture],
                witness.picture_similarity,
            )
            for witness in witnesses
        }

    @property
    def _fused(self) -> str:
        """Name of the block that holds the shared space."""
        return self.blend.block_routes[0].block.name


def _doubt(
    sure: Confidence, together: float, min_confidence: float, pool: Pool, nearest: float
) -> str:
    """Why there may be no good picture, "" if there is no reason to think so."""
    if together < min_confidence:
        return (
            f"the chance that one of the first ten suits is {together:.0%}, "
            f"under {min_confidence:.0%}"
        )
    if not sure.is_strong(pool):
        return "even the best picture scores lower than nearly all that suited texts of the archive"
    if not sure.is_familiar(nearest):
        return "the text is unlike everything in the archive, so the confidence means little"
    return ""
