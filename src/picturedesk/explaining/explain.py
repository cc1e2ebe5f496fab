"""Puts together what routes, levels, words, sentences and classes add to a picture's score."""

from __future__ import annotations

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.explaining.explanation import (
    HUBS,
    AttributionConfig,
    ClassShare,
    Explanation,
    Share,
    Shown,
)
from picturedesk.explaining.pictures import Named, level_columns, level_shares
from picturedesk.explaining.texts import ReadText, shared_out
from picturedesk.explaining.views import Views
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend, Question, Weights
from picturedesk.routes.blend import DIRECT, NAMES, TRANSFER, WORDS
from picturedesk.types import Doubles, Floats

DEFAULTS = AttributionConfig()


def explain(
    matcher: Matcher,
    blend: Blend | None,
    text: str,
    question: Question | None,
    shown: Shown,
    config: AttributionConfig = DEFAULTS,
) -> Explanation:
    """``explain_all`` for the first of the pictures shown."""
    return explain_all(matcher, blend, text, question, shown, config)[0]


def explain_all(
    matcher: Matcher,
    blend: Blend | None,
    text: str,
    question: Question | None,
    shown: Shown,
    config: AttributionConfig = DEFAULTS,
) -> list[Explanation]:
    """What spoke for each of K pictures as an answer to a text; the text is read once.

    For a suggestion of one route give the blend with the weights of that route
    (``replace(blend, weights=blend.weights_of(route))``).

    Args:
        matcher: both heads and the text encoder.
        blend: the routes' weights; None for the direct route alone.
        text: as it was asked.
        question: the same text as the routes see it; needed with a blend.
        shown: the pictures.
        config: how much is spent.

    Raises:
        BadInput: if something is missing that the blend weighs, or a width is another one.
    """
    weights = Weights() if blend is None else blend.weights
    read = ReadText(matcher.text_encoder, text)
    question = _checked(matcher, blend, question, read)
    fused = matcher.pictures(shown.features)  # (K, D)
    named = _named(matcher, blend, shown)
    views = _views(matcher, blend, fused, named)
    toward = weights.direct * question.text + weights.transfer * question.transfer
    levels = level_shares(
        matcher, shown.features, toward.astype(np.float32), shown.typical, config.steps
    )
    classes: list[tuple[ClassShare, ...]] = [()] * len(fused)
    if named is not None:
        asked = (weights.names * question.names).astype(np.float32)
        classes = named.shares(asked, config.classes)
    routes = _routes(weights, question, fused, views, shown)
    texts = shared_out(read, views, config)
    return [
        Explanation(
            score=sum(share for _, share in routes[row]),
            routes=routes[row],
            levels=levels[row],
            words=texts[row][0],
            sentences=texts[row][1],
            offset=texts[row][2],
            classes=classes[row],
        )
        for row in range(len(fused))
    ]


def _checked(
    matcher: Matcher, blend: Blend | None, question: Question | None, read: ReadText
) -> Question:
    """The question; without a blend, the text itself."""
    if question is None:
        if blend is not None:
            raise BadInput("a blend is explained by its question: give it, as it was asked")
        text = matcher.placed(read.features[None])[0]
        return Question(text, np.zeros_like(text), np.zeros(0, dtype=np.float32), 0.0)
    named = blend.names.width if blend is not None and blend.names is not None else 0
    given = (len(question.text), len(question.transfer), len(question.names))
    if given != (matcher.width, matcher.width, named):
        raise BadInput(
            f"a question of widths {given} for a desk of widths "
            f"{(matcher.width, matcher.width, named)}: ask again with this desk"
        )
    return question


def _named(matcher: Matcher, blend: Blend | None, shown: Shown) -> Named | None:
    """The pictures in the class-name space, None where that has no weight."""
    if blend is None or blend.names is None or not blend.weights.names:
        return None
    columns = level_columns(matcher).get(blend.probabilities)
    if columns is None:
        raise BadInput(
            f"level '{blend.probabilities}' is needed for the class names, the matcher reads "
            f"{', '.join(matcher.levels)}: fit again with it"
        )
    return Named.of(blend.names, shown.features[:, columns])


def _views(matcher: Matcher, blend: Blend | None, fused: Floats, named: Named | None) -> Views:
    """The pictures, weights of direct and names in them."""
    if blend is None or named is None:
        direct = np.float32(1.0 if blend is None else blend.weights.direct)
        nowhere = np.zeros((len(fused), 0), dtype=np.float32)
        return Views(matcher, direct * fused, None, nowhere, (0, 0))
    placed = np.float32(blend.weights.names) * named.names.pictures(named.probabilities)
    direct = np.float32(blend.weights.direct)
    return Views(matcher, direct * fused, named.names, placed, blend.sentences)


def _routes(
    weights: Weights, question: Question, fused: Floats, views: Views, shown: Shown
) -> list[tuple[Share, ...]]:
    """What each route adds to each picture's score; routes of no weight are left out."""
    wide = fused.astype(np.float64)
    added = {
        DIRECT: weights.direct * (wide @ question.text),
        TRANSFER: weights.transfer * (wide @ question.transfer),
        NAMES: _named_scores(views, question),
        WORDS: weights.words * _per_picture(shown.words, len(fused), "words"),
        HUBS: -weights.hubs * _hubness(weights, shown, len(fused)),
    }
    weighed = {name: getattr(weights, name) for name in added}
    return [
        tuple(Share(name, float(values[row])) for name, values in added.items() if weighed[name])
        for row in range(len(fused))
    ]


def _named_scores(views: Views, question: Question) -> Doubles:
    if views.names is None:
        return np.zeros(len(views.fused))
    return views.named.astype(np.float64) @ question.names


def _hubness(weights: Weights, shown: Shown, count: int) -> Doubles:
    if weights.hubs and shown.hubness is None:
        raise BadInput("the blend takes hubness off: give the pictures' hubness")
    return _per_picture(shown.hubness, count, "hubness")


def _per_picture(values: Floats | None, count: int, what: str) -> Doubles:
    """One number a picture (K,); zeros where there are none."""
    if values is None:
        return np.zeros(count)
    if values.shape != (count,):
        raise BadInput(f"{what} of shape {values.shape}: ({count},) is needed")
    return values.astype(np.float64)
