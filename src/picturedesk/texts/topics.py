"""tf-idf → the directions of topics: exact, randomised, or randomised over parts of a corpus.

Knows nothing of words or texts.

**Many texts.** A sample of them gives directions that are nearly right; two rounds over all texts
make them those of all. A round multiplies each part of the texts with the directions there and back
(subspace iteration), so that memory holds one part, and two matrices of words × topics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.parallel import cpus, one_blas_thread
from picturedesk.types import Doubles, Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_EXACT = 3000  # texts; up to here, the exact SVD is faster than random projections
_NO_TOPIC = 1e-5  # a singular value below this share of the first is rounding, not a topic
_SAMPLE = 20_000  # texts that directions over parts begin with
_ROUNDS = 2  # over all texts
_MORE = 10  # directions that are computed beside those that are wanted (Halko et al.)
_STRIPS = 8  # of directions: a narrow strip of all words' rows stays in a processor's cache


@dataclass(frozen=True, slots=True)
class TopicsConfig:
    """How topics are found.

    Attributes:
        topics: maximum number.
        iterations: power iterations of random projections.
        seed: equal seeds give equal topics.
    """

    topics: int
    iterations: int
    seed: int


def topics_of(tfidf: csr_matrix, config: TopicsConfig) -> Floats:
    """tf-idf (T, V) → the topics' directions (V, D), the strongest first.

    The word with the largest absolute weight in a topic gets a positive weight, which fixes signs.
    """
    topics = min(config.topics, *tfidf.shape)
    few = tfidf.shape[0] <= _EXACT
    strength, directions = _exact(tfidf, topics) if few else _randomised(tfidf, topics, config)
    return _oriented(strength, directions)


def topics_of_parts(
    parts: Callable[[], Iterator[csr_matrix]], texts: int, words: int, config: TopicsConfig
) -> Floats:
    """The same for very many texts, whose tf-idf comes in parts.

    Args:
        parts: gives tf-idf (n, V) of all texts, part by part; called three times.
        texts: T, of all parts together.
        words: V.
        config: settings.
    """
    random = np.random.default_rng(config.seed)
    share = _SAMPLE / texts
    sample = [part[random.random(part.shape[0]) < share] for part in parts()]
    width = min(config.topics + _MORE, texts, words)
    basis: Floats = random.standard_normal((words, width), dtype=np.float32)
    with one_blas_thread(), ThreadPoolExecutor(cpus(), "picturedesk topics") as pool:
        for _ in range(config.iterations):
            basis = _independent(_there_and_back(sample, basis, pool))
        for _ in range(_ROUNDS - 1):
            basis = _independent(_there_and_back(parts(), basis, pool))
        strength, directions = _final(parts(), basis, pool)
    return _oriented(strength[: config.topics], directions[: config.topics])


def _there_and_back(
    parts: Iterable[csr_matrix],
    basis: Floats,
    pool: ThreadPoolExecutor,
    look: Callable[[Floats], object] = len,
) -> Floats:
    """AᵀA B (V, k) for all texts' tf-idf A (T, V) and a basis B (V, k).

    Args:
        parts: A, part by part.
        basis: B.
        pool: threads; each strip of B is one piece of work, so that their number changes no sum.
        look: is given A B (n, k) of each part.
    """
    strips = [np.ascontiguousarray(strip) for strip in _strips(basis)]
    back = [np.zeros_like(strip) for strip in strips]
    for part in parts:

        def one(number: int, part: csr_matrix = part) -> Floats:
            there: Floats = part @ strips[number]  # (n, k / strips)
            back[number] += part.T @ there
            return there

        look(np.hstack(list(pool.map(one, range(len(strips))))))
    return np.hstack(back)


def _strips(basis: Floats) -> list[Floats]:
    return [strip for strip in np.array_split(basis, _STRIPS, axis=1) if strip.size]


def _independent(basis: Floats) -> Floats:
    """Columns (V, k) of the same span that are not nearly parallel."""
    from scipy.linalg import lu

    lower: Floats = lu(basis, permute_l=True, overwrite_a=True, check_finite=False)[0]
    return lower


def _final(
    parts: Iterable[csr_matrix], basis: Floats, pool: ThreadPoolExecutor
) -> tuple[Doubles, Floats]:
    """Singular values (D,) and right vectors (D, V) of tf-idf projected on A B.

    With A B = Q R, these are the ones of QᵀA = (AᵀA B R⁻¹)ᵀ. Small matrices are of doubles: a
    corpus may carry fewer topics than the basis has columns.
    """
    from scipy.linalg import eigh, qr

    basis = qr(basis, mode="economic", overwrite_a=True, check_finite=False)[0]
    squares = np.zeros((basis.shape[1],) * 2)  # BᵀAᵀA B

    def look(there: Floats) -> None:
        doubles = there.astype(np.float64)
        squares[:] += doubles.T @ doubles

    back = _there_and_back(parts, basis, pool, look)
    lengths, turned = eigh(squares)
    lengths = np.sqrt(np.maximum(lengths, 0))
    known = lengths > _NO_TOPIC * lengths[-1]
    to_q = turned[:, known] / lengths[known]  # R⁻¹
    strength, turned = eigh(to_q.T @ _cross(back) @ to_q)
    strength = np.sqrt(np.maximum(strength[::-1], 0))
    turn = to_q @ turned[:, ::-1] / np.maximum(strength, _NO_TOPIC * strength[0])
    return strength, (back @ turn.astype(np.float32)).T


def _cross(back: Floats) -> Doubles:
    """BᵀB (k, k) of a tall matrix, without a copy of it in doubles."""
    total = np.zeros((back.shape[1],) * 2)
    for start in range(0, len(back), 4096):
        block = back[start : start + 4096].astype(np.float64)
        total += block.T @ block
    return total


def _oriented(strength: Doubles, directions: Floats | Doubles) -> Floats:
    """Directions (V, D), float32, of topics that are more than rounding."""
    directions = directions[strength > _NO_TOPIC * strength[0]]  # (D, V)
    strongest = directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]
    signed = directions.T * np.sign(strongest)
    return np.ascontiguousarray(signed, dtype=np.float32)


def _exact(tfidf: csr_matrix, topics: int) -> tuple[Doubles, Doubles]:
    """Singular values (D,) and right vectors (D, V), from the cosines of all pairs of texts."""
    from scipy.linalg import eigh

    tfidf = tfidf.astype(np.float64)  # roots follow: in float32, rounding would become topics
    cosines = (tfidf @ tfidf.T).toarray()
    squares, left = eigh(cosines, subset_by_index=(len(cosines) - topics, len(cosines) - 1))
    strength = np.sqrt(np.maximum(squares[::-1], 0))  # (D,)
    known = np.maximum(strength, _NO_TOPIC * strength[0])
    return strength, (tfidf.T @ left[:, ::-1] / known).T


def _randomised(tfidf: csr_matrix, topics: int, config: TopicsConfig) -> tuple[Doubles, Doubles]:
    """The same for many texts, by Halko, Martinsson and Tropp (2011)."""
    from sklearn.utils.extmath import randomized_svd

    _, strength, directions = randomized_svd(
        tfidf, n_components=topics, n_iter=config.iterations, random_state=config.seed
    )
    return strength, directions
