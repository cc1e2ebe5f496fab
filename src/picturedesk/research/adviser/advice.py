"""The adviser's result: scores and costs of levels and sets of levels, and a recommendation.

Records only; ``adviser`` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.learning.best_config import BestConfig
from picturedesk.measuring.significance import Difference
from picturedesk.research.adviser.costs import Cost
from picturedesk.types import Rejection


@dataclass(frozen=True, slots=True)
class AdviceConfig:
    """How levels are compared.

    Attributes:
        best: folds, ridges and widths of the cross-validation.
        neighbours: number of nearest neighbours in the overlap that ranks levels before any fit.
        validated: maximum number of cross-validated levels: those of largest overlap.
        max_levels: maximum number of levels in a set.
        loss: mean reciprocal rank, 0 to 1, that a smaller set may lose against the best.
    """

    best: BestConfig = field(default_factory=BestConfig)
    neighbours: int = 10
    validated: int = 14
    max_levels: int = 6
    loss: float = 0.005

    def __post_init__(self) -> None:
        checks.settings(self)
        if min(self.neighbours, self.validated, self.max_levels) < 1 or self.loss < 0:
            raise BadInput(
                f"neighbours {self.neighbours}, validated {self.validated}, max_levels "
                f"{self.max_levels}, loss {self.loss}: the loss must be 0 or more, the others 1 "
                "or more"
            )


@dataclass(frozen=True, slots=True)
class LevelScore:
    """One level alone.

    Attributes:
        level: its name.
        width: numbers per picture.
        neighbours: share of a picture's nearest neighbours that are also nearest neighbours of its
            text, 0 to 1; needs no fit.
        cka: debiased linear CKA of level and text vectors, at most 1.
        recall10: cross-validated recall@10, 0 to 1; None if the level was not cross-validated.
        mrr: cross-validated mean reciprocal rank, 0 to 1; None likewise.
        cost: bytes and time per picture.
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
    """A cross-validated set of levels.

    Attributes:
        levels: in the order of the network.
        origin: "alone", "grown" (the best level with others added) or "preset".
        recall10: 0 to 1.
        mrr: 0 to 1.
        loss: reciprocal rank of the best set minus that of this one, per text; with its interval.
        ridges: the best (picture, text) ridges, percent.
        cost: bytes and time per picture.
    """

    levels: tuple[str, ...]
    origin: str
    recall10: float
    mrr: float
    loss: Difference
    ridges: tuple[float, float]
    cost: Cost

    def within(self, bound: float) -> bool:
        """Whether its loss is at most ``bound``, and the 95 % interval of the loss has 0 in it."""
        return self.loss.low <= 0 and self.loss.mean <= bound


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlation (Spearman) over levels of both fit-free measures with the validated MRR."""

    neighbours: float
    cka: float


@dataclass(frozen=True, slots=True)
class Advice:
    """The adviser's whole result.

    Attributes:
        recommended: the set that ``recommend`` takes, in the order of the network.
        rule: how it was taken, in words.
        best: the set with the highest mean reciprocal rank of those that were tried.
        levels: best first.
        sets: best first.
        agreement: None if fewer than three levels were cross-validated.
        left_out: level → why it was not compared.
        texts: number of training texts; each was held out once.
        pictures: number of training pictures.
        candidates: number of pictures ranked for each text, mean over folds.
        folds: number of folds.
        whole_ms: milliseconds of the whole network per picture, on this machine; 0: not measured.
        rejections: pictures that could not be read.
    """

    recommended: tuple[str, ...]
    rule: str
    best: tuple[str, ...]
    levels: tuple[LevelScore, ...]
    sets: tuple[SetScore, ...]
    agreement: Agreement | None
    left_out: dict[str, str]
    texts: int
    pictures: int
    candidates: float
    folds: int
    whole_ms: float
    rejections: tuple[Rejection, ...] = ()

    def set_of(self, levels: tuple[str, ...]) -> SetScore:
        """The score of one of the sets."""
        return next(score for score in self.sets if score.levels == levels)


def recommend(sets: list[SetScore], bound: float) -> SetScore:
    """The set with the fewest levels of those that lose little; see ``rule_of``.

    Args:
        sets: cross-validated sets; the best one is among them.
        bound: mean reciprocal rank that may be lost, 0 to 1.
    """

    def order(score: SetScore) -> tuple[float, ...]:
        # Twentieths of the network's time: smaller differences are noise of the measurement.
        share = round(20 * score.cost.share) if score.cost.share is not None else 0
        return (len(score.levels), share, score.cost.bytes, -score.mrr)

    return min((score for score in sets if score.within(bound)), key=order)


def rule_of(bound: float) -> str:
    """The rule of ``recommend`` in words."""
    return (
        f"of the sets that lose at most {100 * bound:g} points of MRR against the best set tried, "
        "with 0 in the 95 % interval of the loss, the one with the fewest levels; of equal numbers "
        "the fastest (in steps of 5 % of the network's time), then the one with the fewest bytes, "
        "then the one with the highest MRR"
    )
