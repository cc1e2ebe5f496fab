"""Blending: what suits a text by several routes at once, as one inner product, and how sure it is.

Used when suggesting; NumPy alone. How the weights are found is the recipe's affair.
"""

from __future__ import annotations

from picturedesk.blend.blend import Blend, Kernel, Question, Weights
from picturedesk.blend.class_names import ClassNames
from picturedesk.blend.confidence import Confidence
from picturedesk.blend.hubness import hubness
from picturedesk.blend.space import CatalogueSpace

__all__ = [
    "Blend",
    "CatalogueSpace",
    "ClassNames",
    "Confidence",
    "Kernel",
    "Question",
    "Weights",
    "hubness",
]
