"""Suggests pictures for texts, from blend, archive memory and catalogue. Reads; never writes.

Knows no folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.desk.archived import archive_vectors
from picturedesk.desk.arranging import Arranged, Arranger, HashesOf, Request, fused
from picturedesk.desk.asking import Asked, Questioner
from picturedesk.errors import BadInput
from picturedesk.routes import ArchiveVectors, Blend, Pictures, Queries
from picturedesk.routes.blend import ASKED
from picturedesk.routes.confidence import TEN, Judgement
from picturedesk.routes.diversity import OrderConfig
from picturedesk.routes.evidence import NEAR, SupportingPair, supporting_pairs, text_shares
from picturedesk.routes.route import ShareConfig
from picturedesk.routes.search import Ranking, SearchConfig, search
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText
from picturedesk.store.catalogue.conditions import joined
from picturedesk.store.rights import NOW, Rights
from picturedesk.texts.last_encoded import LastEncoded
from picturedesk.texts.words import words
from picturedesk.types import Catalogue, Evidence, Floats, Picture, Suggestion, Suggestions

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation

MIN_CONFIDENCE = 0.0  # chance that one of the pictures is right, below which there is a doubt
BATCH = 256  # texts that are answered together
ORDER = OrderConfig()
BY_SCORE = OrderConfig(diversity=0.0, fatigue=0.0, duplicates=True)


class Suggester:
    """Suggests pictures for texts, one by one or in batches.

    Args:
        blend: routes, weights and confidence.
        memory: the archive in the shared space.
        catalogue: the pictures that may be suggested.
        hashes: gives the perceptual hashes of pictures by key, of those that it knows.
    """

    def __init__(
        self,
        blend: Blend,
        memory: ArchiveMemory,
        catalogue: Catalogue,
        hashes: HashesOf | None = None,
    ) -> None:
        self.blend = blend
        self.memory = memory
        self.catalogue = catalogue
        self.arranger = Arranger(blend, catalogue, hashes)
        self._encoded = LastEncoded(blend.matcher.text_encoder)
        self._held: tuple[int, ArchiveVectors] | None = None

    @property
    def archive(self) -> ArchiveVectors:
        """The archive of now: what editors have chosen counts at the next query."""
        memory = self.memory
        memory.refresh()
        held = self._held
        if held is None or held[0] != memory.generation:
            held = self._held = (memory.generation, archive_vectors(memory))
        return held[1]

    def suggest(
        self,
        texts: Sequence[str],
        k: int,
        route: str,
        where: str,
        min_confidence: float,
        order: OrderConfig = ORDER,
        rights: Rights = NOW,
    ) -> list[Suggestions]:
        """See ``Desk.suggest``; one answer per text."""
        self.blend.weights_of(route)
        allowed = self.allowed(where, rights)
        answers: list[Suggestions] = []
        for start in range(0, len(texts), BATCH):
            queries = self.queries(texts[start : start + BATCH])
            arranged = self.arranged(queries, k, route, allowed, order)
            answers += self.answers(queries, arranged, route, rights, min_confidence)
        return answers

    def allowed(self, where: str, rights: Rights) -> str:
        """A condition on the metadata, with that of rights."""
        return joined(where, rights.condition(self.catalogue.columns()))

    def answers(
        self,
        queries: Queries,
        arranged: Sequence[Arranged],
        route: str,
        rights: Rights = NOW,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> list[Suggestions]:
        """Pictures of one route for Q texts, with what can be said of them, and evidence."""
        judged = self._judged(queries, arranged)
        evidence = self._evidence(queries, arranged, self.blend.weights_of(route), rights)
        return [
            self._suggestions(*row, route, min_confidence)
            for row in zip(arranged, evidence, judged, strict=True)
        ]

    def asked(
        self,
        asked: Asked,
        like: Pictures,
        unlike: Pictures,
        k: int,
        route: str,
        where: str,
        order: OrderConfig = ORDER,
        rights: Rights = NOW,
    ) -> Suggestions:
        """The answer to a question of several parts; see ``Desk.suggest``.

        Args:
            asked: the question.
            like: the pictures to resemble.
            unlike: those not to resemble. Neither they nor those to resemble are suggested.
            k: how many.
            route: that scores the texts.
            where: condition on the metadata.
            order: how the best are arranged.
            rights: which pictures may be suggested.
        """
        questioner = Questioner(self.blend, self.catalogue, self.archive, self._encoded)
        question = questioner.question(asked, like.vectors, unlike.vectors, route)
        request = Request(
            route,
            self.allowed(where, rights),
            question.weights,
            np.concatenate([like.vectors, unlike.vectors]),
            (*like.keys, *unlike.keys),
        )
        config = SearchConfig(background=0)
        arranged = self.arranger.arranged(question.vectors, k, request, order, config)
        if not (asked.texts or asked.like):
            arranged = [one.some(np.flatnonzero(one.ranking.scores > 0)) for one in arranged]
        evidence: list[list[tuple[Evidence, ...]]] = [[()] * len(arranged[0].ranking.pictures)]
        if question.queries is not None:
            evidence = self._evidence(question.queries, arranged, question.weights, rights)
        return self._suggestions(arranged[0], evidence[0], None, ASKED, MIN_CONFIDENCE)

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
        features = self._encoded.encode(texts)
        known = features.any(axis=1)
        if not known.all():
            which = f"text {int(np.argmin(known)) + 1}" if len(texts) > 1 else "the text"
            raise BadInput(
                f"no word of {which} is known to this desk: "
                "give a longer text, or fit on an archive in its language"
            )
        return Queries(self.blend.matcher, texts, features, self.archive)

    def knows(self, text: str) -> bool:
        """Whether the text encoder knows any word of a text."""
        return bool(self._encoded.encode([text]).any())

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
        arranged = self.arranged(queries, k, self.blend.default, where, BY_SCORE)
        judged = self._judged(queries, arranged)
        return [(one.ranking, said) for one, said in zip(arranged, judged, strict=True)]

    def arranged(
        self, queries: Queries, k: int, route: str, where: str, order: OrderConfig
    ) -> list[Arranged]:
        """The k pictures to show for each of Q texts."""
        confidence = self.blend.confidence if route == self.blend.default else None
        config = SearchConfig(background=0)
        if confidence is not None:
            config = SearchConfig(judge_captions=confidence.captions)
        vectors = self.blend.ask(queries, self.blend.weights_of(route))
        return self.arranger.arranged(vectors, k, Request(route, where), order, config)

    def _judged(self, queries: Queries, arranged: Sequence[Arranged]) -> list[Judgement | None]:
        """What can be said of pictures; None for none, or where nothing was calibrated."""
        nearest = queries.neighbours(1).cosines[:, 0].tolist()
        found: list[Judgement | None] = []
        for text, one, cosine in zip(queries.texts, arranged, nearest, strict=True):
            ranking, said = one.ranking, None
            if ranking.pool is not None and ranking.pictures:
                said = self.blend.judge(ranking.pool, ranking.judged, ranking.vectors, text, cosine)
            found.append(said)
        return found

    def _suggestions(
        self,
        arranged: Arranged,
        evidence: Sequence[tuple[Evidence, ...]],
        judged: Judgement | None,
        route: str,
        min_confidence: float,
    ) -> Suggestions:
        ranking = arranged.ranking
        nothing = [None] * len(ranking.pictures)
        chances = list(map(float, judged.chances)) if judged else nothing
        matches = judged.matches if judged else [""] * len(ranking.pictures)
        rows = zip(
            *(ranking.pictures, ranking.scores, evidence, chances, matches, arranged.others),
            strict=True,
        )
        return Suggestions(
            (
                Suggestion(
                    *(picture, float(score), route, rank, support, chance, match),
                    others=len(others),
                    other_keys=others,
                )
                for rank, (picture, score, support, chance, match, others) in enumerate(rows, 1)
            ),
            judged.found if judged else None,
            _doubt(judged, min_confidence),
        )

    def _evidence(
        self,
        queries: Queries,
        arranged: Sequence[Arranged],
        weights: Mapping[str, float],
        rights: Rights,
    ) -> list[list[tuple[Evidence, ...]]]:
        """Evidence for each suggestion of each query; reads the records of all together."""
        near = queries.neighbours(NEAR)
        keys = [picture.key for one in arranged for picture in one.ranking.pictures]
        found: list[list[list[SupportingPair]]] = []
        with self.memory.reading():
            own = self.memory.picture_rows(keys)
            for query, one in enumerate(arranged):
                vectors = one.ranking.vectors
                rows, own = own[: len(vectors)], own[len(vectors) :]
                shares = text_shares(self.blend, weights, queries.of(query), vectors)
                places = fused(self.blend, vectors)
                found.append(
                    supporting_pairs(
                        near.of(query), places, queries.archive, own=rows, shares=shares
                    )
                )
            pairs = [pair for one in found for pairs in one for pair in pairs]
            records = self._records(pairs, rights)
        return [[tuple(records[pair] for pair in pairs) for pairs in one] for one in found]

    def _records(
        self, pairs: Sequence[SupportingPair], rights: Rights
    ) -> dict[SupportingPair, Evidence]:
        texts = sorted({pair.text for pair in pairs})
        pictures = sorted({pair.picture for pair in pairs})
        text_of = dict(zip(texts, self.memory.texts(texts), strict=True))
        picture_of = dict(zip(pictures, self.memory.pictures(pictures), strict=True))
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


def _evidence(
    pair: SupportingPair, text: ArchiveText, picture: Picture, available: bool
) -> Evidence:
    return Evidence(
        text=text.excerpt,
        text_similarity=pair.text_similarity,
        picture=picture,
        picture_similarity=pair.picture_similarity,
        kind=pair.kind,
        share=pair.share,
        id=text.id,
        title=text.title,
        date=text.date,
        link=text.link,
        available=available,
    )


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
