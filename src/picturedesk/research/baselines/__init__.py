"""Baselines: other ways to put texts and pictures into one space, with the same input vectors.

They take arrays and links; know no file and no desk. Each returns ``TwoTowers``, so that the same
code measures them and the fusion.
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
