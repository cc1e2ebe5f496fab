"""Prints an explanation in the terminal. Knows explanations only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from picturedesk.cli import show

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation, Share
    from picturedesk.routes.route import PictureShare

WORDS = 6  # words shown: those with the largest shares
SENTENCE = 60  # characters shown of the sentence with the largest share
SEEN = 0.05  # probability of a word, from which on it is shown
LOOKS = 0.01  # of a class
MIN_SHARE = 0.005  # of the score; smaller shares are not shown
_RESTS = ("other classes", "centre", "other words")
_INDENT = " " * 12


def show_explanation(explanation: Explanation) -> None:
    """Prints routes, levels, words and the best sentence as shares of the score, and what is seen.

    A negative share speaks against the picture.
    """
    score = abs(explanation.score) or 1.0
    _row("routes", _shares(explanation.routes, score))
    _row("levels", _shares(explanation.levels, score))
    _row("towers", _shares(explanation.pictures.get("tower levels", ()), score))
    strongest = sorted(explanation.words, key=lambda word: -abs(word.share))[:WORDS]
    named = [(word.word, word.share) for word in strongest]
    _row("words", (f"{name} {share / score:+.0%}" for name, share in named))
    if len(explanation.sentences) > 1:
        best = max(explanation.sentences, key=lambda sentence: sentence.share)
        text = best.name if len(best.name) <= SENTENCE else best.name[: SENTENCE - 1] + "…"
        _row("sentence", [f"“{text}” {best.share / score:+.0%}"])
    _row("sees", _likely(explanation.seen_words, SEEN))
    _row("looks like", _likely(explanation.classes, LOOKS))


def _likely(parts: Sequence[PictureShare], least: float) -> Iterable[str]:
    """The likely words and classes with their probabilities; not the rest of them."""
    known = ((one.name, one.probability or 0.0) for one in parts if one.name not in _RESTS)
    return (f"{name} ({chance:.0%})" for name, chance in known if chance >= least)


def _shares(shares: Sequence[Share | PictureShare], score: float) -> Iterable[str]:
    ordered = sorted(shares, key=lambda share: -abs(share.share))
    return (
        f"{share.name} {share.share / score:+.0%}"
        for share in ordered
        if abs(share.share) >= MIN_SHARE * score
    )


def _row(name: str, parts: Iterable[str]) -> None:
    shown = ", ".join(parts)
    if shown:
        show.line(f"{_INDENT}{name + ':':<11} {shown}")
