"""How good a desk is: every route on the texts that nothing was fitted on.

Takes arrays from the archive memory and the feature store; fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.desk.captions import caption_scores
from picturedesk.errors import BadInput
from picturedesk.learning.calibration import rankings
from picturedesk.learning.preparation import final_level, renumber
from picturedesk.measuring.evaluation import Evaluation, evaluate
from picturedesk.measuring.reliability import Reliability, reliability
from picturedesk.routes import Blend, Question
from picturedesk.routes.blend import BLEND
from picturedesk.routes.confidence import TEN
from picturedesk.routes.scores import Memory, Neighbourhood, direct_scores, top, transfer_scores
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Bools, Floats, Ints, Json

FIRST, ONE_OF_TEN = "first picture", "one of the first ten"


@dataclass(frozen=True, slots=True, eq=False)
class RouteScores:
    """What every route makes of the texts of one part.

    Attributes:
        texts: (Q,) indices of the texts in the archive memory.
        pictures: (N,) indices of the candidate pictures there.
        relevant: (M, 2) pairs into both that ran together.
        scores: name of a route → (Q, N), higher is better.
        nearest: (Q,) cosine of the most similar training text; () without a blend.
    """

    texts: Ints
    pictures: Ints
    relevant: Ints
    scores: dict[str, Floats]
    nearest: Floats = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What every route finds, and how far stated confidence can be trusted.

    Attributes:
        asked: the scores that all of it comes from.
        evaluation: routes in both directions.
        reliability: what is stated → how it fits; {} where no confidence was calibrated.
    """

    asked: RouteScores
    evaluation: Evaluation
    reliability: dict[str, Reliability]

    def as_json(self) -> Json:
        """Rows and reliability, shares 0 to 1."""
        return {**self.evaluation.as_json(), "reliability": self.reliability}


def measure(
    memory: ArchiveMemory, features: Floats, spec: BackboneSpec, part: str, blend: Blend | None
) -> Measured:
    """How well each route finds the pictures of one part; see ``route_scores``."""
    asked = route_scores(memory, features, spec, part, blend)
    found = evaluate(asked.scores, asked.relevant)
    return Measured(asked, found, reliabilities(asked, blend))


def route_scores(
    memory: ArchiveMemory, features: Floats, spec: BackboneSpec, part: str, blend: Blend | None
) -> RouteScores:
    """Scores of every route for the texts of one part, against that part's pictures.

    The archive that is remembered is the training texts only.

    Args:
        memory: the archive in the shared space.
        features: (N, ΣD_l) level features of ``memory.pictures``.
        spec: which columns are which level.
        part: "test" or "validate".
        blend: None for the paper's routes: transfer by raw and by fused pictures (Tables 2 and
            4), direct (Tables 3 and 5).

    Raises:
        BadInput: if the part has no texts.
    """
    queries = memory.texts_of(part)
    if not len(queries):
        raise BadInput(f"the archive has no {part} texts: fit it with a {part} share above 0")
    candidates, relevant = renumber(queries, memory.links)
    texts = memory.text_vectors[queries]

    def transfer(pictures: Floats) -> Floats:
        return transfer_scores(texts, _archive(memory, pictures), pictures[candidates])

    final = final_level(spec)
    scores = {f"transfer, {final} raw": transfer(features[:, spec.columns(final)])}
    if blend is None:
        scores["transfer, all levels raw"] = transfer(features)
        scores["transfer, fused"] = transfer(memory.picture_vectors)
        scores["direct"] = direct_scores(texts, memory.picture_vectors[candidates])
        return RouteScores(queries, candidates, relevant, scores)
    blended, nearest = _blended(memory, features, spec, blend, queries, candidates)
    return RouteScores(queries, candidates, relevant, scores | blended, nearest)


def _blended(
    memory: ArchiveMemory,
    features: Floats,
    spec: BackboneSpec,
    blend: Blend,
    queries: Ints,
    candidates: Ints,
) -> tuple[dict[str, Floats], Floats]:
    """Scores of the blend and of each of its routes, by the very queries that a desk asks."""
    archive = _archive(memory, memory.picture_vectors)
    neighbours = Neighbourhood.of(archive, memory.alike[memory.texts_of("train")])
    texts = memory.text_vectors[queries]
    spoken, nearest = neighbours(texts, blend.kernel.nearest, blend.kernel.temperature)
    probabilities = None
    if blend.probabilities:
        probabilities = features[candidates][:, spec.columns(blend.probabilities)]
    keys = [memory.pictures[index].key for index in candidates]
    links = memory.links_among(memory.texts_of("train"), keys)
    fused = memory.picture_vectors[candidates]
    vectors = blend.pictures(fused, probabilities, archive.texts, links)
    questions = [
        Question(text, transfer, named, float(near))
        for text, transfer, named, near in zip(
            texts, spoken, memory.named_texts[queries], nearest, strict=True
        )
    ]
    words = _words(memory, queries, candidates)
    scores = {}
    for route in blend.routes(captions=words is not None):
        asked = np.stack([blend.query(question, route) for question in questions])  # (Q, W)
        found = (asked @ vectors.T.astype(np.float64)) * blend.space.scale
        weight = blend.weights_of(route).words
        if words is not None and weight:
            found += weight * blend.saturated(words.astype(np.float64))
        scores[route] = found.astype(np.float32)
    return scores, nearest


def _words(memory: ArchiveMemory, queries: Ints, candidates: Ints) -> Floats | None:
    """BM25 of captions (Q, N); None where there are no captions."""
    captions = [memory.captions[index] for index in candidates]
    if not any(captions):
        return None
    return caption_scores([memory.asked[index] for index in queries], captions)


def reliabilities(asked: RouteScores, blend: Blend | None) -> dict[str, Reliability]:
    """How far what the blend says of its first picture, and of its first ten, can be trusted."""
    if blend is None or blend.confidence is None:
        return {}
    sure = blend.confidence
    known = rankings(asked.scores[BLEND], asked.relevant, asked.nearest)  # every text has a picture
    best = top(asked.scores[BLEND], TEN)  # (Q, 10)
    pairs = list(zip(known, best, strict=True))
    found: Bools = np.stack([ranking.right[ranked] for ranking, ranked in pairs])
    first = np.array([sure.of_pictures(ranking.scores, ranked)[0] for ranking, ranked in pairs])
    ten = np.array([sure.of_ten(ranking.scores, ranking.nearest) for ranking in known])
    return {
        FIRST: reliability(first, found[:, 0]),
        ONE_OF_TEN: reliability(ten, np.asarray(found.any(axis=1))),
    }


def _archive(memory: ArchiveMemory, pictures: Floats) -> Memory:
    """The training part as the transfer route takes it, with these picture vectors (N, D)."""
    texts: Ints = memory.texts_of("train")
    links = memory.links_of(texts)
    renumbered = np.stack([np.searchsorted(texts, links[:, 0]), links[:, 1]], axis=1)
    return Memory(memory.text_vectors[texts], pictures, renumbered)
