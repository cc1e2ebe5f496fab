"""An audit as one HTML page: what an editor should look at, with thumbnails.

The page opens offline, has a light and a dark style and runs no script. Draws records; audits
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

from picturedesk.report import cards, numbers
from picturedesk.report.audit_records import (
    Audit,
    Exposure,
    RightsConflict,
    SuspectPair,
    Topic,
)
from picturedesk.report.card_style import AUDIT
from picturedesk.report.page import notes, write_sections
from picturedesk.report.page_style import STYLE
from picturedesk.types import Picture

_SIDE, _SMALL = 440, 260  # pixels of a thumbnail's longer side, so that it is sharp
_Finding = TypeVar("_Finding")

_ON_PAIRS = (
    "The picture suits its text less than nearly all pairs of this archive do; it was placed "
    "without learning from this pair. Look for swapped or wrong pictures here. The rank is that of "
    "the picture among all for its text; the small pictures suit it best."
)
_ON_TOPICS = (
    "For more of these texts than usual, the catalogue has no good picture but the one that ran "
    "with them. New pictures are needed here most."
)
_ON_UNUSED = (
    "Not among the first ten for any text of the archive that they did not run with. Some are of "
    "subjects that no text is about; some are mislabelled or blank."
)
_ON_OVERUSED = (
    "Among the first ten for far more texts than other pictures. They may say too little."
)
_ON_RIGHTS = (
    "Copies of one picture whose credit or licence differs, or stands with one copy only. Correct "
    "the metadata before one of them runs."
)


def write_audit_page(path: Path, audit: Audit) -> None:
    """Writes the page atomically; a note replaces a picture that does not exist any more."""
    write_sections(
        path,
        f"Audit: {audit.archive}",
        notes(_summary(audit)),
        {
            "Mispaired": _listed(_ON_PAIRS, audit.suspects, _suspect),
            "Topics": _listed(_ON_TOPICS, audit.topics, _topic),
            "Rights": _listed(_ON_RIGHTS, audit.conflicts, _conflict),
            "Never suggested": _grid(_unused_note(audit), audit.unused, _small),
            "Too often": _grid(_ON_OVERUSED, audit.overused, _exposure),
        },
        f"{audit.texts:,} texts · {audit.pairs:,} pairs · {audit.pictures:,} pictures",
        STYLE + AUDIT,
    )


def _summary(audit: Audit) -> tuple[str, ...]:
    """The audit in a few sentences."""
    never = numbers.percent(audit.unused_pictures / max(audit.pictures, 1))
    return (
        f"{audit.pairs:,} pairs were compared; the {len(audit.suspects):,} that suit each other "
        f"least are below.",
        f"For {numbers.percent(audit.weak)} of the texts, the catalogue has no good picture but "
        f"their own; {never} of its pictures are never suggested.",
        f"Near-duplicates with different rights: {len(audit.conflicts):,}.",
    )


def _listed(said: str, findings: Sequence[_Finding], drawn: Callable[[_Finding], str]) -> str:
    """A sentence and one article for each finding; "" if there are none."""
    if not findings:
        return ""
    return f'<p class="quiet">{said}</p>{"".join(map(drawn, findings))}'


def _grid(said: str, findings: Sequence[_Finding], drawn: Callable[[_Finding], str]) -> str:
    """A sentence and a grid of small pictures; "" if there are none."""
    if not findings:
        return ""
    return f'<p class="quiet">{said}</p><ol class="grid">{"".join(map(drawn, findings))}</ol>'


def _unused_note(audit: Audit) -> str:
    shown = len(audit.unused)
    counted = f"{audit.unused_pictures:,} pictures"
    if shown < audit.unused_pictures:
        counted += f", of which {shown:,} are shown"
    return f"{counted}. {_ON_UNUSED}"


def _suspect(pair: SuspectPair) -> str:
    instead = "".join(f"<li>{cards.frame(one, _SMALL)}</li>" for one in pair.instead)
    return (
        f'<article class="finding pair"><div class="own">{cards.frame(pair.picture, _SIDE)}'
        f"{cards.chips(pair.picture)}</div>"
        f'<div class="told"><blockquote dir="auto">{escape(pair.text)}</blockquote>'
        f'<p class="file">{escape(pair.id)} · {escape(Path(pair.picture.uri).name)}</p>'
        f'<dl class="meters">{cards.bar("rank", pair.rank / pair.pictures, _rank(pair))}</dl>'
        f'<p class="file">{numbers.percent(pair.suspicion)} of pairs suit each other better</p>'
        f'</div><ol class="instead" aria-label="suits the text better">{instead}</ol></article>\n'
    )


def _rank(pair: SuspectPair) -> str:
    return f"{pair.rank:,} of {pair.pictures:,}"


def _topic(topic: Topic) -> str:
    words = "".join(f'<li class="chip">{escape(word)}</li>' for word in topic.words)
    examples = "".join(f'<li><p dir="auto">{escape(text)}</p></li>' for text in topic.examples)
    return (
        f'<article class="finding topic"><div><ul class="chips">{words}</ul>'
        f'<p class="file">{topic.asked:,} of {topic.texts:,} texts were asked</p>'
        f'<dl class="meters">{cards.bar("weak", topic.weak)}</dl></div>'
        f'<ul class="examples">{examples}</ul></article>\n'
    )


def _conflict(conflict: RightsConflict) -> str:
    copies = "".join(
        f"<li>{cards.frame(one, _SMALL)}{cards.chips(one) or _nothing()}"
        f'<p class="file">{escape(Path(one.uri).name)}</p></li>'
        for one in conflict.pictures
    )
    differ = " and ".join(conflict.differ)
    return (
        f'<article class="finding"><p class="differ">different {differ}</p>'
        f'<ol class="grid">{copies}</ol></article>\n'
    )


def _nothing() -> str:
    return '<ul class="chips"><li class="chip stop">no rights known</li></ul>'


def _small(picture: Picture) -> str:
    return (
        f"<li>{cards.frame(picture, _SMALL)}"
        f'<p class="file">{escape(Path(picture.uri).name)}</p></li>'
    )


def _exposure(one: Exposure) -> str:
    return (
        f"<li>{cards.frame(one.picture, _SMALL)}"
        f'<p class="file">{one.texts:,} texts · {escape(Path(one.picture.uri).name)}</p></li>'
    )
