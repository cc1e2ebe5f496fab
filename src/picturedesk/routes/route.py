"""What a route is: a way to score pictures for texts, from how it is fitted to how it explains.

A new route is one file with a plan and a route, and one line in ``routes.kinds``. Everything else
(cross-validation, weights, catalogue vectors, search, measuring, explanations, saving) takes routes
by these Protocols. Knows no particular route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.archive import ArchiveVectors, Neighbours
from picturedesk.types import Doubles, Floats, Ints, Json

_NEIGHBOURS = 60  # looked up at once: transfer and evidence need no more

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers that are stored for every picture; routes that store the same share one block.

    Attributes:
        name: what the numbers are.
        width: how many.
    """

    name: str
    width: int


class Pictures:
    """N pictures as routes see them; what several routes need is computed once.

    Args:
        matcher: puts them into the shared space.
        keys: their content keys.
        features: (N, ΣD_l) level features that the matcher reads.
        captions: words of each, "" for none; () where captions play no part.
    """

    def __init__(
        self,
        matcher: Matcher,
        keys: Sequence[str],
        features: Floats,
        captions: Sequence[str] = (),
    ) -> None:
        self.matcher = checks.instance("matcher", matcher, Matcher)
        self.keys = keys
        self.features = checks.array("features", features)
        self.captions = captions

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def vectors(self) -> Floats:
        """(N, D) in the shared space, of length one."""
        return self.matcher.pictures(self.features)

    def level(self, name: str) -> Floats:
        """(N, D_l) features of one level; raises BadInput where the matcher does not read it."""
        columns = self.matcher.level_columns()
        if name not in columns:
            raise BadInput(
                f"level '{name}' is needed, the matcher reads {', '.join(columns)}: fit again"
            )
        return self.features[:, columns[name]]


class Queries:
    """Q texts as routes see them; what several routes need is computed once.

    Args:
        matcher: puts them into the shared space.
        texts: as they were given.
        features: (Q, I) as the matcher's text encoder gives them.
        archive: among whose texts neighbours are looked up.
    """

    def __init__(
        self, matcher: Matcher, texts: Sequence[str], features: Floats, archive: ArchiveVectors
    ) -> None:
        self.matcher = checks.instance("matcher", matcher, Matcher)
        self.texts = texts
        self.features = checks.array("features", features)
        self.archive = checks.instance("archive", archive, ArchiveVectors)
        self._neighbours: Neighbours | None = None
        self._asked = 0

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def vectors(self) -> Floats:
        """(Q, D) in the shared space, of length one; zeros for a text with no known word."""
        return self.matcher.placed(self.features)

    def neighbours(self, count: int) -> Neighbours:
        """The ``count`` archive texts that are most similar to each query, or all."""
        if self._neighbours is None or count > self._asked:
            self._asked = max(count, _NEIGHBOURS)
            self._neighbours = self.archive.neighbours(self.vectors, self._asked)
        return self._neighbours.first(count)

    def of(self, query: int) -> Self:
        """One of them alone."""
        one = type(self)(
            self.matcher,
            self.texts[query : query + 1],
            self.features[query : query + 1],
            self.archive,
        )
        one.__dict__["vectors"] = self.vectors[query : query + 1]
        if self._neighbours is not None:
            rows, cosines = self._neighbours
            one._neighbours = Neighbours(rows[query : query + 1], cosines[query : query + 1])
            one._asked = self._asked
        return one


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The backbone's classes, in words.

    Attributes:
        names: of C classes.
        vectors: (C, S) of the names, by the text encoder in ``columns``.
        columns: where that encoder's numbers lie among the text features.
        level: that holds the probabilities.
    """

    names: tuple[str, ...]
    vectors: Floats
    columns: slice
    level: str


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A part of the archive that routes are fitted on.

    Attributes:
        queries: its texts; their archive is this part.
        pictures: those that ran with them.
        classes: the backbone's classes; None where they or their words are not known.
    """

    queries: Queries
    pictures: Pictures
    classes: Classes | None = None

    @property
    def archive(self) -> ArchiveVectors:
        """This part in the shared space."""
        return self.queries.archive


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a route asks with: one vector a query, or several of which the best one counts.

    Attributes:
        vectors: (R, w), the rows of each query together.
        starts: (Q,) where each query's rows begin; every query has at least one.
    """

    vectors: Floats
    starts: Ints

    @classmethod
    def one_each(cls, vectors: Floats) -> Rows:
        """One vector (Q, w) a query."""
        return cls(vectors, np.arange(len(vectors), dtype=np.int64))

    def of(self, query: int) -> Rows:
        """The rows of one query."""
        stop = self.starts[query + 1] if query + 1 < len(self.starts) else len(self.vectors)
        return Rows(self.vectors[self.starts[query] : stop], np.zeros(1, dtype=np.int64))

    def best(self, products: Floats) -> Floats:
        """Products (R, N) with stored vectors → the best of each query's rows, (Q, N)."""
        if len(self.starts) == len(self.vectors):
            return products
        highest: Floats = np.maximum.reduceat(products, self.starts, axis=0)
        return highest


class TextSlopes(NamedTuple):
    """How scores move with text features: score = slopes @ features + offset, at this text.

    Attributes:
        slopes: (K, I) for each of K pictures.
        offsets: (K,).
    """

    slopes: Floats
    offsets: Doubles


class PictureShare(NamedTuple):
    """What one part of a picture adds to a score; a share below 0 lowers it.

    Attributes:
        name: of a level, a class, or what stands for the rest.
        share: summand of the score.
        probability: of a class, as the network gives it, 0 to 1; None where it gives none.
    """

    name: str
    share: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class PictureShares:
    """The parts of K pictures, and what they are.

    Attributes:
        kind: "levels", "classes", or another name of the parts; each block has its own.
        shares: (K) for each picture parts that sum to the route's score.
    """

    kind: str
    shares: tuple[tuple[PictureShare, ...], ...]


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """How much is spent on a picture's shares.

    Attributes:
        steps: of the integrated gradients, where a head is not linear; more are taken where these
            miss too much.
        most: parts that are named where there are very many.
        typical: (ΣD_l,) features that levels are compared with; None compares with zeros.
    """

    steps: int = 32
    most: int = 3
    typical: Floats | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.steps < 1 or self.most < 0:
            raise BadInput(f"{self.steps} steps, {self.most} parts: steps start at 1, parts at 0")


class Route(Protocol):
    """What every fitted route has; it is a ``BlockRoute`` or a ``WordRoute``."""

    @property
    def name(self) -> str:
        """As users name it."""

    @property
    def standalone(self) -> bool:
        """Whether a user can name this route; a correction of another one cannot stand alone."""

    def settings(self) -> Json:
        """What ``RoutePlan.restore`` needs beside the arrays; JSON."""

    def arrays(self) -> Arrays:
        """What it has learned."""


@runtime_checkable
class BlockRoute(Route, Protocol):
    """A route that scores by inner products with a block of every catalogue vector."""

    @property
    def block(self) -> Block:
        """What it stores for a picture."""

    def store(self, pictures: Pictures) -> Floats:
        """(N, w) of the block, each row of length one at most."""

    def ask(self, queries: Queries) -> Rows:
        """What the stored rows are multiplied with."""

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """What the parts of K pictures add to the product of their block with ``toward`` (w,).

        Of routes that share a block the first one answers for all. None where the block has no
        parts.
        """

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """How one text's scores with stored rows (K, w) move with its features.

        None where they do not move with its words alone, as with the neighbours of a text.
        """


@runtime_checkable
class WordRoute(Route, Protocol):
    """A route that scores by the catalogue's BM25 of the query's words."""

    def from_words(self, bm25: Doubles) -> Doubles:
        """BM25 of captions, 0 or more → scores; 0 stays 0, and more words score no lower."""


@runtime_checkable
class RoutePlan(Protocol):
    """A kind of route, before it is fitted: a frozen record of its settings."""

    @property
    def name(self) -> str:
        """The route's name."""

    @property
    def weights(self) -> tuple[float, ...]:
        """Weights to be tried, 0 or more: for scores divided by the deviation of ``unit``'s.

        0 leaves the route out.
        """

    @property
    def unit(self) -> str:
        """The route whose scores' deviation is meant: most often its own name."""

    @property
    def default_weight(self) -> float:
        """Weight of its score, 0 or more, where an archive has nothing to try it on."""

    def fit(self, fold: Fold) -> Route | None:
        """The route, fitted on a part of the archive; None where the archive cannot have it."""

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> Route:
        """The route that gave ``settings`` and ``arrays``."""
