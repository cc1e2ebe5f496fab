"""How good a desk is: the paper's routes on the texts that nothing was fitted on.

Takes arrays from the archive memory and the feature store; fits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.evaluation import Evaluation, evaluate
from picturedesk.memory import ArchiveMemory
from picturedesk.preparation import final_level, renumber
from picturedesk.routes import Memory, direct_scores, transfer_scores
from picturedesk.types import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class RouteScores:
    """What every route makes of the texts of one part.

    Attributes:
        texts: (Q,) indices of the texts in the archive memory.
        pictures: (N,) indices of the candidate pictures there.
        relevant: (M, 2) pairs into both that ran together.
        scores: name of a route → (Q, N), higher is better.
    """

    texts: Ints
    pictures: Ints
    relevant: Ints
    scores: dict[str, Floats]


def measure(
    memory: ArchiveMemory, features: Floats, spec: BackboneSpec, part: str = "test"
) -> Evaluation:
    """How well each route finds the pictures of one part; see ``route_scores``."""
    asked = route_scores(memory, features, spec, part)
    return evaluate(asked.scores, asked.relevant)


def route_scores(
    memory: ArchiveMemory, features: Floats, spec: BackboneSpec, part: str
) -> RouteScores:
    """Scores of every route for the texts of one part, against that part's pictures.

    The transfer route remembers the training texts only. Its raw rows compare level features
    as they are, its fused row compares fused vectors (paper, Tables 2 and 4); the direct row
    is the cosine of text and fused picture (Tables 3 and 5).

    Args:
        memory: the archive in the shared space.
        features: (N, ΣD_l) level features of ``memory.pictures``.
        spec: which columns are which level.
        part: "test" or "validate".

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
    scores = {
        f"transfer, {final} raw": transfer(features[:, spec.columns(final)]),
        "transfer, all levels raw": transfer(features),
        "transfer, fused": transfer(memory.picture_vectors),
        "direct": direct_scores(texts, memory.picture_vectors[candidates]),
    }
    return RouteScores(queries, candidates, relevant, scores)


def _archive(memory: ArchiveMemory, pictures: Floats) -> Memory:
    """The training part as the transfer route takes it, with these picture vectors (N, D)."""
    texts: Ints = memory.texts_of("train")
    links = memory.links_of(texts)
    renumbered = np.stack([np.searchsorted(texts, links[:, 0]), links[:, 1]], axis=1)
    return Memory(memory.text_vectors[texts], pictures, renumbered)
