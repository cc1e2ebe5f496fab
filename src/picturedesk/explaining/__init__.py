"""What in a text and in a picture adds to the score of a suggestion, and how much.

Exact wherever the model is a sum: routes, levels, words of a bag of words, sentences, classes.
Reads; never writes. NumPy alone. Knows neither desk nor catalogue, and no particular route.
"""

from __future__ import annotations

from picturedesk.explaining.explain import Shown, explain
from picturedesk.explaining.explanation import ExplainConfig, Explanation, Share, WordShare
from picturedesk.explaining.leaving_out import without

__all__ = [
    "ExplainConfig",
    "Explanation",
    "Share",
    "Shown",
    "WordShare",
    "explain",
    "without",
]
