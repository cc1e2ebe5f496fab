"""The two routes from a text to pictures, as score matrices over plain arrays.

Direct: cosine of text and picture in the shared space. Transfer: the most similar archive text, and
what resembles its pictures (paper, Eq. 7 and 8). Knows nothing of encoders, backbones or files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.types import Floats, Ints

ROUNDING = 1e-6  # cosines closer than this are a tie: float32 cannot tell them apart
_CELLS = 1 << 24  # cosines held at a time beside the result: 64 MB
_ROWS = 1 << 12  # the same, as the side of a square


def cosine(a: Floats, b: Floats) -> Floats:
    """Cosine of every pair of rows; a zero vector has cosine zero with everything.

    Args:
        a: (Q, D).
        b: (N, D).

    Returns:
        (Q, N), -1 to 1.

    Raises:
        BadInput: if the widths differ.
    """
    _same_width(a, b)
    return length_one(a) @ length_one(b).T


def direct_scores(texts: Floats, pictures: Floats) -> Floats:
    """The direct route: texts (Q, D) and fused pictures (N, D) → cosines (Q, N)."""
    return cosine(texts, pictures)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """An archive as the transfer route needs it.

    Attributes:
        texts: (T, D) text vectors.
        pictures: (P, D') picture vectors: fused, or level features as they are.
        links: (M, 2) indices (text, picture).
    """

    texts: Floats
    pictures: Floats
    links: Ints

    def __post_init__(self) -> None:
        """Raises BadInput where links are malformed or point outside."""
        if self.links.ndim != 2 or self.links.shape[1] != 2:
            raise BadInput(f"links of shape {self.links.shape}: they must be (M, 2)")
        bounds = np.array([len(self.texts), len(self.pictures)])
        if ((self.links < 0) | (self.links >= bounds)).any():
            raise BadInput(
                f"a link points outside: there are {bounds[0]} texts and {bounds[1]} pictures"
            )

    def sorted_links(self) -> Ints:
        """The links by text, then picture, each once; raises BadInput if there are none."""
        if not len(self.links):
            raise BadInput("the archive links no text to a picture: the transfer route needs them")
        return np.unique(self.links, axis=0)


def transfer_scores(texts: Floats, memory: Memory, candidates: Floats) -> Floats:
    """The transfer route as scores (paper, Eq. 7 and 8).

    Eq. 7: t* is the archive text of highest cosine, among those that have a picture; of equal ones
    (within rounding) the one of lowest index. Eq. 8 takes candidates by falling cosine with the
    picture of t*; where t* has several, a candidate's score is the highest of its cosines with
    them. A text without a direction (no known word) has no t*: all its scores are zero.

    Args:
        texts: (Q, D).
        memory: the archive; its pictures may be fused or level features as they are.
        candidates: (N, D'), as the memory's pictures.

    Returns:
        (Q, N) cosines.

    Raises:
        BadInput: if widths differ, or the archive has no links.
    """
    _same_width(texts, memory.texts)
    _same_width(candidates, memory.pictures)
    links = memory.sorted_links()
    told, first = np.unique(links[:, 0], return_index=True)  # archive texts with pictures
    queries, pictures, offered = (
        length_one(texts),
        length_one(memory.pictures),
        length_one(candidates),
    )
    known = np.flatnonzero(queries.any(axis=1))
    nearest = _nearest(queries[known], length_one(memory.texts[told]))  # Eq. 7
    chosen, asked = np.unique(nearest, return_inverse=True)  # (S,) texts that are t* of some query
    scores = np.zeros((len(texts), len(candidates)), dtype=np.float32)
    counts = np.diff(first, append=len(links))[chosen]
    for part in _parts(counts):
        own = links[_stretches(first[chosen[part]], counts[part]), 1]
        best = _best_of(pictures[own], counts[part], offered)  # Eq. 8
        rows = np.flatnonzero((asked >= part.start) & (asked < part.stop))
        scores[known[rows]] = best[asked[rows] - part.start]
    return scores


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """The transfer route with a kernel: many archive texts speak instead of one.

    Each of the nearest texts speaks with exp(cosine / temperature) for the mean of its pictures.
    One text is Eq. 7; the average over many is steadier, and being one vector it can be asked of
    any index. Of near-duplicate texts only the nearest speaks.

    Attributes:
        texts: (S, D) archive texts that have pictures, of length one.
        pictures: (S, D) mean of each one's pictures.
        groups: (S,) of near-duplicate texts.
    """

    texts: Floats
    pictures: Floats
    groups: Ints

    @classmethod
    def of(cls, memory: Memory, groups: Ints) -> Neighbourhood:
        """The archive's texts with pictures, in groups (T,) of near-duplicate texts.

        Raises:
            BadInput: if the archive has no links.
        """
        links = memory.sorted_links()
        told, first, counts = np.unique(links[:, 0], return_index=True, return_counts=True)
        sums = np.add.reduceat(memory.pictures[links[:, 1]], first, axis=0)
        means = (sums / counts[:, None]).astype(np.float32)
        return cls(length_one(memory.texts[told]), means, groups[told])

    def __call__(self, texts: Floats, nearest: int, temperature: float) -> tuple[Floats, Floats]:
        """Where the pictures of the most similar archive texts lie.

        Args:
            texts: (Q, D) queries.
            nearest: how many archive texts are heard, at least 1.
            temperature: cosine, above 0.

        Returns:
            (Q, D) of length one, zeros for a text without a direction; and the cosine (Q,) of
            the nearest archive text.
        """
        _same_width(texts, self.texts)
        queries = length_one(texts)
        vectors = np.zeros((len(queries), self.pictures.shape[1]), dtype=np.float32)
        closest = np.zeros(len(queries), dtype=np.float32)
        repeated = len(np.unique(self.groups)) < len(self.groups)
        asked = 3 * nearest if repeated else nearest
        step = max(1, _CELLS // max(len(self.texts), 1))
        for start in range(0, len(queries), step):
            similarities = queries[start : start + step] @ self.texts.T  # (B, S)
            for row, near in enumerate(top(similarities, asked), start):
                _, first = np.unique(self.groups[near], return_index=True)
                heard = near[np.sort(first)[:nearest]]
                cosines = similarities[row - start, heard]
                voices = np.exp((cosines - cosines[0]) / np.float32(temperature))
                vectors[row], closest[row] = voices @ self.pictures[heard], cosines[0]
        known = np.linalg.norm(queries, axis=1) > 0
        return length_one(vectors) * known[:, None], closest * known


def _nearest(queries: Floats, remembered: Floats) -> Ints:
    """Index (Q,) of the remembered row of highest cosine with each query; of a tie, the lowest."""
    nearest = np.empty(len(queries), dtype=np.int64)
    step = max(1, _CELLS // max(len(remembered), 1))
    for start in range(0, len(queries), step):
        similarities = queries[start : start + step] @ remembered.T
        best = similarities.max(axis=1, keepdims=True)
        nearest[start : start + step] = np.argmax(similarities >= best - ROUNDING, axis=1)
    return nearest


def _parts(counts: Ints) -> Iterator[slice]:
    """Consecutive texts, together with some ``_ROWS`` pictures, or one text with more."""
    bounds = np.flatnonzero(np.diff(np.cumsum(counts) // _ROWS)) + 1
    edges = [0, *bounds.tolist(), len(counts)]
    return (slice(start, stop) for start, stop in pairwise(edges) if stop > start)


def _stretches(first: Ints, counts: Ints) -> Ints:
    """The numbers first, first + 1, … of each stretch, one stretch after the other."""
    before = np.cumsum(counts) - counts
    return np.repeat(first - before, counts) + np.arange(counts.sum())


def _best_of(own: Floats, counts: Ints, offered: Floats) -> Floats:
    """Per text the highest cosine (S, N) of its own pictures, stretch by stretch, with each."""
    best = np.empty((len(counts), len(offered)), dtype=np.float32)
    starts = np.cumsum(counts) - counts
    for start in range(0, len(offered), _ROWS):
        columns = slice(start, start + _ROWS)
        best[:, columns] = np.maximum.reduceat(own @ offered[columns].T, starts, axis=0)
    return best


def top(scores: Floats, k: int) -> Ints:
    """The k best columns of each row, best first; of equal scores the lower index comes first.

    Args:
        scores: (Q, N), higher is better.
        k: 1 or more; with fewer than k columns all of them are given.

    Returns:
        (Q, min(k, N)).
    """
    if k < 1:
        raise BadInput(f"k is {k}: ask for at least one")
    k = min(k, scores.shape[1])
    best = np.empty((len(scores), k), dtype=np.int64)
    for row, values in enumerate(scores):
        least = np.partition(values, len(values) - k)[len(values) - k] if k else 0
        near = np.flatnonzero(values >= least)  # k of them, or more where the last ones tie
        best[row] = near[np.argsort(-values[near], kind="stable")[:k]]
    return best


class Witness(NamedTuple):
    """An archive text and one of its pictures that speak for a suggestion.

    Attributes:
        text: index of the archive text.
        text_similarity: cosine with the query, -1 to 1.
        picture: index of the archive picture.
        picture_similarity: cosine with the suggested picture, -1 to 1.
    """

    text: int
    text_similarity: float
    picture: int
    picture_similarity: float


def evidence_for(
    text: Floats, picture: Floats, memory: Memory, n: int = 3, n_near: int = 50
) -> list[Witness]:
    """The archive pairs that speak most strongly for a picture as an answer to a text.

    Among the links of the archive texts nearest to the query, those with the highest product of
    text and picture similarity, each clipped at zero: a pair speaks only if both are alike. Each
    archive text and each archive picture speaks once.

    Args:
        text: (D,) the query.
        picture: (D',) the suggested picture, in the space of the memory's pictures.
        memory: the archive.
        n: how many pairs at most.
        n_near: how many archive texts are heard.

    Returns:
        Strongest first; fewer than n, or none, where fewer speak for it.
    """
    _same_width(text[None], memory.texts)
    _same_width(picture[None], memory.pictures)
    if not len(memory.links):
        return []
    to_texts = _cosines(memory.texts, text)  # (T,)
    told = np.unique(memory.links[:, 0])
    near = told[top(to_texts[None, told], n_near)[0]]
    links = memory.links[np.isin(memory.links[:, 0], near)]
    to_pictures = _cosines(memory.pictures[links[:, 1]], picture)  # (m,)
    strength = np.maximum(to_texts[links[:, 0]], 0) * np.maximum(to_pictures, 0)
    found: list[Witness] = []
    for place in np.lexsort((links[:, 1], links[:, 0], -strength)):
        t, p = (int(index) for index in links[place])
        new = all(t != known.text and p != known.picture for known in found)
        if new and strength[place] > 0 and len(found) < n:
            found.append(Witness(t, float(to_texts[t]), p, float(to_pictures[place])))
    return found


def _cosines(rows: Floats, vector: Floats) -> Floats:
    """Cosine (N,) of one vector with every row; needs no copy of the rows at length one."""
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows)) * np.linalg.norm(vector)
    cosines = (rows @ vector) / np.where(lengths > 0, lengths, 1)
    return cosines.astype(np.float32, copy=False)


def _same_width(a: Floats, b: Floats) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise BadInput(
            f"vectors of shapes {a.shape} and {b.shape} cannot be compared: both must be "
            "(rows, width) of one width; were they made by the same matcher?"
        )
