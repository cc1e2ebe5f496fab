"""What a desk has to say of itself, ready to be shown. Shares are 0 to 1; knows no desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from picturedesk.measuring.evaluation import Evaluation
from picturedesk.measuring.reliability import Reliability
from picturedesk.measuring.significance import Difference
from picturedesk.types import Picture


@dataclass(frozen=True, slots=True)
class Suggested:
    """One picture that was suggested for an example.

    Attributes:
        picture: which.
        is_right: whether it ran with the text.
        confidence: probability that it is right, 0 to 1; None for a desk that states none.
    """

    picture: Picture
    is_right: bool = False
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DeskExample:
    """A test text and what was suggested for it.

    Attributes:
        text: as much of it as is shown.
        suggested: best first.
        right: the pictures that ran with it; () to show the suggestions only.
        rank: of the best right picture, from 1; 0 if it is not told.
        confidence: probability that one of the first ten is right, 0 to 1, or None.
    """

    text: str
    suggested: tuple[Suggested, ...]
    right: tuple[Picture, ...] = ()
    rank: int = 0
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DeskReport:
    """All that the page of a desk shows; what is empty or None is left out of it.

    Attributes:
        title: of the page.
        archive: name of what it was fitted on.
        recipe: name of how.
        texts: part ("train", "validate", "test") → how many.
        pictures: in the archive, each content counted once.
        rejections: rows, files and links that were left out.
        settings: (name, value) as they are shown.
        evaluation: of all routes on the test texts; None for a desk without any.
        answers: the row of ``evaluation`` that is what the desk suggests by; "" if none is.
        differences: (a, b, how much better a finds than b), in shares of recall@10 as
            ``paired_difference`` gives them; shown in points.
        reliability: (of what, how well its probabilities fit), as in ("first picture", …).
        cross_validated: route → mean reciprocal rank in the cross-validation, 0 to 1.
        successes: texts whose picture was found.
        failures: texts whose picture was not.
        versions: of software, by name.
    """

    title: str
    archive: str
    recipe: str
    texts: Mapping[str, int]
    pictures: int
    rejections: int = 0
    settings: tuple[tuple[str, str], ...] = ()
    evaluation: Evaluation | None = None
    answers: str = ""
    differences: tuple[tuple[str, str, Difference], ...] = ()
    reliability: tuple[tuple[str, Reliability], ...] = ()
    cross_validated: Mapping[str, float] = field(default_factory=dict)
    successes: tuple[DeskExample, ...] = ()
    failures: tuple[DeskExample, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
