"""How an explanation looks in the terminal. Knows explanations, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from picturedesk.cli import show

if TYPE_CHECKING:
    from picturedesk.explaining import Explanation, Share
    from picturedesk.routes.route import PictureShare

WORDS = 6  # shown, those that spoke most
SENTENCE = 60  # characters shown of the sentence that spoke most
LEAST = 0.005  # of the score; what is less is left out
_INDENT = " " * 12


def show_explanation(explanation: Explanation) -> None:
    """Routes, levels, words, the best sentence and what the network sees, as shares of the score.

    A share below zero spoke against the picture.
    """
    score = abs(explanation.score) or 1.0
    _row("routes", _shares(explanation.routes, score))
    _row("levels", _shares(explanation.levels, score))
    strongest = sorted(explanation.words, key=lambda word: -abs(word.share))[:WORDS]
    named = [(word.word, word.share) for word in strongest]
    _row("words", (f"{name} {share / score:+.0%}" for name, share in named))
    if len(explanation.sentences) > 1:
        best = max(explanation.sentences, key=lambda sentence: sentence.share)
        text = best.name if len(best.name) <= SENTENCE else best.name[: SENTENCE - 1] + "…"
        _row("sentence", [f"“{text}” {best.share / score:+.0%}"])
    real = [one for one in explanation.classes if one.name not in ("other classes", "centre")]
    likely = [(one.name, one.probability or 0.0) for one in real]
    _row("looks like", (f"{name} ({chance:.0%})" for name, chance in likely if chance >= 0.01))


def _shares(shares: Sequence[Share | PictureShare], score: float) -> Iterable[str]:
    ordered = sorted(shares, key=lambda share: -abs(share.share))
    return (
        f"{share.name} {share.share / score:+.0%}"
        for share in ordered
        if abs(share.share) >= LEAST * score
    )


def _row(name: str, parts: Iterable[str]) -> None:
    told = ", ".join(parts)
    if told:
        show.line(f"{_INDENT}{name + ':':<11} {told}")
