"""The share of a text's words that a text encoder knows from the archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from picturedesk.types import TextEncoder


@runtime_checkable
class KnowsWords(Protocol):
    """A text encoder with a vocabulary of its archive."""

    def knows(self, word: str) -> bool:
        """Whether a normalised word is in its vocabulary."""


def known_share(encoder: TextEncoder, words: Sequence[str]) -> float:
    """Share of normalised words that the archive knows, 0 to 1.

    0 for no words; 1 if no part of the encoder has a vocabulary.
    """
    for part in getattr(encoder, "parts", (encoder,)):
        if isinstance(part, KnowsWords):
            return sum(map(part.knows, words)) / len(words) if words else 0.0
    return 1.0
