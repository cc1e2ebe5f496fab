"""One seed of the experiment: scores every row on the test texts and measures it per query.

Takes prepared arrays; reads no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.heads.fusion import FusionMLP
from picturedesk.learning.preparation import ReadableArchive, subset
from picturedesk.learning.training import TrainingSet, train
from picturedesk.learning.training_pairs import renumber
from picturedesk.measuring.metrics import PerQuery, per_query, ranks
from picturedesk.measuring.ranking import row_blocks
from picturedesk.research.baselines import TwoTowers
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.routes.archive import ArchiveVectors, top
from picturedesk.routes.direct import direct_scores
from picturedesk.routes.transfer import transfer_scores
from picturedesk.types import Floats, Ints

SHOWN = "direct, MLP(levels)"  # the row of the report's examples and tie check
CURVE = 100  # recall curves are drawn up to this depth
DEPTHS = tuple(range(1, CURVE + 1))
EXAMPLES = 4  # successes in the report, and as many failures
FIRST = 5  # suggestions shown of each


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSet:
    """Test texts and their candidate pictures.

    Attributes:
        name: how many candidate pictures there are: "400", or "all 497" for the whole test part.
        texts: (Q,) indices of texts in the archive, ascending.
        pictures: (N,) indices of candidate pictures in the archive, ascending.
        relevant: (M, 2) pairs (text, picture) of indices into both.
    """

    name: str
    texts: Ints
    pictures: Ints
    relevant: Ints

    def picture_of_text(self) -> Ints:
        """(Q,) the first right picture of each text; captions of one picture share it."""
        firsts = np.zeros(len(self.texts), dtype=np.int64)
        firsts[self.relevant[::-1, 0]] = self.relevant[::-1, 1]
        return firsts


@dataclass(frozen=True, slots=True, eq=False)
class SeedData:
    """The data of one seed: for training, validation and test.

    Attributes:
        ready: the archive with its parts.
        features: (N, ΣD_l) of all pictures.
        spec: which columns are which level.
        text_vectors: (T, D) of all texts, by an encoder fitted on this seed's training texts.
        candidate_sets: the small sample and all.
    """

    ready: ReadableArchive
    features: Floats
    spec: BackboneSpec
    text_vectors: Floats
    candidate_sets: tuple[CandidateSet, ...]

    def part(self, name: str, columns: slice = slice(None)) -> TrainingSet:
        """Texts, pictures and links of one part, with some columns of the features."""
        return subset(
            self.ready.texts_of(name),
            self.ready.archive.links,
            self.text_vectors,
            self.features[:, columns],
            self.ready.groups,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        name: unique; shown.
        route: "transfer" or "direct".
        kind: "paper", "figure 3" or "baseline".
    """

    name: str
    route: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What the report shows of the row ``SHOWN`` on the whole test part.

    Attributes:
        tied: queries with a wrong candidate of the same score as a right one.
        queries: (E,) rows of the candidate set: the best ranks, then the worst.
        ranks: (E,) rank of their best right picture, from 1.
        first: (E, F) the first F candidates of each, best first.
        scores: (E, F) of these.
    """

    tied: int
    queries: Ints
    ranks: Ints
    first: Ints
    scores: Floats

    @classmethod
    def of(cls, scores: Floats, relevant: Ints) -> Shown:
        """From scores (Q, N) and right pairs (M, 2)."""
        found = ranks(scores, relevant)
        order = found.argsort(kind="stable")
        last = max(EXAMPLES, len(order) - EXAMPLES)
        chosen = np.concatenate([order[:EXAMPLES], order[last:]])
        first = top(scores[chosen], FIRST)
        best = np.take_along_axis(scores[chosen], first, axis=1)
        return cls(tied_queries(scores, relevant), chosen, found[chosen], first, best)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One row of one seed.

    Attributes:
        row: the row.
        per_query: name of the candidate set → measures per query.
        validated: recall@10 on the validation texts, to choose by; None if nothing is chosen.
        shown: only of the row ``SHOWN``.
    """

    row: Row
    per_query: Mapping[str, PerQuery]
    validated: float | None = None
    shown: Shown | None = None


Score = Callable[[CandidateSet], Floats]


def candidate_sets(ready: ReadableArchive, small: int, seed: int = 0) -> tuple[CandidateSet, ...]:
    """The whole test part and, if it has more than ``small`` texts, a random sample of these.

    The candidates are the pictures of the texts: fewer than texts if several texts share one.
    """
    texts = ready.texts_of("test")
    sets = [_candidate_set("all ", texts, ready.archive.links)]
    if len(texts) > small:
        chosen = np.sort(np.random.default_rng(seed).choice(texts, size=small, replace=False))
        sets.insert(0, _candidate_set("", chosen, ready.archive.links))
    return tuple(sets)


def _candidate_set(kind: str, texts: Ints, links: Ints) -> CandidateSet:
    pictures, relevant = renumber(texts, links)
    return CandidateSet(f"{kind}{len(pictures)}", texts, pictures, relevant)


def tied_queries(scores: Floats, relevant: Ints) -> int:
    """How many queries have a wrong candidate with the same score as a right one."""
    links = np.unique(relevant, axis=0)
    own = scores[links[:, 0], links[:, 1]]
    equal = np.empty(len(links), dtype=np.int64)
    for part in row_blocks(len(links), scores.shape[1]):
        rows = scores[links[part, 0]]
        equal[part] = np.count_nonzero(rows == own[part, None], axis=1)
    _, same, times = np.unique(
        np.stack([links[:, 0].astype(np.float64), own], axis=1),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    right = times[same.reshape(-1)]  # right candidates among the equal ones
    return len(np.unique(links[equal > right, 0]))


def measure(data: SeedData, row: Row, score: Score, validated: float | None = None) -> Measured:
    """Scores one row on every candidate set."""
    found: dict[str, PerQuery] = {}
    for candidates in data.candidate_sets:
        scores = score(candidates)
        found[candidates.name] = per_query(scores, candidates.relevant, DEPTHS)
    # The last set is the whole test part.
    shown = Shown.of(scores, candidates.relevant) if row.name == SHOWN else None
    return Measured(row, found, validated, shown)


def transfer(data: SeedData, vectors: Floats) -> Score:
    """The transfer route (Eq. 7, 8) with picture vectors (N, D') of the whole archive."""
    training = data.ready.texts_of("train")
    links = data.ready.archive.links
    links = links[np.isin(links[:, 0], training)]
    own = np.stack([np.searchsorted(training, links[:, 0]), links[:, 1]], axis=1)
    memory = ArchiveVectors(data.text_vectors[training], vectors, own)

    def score(candidates: CandidateSet) -> Floats:
        return transfer_scores(
            data.text_vectors[candidates.texts], memory, vectors[candidates.pictures]
        )

    return score


def direct(texts: Floats, pictures: Floats) -> Score:
    """The direct route with vectors of all texts (T, D) and all pictures (N, D)."""

    def score(candidates: CandidateSet) -> Floats:
        return direct_scores(texts[candidates.texts], pictures[candidates.pictures])

    return score


def fused_rows(data: SeedData, config: ReproduceConfig, seed: int, fc: str) -> list[Measured]:
    """Tables 2 and 4, the multi-level row of Tables 3 and 5, and its bar of Figure 3."""
    features, fc_columns = data.features, data.spec.columns(fc)
    fitted = _fit(data, config, seed)
    vectors = fitted.fusion(features)
    bar = figure_name(linear=False, l2=True)
    return [
        measure(
            data,
            Row(f"transfer, {fc}", "transfer", "paper"),
            transfer(data, features[:, fc_columns]),
        ),
        measure(data, Row("transfer, levels", "transfer", "paper"), transfer(data, features)),
        measure(data, Row("transfer, fused", "transfer", "paper"), transfer(data, vectors)),
        measure(
            data,
            Row(SHOWN, "direct", "paper"),
            direct(data.text_vectors, vectors),
            fitted.validated,
        ),
        measure(
            data,
            Row(bar, "transfer", "figure 3"),
            transfer(data, vectors),
            fitted.validated,
        ),
    ]


def figure_row(
    data: SeedData, config: ReproduceConfig, seed: int, *, linear: bool, l2: bool
) -> list[Measured]:
    """Another bar of Figure 3: another hidden unit, with or without L2."""
    fitted = _fit(data, config, seed, linear=linear, l2=l2)
    row = Row(figure_name(linear=linear, l2=l2), "transfer", "figure 3")
    score = transfer(data, fitted.fusion(data.features))
    return [measure(data, row, score, fitted.validated)]


def figure_name(*, linear: bool, l2: bool) -> str:
    """The name of one bar of Figure 3."""
    return f"{'linear' if linear else 'sigmoid'} hidden unit, {'L2' if l2 else 'no L2'}"


def level_row(
    data: SeedData, config: ReproduceConfig, seed: int, level: str, kind: str
) -> list[Measured]:
    """The direct route with a single level."""
    columns = data.spec.columns(level)
    fitted = _fit(data, config, seed, columns=columns)
    row = Row(f"direct, MLP({level})", "direct", kind)
    score = direct(data.text_vectors, fitted.fusion(data.features[:, columns]))
    return [measure(data, row, score, fitted.validated)]


def tower_row(data: SeedData, name: str, towers: TwoTowers) -> list[Measured]:
    """The direct route of a baseline with its own shared space."""
    score = direct(towers.texts(data.text_vectors), towers.pictures(data.features))
    return [measure(data, Row(f"direct, {name}", "direct", "baseline"), score)]


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    fusion: FusionMLP
    validated: float


def _fit(
    data: SeedData,
    config: ReproduceConfig,
    seed: int,
    *,
    columns: slice = slice(None),
    linear: bool = False,
    l2: bool = True,
) -> _Fitted:
    trained = train(
        data.part("train", columns),
        data.part("validate", columns),
        config.training(seed, linear=linear, l2=l2),
    )
    return _Fitted(trained.fusion, trained.history[trained.best_epoch - 1].recall[10])
