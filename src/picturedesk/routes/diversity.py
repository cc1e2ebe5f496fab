"""Which of the best pictures are shown, and in what order: copies, diversity, reuse.

Near-duplicates collapse into the best of them. Of what is left, maximal marginal relevance
(Carbonell and Goldstein 1998) chooses pictures that are good and unlike those before. Pictures that
ran recently step back. All are in deviations of the text's scores, so that they mean the same for
every text and route. Takes arrays; knows neither catalogue nor desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.images.hashes import Hashes, alike
from picturedesk.products import products, products_alone
from picturedesk.types import DIVERSITY, FATIGUE, Bools, Doubles, Floats, Ints

SAME = 0.95  # cosine from which on two pictures are near-duplicates, whatever their hashes
LOOKS_SAME = 0.5  # cosine from which on pictures of near hashes are; blank ones can agree by chance
SPREAD = 4.0  # deviations that a copy of a picture before it would lose, at diversity 1
TIRED = 1.0  # deviations that a picture loses on the day on which it ran
_COMPARED = 64  # pictures that are compared with all after them at once


@dataclass(frozen=True, slots=True)
class OrderConfig:
    """How the best pictures are ordered.

    Attributes:
        diversity: 0 (by score alone) to 1 (as different as possible; the first stays the best).
        fatigue: days after which a picture that ran is held back half as much; 0 for never.
        duplicates: whether near-duplicates are shown each, instead of the best one.
        today: ISO 8601, the day of which fatigue counts; "" for that of the computer's clock.
    """

    diversity: float = DIVERSITY
    fatigue: float = FATIGUE
    duplicates: bool = False
    today: str = ""

    def __post_init__(self) -> None:
        checks.share("diversity", self.diversity)
        if checks.number("fatigue", self.fatigue) < 0:
            raise BadInput(f"fatigue is {self.fatigue}: it must be days, 0 or more")
        checks.instance("duplicates", self.duplicates, bool)
        if checks.text("today", self.today) and _day(self.today) is None:
            raise checks.refusal("today", self.today, "an ISO 8601 day, such as 2024-05-31")

    @property
    def by_score(self) -> bool:
        """Whether pictures are shown as their scores order them, whatever they are."""
        return self.duplicates and not self.diversity and not self.fatigue


def _day(moment: str) -> date | None:
    """The day of an ISO 8601 day or moment; None for anything else."""
    try:
        return date.fromisoformat(moment[:10])
    except ValueError:
        return None


def tiredness(last_used: Sequence[str], half_life: float, today: str = "") -> Doubles:
    """How far pictures (N,) are held back, in deviations: ``TIRED`` · 0.5^(age / half-life).

    Args:
        last_used: ISO 8601 day or moment of each; "" for unknown. What cannot be read is unknown.
        half_life: days; 0 holds none back.
        today: ISO 8601; "" for that of the clock. A later use counts as one of today.
    """
    found = np.zeros(len(last_used))
    now = _day(today) or date.today()
    for place, moment in enumerate(last_used):
        used = _day(moment) if half_life and moment else None
        if used is not None:
            found[place] = TIRED * 0.5 ** (max((now - used).days, 0) / half_life)
    return found


def near_duplicates(
    hashes: Hashes | None, cosines: Floats, own: int | np.integer | Ints, others: Ints
) -> Bools:
    """Which of the ``others`` (M,) are near-duplicates of picture ``own``.

    Args:
        hashes: (N,) perceptual hashes; None if they are not known.
        cosines: (M,) of the pictures with ``own`` in the shared space.
        own: place among the hashes; or (B, 1) places, for cosines and a result of (B, M).
        others: places among the hashes.
    """
    same: Bools = cosines >= SAME
    if hashes is not None:
        same |= alike(hashes[own], hashes[others]) & (cosines >= LOOKS_SAME)
    return same


def collapsed(hashes: Hashes | None, vectors: Floats) -> list[list[int]]:
    """Near-duplicates together: the places of each kept picture, the kept one first.

    A picture joins the first one before it that it is a near-duplicate of and that is kept, so
    that a chain of small differences does not join pictures that differ.

    Args:
        hashes: (N,) perceptual hashes, best picture first; None if they are not known.
        vectors: (N, D) in the shared space, of length one.
    """
    waiting = np.arange(len(vectors), dtype=np.int64)
    groups: list[list[int]] = []
    while len(waiting):
        first = waiting[:_COMPARED]
        cosines = products_alone(vectors[first], vectors[waiting])  # (B, M)
        same: Bools = np.triu(near_duplicates(hashes, cosines, first[:, None], waiting), 1)
        gone = np.zeros(len(waiting), dtype=bool)
        copied = set(np.flatnonzero(same.any(axis=1)).tolist())
        for place, picture in enumerate(first.tolist()):
            if gone[place]:
                continue
            group = [picture]
            if place in copied:
                joins = np.flatnonzero(same[place] & ~gone)
                gone[joins] = True
                group += waiting[joins].tolist()
            groups.append(group)
        waiting = waiting[len(first) :][~gone[len(first) :]]
    return groups


def diversified(scores: Doubles, vectors: Floats, k: int, diversity: float) -> Ints:
    """The places (k,) of pictures in the order of maximal marginal relevance.

    Each next one has the highest (1 - diversity) · score - diversity · ``SPREAD`` · cosine, the
    cosine being that with the most similar one before it, 0 or more. The first has the best score.

    Args:
        scores: (N,) in deviations, best first.
        vectors: (N, D) in the shared space, of length one.
        k: how many; fewer for fewer pictures.
        diversity: 0 to 1.
    """
    k = min(k, len(scores))
    if not diversity or k < 2:
        return np.arange(k, dtype=np.int64)
    relevance = (1 - diversity) * scores
    nearest = np.zeros(len(scores))  # highest cosine with those chosen
    chosen = [0]
    while len(chosen) < k:
        last = chosen[-1]
        np.maximum(nearest, products(vectors[last : last + 1], vectors)[0], out=nearest)
        values = relevance - diversity * SPREAD * nearest
        values[chosen] = -np.inf
        chosen.append(int(values.argmax()))
    return np.array(chosen, dtype=np.int64)


def alikeness(vectors: Floats) -> float:
    """Intra-list similarity: the mean cosine of different pictures (N, D) of length one.

    0 for fewer than two.
    """
    count = len(vectors)
    if count < 2:
        return 0.0
    cosines = vectors @ vectors.T
    return float((cosines.sum() - np.trace(cosines)) / (count * (count - 1)))
