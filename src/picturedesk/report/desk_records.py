"""The records of a desk's report. Shares are 0 to 1; knows no desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from picturedesk.measuring.evaluation import Evaluation
from picturedesk.measuring.reliability import Reliability
from picturedesk.measuring.significance import Difference
from picturedesk.types import Picture


@dataclass(frozen=True, slots=True)
class Suggested:
    """One suggestion of an example.

    Attributes:
        picture: the suggested picture.
        is_right: whether it ran with the text.
        found: chance that it is right, 0 to 1; None if the desk states none.
    """

    picture: Picture
    is_right: bool = False
    found: float | None = None


@dataclass(frozen=True, slots=True)
class DeskExample:
    """A test text and its suggestions.

    Attributes:
        text: the shown part of the text.
        suggested: best first.
        right: the pictures that ran with it; () to show the suggestions only.
        rank: of the best right picture, from 1; 0 if unknown.
        found: chance that one of the first ten is right, 0 to 1; None if not stated.
    """

    text: str
    suggested: tuple[Suggested, ...]
    right: tuple[Picture, ...] = ()
    rank: int = 0
    found: float | None = None


@dataclass(frozen=True, slots=True)
class DeskReport:
    """The content of a desk's page; empty fields and None are left out.

    Attributes:
        title: heading of the page.
        archive: name of the archive.
        recipe: name of the recipe.
        texts: part ("train", "validate", "test") → number of texts.
        pictures: pictures in the archive, equal bytes counted once.
        rejections: number of rows, files and links that were left out.
        sample: pairs that were learned from, and of how many; None if all were.
        settings: (name, value) as shown.
        evaluation: of all routes on the test texts; None if there are none.
        answers: row of the desk's default route in ``evaluation``; "" if there is none.
        whole: the same among all pictures of the archive; None if there are no test texts.
        differences: (a, b, difference a - b in recall@10, 0 to 1); shown in points.
        reliability: (name, calibration) of each stated chance, as in ("first picture", …).
        doubted: share of the texts with a doubt, where the picture was among the first ten
            ("found") and where not ("missed").
        cross_validated: route → mean reciprocal rank in the cross-validation, 0 to 1.
        successes: texts whose picture was found.
        failures: texts whose picture was not found.
        versions: software → version.
    """

    title: str
    archive: str
    recipe: str
    texts: Mapping[str, int]
    pictures: int
    rejections: int = 0
    sample: tuple[int, int] | None = None
    settings: tuple[tuple[str, str], ...] = ()
    evaluation: Evaluation | None = None
    whole: Evaluation | None = None
    answers: str = ""
    differences: tuple[tuple[str, str, Difference], ...] = ()
    reliability: tuple[tuple[str, Reliability], ...] = ()
    doubted: Mapping[str, float] = field(default_factory=dict)
    cross_validated: Mapping[str, float] = field(default_factory=dict)
    successes: tuple[DeskExample, ...] = ()
    failures: tuple[DeskExample, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
