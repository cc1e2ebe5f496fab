"""How suggestions, measurements and rejections look in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.cli import show

if TYPE_CHECKING:
    from picturedesk.desk.measure import Measured
    from picturedesk.types import Rejection, Suggestion

EXPLANATION_WIDTH = 100  # characters of an archive text shown as evidence
SHOWN_REJECTIONS = 5


def show_measured(measured: Measured) -> None:
    """Draws the table of each direction, and how far the confidence can be trusted."""
    for direction, columns, rows in measured.evaluation.tables():
        show.table(direction, columns, rows)
    for name, found in measured.reliability.items():
        show.line(
            f"Confidence in {name}: off by {100 * found.ece:.1f} points on average "
            f"(chance alone would give {100 * found.noise:.1f})"
        )


def show_suggestion(suggestion: Suggestion, evidence: bool = True) -> None:
    """A picture with its rank, what is known of it, and the archive text that spoke for it."""
    picture = suggestion.picture
    known = [picture.caption, picture.credit, picture.licence, picture.date]
    facts = " · ".join(fact for fact in known if fact)
    sure = f"{suggestion.confidence:>4.0%}  " if suggestion.confidence is not None else ""
    show.line(f"{suggestion.rank:>3}  {sure}{suggestion.score:.3f}  {picture.uri}")
    if facts:
        show.line(f"            {facts}")
    if evidence and suggestion.evidence:
        first = suggestion.evidence[0]
        text = first.text[:EXPLANATION_WIDTH]
        show.line(
            f"            because it resembles (cosine {first.picture_similarity:.2f}) the picture "
            f"that ran with: {text}"
        )


def show_rejections(rejections: tuple[Rejection, ...], listed: Path | None) -> None:
    """The first few of what was left out, and where all of it is listed."""
    if not rejections:
        return
    where = f"; all of them in {listed}" if listed else ""
    show.note(f"{len(rejections)} left out{where}:")
    for rejection in rejections[:SHOWN_REJECTIONS]:
        show.note(f"  {rejection.source}: {rejection.reason}; {rejection.cure}")
    if len(rejections) > SHOWN_REJECTIONS:
        show.note(f"  … and {len(rejections) - SHOWN_REJECTIONS} more")
