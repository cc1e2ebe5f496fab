"""Suggests pictures for texts, from blend, archive memory and catalogue. Reads; never writes.

Knows no folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes import ArchiveVectors, Blend, Pictures, Queries, search
from picturedesk.routes.confidence import TEN, Judgement
from picturedesk.routes.evidence import NEAR, SupportingPair, supporting_pairs
from picturedesk.routes.route import ShareConfig
from picturedesk.routes.search import Ranking, SearchConfig
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText
from picturedesk.store.catalogue.conditions import joined
from picturedesk.store.rights import NOW, Rights
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Evidence, Floats, Picture, Suggestion, Suggestions

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation

MIN_CONFIDENCE = 0.0  # chance that one of the pictures is right, below which there is a doubt
BATCH = 256  # texts that are answered together


class Suggester:
    """Suggests pictures for texts, one by one or in batches.

    Args:
        blend: routes, weights and confidence.
        memory: the archive in the shared space.
        catalogue: the pictures that may be suggested.
    """

    def __init__(self, blend: Blend, memory: ArchiveMemory, catalogue: Catalogue) -> None:
        self.blend = blend
        self.memory = memory
        self.catalogue = catalogue
        self._held: tuple[int, ArchiveVectors] | None = None

    @property
    def _archive(self) -> ArchiveVectors:
        """The archive of now: what editors have chosen counts at the next query."""
        memory = self.memory
        memory.refresh()
        held = self._held
        if held is None or held[0] != memory.generation:
            vectors = ArchiveVectors(
                memory.text_vectors, memory.picture_vectors, memory.links, memory.groups
            )
            held = self._held = (memory.generation, vectors)
        return held[1]

    def suggest(
        self,
        texts: Sequence[str],
        k: int,
        route: str,
        where: str,
        min_confidence: float,
        rights: Rights = NOW,
    ) -> list[Suggestions]:
        """See ``Desk.suggest``; one answer per text."""
        self.blend.weights_of(route)
        allowed = rights.condition(self.catalogue.columns())
        asked = _Asked(k, route, joined(where, allowed), min_confidence, rights)
        answers: list[Suggestions] = []
        for start in range(0, len(texts), BATCH):
            answers += self._answered(self.queries(texts[start : start + BATCH]), asked)
        return answers

    def explain(
        self,
        text: str,
        suggestions: Sequence[Suggestion],
        features: Floats,
        typical: Floats | None,
    ) -> list[Explanation]:
        """Explains K suggestions of one route: the shares of their scores.

        Args:
            text: the text of these suggestions.
            suggestions: at least one.
            features: (K, ΣD_l) their level features.
            typical: (ΣD_l,) mean features, the baseline for levels.

        Raises:
            BadInput: the route has several query vectors per text, so its score is no sum.
        """
        from picturedesk.explaining import SuggestedPictures, explain

        queries = self.queries([text])
        keys = [suggestion.picture.key for suggestion in suggestions]
        bm25 = None
        if self.blend.word_routes and self.catalogue.has_words:
            bm25 = self.catalogue.word_scores(words(text), keys)
        shown = SuggestedPictures(
            pictures=Pictures(self.blend.matcher, keys, features),
            vectors=self.catalogue.fetch(keys).vectors,
            bm25=bm25,
        )
        config = ShareConfig(typical=typical)
        return explain(self.blend, suggestions[0].route, queries, shown, config)

    def queries(self, texts: Sequence[str]) -> Queries:
        """The texts as input of routes; raises BadInput if no word of a text is known."""
        features = self.blend.matcher.text_encoder.encode(texts)
        known = features.any(axis=1)
        if not known.all():
            which = f"text {int(np.argmin(known)) + 1}" if len(texts) > 1 else "the text"
            raise BadInput(
                f"no word of {which} is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        return Queries(self.blend.matcher, texts, features, self._archive)

    def knows(self, text: str) -> bool:
        """Whether the text encoder knows any word of a text."""
        return bool(self.blend.matcher.text_encoder.encode([text]).any())

    def by_meaning(self, text: str, k: int, where: str) -> list[tuple[Picture, float]]:
        """The k pictures with the highest scores of the direct route, best first."""
        route = self.blend.block_routes[0].name
        vectors = self.blend.ask(self.queries([text]), self.blend.weights_of(route))
        config = SearchConfig(background=0)
        (found,) = search(self.blend, self.catalogue, vectors, k, route, where, config)
        return list(zip(found.pictures, found.scores.tolist(), strict=True))

    def judgements(
        self, texts: Sequence[str], k: int = TEN, where: str = ""
    ) -> list[tuple[Ranking, Judgement | None]]:
        """The default route's pictures for each text, and what can be said of them."""
        queries = self.queries(texts)
        rankings, judged = self._ranked(queries, k, self.blend.default, where)
        return list(zip(rankings, judged, strict=True))

    def _answered(self, queries: Queries, asked: _Asked) -> list[Suggestions]:
        rankings, judged = self._ranked(queries, asked.k, asked.route, asked.where)
        evidence = self._evidence(queries, rankings, asked.rights)
        rows = zip(rankings, evidence, judged, strict=True)
        return [self._suggestions(*row, asked.route, asked.min_confidence) for row in rows]

    def _ranked(
        self, queries: Queries, k: int, route: str, where: str
    ) -> tuple[list[Ranking], list[Judgement | None]]:
        confidence = self.blend.confidence if route == self.blend.default else None
        config = SearchConfig(background=0)
        if confidence is not None:
            config = SearchConfig(judge_captions=confidence.captions)
        vectors = self.blend.ask(queries, self.blend.weights_of(route))
        rankings = search(self.blend, self.catalogue, vectors, k, route, where, config)
        judged = [
            self._judged(text, ranking, float(nearest))
            for text, ranking, nearest in zip(queries.texts, rankings, vectors.nearest, strict=True)
        ]
        return rankings, judged

    def _judged(self, text: str, ranking: Ranking, nearest: float) -> Judgement | None:
        """What can be said of the pictures; None for none, or where nothing was calibrated."""
        if ranking.pool is None or not ranking.pictures:
            return None
        return self.blend.judge(ranking.pool, ranking.judged, ranking.vectors, text, nearest)

    def _suggestions(
        self,
        ranking: Ranking,
        evidence: Sequence[tuple[Evidence, ...]],
        judged: Judgement | None,
        route: str,
        min_confidence: float,
    ) -> Suggestions:
        nothing = [None] * len(ranking.pictures)
        chances = list(map(float, judged.chances)) if judged else nothing
        matches = judged.matches if judged else [""] * len(ranking.pictures)
        rows = zip(ranking.pictures, ranking.scores, evidence, chances, matches, strict=True)
        return Suggestions(
            (
                Suggestion(picture, float(score), route, rank, support, chance, match)
                for rank, (picture, score, support, chance, match) in enumerate(rows, start=1)
            ),
            judged.found if judged else None,
            _doubt(judged, min_confidence),
        )

    def _evidence(
        self, queries: Queries, rankings: Sequence[Ranking], rights: Rights
    ) -> list[list[tuple[Evidence, ...]]]:
        """Evidence for each suggestion of each query; reads the records of all together."""
        near = queries.neighbours(NEAR)
        found = [
            supporting_pairs(near.of(query), self._fused(ranking.vectors), self._archive)
            for query, ranking in enumerate(rankings)
        ]
        records = self._records([pair for one in found for pairs in one for pair in pairs], rights)
        return [
            [
                tuple(_of_itself(records[pair], picture) for pair in pairs)
                for picture, pairs in zip(ranking.pictures, one, strict=True)
            ]
            for ranking, one in zip(rankings, found, strict=True)
        ]

    def _records(
        self, pairs: Sequence[SupportingPair], rights: Rights
    ) -> dict[SupportingPair, Evidence]:
        texts = np.unique([pair.text for pair in pairs]).astype(np.int64)
        pictures = np.unique([pair.picture for pair in pairs]).astype(np.int64)
        text_of = dict(zip(texts.tolist(), self.memory.texts(texts), strict=True))
        picture_of = dict(zip(pictures.tolist(), self.memory.pictures(pictures), strict=True))
        now = self.catalogue.find([picture.key for picture in picture_of.values()])
        allowed = {
            row: rights.allows(now.get(picture.key) or picture)
            for row, picture in picture_of.items()
        }
        return {
            pair: _evidence(
                pair, text_of[pair.text], picture_of[pair.picture], allowed[pair.picture]
            )
            for pair in pairs
        }

    def _fused(self, vectors: Floats) -> Floats:
        """The fused vectors in catalogue vectors."""
        return self.blend.layout.split(vectors)[self.blend.block_routes[0].block.name]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of several texts: see ``Desk.suggest``; ``where`` has the rights in it."""

    k: int
    route: str
    where: str
    min_confidence: float
    rights: Rights


def _evidence(
    pair: SupportingPair, text: ArchiveText, picture: Picture, available: bool
) -> Evidence:
    return Evidence(
        text.excerpt,
        pair.text_similarity,
        picture,
        pair.picture_similarity,
        text.id,
        text.title,
        text.date,
        text.link,
        available,
    )


def _of_itself(evidence: Evidence, picture: Picture) -> Evidence:
    """The evidence, with similarity 1 where it shows the suggested picture itself.

    The catalogue places a picture by another head than the archive does (cross-fitting).
    """
    if evidence.picture.key != picture.key:
        return evidence
    return replace(evidence, picture_similarity=1.0)


def _doubt(judged: Judgement | None, min_confidence: float) -> str:
    """Why there may be no good picture, "" if there is no such reason."""
    if judged is None:
        return ""
    if judged.found < min_confidence:
        return (
            f"the chance that the right picture is among these is {judged.found:.0%}, "
            f"under {min_confidence:.0%}"
        )
    return judged.doubt
