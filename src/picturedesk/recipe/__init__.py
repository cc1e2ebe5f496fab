"""The recipe ``best``: how a desk is fitted when nothing else is asked for. Needs no torch.

Closed-form heads for both sides, several routes blended, and a confidence, all of them chosen and
calibrated on texts that the heads had not seen. What was tried on the way is in docs/recipes.md.
"""

from __future__ import annotations

from picturedesk.recipe.best import Fitted, fit_best
from picturedesk.recipe.config import BestConfig
from picturedesk.recipe.material import Material, TextParts

__all__ = ["BestConfig", "Fitted", "Material", "TextParts", "fit_best"]
