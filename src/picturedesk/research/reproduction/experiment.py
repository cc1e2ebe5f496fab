"""One seed of the experiment: every row's scores on the test texts, measured query by query.

Takes arrays that were prepared before; reads no file.
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
from picturedesk.measuring.metrics import PerQuery, per_query
from picturedesk.research.baselines import TwoTowers
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.routes.archive import ArchiveVectors
from picturedesk.routes.direct import direct_scores
from picturedesk.routes.transfer import transfer_scores
from picturedesk.types import Floats, Ints

SHOWN = "direct, MLP(levels)"  # the row whose examples and ties a report shows
CURVE = 100  # recall curves are drawn up to this depth
DEPTHS = tuple(range(1, CURVE + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """The test texts and the pictures they are asked to find.

    Attributes:
        name: "all" or the size of the sample.
        texts: (Q,) indices of texts in the archive, ascending.
        pictures: (N,) indices of candidate pictures in the archive, ascending.
        relevant: (M, 2) pairs into both.
    """

    name: str
    texts: Ints
    pictures: Ints
    relevant: Ints

    def picture_of_text(self) -> Ints:
        """(Q,) the first right picture of each text: captions of one picture share it."""
        firsts = np.zeros(len(self.texts), dtype=np.int64)
        firsts[self.relevant[::-1, 0]] = self.relevant[::-1, 1]
        return firsts


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What one seed learns from and is measured on.

    Attributes:
        ready: the archive with its parts.
        features: (N, ΣD_l) of all pictures.
        spec: which columns are which level.
        text_vectors: (T, D) of all texts, by an encoder fitted on this seed's training texts.
        questions: small sample and all.
    """

    ready: ReadableArchive
    features: Floats
    spec: BackboneSpec
    text_vectors: Floats
    questions: tuple[Question, ...]

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
    """One row of a table: what is measured, and how it is shown.

    Attributes:
        name: unique; shown.
        route: "transfer" or "direct".
        kind: "paper", "figure 3" or "baseline".
    """

    name: str
    route: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One row of one seed.

    Attributes:
        row: which.
        per_query: name of the question → query by query.
        validated: recall@10 on the validation texts, for choosing; None where nothing is chosen.
        scores: (Q, N) of the whole test part, kept for ``SHOWN`` only.
    """

    row: Row
    per_query: Mapping[str, PerQuery]
    validated: float | None = None
    scores: Floats | None = None


Score = Callable[[Question], Floats]


def questions(ready: ReadableArchive, small: int, seed: int = 0) -> tuple[Question, ...]:
    """The whole test part and, where it is larger, a random sample of ``small`` of its texts."""
    texts = ready.texts_of("test")
    asked = [_question("all", texts, ready.archive.links)]
    if len(texts) > small:
        chosen = np.sort(np.random.default_rng(seed).choice(texts, size=small, replace=False))
        asked.insert(0, _question(str(small), chosen, ready.archive.links))
    return tuple(asked)


def _question(name: str, texts: Ints, links: Ints) -> Question:
    pictures, relevant = renumber(texts, links)
    return Question(name, texts, pictures, relevant)


def measure(material: Material, row: Row, score: Score, validated: float | None = None) -> Measured:
    """Scores one row on every question."""
    found: dict[str, PerQuery] = {}
    for asked in material.questions:
        scores = score(asked)
        found[asked.name] = per_query(scores, asked.relevant, DEPTHS)
    return Measured(row, found, validated, scores if row.name == SHOWN else None)


def transfer(material: Material, vectors: Floats) -> Score:
    """The transfer route (Eq. 7, 8) by these picture vectors (N, D') of the whole archive."""
    remembered = material.ready.texts_of("train")
    links = material.ready.archive.links
    links = links[np.isin(links[:, 0], remembered)]
    own = np.stack([np.searchsorted(remembered, links[:, 0]), links[:, 1]], axis=1)
    memory = ArchiveVectors(material.text_vectors[remembered], vectors, own)

    def score(asked: Question) -> Floats:
        return transfer_scores(material.text_vectors[asked.texts], memory, vectors[asked.pictures])

    return score


def direct(texts: Floats, pictures: Floats) -> Score:
    """The direct route by vectors of all texts (T, D) and all pictures (N, D)."""

    def score(asked: Question) -> Floats:
        return direct_scores(texts[asked.texts], pictures[asked.pictures])

    return score


def fused_rows(material: Material, config: ReproduceConfig, seed: int, fc: str) -> list[Measured]:
    """Tables 2 and 4, the multi-level row of Tables 3 and 5, and that bar of Figure 3."""
    features, fc_columns = material.features, material.spec.columns(fc)
    fitted = _fit(material, config, seed)
    vectors = fitted.fusion(features)
    bar = figure_name(linear=False, l2=True)
    return [
        measure(
            material,
            Row(f"transfer, {fc}", "transfer", "paper"),
            transfer(material, features[:, fc_columns]),
        ),
        measure(
            material, Row("transfer, levels", "transfer", "paper"), transfer(material, features)
        ),
        measure(material, Row("transfer, fused", "transfer", "paper"), transfer(material, vectors)),
        measure(
            material,
            Row(SHOWN, "direct", "paper"),
            direct(material.text_vectors, vectors),
            fitted.validated,
        ),
        measure(
            material,
            Row(bar, "transfer", "figure 3"),
            transfer(material, vectors),
            fitted.validated,
        ),
    ]


def figure_row(
    material: Material, config: ReproduceConfig, seed: int, *, linear: bool, l2: bool
) -> list[Measured]:
    """Another bar of Figure 3: hidden unit and L2 varied."""
    fitted = _fit(material, config, seed, linear=linear, l2=l2)
    row = Row(figure_name(linear=linear, l2=l2), "transfer", "figure 3")
    score = transfer(material, fitted.fusion(material.features))
    return [measure(material, row, score, fitted.validated)]


def figure_name(*, linear: bool, l2: bool) -> str:
    """Name of one bar of Figure 3."""
    return f"{'linear' if linear else 'sigmoid'} hidden unit, {'L2' if l2 else 'no L2'}"


def level_row(
    material: Material, config: ReproduceConfig, seed: int, level: str, kind: str
) -> list[Measured]:
    """The direct route with a single level."""
    columns = material.spec.columns(level)
    fitted = _fit(material, config, seed, columns=columns)
    row = Row(f"direct, MLP({level})", "direct", kind)
    score = direct(material.text_vectors, fitted.fusion(material.features[:, columns]))
    return [measure(material, row, score, fitted.validated)]


def tower_row(material: Material, name: str, towers: TwoTowers) -> list[Measured]:
    """The direct route of a baseline that puts both sides into a space of its own."""
    score = direct(towers.texts(material.text_vectors), towers.pictures(material.features))
    return [measure(material, Row(f"direct, {name}", "direct", "baseline"), score)]


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    fusion: FusionMLP
    validated: float


def _fit(
    material: Material,
    config: ReproduceConfig,
    seed: int,
    *,
    columns: slice = slice(None),
    linear: bool = False,
    l2: bool = True,
) -> _Fitted:
    trained = train(
        material.part("train", columns),
        material.part("validate", columns),
        config.training(seed, linear=linear, l2=l2),
    )
    return _Fitted(trained.fusion, trained.history[trained.best_epoch - 1].recall[10])
