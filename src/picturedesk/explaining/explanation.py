"""The records of an attribution: what is asked about, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from picturedesk.errors import BadInput
from picturedesk.types import Floats

HUBS = "hubs"  # the route that takes hubness off
ALWAYS = "always"  # among levels: what a picture has without any of its own features
OTHERS = "other classes"
CENTRE = "centre"  # among classes: what pictures of the archive show on average, taken off


@dataclass(frozen=True, slots=True)
class AttributionConfig:
    """How much is spent on an explanation.

    Attributes:
        steps: of the integrated gradients, where the fusion is no linear head.
        classes: that are named for a picture.
        sentences: of a text, those that speak most for a picture, in which words are left out.
        left_out: words that are left out for a picture, at most; each costs an encoded sentence.
    """

    steps: int = 32
    classes: int = 3
    sentences: int = 2
    left_out: int = 40

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.classes, self.sentences, self.left_out) < 0:
            raise BadInput(f"{self}: steps start at 1, all others at 0")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Pictures whose suggestion is to be explained.

    Attributes:
        features: (K, ΣD_l) of the matcher's levels.
        hubness: (K,) as the catalogue holds it; needed where the blend takes hubness off.
        words: (K,) saturated BM25 of their captions, 0 to 1; None where captions play no part.
        typical: (ΣD_l,) what levels are compared with, as the mean of the archive's features;
            None compares with zeros.
    """

    features: Floats
    hubness: Floats | None = None
    words: Floats | None = None
    typical: Floats | None = None


class Share(NamedTuple):
    """What one route, level or sentence adds to the score; below 0 it spoke against."""

    name: str
    share: float


class WordShare(NamedTuple):
    """What one word adds to the score.

    Attributes:
        word: as it was normalised, all its occurrences together.
        share: below 0 it spoke against.
        exact: whether it is a summand of the score; if not, how much the score falls without the
            word in the sentences that speak most (and then it is part of theirs).
    """

    word: str
    share: float
    exact: bool


class ClassShare(NamedTuple):
    """What one class adds to the names route.

    Attributes:
        name: of the class, or ``OTHERS`` or ``CENTRE``.
        probability: that the network gives it, 0 to 1; 0 for the centre.
        share: below 0 it spoke against.
    """

    name: str
    probability: float
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What spoke for one picture; all shares are parts of its score, weights of routes in them.

    Attributes:
        score: the blended score, or the cosine where there is no blend.
        routes: they sum to the score.
        levels: they and ``ALWAYS``, the last, sum to direct and transfer together; exactly for a
            linear head, otherwise as closely as integrated gradients do.
        words: what spoke most for it first.
        sentences: in the order of the text. They, the exact words and ``offset`` sum to direct
            and names together.
        offset: what direct and names have whatever the words are, and what encoders add that
            cannot be shared out.
        classes: those that spoke most, then ``OTHERS`` and ``CENTRE``; they sum to names. ()
            where there is no such route.
    """

    score: float
    routes: tuple[Share, ...]
    levels: tuple[Share, ...]
    words: tuple[WordShare, ...]
    sentences: tuple[Share, ...]
    offset: float
    classes: tuple[ClassShare, ...]
