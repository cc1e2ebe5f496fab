"""The settings of the recipe ``best``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.learning.alignment import AlignmentConfig
from picturedesk.routes.kinds import BEST
from picturedesk.routes.route import RoutePlan


@dataclass(frozen=True, slots=True)
class BestConfig:
    """Settings of the recipe. The defaults were chosen on training folds of one archive.

    Attributes:
        alignment: of texts and pictures; its ridges are the first of those tried.
        ridges: (picture, text) in percent, tried by cross-validation; then neighbours of the best.
            A single pair is taken as it is.
        ridge_step: factor between neighbours, above 1.
        folds: number of folds; each is held out once.
        held_out_texts: folds are held out until they have this many texts together, or all are.
        max_queries: held-out texts per fold that pictures are ranked for, at most.
        short_queries: held-out texts per fold that a query of a few words is made of, at most.
        choose_levels: whether levels that cost more than they give are left out.
        routes: plans of the routes, the direct route first.
        gain: mean reciprocal rank, 0 to 1, that each route must add to be used.
        seed: of the division into folds.
    """

    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    ridges: tuple[tuple[float, float], ...] = ((0.3, 0.5), (1.0, 1.0), (3.0, 3.0))
    ridge_step: float = 3.0
    folds: int = 5
    held_out_texts: int = 2000
    max_queries: int = 2000
    short_queries: int = 300
    choose_levels: bool = True
    routes: tuple[RoutePlan, ...] = BEST
    gain: float = 0.002
    seed: int = 0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        if self.folds < 2 or self.max_queries < 1 or self.short_queries < 0 or not self.ridges:
            raise BadInput(
                f"{self.folds} folds, {self.max_queries} texts of each, {len(self.ridges)} ridges: "
                "at least 2, 1 and 1 are needed"
            )
        if self.ridge_step <= 1:
            raise checks.refusal("ridge_step", self.ridge_step, "a number above 1")
        for ridges in self.ridges:
            self.with_ridges(ridges)

    def with_ridges(self, ridges: tuple[float, float]) -> AlignmentConfig:
        """The alignment with these (picture, text) ridges."""
        pair = checks.several("ridges", ridges)
        if len(pair) != 2:
            raise checks.refusal("ridges", ridges, "a pair: of pictures and of texts")
        return replace(self.alignment, picture_ridge=pair[0], text_ridge=pair[1])
