"""Prints suggestions, measurements and rejections in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.cli import show
from picturedesk.cli.styling import Styled

if TYPE_CHECKING:
    from picturedesk.desk.measure import Measured
    from picturedesk.types import Evidence, RankedText, Rejection, Suggestion

EVIDENCE_WIDTH = 100  # characters of an archive text shown as evidence
SHOWN_REJECTIONS = 5
_MATCHES = {"strong": "green", "fair": "yellow", "weak": "red"}
_DOUBTED = {"found": "among the first ten", "missed": "not among the first ten"}


def show_measured(measured: Measured) -> None:
    """Prints a table for each direction, and how far stated chances and doubts can be trusted."""
    for direction, columns, rows in measured.evaluation.tables():
        show.table(direction, columns, rows)
    direction, columns, rows = measured.whole.tables()[0]
    show.table(f"{direction}, among all pictures of the archive", columns, rows)
    for name, found in measured.reliability.items():
        show.line(
            f"Calibration error, {name}: {100 * found.ece:.1f} points "
            f"(exact probabilities would show {100 * found.noise:.1f})"
        )
    for name, doubted in measured.doubted.items():
        show.line(f"Doubt, texts whose picture was {_DOUBTED[name]}: {doubted:.0%}")


def show_suggestion(suggestion: Suggestion, evidence: bool = True) -> None:
    """Prints a picture with rank, chance, match, score, metadata and its best evidence."""
    picture = suggestion.picture
    known = [picture.caption, picture.credit, picture.licence, picture.date]
    facts = " · ".join(in_one_line(fact) for fact in known if fact)
    sure: tuple[str | Styled, ...] = ()
    if suggestion.found is not None:
        match = Styled(f"{suggestion.match:<6}", _MATCHES.get(suggestion.match, ""))
        sure = (Styled(f"{suggestion.found:>4.0%}", "bold"), "  ", match, "  ")
    show.line(
        Styled(f"{suggestion.rank:>3}", "dim"),
        "  ",
        *sure,
        Styled(f"{suggestion.score:.3f}", "dim"),
        "  ",
        Styled(picture.uri, "cyan", link=picture.uri),
    )
    if facts:
        show.line(f"            {facts}")
    if suggestion.others:
        what = "near-duplicate" if suggestion.others == 1 else "near-duplicates"
        show.line(f"            and {suggestion.others} {what}")
    if evidence and suggestion.evidence:
        first = reason(suggestion.evidence[0], suggestion.score)
        show.line(Styled(f"            {first}", "dim"))


def reason(evidence: Evidence, score: float) -> str:
    """One line: how an archive text supports a suggestion, and what it adds to the score."""
    from picturedesk.types import RAN_WITH, SIMILAR

    text = in_one_line(evidence.text)[:EVIDENCE_WIDTH]
    adds = f"{evidence.share / abs(score):+.0%} of the score" if evidence.share and score else ""
    if evidence.kind == RAN_WITH:
        return f"ran with{f' ({adds})' if adds else ''}: {text}"
    if evidence.kind == SIMILAR:
        adds = "counts for nothing in the score"
    facts = "; ".join(filter(None, [f"cosine {evidence.picture_similarity:.2f}", adds]))
    return f"similar ({facts}) to the picture that ran with: {text}"


def show_ranked_text(ranked: RankedText) -> None:
    """Prints a text with rank, score and, for an archive text, its id."""
    text = in_one_line(ranked.text)[:EVIDENCE_WIDTH]
    name = f"  [{ranked.id}]" if ranked.id else ""
    show.line(f"{ranked.rank:>3}  {ranked.score:.3f}  {text}{name}")


def in_one_line(text: str) -> str:
    """The text with one space for every stretch of white space."""
    return " ".join(text.split())


def show_rejections(rejections: tuple[Rejection, ...], listed: Path) -> None:
    """Prints the first rejections, and the file that lists all of them."""
    if not rejections:
        return
    show.note(f"{len(rejections)} left out; {listed} lists all:")
    for rejection in rejections[:SHOWN_REJECTIONS]:
        show.note(f"  {rejection.source}: {rejection.reason}; {rejection.cure}")
    if len(rejections) > SHOWN_REJECTIONS:
        show.note(f"  … and {len(rejections) - SHOWN_REJECTIONS} more")
