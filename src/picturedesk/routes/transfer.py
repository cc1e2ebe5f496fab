"""The transfer route: pictures like those that ran with similar archive texts.

The paper (Eq. 7 and 8) uses only the most similar archive text, with each of its pictures. The
kernel version uses many texts, each with the mean of its pictures: it varies less, and has one
query vector, so that any index can search with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import length_one
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.archive import ArchiveVectors, same_width
from picturedesk.routes.direct import fused_block
from picturedesk.routes.route import (
    Arrays,
    Block,
    Fold,
    Pictures,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextShares,
    TextSlopes,
)
from picturedesk.types import Floats, Ints, Json

TRANSFER = "transfer"
_ROWS = 1 << 12  # rows and columns of a block of cosines


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """Plan of the transfer route with a kernel.

    Attributes:
        nearest: number of archive texts; of near-duplicates only the nearest one.
        temperature: the weight of a text is exp(cosine / temperature); cosine, above 0.
    """

    name: str = TRANSFER
    weights: tuple[float, ...] = (0.0, 0.15, 0.3, 0.6, 1.2, 8.0)
    unit: str = TRANSFER
    default_weight: float = 0.0
    nearest: int = 20
    temperature: float = 0.1

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.nearest < 1 or self.temperature <= 0:
            raise BadInput(f"{self}: nearest starts at 1, the temperature is above 0")

    def fit(self, fold: Fold) -> TransferRoute:
        """Fits nothing: the queries have the archive."""
        return TransferRoute(fold.queries.matcher, self.nearest, self.temperature)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> TransferRoute:
        """The route as it was saved."""
        return TransferRoute(matcher, settings["nearest"], settings["temperature"])


@dataclass(frozen=True, slots=True, eq=False)
class TransferRoute:
    """Uses many similar texts, each with the mean of its pictures. Attributes as in the plan."""

    matcher: Matcher
    nearest: int
    temperature: float
    name: str = TRANSFER
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The fused vector."""
        return fused_block(self.matcher)

    def store(self, pictures: Pictures) -> Floats:
        """(N, D) fused vectors."""
        return pictures.vectors

    def ask(self, queries: Queries) -> Rows:
        """(Q, D) of length one: weighted mean of the pictures of similar texts.

        Zeros for a text without a known word.
        """
        archive = queries.archive
        means = np.zeros((len(queries), archive.pictures.shape[1]), dtype=np.float32)
        for query, (rows, weights) in enumerate(self._weighed(queries)):
            means[query] = weights @ _mean_pictures(archive, rows)
        known = queries.vectors.any(axis=1, keepdims=True)
        return Rows.one_each(length_one(means) * known)

    def _weighed(self, queries: Queries) -> Iterator[tuple[Ints, Floats]]:
        """The archive texts (n,) of each query, and their weights."""
        archive = queries.archive
        near = queries.neighbours(3 * self.nearest if archive.groups is not None else self.nearest)
        for rows, cosines in zip(*near, strict=True):
            if archive.groups is not None:
                _, first = np.unique(archive.groups[rows], return_index=True)
                first = np.sort(first)[: self.nearest]
                rows, cosines = rows[first], cosines[first]
            yield rows, np.exp((cosines - cosines[0]) / np.float32(self.temperature))

    def text_shares(self, queries: Queries, stored: Floats) -> TextShares:
        """Exact: the weight of each text times the cosine of its pictures' mean, scaled."""
        rows, weights = next(self._weighed(queries))
        parts = weights.astype(np.float64)[:, None] * _mean_pictures(queries.archive, rows)
        length = float(np.linalg.norm(parts.sum(axis=0))) or 1.0
        known = bool(queries.vectors.any())
        return TextShares(rows, stored.astype(np.float64) @ parts.T * (known / length))

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """None: the direct route gives the shares of the fused vector."""
        return None

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """None: neighbours do not change smoothly with words."""
        return None

    def settings(self) -> Json:
        """The kernel."""
        return {"nearest": self.nearest, "temperature": self.temperature}

    def arrays(self) -> Arrays:
        """None beyond the archive's."""
        return {}


@dataclass(frozen=True, slots=True)
class NearestTextPlan:
    """Plan of the paper's transfer route (Eq. 7 and 8)."""

    name: str = TRANSFER
    weights: tuple[float, ...] = (0.0,)
    unit: str = TRANSFER
    default_weight: float = 0.0

    def fit(self, fold: Fold) -> NearestTextRoute:
        """Fits nothing: the queries have the archive."""
        return NearestTextRoute(fold.queries.matcher)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> NearestTextRoute:
        """The route of a saved matcher."""
        return NearestTextRoute(matcher)


@dataclass(frozen=True, slots=True, eq=False)
class NearestTextRoute:
    """Uses the most similar text; of its pictures, the one nearest to the candidate."""

    matcher: Matcher
    name: str = TRANSFER
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The fused vector."""
        return fused_block(self.matcher)

    def store(self, pictures: Pictures) -> Floats:
        """(N, D) fused vectors."""
        return pictures.vectors

    def ask(self, queries: Queries) -> Rows:
        """(R, D) fused pictures of each query's t*; one row of zeros without t*."""
        archive = queries.archive
        rows, starts, total = [], [], 0
        for text in archive.nearest_text(queries.vectors):
            if text >= 0:
                own = archive.pictures[archive.links_of(np.array([text]))[0]]
            else:
                own = np.zeros((1, archive.pictures.shape[1]), dtype=np.float32)
            rows.append(own)
            starts.append(total)
            total += len(own)
        return Rows(np.concatenate(rows), np.array(starts, dtype=np.int64))

    def text_shares(self, queries: Queries, stored: Floats) -> TextShares:
        """All of the score is the most similar text's."""
        nearest = queries.archive.nearest_text(queries.vectors)
        scores = (self.ask(queries).vectors @ stored.T).max(axis=0)  # (K,)
        known = nearest >= 0
        return TextShares(nearest[known], scores.astype(np.float64)[:, None][:, known])

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """None: the direct route gives the shares of the fused vector."""
        return None

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """None: neighbours do not change smoothly with words."""
        return None

    def settings(self) -> Json:
        """None: it is the paper's."""
        return {}

    def arrays(self) -> Arrays:
        """None beyond the archive's."""
        return {}


def transfer_scores(texts: Floats, archive: ArchiveVectors, candidates: Floats) -> Floats:
    """The paper's transfer route over plain arrays (Eq. 7 and 8).

    Eq. 7: t* is the archive text of highest cosine among those with a picture; of equal texts
    (within rounding) the one with the lowest index. Eq. 8 ranks candidates by their cosine with the
    picture of t*; if t* has several, by the highest of these cosines. A zero text (no known word)
    has no t*: all its scores are zero.

    Args:
        texts: (Q, D) of any length.
        archive: texts and pictures of any length; pictures may be level features.
        candidates: (N, D'), as the archive's pictures.

    Returns:
        (Q, N) cosines.

    Raises:
        BadInput: widths differ, or the archive has no links.
    """
    same_width(texts, archive.texts)
    same_width(candidates, archive.pictures)
    unit = ArchiveVectors(length_one(archive.texts[:]), archive.pictures, archive.sorted_links)
    return scores_by_text(unit.nearest_text(length_one(texts)), unit, candidates)  # Eq. 7


def scores_by_text(nearest: Ints, archive: ArchiveVectors, candidates: Floats) -> Floats:
    """Cosines (Q, N) of candidates (N, D') with the pictures of archive texts (Q,) (paper, Eq. 8).

    Of a text's pictures the most similar one counts; zeros for the text -1.
    """
    same_width(candidates, archive.pictures)
    ranked = length_one(candidates)
    known = np.flatnonzero(nearest >= 0)
    chosen, place = np.unique(nearest[known], return_inverse=True)  # (S,) t* of some query
    own, counts = archive.links_of(chosen)
    ends = np.cumsum(counts)
    scores = np.zeros((len(nearest), len(candidates)), dtype=np.float32)
    for part in _parts(counts):
        places = slice(ends[part.start] - counts[part.start], ends[part.stop - 1])
        pictures = length_one(archive.pictures[own[places]])
        best = _best_of(pictures, counts[part], ranked)
        rows = np.flatnonzero((place >= part.start) & (place < part.stop))
        scores[known[rows]] = best[place[rows] - part.start]
    return scores


def _mean_pictures(archive: ArchiveVectors, texts: Ints) -> Floats:
    """Mean (n, D) of the pictures of each of some texts."""
    own, counts = archive.links_of(texts)
    sums = np.add.reduceat(archive.pictures[own], np.cumsum(counts) - counts, axis=0)
    means: Floats = (sums / counts[:, None]).astype(np.float32)
    return means


def _parts(counts: Ints) -> Iterator[slice]:
    """Slices of texts with about ``_ROWS`` pictures together, or one text with more."""
    bounds = np.flatnonzero(np.diff(np.cumsum(counts) // _ROWS)) + 1
    edges = [0, *bounds.tolist(), len(counts)]
    return (slice(start, stop) for start, stop in pairwise(edges) if stop > start)


def _best_of(own: Floats, counts: Ints, candidates: Floats) -> Floats:
    """Highest cosine (S, N) of each text's own pictures with each candidate.

    Args:
        own: pictures (m, D) of S texts, text by text, of length one.
        counts: (S,) number of each text's pictures.
        candidates: (N, D) of length one.
    """
    best = np.empty((len(counts), len(candidates)), dtype=np.float32)
    starts = np.cumsum(counts) - counts
    for start in range(0, len(candidates), _ROWS):
        columns = slice(start, start + _ROWS)
        best[:, columns] = np.maximum.reduceat(own @ candidates[columns].T, starts, axis=0)
    return best
