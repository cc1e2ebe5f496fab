"""Parts of a picture's card: its linked frame, its names, chips for credit and rights, bars.

Takes and escapes plain text; returns markup. Knows neither suggestions nor audits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from picturedesk.report import numbers
from picturedesk.report.thumbnails import original, thumbnail
from picturedesk.types import Picture

MATCHES = ("weak", "fair", "strong")  # from one step to three


def frame(picture: Picture, side: int) -> str:
    """The picture, at most ``side`` pixels wide and high; a link to its file if there is one."""
    shown = thumbnail(picture.uri, side, described(picture))
    address = original(picture.uri)
    if not address:
        return f'<div class="frame">{shown}</div>'
    return f'<a class="frame" href="{escape(address, quote=True)}">{shown}</a>'


def described(picture: Picture) -> str:
    """What a picture shows, as far as its metadata say; else its file's name."""
    return picture.caption or ", ".join(picture.tags) or Path(picture.uri).name


def caption(picture: Picture) -> str:
    """Its description, and below it date and file."""
    name = Path(picture.uri).name
    facts = [picture.date, name if described(picture) != name else ""]
    known = " · ".join(escape(fact) for fact in facts if fact)
    below = f'<p class="file">{known}</p>' if known else ""
    kind = "caption" if described(picture) != name else "caption name"
    return f'<p class="{kind}" dir="auto">{escape(described(picture))}</p>{below}'


def chips(picture: Picture) -> str:
    """Credit, licence, and what keeps the picture from running today; "" if nothing is known."""
    told = [(picture.credit, ""), (picture.licence, "licence")]
    told += _limits(picture, datetime.now(UTC))
    made = "".join(
        f'<li class="{f"chip {kind}".rstrip()}">{escape(said)}</li>' for said, kind in told if said
    )
    return f'<ul class="chips">{made}</ul>' if made else ""


def _limits(picture: Picture, now: datetime) -> Iterator[tuple[str, str]]:
    """What restricts the use of a picture at a moment, and the kind of its chip."""
    if picture.missing:
        yield "file is missing", "stop"
    if picture.expiry and picture.expiry[:10] < f"{now:%Y-%m-%d}":
        yield f"expired {picture.expiry[:10]}", "stop"
    if picture.embargo and picture.embargo > f"{now:%Y-%m-%dT%H:%M}":
        yield f"embargo until {picture.embargo}", "stop"
    if picture.max_uses and picture.uses >= picture.max_uses:
        yield f"used up: {picture.uses} of {picture.max_uses}", "stop"
    if picture.territory:
        yield ", ".join(picture.territory) + " only", "care"


def bar(name: str, share: float, said: str = "") -> str:
    """A share, 0 to 1, as a bar, and beside it what is said of it; its percentage if ""."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    value = escape(said) or numbers.percent(share)
    return _meter(name, f'<i style="width:{width}"></i>', value, "bar")


def steps(name: str, match: str) -> str:
    """A match as one to three of three steps, and as its word."""
    reached = MATCHES.index(match) + 1 if match in MATCHES else 0
    drawn = "".join(f'<i class="{"on" if n < reached else "off"}"></i>' for n in range(3))
    return _meter(name, drawn, escape(match), f"steps {match}" if reached else "steps")


def _meter(name: str, drawn: str, value: str, kind: str) -> str:
    return (
        f'<div class="meter"><dt>{escape(name)}</dt>'
        f'<dd><span class="{kind}" aria-hidden="true">{drawn}</span>'
        f"<span>{value}</span></dd></div>"
    )
