"""The records of an explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.routes.route import PictureShare


@dataclass(frozen=True, slots=True)
class ExplainConfig:
    """How much is spent on an explanation.

    Attributes:
        sentences: of a text, those that add most to a picture's score, in which words are left
            out one by one.
        left_out: words that are left out for a picture, at most; each costs an encoded sentence.
    """

    sentences: int = 2
    left_out: int = 40

    def __post_init__(self) -> None:
        checks.settings(self)
        if min(self.sentences, self.left_out) < 0:
            raise BadInput(f"{self}: both start at 0")


class Share(NamedTuple):
    """What one route or sentence adds to the score; a share below 0 lowers it."""

    name: str
    share: float


class WordShare(NamedTuple):
    """What one word adds to the score.

    Attributes:
        word: as it was normalised, all its occurrences together.
        share: what it adds; below 0 it lowers the score.
        exact: whether the share is a summand of the score. If not, it is how much the score falls
            without the word in the sentences that add most, and is contained in their shares.
    """

    word: str
    share: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What adds to one picture's score; shares include the weights of the routes.

    Attributes:
        score: of the blend, or of the one route that suggested the picture.
        routes: they sum to the score.
        pictures: kind of part → parts of the picture. "levels" sum to direct and transfer
            together; where a head is not linear, "not attributed" among them is what integrated
            gradients miss. "classes" sum to the class names.
        words: those that add most first.
        sentences: in the order of the text. They, the exact words and ``offset`` sum to the routes
            that move with the text's words, direct and class names.
        offset: what these routes have whatever the words are, and what encoders add that cannot
            be shared out.
    """

    score: float
    routes: tuple[Share, ...]
    pictures: Mapping[str, tuple[PictureShare, ...]]
    words: tuple[WordShare, ...]
    sentences: tuple[Share, ...]
    offset: float

    @property
    def levels(self) -> tuple[PictureShare, ...]:
        """Shares of the levels; () where no route reads them."""
        return self.pictures.get("levels", ())

    @property
    def classes(self) -> tuple[PictureShare, ...]:
        """Shares of the classes; () where no route reads them."""
        return self.pictures.get("classes", ())
