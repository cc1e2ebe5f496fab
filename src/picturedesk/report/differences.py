"""Differences with their intervals as cells of a table; shared by all pages. In points."""

from __future__ import annotations

from collections.abc import Iterable

from picturedesk.measuring.significance import Difference
from picturedesk.report import numbers

HEADS = ("points of recall@10", "", "95 % interval", "p")  # headings of ``cells``


def widest(gaps: Iterable[Difference]) -> float:
    """The end of an interval that is farthest from zero: the scale of a table."""
    return max((max(abs(gap.low), abs(gap.high)) for gap in gaps), default=0.0)


def sureness(gap: Difference) -> str:
    """CSS class of a row: whether its interval excludes zero."""
    return "sure" if gap.significant else "unsure"


def cells(gap: Difference, scale: float) -> str:
    """Points, a drawn interval, the interval in numbers, p.

    Args:
        gap: in points.
        scale: points at the edge of the drawing; see ``widest``.
    """
    return (
        f'<td class="points">{numbers.signed(gap.mean)}</td>'
        f"<td>{_mark(gap, scale)}</td>"
        f"<td>{numbers.interval(gap.low, gap.high)}</td><td>{numbers.probability(gap.p)}</td>"
    )


def _mark(gap: Difference, scale: float) -> str:
    """The interval as a dot with whiskers beside a line at zero."""

    def at(points: float) -> str:
        return f"{50 + 46 * points / max(scale, 1e-9):.1f}%"

    kind = ("better" if gap.mean > 0 else "worse") if gap.significant else "unsure"
    places = f"--low: {at(gap.low)}; --high: {at(gap.high)}; --at: {at(gap.mean)}"
    return (
        f'<span class="interval {kind}" style="{places}" aria-hidden="true"><i></i><b></b></span>'
    )
