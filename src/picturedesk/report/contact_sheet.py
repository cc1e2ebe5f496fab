"""A contact sheet: texts with the pictures suggested for each, as one HTML file.

The picture is what one sees first: the best one large, the others in a grid. The page opens
offline, has a light and a dark style and runs no script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from picturedesk.report import cards, numbers
from picturedesk.report.card_style import SHEET
from picturedesk.report.page import write_document
from picturedesk.report.page_style import STYLE
from picturedesk.types import RAN_WITH, Evidence, Suggestion, Suggestions

_LARGE, _SMALL = 1200, 640  # pixels of a thumbnail's longer side, so that it is sharp
_LONG = 220  # letters from which on a text is set small; ideographs are two wide
_IDEOGRAPHS = "\u2e80"  # the first
_WHOLE = 900  # characters of a text that are shown
_COLUMNS = (3, 4)  # of a wide page


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """A text and its suggestions."""

    text: str
    suggestions: Suggestions


def contact_sheet(path: Path, title: str, lead: str, answers: Sequence[QueryAnswer]) -> None:
    """Writes the sheet atomically; it contains the pictures, so that it opens anywhere.

    Args:
        path: the HTML file.
        title: heading, and title of the window.
        lead: the line beside the heading.
        answers: texts with their suggestions, in order.
    """
    sections = "\n".join(map(_section, answers))
    write_document(
        path,
        title,
        f'<div class="sheet"><header><h1>{escape(title)}</h1><p>{escape(lead)}</p></header>\n'
        f"<main>{sections}</main></div>\n",
        STYLE + SHEET,
    )


def _section(answer: QueryAnswer) -> str:
    found = answer.suggestions
    shown = "\n".join(_card(one, place == 0) for place, one in enumerate(found))
    across = min(_COLUMNS, key=lambda columns: -(len(found) - 1) % columns)
    body = f'<ol class="cards" style="--across:{across}">\n{shown}\n</ol>'
    if not found:
        body = '<p class="nothing">No picture in the catalogue meets the condition.</p>'
    return (
        f'<section class="answer"><div class="asked">{_quote(answer.text)}{_chance(found)}</div>'
        f"{_doubt(found)}{body}</section>"
    )


def _quote(text: str) -> str:
    whole = text if len(text) <= _WHOLE else text[: _WHOLE - 1].rstrip() + "…"
    width = len(text) + sum(letter >= _IDEOGRAPHS for letter in text[:_LONG])
    kind = ' class="long"' if width > _LONG else ""
    return f'<blockquote{kind} dir="auto">{escape(whole)}</blockquote>'


def _chance(found: Suggestions) -> str:
    if found.found is None:
        return ""
    among = "this is the right picture" if len(found) == 1 else "the right picture is here"
    return (
        f'<p class="chance"><strong>{numbers.percent(found.found)}</strong>'
        f"<span>chance that {among}</span></p>"
    )


def _doubt(found: Suggestions) -> str:
    if not found.doubt:
        return ""
    return f'<p class="doubt">There may be no good picture: {escape(found.doubt)}.</p>'


def _card(suggestion: Suggestion, is_first: bool) -> str:
    picture = suggestion.picture
    kind = "card hero" if is_first else "card"
    return (
        f'<li class="{kind}">{cards.frame(picture, _LARGE if is_first else _SMALL)}'
        f'<div class="told"><span class="rank">{suggestion.rank}</span>{cards.caption(picture)}'
        f"{cards.chips(picture)}{_meters(suggestion)}{_why(suggestion)}</div></li>"
    )


def _meters(suggestion: Suggestion) -> str:
    """Chance and match as bars; without a calibration, the score of the route."""
    if suggestion.found is None:
        return f'<p class="why">{escape(suggestion.route)} {suggestion.score:.3f}</p>'
    return (
        f'<dl class="meters">{cards.bar("found", suggestion.found)}'
        f"{cards.steps('match', suggestion.match)}</dl>"
    )


def _why(suggestion: Suggestion) -> str:
    """The strongest evidence in one line, and how many near-duplicates there are."""
    lines = []
    if suggestion.others:
        what = "near-duplicate" if suggestion.others == 1 else "near-duplicates"
        lines.append(f"and {suggestion.others} {what}")
    if suggestion.evidence:
        lines.append(_reason(suggestion.evidence[0], suggestion.score))
    return "".join(f'<p class="why" dir="auto">{line}</p>' for line in lines)


def _reason(evidence: Evidence, score: float) -> str:
    """Why an archive text supports a picture; all that is told of the text is put together here."""
    said = f"“{escape(evidence.title or evidence.text)}”"
    if evidence.link.startswith(("http://", "https://")):
        said = f'<a href="{escape(evidence.link)}" rel="noreferrer">{said}</a>'
    facts = [escape(evidence.date[:10])] if evidence.date else []
    if evidence.share and score:
        facts.append(f"{100 * evidence.share / abs(score):+.0f} % of the score")
    if not evidence.available:
        facts.append("its picture may not run now")
    known = f" ({', '.join(facts)})" if facts else ""
    if evidence.kind == RAN_WITH:
        return f"Ran with {said}{known}"
    return f"Like the picture that ran with {said}{known}"
