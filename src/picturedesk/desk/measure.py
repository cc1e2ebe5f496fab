"""Measures every route of a desk on held-out texts, block by block.

Takes the archive memory, the held-out texts and level features; fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.preparation import final_level
from picturedesk.learning.training_pairs import renumber
from picturedesk.measuring.evaluation import Evaluation, evaluate_blocks
from picturedesk.measuring.reliability import Reliability, reliability
from picturedesk.routes import BLEND, ArchiveVectors, Blend, Pictures, Pool, Queries
from picturedesk.routes.archive import top
from picturedesk.routes.blend import total
from picturedesk.routes.captions import CaptionIndex
from picturedesk.routes.confidence import TEN
from picturedesk.routes.transfer import transfer_scores
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.held_out import HeldOutTexts
from picturedesk.types import Bools, Doubles, Floats, Ints, Json

FIRST, ONE_OF_TEN = "first picture", "one of the first ten"
_CELLS = 1 << 22  # scores of a route held at a time: 16 MB


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A desk's answers to Q texts: the best ten candidates of each.

    Attributes:
        best: (Q, 10) places of candidates, best first; fewer columns for fewer candidates.
        right: (Q, 10) whether they ran with the text.
        sure: (Q, 10) stated probability of each; (0, 10) without a confidence.
        sure_of_ten: (Q,) stated probability that one of the ten is right; (0,) likewise.
    """

    best: Ints
    right: Bools
    sure: Doubles
    sure_of_ten: Doubles


class RouteScores:
    """Scores of every route for the texts of one part and the pictures of that part.

    The transfer route uses training texts only.

    Args:
        memory: the archive in the shared space.
        held_out: the held-out texts.
        features: (P, ΣD_l) level features of the memory's pictures.
        part: "test" or "validate".
        blend: routes and weights.

    Attributes:
        texts: (Q,) places of the texts among those held out.
        candidates: (N,) rows of the memory's pictures.
        relevant: (M, 2) indices into both of pairs that ran together.

    Raises:
        BadInput: the part has no texts.
    """

    def __init__(
        self,
        memory: ArchiveMemory,
        held_out: HeldOutTexts,
        features: Floats,
        part: str,
        blend: Blend,
    ) -> None:
        self.texts = held_out.of(part)
        if not len(self.texts):
            raise BadInput(f"the archive has no {part} texts: fit it with a {part} share above 0")
        rows = held_out.rows[self.texts]
        self.candidates, self.relevant = renumber(rows, memory.links)
        self.blend = blend
        self._held_out = held_out
        self._features = features
        self._archive = _training_part(memory, held_out)
        keys = [picture.key for picture in memory.pictures(self.candidates)]
        self._pictures = Pictures(blend.matcher, keys, features[self.candidates])
        self._parts = blend.store(self._pictures)
        self._raw = _raw_features(blend, features)

    def blocks(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """Consecutive texts and, for each route, their scores (q, N); the same each time."""
        step = max(1, _CELLS // len(self.candidates))
        with ExitStack() as stack:
            index = None
            if any(self._held_out.captions):
                captions = [self._held_out.captions[row] for row in self.candidates]
                index = stack.enter_context(CaptionIndex(captions))
            for start in range(0, len(self.texts), step):
                block = slice(start, min(start + step, len(self.texts)))
                yield block, self._block(block, index)

    def nearest(self, block: slice) -> Floats:
        """Cosine (q,) of the most similar archive text of some of the texts."""
        features = self._held_out.features[self.texts[block]]
        placed = self.blend.matcher.placed(features)
        return self._archive.neighbours(placed, 1).cosines[:, 0]

    def _block(self, block: slice, index: CaptionIndex | None) -> dict[str, Floats]:
        places = self.texts[block]
        texts = [self._held_out.texts[place] for place in places]
        queries = Queries(self.blend.matcher, texts, self._held_out.features[places], self._archive)
        scores = {
            f"transfer, {name} raw": transfer_scores(
                queries.vectors,
                ArchiveVectors(self._archive.texts, raw, self._archive.links),
                raw[self.candidates],
            )
            for name, raw in self._raw.items()
        }
        alone = self.blend.scores(self.blend.ask(queries), self._parts, index)
        scores |= {name: alone[name] for name in self.blend.names if name in alone}
        if self.blend.default == BLEND:
            scores[BLEND] = np.asarray(total(alone, self.blend.weights_of(BLEND)), dtype=np.float32)
        return scores


class _AnswerCollector:
    """Collects the desk's answers during the first pass over the blocks."""

    def __init__(self, routes: RouteScores) -> None:
        self._routes = routes
        self._best: list[Ints] = []
        self._sure: list[Doubles] = []
        self._sure_of_ten: list[float] = []
        self._done = 0

    def blocks(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """The blocks of the routes; the first pass collects answers."""
        for block, scores in self._routes.blocks():
            if block.start >= self._done:
                self._keep(scores[self._routes.blend.default], self._routes.nearest(block))
                self._done = block.stop
            yield block, scores

    def _keep(self, scores: Floats, nearest: Floats) -> None:
        best = top(scores, TEN)
        self._best.append(best)
        confidence = self._routes.blend.confidence
        if confidence is None:
            return
        for row, places, cosine in zip(scores, best, nearest, strict=True):
            pool = Pool.whole(row.astype(np.float64))
            self._sure.append(confidence.of_pictures(pool, places))
            self._sure_of_ten.append(confidence.of_ten(pool, float(cosine)))

    def answers(self) -> Answers:
        """The collected answers."""
        best = np.concatenate(self._best)
        candidates, relevant = len(self._routes.candidates), self._routes.relevant
        pairs = np.arange(len(best))[:, None] * candidates + best  # one number per pair
        return Answers(
            best=best,
            right=np.isin(pairs, relevant[:, 0] * candidates + relevant[:, 1]),
            sure=np.array(self._sure).reshape(-1, best.shape[1]),
            sure_of_ten=np.array(self._sure_of_ten),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The quality of every route, and the calibration of the confidence.

    Attributes:
        routes: source of the scores.
        answers: of the desk.
        evaluation: routes in both directions.
        reliability: kind of confidence → its calibration; {} without a confidence.
    """

    routes: RouteScores
    answers: Answers
    evaluation: Evaluation
    reliability: Mapping[str, Reliability]

    def as_json(self) -> Json:
        """Rows and reliability, shares 0 to 1."""
        return {**self.evaluation.as_json(), "reliability": dict(self.reliability)}


def measure(
    memory: ArchiveMemory, held_out: HeldOutTexts, features: Floats, part: str, blend: Blend
) -> Measured:
    """Measures each route on the texts of one part; arguments as for ``RouteScores``."""
    routes = RouteScores(memory, held_out, features, part, blend)
    collector = _AnswerCollector(routes)
    evaluation = evaluate_blocks(
        collector.blocks, len(routes.texts), len(routes.candidates), routes.relevant
    )
    answers = collector.answers()
    return Measured(routes, answers, evaluation, _reliabilities(answers))


def _reliabilities(answers: Answers) -> dict[str, Reliability]:
    """Calibration of the confidence in the first picture, and in the first ten."""
    if not len(answers.sure):
        return {}
    return {
        FIRST: reliability(answers.sure[:, 0], answers.right[:, 0]),
        ONE_OF_TEN: reliability(answers.sure_of_ten, np.asarray(answers.right.any(axis=1))),
    }


def _training_part(memory: ArchiveMemory, held_out: HeldOutTexts) -> ArchiveVectors:
    """The archive in which only training texts have pictures."""
    trained = np.ones(len(memory), dtype=bool)
    trained[held_out.rows] = False
    links = memory.links[trained[memory.links[:, 0]]]
    return ArchiveVectors(memory.text_vectors, memory.picture_vectors, links, memory.groups)


def _raw_features(blend: Blend, features: Floats) -> dict[str, Floats]:
    """Level features for the paper's transfer route: one level, or all of them."""
    matcher: Matcher = blend.matcher
    final = final_level(matcher.backbone)
    raw = {final: features[:, matcher.backbone.columns(final)]}
    return raw if blend.recipe == "best" else raw | {"all levels": features}
