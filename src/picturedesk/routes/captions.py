"""The caption route: BM25 of a query's words against captions and tags, saturated.

Search takes BM25 from the catalogue; cross-validation and measuring index the captions of their
candidates by the same code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.route import Arrays, Fold
from picturedesk.store.catalogue import bm25
from picturedesk.texts.words import words
from picturedesk.types import Archive, Doubles, Floats, Json, Picture

CAPTIONS = "captions"
FEW = 0.2  # share of pictures with their own caption; below it captions are not used
REPEATED = 0.7  # Jaccard similarity from which a caption repeats its text


@dataclass(frozen=True, slots=True)
class CaptionsPlan:
    """Plan of the caption route.

    Attributes:
        saturation: BM25 with the score 0.5, above 0.
    """

    name: str = CAPTIONS
    weights: tuple[float, ...] = (0.0, 0.15, 0.3, 0.6, 1.2, 2.4)
    unit: str = CAPTIONS
    default_weight: float = 1.5  # in units of the score: 0.3 deviations in the development archive
    saturation: float = 10.0

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.saturation <= 0:
            raise BadInput(f"{self}: the saturation is above 0")

    def fit(self, fold: Fold) -> CaptionsRoute:
        """Nothing is fitted: pictures that are added later may have captions."""
        return CaptionsRoute(self.saturation)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> CaptionsRoute:
        """The route as it was saved."""
        return CaptionsRoute(settings["saturation"])


@dataclass(frozen=True, slots=True, eq=False)
class CaptionsRoute:
    """See the module. Attributes as in the plan."""

    saturation: float
    name: str = CAPTIONS
    standalone: bool = True

    def from_words(self, bm25: Doubles) -> Doubles:
        """BM25, 0 or more → 0 to 1, half at the saturation."""
        return bm25 / (bm25 + self.saturation)

    def settings(self) -> Json:
        """The saturation."""
        return {"saturation": self.saturation}

    def arrays(self) -> Arrays:
        """None."""
        return {}


class CaptionIndex:
    """BM25 of N captions in memory, with the catalogue's code.

    Args:
        captions: of each picture, "" for none.
    """

    def __init__(self, captions: Sequence[str]) -> None:
        self._count = len(captions)
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        pictures = (Picture("", caption=caption) for caption in captions)
        bm25.make(self._connection, enumerate(pictures))
        self._frequencies = bm25.Frequencies()

    def __call__(self, query_words: Sequence[str]) -> Floats:
        """Words of a text → BM25 (N,), 0 for captions with none of them; higher is better."""
        known = self._frequencies.of(self._connection, query_words)
        found, values = bm25.scores(self._connection, bm25.rarest(query_words, known))
        scores = np.zeros(self._count, dtype=np.float32)
        scores[found] = values
        return scores

    def close(self) -> None:
        """Frees the memory."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def catalogue_words(picture: Picture) -> str:
    """What a catalogue finds a picture by: caption and tags."""
    return "\n".join((picture.caption, *picture.tags)).strip()


def telling_captions(archive: Archive) -> tuple[str, ...]:
    """Caption and tags of each picture, without captions that repeat a text of their picture.

    If the texts of an archive are captions, a picture's own caption is the query: using it would
    give the answer away. If few captions are left, nothing can be learned from them, and all are
    "".
    """
    captions = [picture.caption for picture in archive.pictures]
    if any(captions):
        words_of = [set(words(text.whole)) for text in archive.texts]
        for text, picture in archive.links:
            if captions[picture] and _repeats(set(words(captions[picture])), words_of[text]):
                captions[picture] = ""
    if sum(map(bool, captions)) < FEW * len(captions):
        return ("",) * len(captions)
    return tuple(
        catalogue_words(replace(picture, caption=caption))
        for caption, picture in zip(captions, archive.pictures, strict=True)
    )


def _repeats(caption: set[str], text: set[str]) -> bool:
    return len(caption & text) >= REPEATED * len(caption | text)
