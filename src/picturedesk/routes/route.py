"""The Protocols of routes, and the records that they use.

A route is a way to score pictures for texts. A new one is one file with a plan and a route, and one
line in ``routes.kinds``. Everything else (cross-validation, weights, catalogue vectors, search,
measuring, explanations, saving) uses these Protocols. Knows no particular route.
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

_NEIGHBOURS = 60  # looked up at once: enough for transfer and evidence

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers that are stored for every picture; routes with the same numbers share a block.

    Attributes:
        name: of the numbers.
        width: their number w.
    """

    name: str
    width: int


class Pictures:
    """N pictures, the input of routes; computes what several routes need once.

    Args:
        matcher: maps them to the shared space.
        keys: their content keys.
        features: (N, ΣD_l) level features that the matcher reads.
        captions: caption of each, "" for none; () if captions are not used.

    Attributes:
        stored: name of a block → (N, w), of the routes of a blend that have stored before.
        computed: by its owner, what several methods of a route need.
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
        self.stored: dict[str, Floats] = {}
        self.computed: dict[object, Floats] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def vectors(self) -> Floats:
        """(N, D) in the shared space, of length one; by heads that were fitted without them."""
        return self.matcher.pictures(self.features, self.keys)

    def some(self, rows: Ints) -> Self:
        """The chosen pictures (n,), in the given order."""
        keys = [self.keys[row] for row in rows.tolist()]
        captions = [self.captions[row] for row in rows.tolist()] if self.captions else ()
        return type(self)(self.matcher, keys, self.features[rows], captions)

    def level(self, name: str) -> Floats:
        """(N, D_l) features of one level; raises BadInput if the matcher does not read it."""
        columns = self.matcher.level_columns()
        if name not in columns:
            raise BadInput(
                f"level '{name}' is needed, the matcher reads {', '.join(columns)}: fit again"
            )
        level: Floats = self.features[:, columns[name]].astype(np.float32, copy=False)
        return level


class Queries:
    """Q texts, the input of routes; computes what several routes need once.

    Args:
        matcher: maps them to the shared space.
        texts: the texts themselves.
        features: (Q, I) output of the matcher's text encoder.
        archive: the archive whose texts are the neighbours.
    """

    def __init__(
        self, matcher: Matcher, texts: Sequence[str], features: Floats, archive: ArchiveVectors
    ) -> None:
        self.matcher = checks.instance("matcher", matcher, Matcher)
        self.texts = texts
        self.features = checks.array("features", features)
        self.archive = checks.instance("archive", archive, ArchiveVectors)
        self._neighbours: Neighbours | None = None
        self._looked_up = 0

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def vectors(self) -> Floats:
        """(Q, D) in the shared space, of length one; zeros for a text with no known word."""
        return self.matcher.placed(self.features)

    def neighbours(self, count: int) -> Neighbours:
        """The ``count`` archive texts that are most similar to each query, or all."""
        if self._neighbours is None or count > self._looked_up:
            self._looked_up = max(count, _NEIGHBOURS)
            self._neighbours = self.archive.neighbours(self.vectors, self._looked_up)
        return self._neighbours.first(count)

    def some(self, rows: Ints) -> Self:
        """The chosen queries (n,), in the given order."""
        texts = [self.texts[row] for row in rows.tolist()]
        chosen = type(self)(self.matcher, texts, self.features[rows], self.archive)
        chosen.__dict__["vectors"] = self.vectors[rows]
        return chosen

    def of(self, query: int) -> Self:
        """One of the queries."""
        one = type(self)(
            self.matcher,
            self.texts[query : query + 1],
            self.features[query : query + 1],
            self.archive,
        )
        one.__dict__["vectors"] = self.vectors[query : query + 1]
        if self._neighbours is not None:
            one._neighbours = self._neighbours.of(query)
            one._looked_up = self._looked_up
        return one


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The names of the backbone's classes, with their vectors.

    Attributes:
        names: of C classes.
        vectors: (C, S) of the names, from the text encoder of ``columns``.
        columns: the columns of that encoder in the text features.
        level: the level of the class probabilities.
    """

    names: tuple[str, ...]
    vectors: Floats
    columns: slice
    level: str


@dataclass(frozen=True, slots=True)
class Dual:
    """Where the two vectors of a dual encoder are, which can be compared with each other.

    Attributes:
        columns: the columns of its text tower in the text features.
        level: the level of its projected picture vectors.
    """

    columns: slice
    level: str


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A part of the archive that routes are fitted on.

    Attributes:
        queries: its texts; their archive is this part.
        pictures: that ran with these texts.
        classes: the backbone's classes; None if they or their vectors are not known.
        dual: the vectors of a dual encoder; None if the backbone is none.
        active: (c,) columns of the level features that heads are to read; None for all.
        fitted: the routes that were fitted before, by name, in the order of the plans.
    """

    queries: Queries
    pictures: Pictures
    classes: Classes | None = None
    dual: Dual | None = None
    active: Ints | None = None
    fitted: Mapping[str, Route] = field(default_factory=dict)

    @property
    def columns(self) -> Ints:
        """(c,) columns of the level features that heads are to read."""
        if self.active is not None:
            return self.active
        return np.arange(self.pictures.features.shape[1], dtype=np.int64)

    @property
    def archive(self) -> ArchiveVectors:
        """This part in the shared space."""
        return self.queries.archive


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A route's query vectors: one row per query, or several, of which the best one counts.

    Attributes:
        vectors: (R, w), the rows of each query together.
        starts: (Q,) start of each query's rows; every query has at least one.
    """

    vectors: Floats
    starts: Ints

    @classmethod
    def one_each(cls, vectors: Floats) -> Rows:
        """One vector (Q, w) per query."""
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
    """Local linear form of scores: score = slopes @ features + offset, near this text.

    Attributes:
        slopes: (K, I) of K pictures.
        offsets: (K,).
    """

    slopes: Floats
    offsets: Doubles


class TextShares(NamedTuple):
    """What archive texts add to the scores of K pictures.

    Attributes:
        rows: (n,) of the archive's texts, each once.
        shares: (K, n) summands of the scores.
    """

    rows: Ints
    shares: Doubles


class PictureShare(NamedTuple):
    """The share of one part of a picture in a score; a share below 0 lowers it.

    Attributes:
        name: of a level, a class or a word, or of the rest.
        share: summand of the score.
        probability: of a class or a word, 0 to 1, from the network; None for other parts.
    """

    name: str
    share: float
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class PictureShares:
    """The shares of the parts of K pictures.

    Attributes:
        kind: "levels", "classes", or another name of the parts, different for each block.
        shares: (K) for each picture the shares, which sum to the route's score.
    """

    kind: str
    shares: tuple[tuple[PictureShare, ...], ...]


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """The effort for a picture's shares.

    Attributes:
        steps: of the integrated gradients, for a head that is not linear; doubled while their
            error is too large.
        most: number of named parts if there are very many.
        typical: (ΣD_l,) mean features of the archive's pictures, the baseline; None for zeros.
    """

    steps: int = 32
    most: int = 3
    typical: Floats | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.steps < 1 or self.most < 0:
            raise BadInput(f"{self.steps} steps, {self.most} parts: steps start at 1, parts at 0")


class Route(Protocol):
    """The common part of fitted routes; each is a ``BlockRoute`` or a ``WordRoute``."""

    @property
    def name(self) -> str:
        """Name for users."""

    @property
    def standalone(self) -> bool:
        """Whether a user can name this route; a correction of another one cannot stand alone."""

    def settings(self) -> Json:
        """Settings for ``RoutePlan.restore``, as JSON."""

    def arrays(self) -> Arrays:
        """Learned arrays for ``RoutePlan.restore``."""


@runtime_checkable
class BlockRoute(Route, Protocol):
    """A route that scores by inner products with one block of the catalogue vectors."""

    @property
    def block(self) -> Block:
        """The block that it stores for each picture."""

    def store(self, pictures: Pictures) -> Floats:
        """(N, w) of the block, each row of length one at most."""

    def ask(self, queries: Queries) -> Rows:
        """The query vectors for the block."""

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """The shares of the parts of K pictures in the product of their block with ``toward`` (w,).

        If several routes share a block, the first one gives the shares. None if the block has no
        parts.
        """

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """Local linear form of one text's scores with stored rows (K, w), by its features.

        None if the scores depend on more than its words, such as the neighbours of a text.
        """


@runtime_checkable
class NeighbourRoute(BlockRoute, Protocol):
    """A route whose score is a sum over archive texts."""

    def text_shares(self, queries: Queries, stored: Floats) -> TextShares:
        """What each archive text adds to one text's scores with stored rows (K, w)."""


@runtime_checkable
class WordRoute(Route, Protocol):
    """A route that scores by BM25 of the query's words and captions."""

    def from_words(self, bm25: Doubles) -> Doubles:
        """BM25 of captions, 0 or more → scores; 0 → 0, never decreasing."""


@runtime_checkable
class RoutePlan(Protocol):
    """A route before it is fitted: a frozen record of its settings."""

    @property
    def name(self) -> str:
        """The route's name."""

    @property
    def weights(self) -> tuple[float, ...]:
        """Weights to try, 0 or more, for scores divided by the deviation of ``unit``'s scores.

        0 leaves the route out.
        """

    @property
    def unit(self) -> str:
        """Name of the route whose deviation is the unit of weights; usually its own."""

    @property
    def default_weight(self) -> float:
        """Weight, 0 or more, if cross-validation cannot score the route."""

    def fit(self, fold: Fold) -> Route | None:
        """The route, fitted on a part of the archive; None if it does not suit the archive."""

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> Route:
        """The route with these ``settings`` and ``arrays``."""


@runtime_checkable
class TrainedPlan(RoutePlan, Protocol):
    """A plan whose route is trained in torch, on a device."""

    def on(self, device: str) -> TrainedPlan:
        """The same plan, trained on this device: "cpu", "cuda", "mps" or "auto"."""


def trained_on(plans: Sequence[RoutePlan], device: str) -> tuple[RoutePlan, ...]:
    """The plans, with those that are trained on this device."""
    return tuple(plan.on(device) if isinstance(plan, TrainedPlan) else plan for plan in plans)
