"""Measures every route of a desk on held-out texts, block by block.

Takes the archive memory, the held-out texts and level features; fits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.desk.archived import archive_vectors
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.preparation import final_level
from picturedesk.learning.training_pairs import renumber
from picturedesk.measuring.evaluation import Evaluation, evaluate_blocks
from picturedesk.measuring.reliability import Reliability, reliability
from picturedesk.routes import BLEND, ArchiveVectors, Blend, Pictures, Pool, Queries
from picturedesk.routes.archive import top
from picturedesk.routes.blend import total
from picturedesk.routes.captions import CaptionIndex, catalogue_words
from picturedesk.routes.confidence import TEN, Judgement
from picturedesk.routes.transfer import scores_by_text
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import rounded
from picturedesk.store.held_out import HeldOutTexts
from picturedesk.types import Bools, Doubles, Floats, Ints, Json, RowSource

FIRST, ONE_OF_TEN = "first picture", "one of the first ten"
_BACKWARDS = "blend, texts for a picture"
_CELLS = 1 << 22  # scores of a route held at a time: 16 MB
_CANDIDATES = 100_000  # pictures among which the texts' own are looked for, at most
_AT_ONCE = 4096  # pictures whose level features are in memory together


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """A desk's answers to Q texts from the whole catalogue: the best ten pictures of each.

    Attributes:
        best: (Q, 10) rows of the archive's pictures, best first; fewer columns for fewer pictures.
        right: (Q, 10) whether they ran with the text.
        found: (Q, 10) stated chance that each is right; (0, 10) without a confidence.
        found_of_ten: (Q,) stated chance that one of the ten is right; (0,) likewise.
        doubted: (Q,) whether there was a doubt; (0,) likewise.
    """

    best: Ints
    right: Bools
    found: Doubles
    found_of_ten: Doubles
    doubted: Bools


class RouteScores:
    """Scores of every route for the texts of one part.

    Candidates are the pictures of that part, with captions that do not repeat their text; or the
    whole catalogue as the fit leaves it, with all captions: of a very large one, 100,000 pictures,
    those of the part and others at random. The transfer route uses training texts only.

    Args:
        memory: the archive in the shared space.
        held_out: the held-out texts.
        features: (P, ΣD_l) level features of the memory's pictures.
        part: "test" or "validate".
        blend: routes and weights.
        whole: whether the pictures of the whole archive are candidates.

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
        features: RowSource,
        part: str,
        blend: Blend,
        whole: bool = False,
    ) -> None:
        self.texts = held_out.of(part)
        if not len(self.texts):
            raise BadInput(f"the archive has no {part} texts: fit it with a {part} share above 0")
        rows = held_out.rows[self.texts]
        self.candidates, self.relevant = renumber(rows, memory.links)
        if whole:
            own = self.candidates
            self.candidates = _with_others(own, len(memory.picture_vectors))
            places = np.searchsorted(self.candidates, own)
            self.relevant[:, 1] = places[self.relevant[:, 1]]
        self.blend = blend
        self._held_out = held_out
        self._features = features
        self._archive = _training_part(memory, held_out)
        pictures = memory.pictures(self.candidates)
        keys = [picture.key for picture in pictures]
        if whole:
            self._captions = [catalogue_words(picture) for picture in pictures]
        else:
            learned = held_out.captions
            self._captions = [learned[row] for row in self.candidates] if learned else []
        vectors = np.empty((len(keys), blend.layout.width), dtype=np.float32)
        for start in range(0, len(keys), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            read = Pictures(blend.matcher, keys[some], features[self.candidates[some]])
            vectors[some] = rounded(blend.vectors(read))  # as a catalogue has them
        self._parts = blend.layout.split(vectors)
        raw = {} if whole else _raw_features(blend, features)
        self._raw = {name: replace(self._archive, pictures=some) for name, some in raw.items()}

    @property
    def backwards(self) -> dict[str, str]:
        """Route → name of the scores that rank texts for a picture, where they are others."""
        return {BLEND: _BACKWARDS} if self.blend.texts and self.blend.default == BLEND else {}

    def blocks(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """Consecutive texts and, for each route, their scores (q, N); the same each time."""
        for block, scores in self.both_ways():
            yield block, {name: scores[name] for name in scores if name != _BACKWARDS}

    def both_ways(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """Like ``blocks``, with the scores that ``backwards`` names."""
        step = max(1, _CELLS // len(self.candidates))
        with ExitStack() as stack:
            index = None
            if any(self._captions):
                index = stack.enter_context(CaptionIndex(self._captions))
            for start in range(0, len(self.texts), step):
                block = slice(start, min(start + step, len(self.texts)))
                yield block, self._block(block, index)

    def judged(self, block: slice, scores: Floats, best: Ints) -> list[Judgement]:
        """What is said of the best candidates (q, K) of some texts, from their scores (q, N)."""
        if self.blend.confidence is None:
            return []
        placed = self.blend.matcher.placed(self._held_out.features[self.texts[block]])
        nearest = self._archive.neighbours(placed, 1).cosines[:, 0]
        found: list[Judgement] = []
        for place, row, places, cosine in zip(
            self.texts[block], scores, best, nearest, strict=True
        ):
            scored = row.astype(np.float64)
            vectors = self.blend.layout.join(
                {name: all_[places] for name, all_ in self._parts.items()}
            )
            text = self._held_out.texts[place]
            said = self.blend.judge(Pool.of(scored), scored[places], vectors, text, float(cosine))
            assert said is not None
            found.append(said)
        return found

    def _block(self, block: slice, index: CaptionIndex | None) -> dict[str, Floats]:
        places = self.texts[block]
        texts = [self._held_out.texts[place] for place in places]
        queries = Queries(self.blend.matcher, texts, self._held_out.features[places], self._archive)
        scores = self._raw_scores(queries)
        asked = self.blend.ask(queries)
        alone = self.blend.scores(asked, self._parts, index)
        scores |= {name: alone[name] for name in self.blend.names if name in alone}
        if self.blend.default == BLEND:
            scores[BLEND] = np.asarray(total(alone, self.blend.weights_of(BLEND)), dtype=np.float32)
        if self.backwards:
            scores[_BACKWARDS] = self.blend.text_scores(asked, alone)
        return scores

    def _raw_scores(self, queries: Queries) -> dict[str, Floats]:
        """Scores (q, N) of the paper's transfer route by level features as they are."""
        if not self._raw:
            return {}
        nearest = self._archive.nearest_text(queries.vectors)
        return {
            f"transfer, {name} raw": scores_by_text(nearest, raw, raw.pictures[self.candidates])
            for name, raw in self._raw.items()
        }


class _AnswerCollector:
    """Collects the desk's answers during the first pass over the blocks."""

    def __init__(self, routes: RouteScores) -> None:
        self._routes = routes
        self._best: list[Ints] = []
        self._judged: list[Judgement] = []
        self._done = 0

    def blocks(self) -> Iterator[tuple[slice, dict[str, Floats]]]:
        """The blocks of the routes; the first pass collects answers."""
        for block, scores in self._routes.both_ways():
            if block.start >= self._done:
                self._keep(block, scores[self._routes.blend.default])
                self._done = block.stop
            yield block, scores

    def _keep(self, block: slice, scores: Floats) -> None:
        best = top(scores, TEN)
        self._best.append(best)
        self._judged += self._routes.judged(block, scores, best)

    def answers(self) -> Answers:
        """The collected answers."""
        best = np.concatenate(self._best)
        candidates, relevant = len(self._routes.candidates), self._routes.relevant
        pairs = np.arange(len(best))[:, None] * candidates + best  # one number per pair
        return Answers(
            best=self._routes.candidates[best],
            right=np.isin(pairs, relevant[:, 0] * candidates + relevant[:, 1]),
            found=np.array([one.chances for one in self._judged]).reshape(-1, best.shape[1]),
            found_of_ten=np.array([one.found for one in self._judged]),
            doubted=np.array([bool(one.doubt) for one in self._judged], dtype=bool),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The results of every route, and the calibration of the desk's confidence.

    Attributes:
        routes: the source of the scores.
        evaluation: all routes, in both directions, among the pictures of the part.
        whole: all routes among the whole catalogue, as users meet it.
        answers: the desk's answers from the whole catalogue.
        reliability: name of a stated chance → its calibration; {} without a confidence.
        doubted: share of the texts that were doubted, where the right picture was among the first
            ten ("found") and where not ("missed"); {} without a confidence.
    """

    routes: RouteScores
    evaluation: Evaluation
    whole: Evaluation
    answers: Answers
    reliability: Mapping[str, Reliability]
    doubted: Mapping[str, float]

    def as_json(self) -> Json:
        """Rows and reliability, shares 0 to 1."""
        return {
            **self.evaluation.as_json(),
            "whole_catalogue": self.whole.as_json()["rows"],
            "reliability": dict(self.reliability),
            "doubted": dict(self.doubted),
        }


def measure(
    memory: ArchiveMemory, held_out: HeldOutTexts, features: RowSource, part: str, blend: Blend
) -> Measured:
    """The results of each route on one part; arguments as for ``RouteScores``."""
    routes = RouteScores(memory, held_out, features, part, blend)
    evaluation = evaluate_blocks(
        routes.both_ways,
        len(routes.texts),
        len(routes.candidates),
        routes.relevant,
        backwards=routes.backwards,
    )
    everything = RouteScores(memory, held_out, features, part, blend, whole=True)
    collector = _AnswerCollector(everything)
    whole = evaluate_blocks(
        collector.blocks,
        len(everything.texts),
        len(everything.candidates),
        everything.relevant,
        backwards=everything.backwards,
    )
    answers = collector.answers()
    return Measured(routes, evaluation, whole, answers, _reliabilities(answers), _doubted(answers))


def _reliabilities(answers: Answers) -> dict[str, Reliability]:
    """The calibration of what is said of the first picture and of the first ten."""
    if not len(answers.found):
        return {}
    return {
        FIRST: reliability(answers.found[:, 0], answers.right[:, 0]),
        ONE_OF_TEN: reliability(answers.found_of_ten, np.asarray(answers.right.any(axis=1))),
    }


def _doubted(answers: Answers) -> dict[str, float]:
    right = answers.right.any(axis=1)
    if not len(answers.doubted):
        return {}
    sides = {"found": answers.doubted[right], "missed": answers.doubted[~right]}
    return {name: float(doubted.mean()) for name, doubted in sides.items() if len(doubted)}


def _training_part(memory: ArchiveMemory, held_out: HeldOutTexts) -> ArchiveVectors:
    """The archive in which only training texts have pictures."""
    trained = np.ones(len(memory), dtype=bool)
    trained[held_out.rows] = False
    links = memory.links[trained[memory.links[:, 0]]]
    return archive_vectors(memory, links)


def _with_others(own: Ints, pictures: int) -> Ints:
    """All rows of the pictures, ascending, or the ``own`` of a part and some others at random."""
    if pictures <= _CANDIDATES:
        return np.arange(pictures, dtype=np.int64)
    drawn = np.random.default_rng(0).permutation(pictures)
    others = drawn[: max(0, _CANDIDATES - len(own))].astype(np.int64)
    return np.union1d(own, others)


def _raw_features(blend: Blend, features: RowSource) -> dict[str, Floats]:
    """Level features for the paper's transfer route: one level, or all of them.

    None where they are too many to be in memory.
    """
    if not isinstance(features, np.ndarray):
        return {}
    matcher: Matcher = blend.matcher
    final = final_level(matcher.backbone)
    raw = {final: features[:, matcher.backbone.columns(final)]}
    return raw if blend.recipe == "best" else raw | {"all levels": features}
