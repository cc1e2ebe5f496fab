"""The records of an audit. Shares are 0 to 1; knows no desk."""

from __future__ import annotations

from dataclasses import dataclass

from picturedesk.types import Picture


@dataclass(frozen=True, slots=True)
class SuspectPair:
    """A pair of the archive whose text and picture suit each other less than usual.

    Attributes:
        id: of the text.
        text: its beginning.
        picture: that ran with it.
        suits: their score above the usual one of this text and of this picture, in standard
            deviations; the mean of both.
        suspicion: share of comparable pairs that suit better, 0 to 1.
        rank: of the picture among all pictures for this text, from 1.
        pictures: how many pictures were ranked.
        instead: pictures that suit the text best, best first.
    """

    id: str
    text: str
    picture: Picture
    suits: float
    suspicion: float
    rank: int
    pictures: int
    instead: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """Texts of the archive that are about one thing.

    Attributes:
        words: that tell it from other topics, the most telling first.
        texts: how many there are.
        asked: how many of them were asked.
        weak: share of these for which the catalogue has no good picture but their own, 0 to 1: the
            best other one matches weakly or is in doubt.
        examples: the beginnings of a few texts without a good picture.
    """

    words: tuple[str, ...]
    texts: int
    asked: int
    weak: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exposure:
    """A picture, and for how many archive texts it is among the first ten.

    Attributes:
        picture: of the catalogue.
        texts: how many; texts that it ran with do not count.
    """

    picture: Picture
    texts: int


@dataclass(frozen=True, slots=True)
class RightsConflict:
    """Near-duplicate pictures that do not have the same credit or licence.

    Attributes:
        pictures: two or more.
        differ: "credit", "licence" or both.
    """

    pictures: tuple[Picture, ...]
    differ: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an archive and its catalogue should be checked for; each list has the worst first.

    Attributes:
        archive: name.
        texts: of the archive.
        pairs: of the archive that were compared.
        pictures: in the catalogue.
        suspects: pairs that look mispaired.
        asked: texts that were asked as if they were new; 0 if the desk states no confidence.
        weak: share of these for which the catalogue has no good picture but their own, 0 to 1.
        topics: that have more such texts than the archive as a whole.
        unused: pictures that are not among the first ten of any text, by their keys.
        unused_pictures: how many there are, listed or not.
        usual_texts: for how many texts a picture is among the first ten, on average.
        overused: pictures that are suggested far more often than that.
        conflicts: near-duplicates with different credits or licences.
    """

    archive: str
    texts: int
    pairs: int
    pictures: int
    suspects: tuple[SuspectPair, ...]
    asked: int
    weak: float
    topics: tuple[Topic, ...]
    unused: tuple[Picture, ...]
    unused_pictures: int
    usual_texts: float
    overused: tuple[Exposure, ...]
    conflicts: tuple[RightsConflict, ...]
