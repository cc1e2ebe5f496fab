"""A contact sheet: texts with the pictures suggested for each, as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from picturedesk.report.page import write_document
from picturedesk.report.thumbnails import thumbnail
from picturedesk.types import RAN_WITH, Evidence, Suggestion

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem;
       padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; }
.lead { opacity: .75; margin-top: 0; }
section { margin: 2.2rem 0; }
blockquote { margin: 0 0 1rem; padding: .2rem 1rem; border-left: 4px solid #c4622d;
             font-size: 1.15rem; }
ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem;
     list-style: none; padding: 0; margin: 0; }
li { border: 1px solid #8884; border-radius: 8px; overflow: hidden; }
.frame { background: #fff; height: 13rem; display: flex; align-items: center;
         justify-content: center; }
.frame img { max-width: 100%; max-height: 100%; width: auto; height: auto; }
.missing { color: #444; font-size: .85rem; padding: 1rem; text-align: center; }
.facts { padding: .5rem .75rem .7rem; font-size: .85rem; }
.facts p { margin: .15rem 0; overflow-wrap: anywhere; }
.rank { font-weight: 600; }
.why { opacity: .75; }
"""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """A text and its suggestions."""

    text: str
    suggestions: tuple[Suggestion, ...]


def contact_sheet(path: Path, title: str, lead: str, answers: Sequence[QueryAnswer]) -> None:
    """Writes the sheet atomically; it contains the pictures, so that it opens anywhere.

    Args:
        path: the HTML file.
        title: heading, and title of the window.
        lead: the line below the heading.
        answers: texts with their suggestions, in order.
    """
    sections = "\n".join(_section(answer) for answer in answers)
    write_document(
        path,
        title,
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>\n{sections}\n',
        _STYLE,
    )


def _section(answer: QueryAnswer) -> str:
    cards = "\n".join(_card(suggestion) for suggestion in answer.suggestions)
    return (
        f'<section><blockquote dir="auto">{escape(answer.text)}</blockquote>'
        f"<ol>\n{cards}\n</ol></section>"
    )


def _card(suggestion: Suggestion) -> str:
    picture = suggestion.picture
    facts = [picture.caption, picture.credit, picture.licence, picture.date]
    known = " · ".join(escape(fact) for fact in facts if fact)
    why = ""
    if suggestion.evidence:
        why = f'<p class="why">{escape(_reason(suggestion.evidence[0], suggestion.score))}</p>'
    if suggestion.others:
        what = "near-duplicate" if suggestion.others == 1 else "near-duplicates"
        why = f"<p>and {suggestion.others} {what}</p>{why}"
    how = f"{suggestion.score:.3f}"
    if suggestion.found is not None:
        how = f"{suggestion.match} match · {100 * suggestion.found:.0f} % found"
    return (
        f'<li><div class="frame">{thumbnail(picture.uri)}</div><div class="facts">'
        f'<p><span class="rank">{suggestion.rank}</span> · {suggestion.route} {how}</p>'
        f"<p>{known or escape(Path(picture.uri).name)}</p>{why}</div></li>"
    )


def _reason(evidence: Evidence, score: float) -> str:
    share = ""
    if evidence.share and score:
        share = f", {100 * evidence.share / abs(score):+.0f} % of the score"
    if evidence.kind == RAN_WITH:
        return f"ran with “{evidence.text}”{share}"
    return f"similar ({evidence.picture_similarity:.2f}) to the picture of “{evidence.text}”{share}"
