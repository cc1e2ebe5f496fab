"""Blending: what suits a text by several routes at once, as one inner product, and how sure it is.

Used when suggesting; NumPy alone. How the weights are found is the recipe's affair.
"""

from __future__ import annotations

from picturedesk.routes.blend import Blend, Kernel, Question, Weights
from picturedesk.routes.class_names import ClassNames
from picturedesk.routes.confidence import Confidence
from picturedesk.routes.hubness import hubness
from picturedesk.routes.space import CatalogueSpace

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
