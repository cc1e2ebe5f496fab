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
    """The effort for an explanation.

    Attributes:
        sentences: number of sentences in which words are left out one by one: those that add most
            to a picture's score.
        left_out: maximum number of words left out per picture; each one encodes a sentence.
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
        word: normalised; all its occurrences together.
        share: what it adds; below 0 it lowers the score.
        exact: whether the share is a summand of the score. If not, it is the fall of the score when
            the word is left out of the sentences that add most, and is part of their shares.
    """

    word: str
    share: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The shares of one picture's score, with the weights of the routes.

    Attributes:
        score: of the blend, or of the route that suggested the picture.
        routes: they sum to the score.
        pictures: kind of part → shares of the picture's parts. "levels" sum to direct and transfer
            together; for a head that is not linear, "not attributed" among them is the error of
            the integrated gradients. "tower levels" sum to the towers, with such an error.
            "classes" sum to the class-name route, "seen words" to the route of that name.
        words: largest share first.
        sentences: in the order of the text. Sentences, exact words and ``offset`` sum to the
            routes that depend on the words: direct and class names.
        offset: the part of these routes that does not depend on the words, or comes from
            encoders that cannot be explained.
    """

    score: float
    routes: tuple[Share, ...]
    pictures: Mapping[str, tuple[PictureShare, ...]]
    words: tuple[WordShare, ...]
    sentences: tuple[Share, ...]
    offset: float

    @property
    def levels(self) -> tuple[PictureShare, ...]:
        """Shares of the levels; () if no route uses them."""
        return self.pictures.get("levels", ())

    @property
    def classes(self) -> tuple[PictureShare, ...]:
        """Shares of the classes; () if no route uses them."""
        return self.pictures.get("classes", ())

    @property
    def seen_words(self) -> tuple[PictureShare, ...]:
        """Shares of the words that the picture shows; () if no route uses them."""
        return self.pictures.get("seen words", ())
