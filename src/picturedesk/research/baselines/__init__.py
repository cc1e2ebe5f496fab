"""Other ways to put texts and pictures into one space, on the same vectors and level features.

Know arrays and links; nothing of files or desks. Each gives ``TwoTowers``: what stands in a table
beside the fusion must be measured by the same code.
"""

from __future__ import annotations

from typing import Protocol

from picturedesk.types import Floats


class TwoTowers(Protocol):
    """One map for texts and one for pictures; the cosine of their outputs is the score."""

    def texts(self, vectors: Floats) -> Floats:
        """Text vectors (Q, D) → (Q, S)."""

    def pictures(self, features: Floats) -> Floats:
        """Level features (N, ΣD_l) → (N, S)."""
