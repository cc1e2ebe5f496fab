"""What the adviser says: how each level and each set did, what it costs, and what to take.

Records only; how they come about is in ``adviser``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from picturedesk.errors import BadInput
from picturedesk.learning.best_config import BestConfig
from picturedesk.measuring.significance import Difference
from picturedesk.research.adviser.costs import Cost
from picturedesk.types import Rejection


@dataclass(frozen=True, slots=True)
class AdviceConfig:
    """How levels are compared.

    Attributes:
        best: the recipe by which sets are tried: folds, ridges, widths.
        neighbours: of the overlap that ranks levels before anything is fitted.
        validated: levels that are tried out of fold, at most: those of largest overlap.
        most: levels of a set, at most.
        loss: mean reciprocal rank, 0 to 1, that a smaller set may lose against the best.
    """

    best: BestConfig = field(default_factory=BestConfig)
    neighbours: int = 10
    validated: int = 14
    most: int = 6
    loss: float = 0.005

    def __post_init__(self) -> None:
        if min(self.neighbours, self.validated, self.most) < 1 or self.loss < 0:
            raise BadInput(f"{self}: neighbours, validated and most start at 1, loss at 0")


@dataclass(frozen=True, slots=True)
class LevelScore:
    """One level alone.

    Attributes:
        level: as it is written.
        width: numbers a picture.
        neighbours: share of nearest neighbours among pictures that are also nearest among their
            texts, 0 to 1; nothing is fitted.
        cka: debiased linear CKA of level and text vectors, at most 1.
        recall10: out of fold, 0 to 1; None where the level was not tried.
        mrr: out of fold, 0 to 1; None where the level was not tried.
        cost: bytes and time a picture.
    """

    level: str
    width: int
    neighbours: float
    cka: float
    recall10: float | None
    mrr: float | None
    cost: Cost


@dataclass(frozen=True, slots=True)
class SetScore:
    """A set of levels, tried out of fold.

    Attributes:
        levels: in the order of the network.
        origin: "alone", "grown" (level by level from the best one) or "preset".
        recall10: 0 to 1.
        mrr: 0 to 1.
        loss: best set less this one, per text, with its interval; 0 to 1.
        ridges: (picture, text) in percent, the best of those tried.
        cost: bytes and time a picture.
    """

    levels: tuple[str, ...]
    origin: str
    recall10: float
    mrr: float
    loss: Difference
    ridges: tuple[float, float]
    cost: Cost

    def within(self, bound: float) -> bool:
        """Whether its loss may be chance, and is small besides."""
        return self.loss.low <= 0 and self.loss.mean <= bound


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation (Spearman), over levels, of what needs no fit with the validated MRR."""

    neighbours: float
    cka: float


@dataclass(frozen=True, slots=True)
class Advice:
    """All that was found.

    Attributes:
        recommended: the smallest set within noise of the best, in the order of the network.
        best: the set of highest mean reciprocal rank.
        levels: the best first.
        sets: the best first.
        agreement: None where fewer than three levels were tried.
        left_out: level → why it was not compared.
        texts: training texts that pictures were ranked for, each in the fold that held it out.
        pictures: training pictures.
        offered: pictures that were ranked for each text, mean over folds.
        folds: parts that the texts were divided into.
        whole_ms: time of the whole network, a picture, on this machine; 0: not measured.
        rejections: pictures that could not be read.
    """

    recommended: tuple[str, ...]
    best: tuple[str, ...]
    levels: tuple[LevelScore, ...]
    sets: tuple[SetScore, ...]
    agreement: Agreement | None
    left_out: dict[str, str]
    texts: int
    pictures: int
    offered: float
    folds: int
    whole_ms: float
    rejections: tuple[Rejection, ...] = ()

    def set_of(self, levels: tuple[str, ...]) -> SetScore:
        """The score of one of the sets."""
        return next(score for score in self.sets if score.levels == levels)


def recommend(sets: list[SetScore], bound: float) -> SetScore:
    """The smallest set within noise of the best; of several the quickest, leanest, best.

    Args:
        sets: any that were tried, the best among them.
        bound: mean reciprocal rank that may be lost, 0 to 1.
    """

    def price(score: SetScore) -> tuple[float, ...]:
        # Twentieths of the network's time: less is within the noise of a measurement.
        share = round(20 * score.cost.share) if score.cost.share is not None else 0
        return (len(score.levels), share, score.cost.bytes, -score.mrr)

    return min((score for score in sets if score.within(bound)), key=price)
