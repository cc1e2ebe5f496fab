"""The training objective: triplets of text, own picture and other picture, and their hinge.

Knows neither networks nor files. Triplets are drawn with NumPy; the hinge uses the methods of torch
tensors, so that this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Ints

if TYPE_CHECKING:
    from torch import Tensor

SHORTEST = 1e-12  # vectors of a smaller length have no direction


def unit(vectors: Tensor) -> Tensor:
    """Scales vectors (N, D) to length one; a zero vector stays zero and has no gradient.

    Division by a clipped length would give the same values, but a gradient of 1 / limit for every
    zero vector; here it is exactly zero.
    """
    squares = (vectors * vectors).sum(dim=1, keepdim=True)  # (N, 1)
    floor = SHORTEST * SHORTEST
    lengths = squares.clamp(min=floor).sqrt()
    return vectors * ((squares > floor) / lengths)


def triplet_hinge(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Hinge on cosines of triplets: max(0, m - cos(a, p) + cos(a, n)) (paper, Eq. 6).

    Args:
        anchor: (M, D) text vectors, of any length.
        positive: (M, D) fused pictures that belong to the texts.
        negative: (M, D) fused pictures that do not.
        margin: m, 0 to 2.

    Returns:
        (M,) one cost per triplet, 0 to m + 2. A zero vector has cosine zero with everything.
    """
    text = unit(anchor)
    own = (text * unit(positive)).sum(dim=1)  # (M,)
    other = (text * unit(negative)).sum(dim=1)  # (M,)
    return (margin - own + other).clamp(min=0)


@dataclass(frozen=True, slots=True, eq=False)
class Negatives:
    """The allowed negative pictures of each text; draws from them uniformly.

    Pictures are sorted by group, so the forbidden pictures of a text are a few ranges. A number
    below the count of allowed pictures becomes a place by skipping the ranges before it: one draw,
    no rejection, no loop over texts.

    Attributes:
        line: (N,) pictures, sorted by group.
        allowed: (T,) number of allowed pictures of each text; may be 0.
        first: (T,) index of each text's first range.
        barriers: (S,) ascending; text · (N + 1) + the draw from which the range is skipped.
        skipped: (S + 1,) pictures in all ranges before each one.
    """

    line: Ints
    allowed: Ints
    first: Ints
    barriers: Ints
    skipped: Ints

    @classmethod
    def of(cls, links: Ints, groups: Ints, texts: int) -> Negatives:
        """Prepares the draw.

        Args:
            links: (M, 2) indices (text, picture).
            groups: (N,) near-duplicate group of each picture; pictures in the group of one of a
                text's own pictures are not allowed for it.
            texts: T.
        """
        _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        starts = np.cumsum(sizes) - sizes
        stretches = np.unique(links[:, 0] * len(sizes) + group[links[:, 1]])  # by text, then group
        owner, own_group = np.divmod(stretches, max(len(sizes), 1))  # (S,), (S,)
        skipped = np.concatenate([[0], np.cumsum(sizes[own_group])])
        first = np.searchsorted(owner, np.arange(texts))
        end = np.searchsorted(owner, np.arange(texts), side="right")
        before = skipped[:-1] - skipped[first[owner]]  # within the same text
        return cls(
            line=np.argsort(group, kind="stable"),
            allowed=len(groups) - (skipped[end] - skipped[first]),
            first=first,
            barriers=owner * (len(groups) + 1) + starts[own_group] - before,
            skipped=skipped,
        )

    def draw(self, texts: Ints, random: np.random.Generator) -> Ints:
        """One negative picture (M,) for each of M texts, whose ``allowed`` must be above zero."""
        number = random.integers(self.allowed[texts])  # (M,)
        passed = np.searchsorted(self.barriers, texts * (len(self.line) + 1) + number, side="right")
        place = number + self.skipped[passed] - self.skipped[self.first[texts]]
        drawn: Ints = self.line[place]
        return drawn


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The triplets of one step; has each picture once, also if it is in several triplets.

    Attributes:
        texts: (M,) the text of each triplet.
        pictures: (U,) all pictures of the step.
        own: (M,) index into ``pictures`` of one that belongs to the text.
        other: (M,) index into ``pictures`` of one that does not.
    """

    texts: Ints
    pictures: Ints
    own: Ints
    other: Ints


class Triplets:
    """Every link of a training set, with one random negative per text and step (paper, 2.1).

    Args:
        links: (M, 2) indices (text, picture); repeated links count once.
        groups: (N,) near-duplicate group of each picture.
        texts: T.
        batch: texts per step, each with all its pictures.

    Raises:
        BadInput: no text has both a picture and an allowed negative.
    """

    def __init__(self, links: Ints, groups: Ints, texts: int, batch: int) -> None:
        links = np.unique(links, axis=0)  # by text, then picture
        self._own = links[:, 1]
        self._first = np.searchsorted(links[:, 0], np.arange(texts + 1))
        self._negatives = Negatives.of(links, groups, texts)
        self.texts = np.flatnonzero((np.diff(self._first) > 0) & (self._negatives.allowed > 0))
        if not len(self.texts):
            raise BadInput(
                "no training text has a picture of another to be set against: all pictures are "
                "near-duplicates of each other; give an archive with different pictures"
            )
        self._steps = -(-len(self.texts) // batch)

    def steps(self, random: np.random.Generator) -> Iterator[Step]:
        """One epoch: every usable text once, in random order, in steps of nearly equal size."""
        for texts in np.array_split(random.permutation(self.texts), self._steps):
            counts = self._first[texts + 1] - self._first[texts]
            offsets = self._first[texts] - (np.cumsum(counts) - counts)
            own = self._own[np.repeat(offsets, counts) + np.arange(counts.sum())]
            other = np.repeat(self._negatives.draw(texts, random), counts)
            pictures, places = np.unique(np.stack([own, other]), return_inverse=True)
            yield Step(np.repeat(texts, counts), pictures, *places.reshape(2, -1))
