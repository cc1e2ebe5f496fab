"""Explanations: the shares of the parts of a text and a picture in the score of a suggestion.

Exact where the model is a sum: routes, levels, words of a bag of words, sentences, classes.
Reads; never writes. NumPy alone. Knows neither desk nor catalogue, and no particular route.
"""

from __future__ import annotations

from picturedesk.explaining.explain import SuggestedPictures, explain
from picturedesk.explaining.explanation import ExplainConfig, Explanation, Share, WordShare
from picturedesk.explaining.leaving_out import without

__all__ = [
    "ExplainConfig",
    "Explanation",
    "Share",
    "SuggestedPictures",
    "WordShare",
    "explain",
    "without",
]
