"""Attribution: what in a text and in a picture spoke for a suggestion, and how much.

Exact wherever the model is a sum: routes, levels, words of a bag of words, sentences, classes.
Looks only; NumPy alone. Knows neither desk nor catalogue.
"""

from __future__ import annotations

from picturedesk.explaining.explain import explain, explain_all
from picturedesk.explaining.explanation import (
    ALWAYS,
    CENTRE,
    HUBS,
    OTHERS,
    AttributionConfig,
    ClassShare,
    Explanation,
    Share,
    Shown,
    WordShare,
)
from picturedesk.explaining.leaving_out import without

__all__ = [
    "ALWAYS",
    "CENTRE",
    "HUBS",
    "OTHERS",
    "AttributionConfig",
    "ClassShare",
    "Explanation",
    "Share",
    "Shown",
    "WordShare",
    "explain",
    "explain_all",
    "without",
]
