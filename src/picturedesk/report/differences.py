"""Differences with their intervals as cells of a table; shared by all pages. In points."""

from __future__ import annotations

from collections.abc import Iterable

from picturedesk.measuring.significance import ALPHA, Difference
from picturedesk.report import numbers

HEADS = ("points of recall@10", "", "95 % interval", "p")  # of ``cells``
CORRECTED = "p (Holm)"  # heading of the cell that a corrected p adds


def widest(gaps: Iterable[Difference]) -> float:
    """The end of an interval that is farthest from zero: the scale of a table."""
    return max((max(abs(gap.low), abs(gap.high)) for gap in gaps), default=0.0)


def sureness(gap: Difference, p_holm: float | None = None) -> str:
    """Class of a row: whether the difference is significant."""
    return "sure" if _is_sure(gap, p_holm) else "unsure"


def cells(gap: Difference, scale: float, p_holm: float | None = None) -> str:
    """Points, a drawn interval, the interval in numbers, p, and the corrected p if there is one.

    Args:
        gap: in points.
        scale: points at the edge of the drawing; see ``widest``.
        p_holm: p corrected for the number of comparisons. If given, it decides what is
            significant, otherwise the interval does.
    """
    corrected = "" if p_holm is None else f"<td>{numbers.probability(p_holm)}</td>"
    return (
        f'<td class="points">{numbers.signed(gap.mean)}</td>'
        f"<td>{_mark(gap, scale, _is_sure(gap, p_holm))}</td>"
        f"<td>{numbers.interval(gap.low, gap.high)}</td><td>{numbers.probability(gap.p)}</td>"
        f"{corrected}"
    )


def _is_sure(gap: Difference, p_holm: float | None) -> bool:
    return gap.significant if p_holm is None else p_holm < ALPHA


def _mark(gap: Difference, scale: float, sure: bool) -> str:
    """The interval as a dot with whiskers beside a line at zero."""

    def at(points: float) -> str:
        return f"{50 + 46 * points / max(scale, 1e-9):.1f}%"

    kind = ("better" if gap.mean > 0 else "worse") if sure else "unsure"
    places = f"--low: {at(gap.low)}; --high: {at(gap.high)}; --at: {at(gap.mean)}"
    return (
        f'<span class="interval {kind}" style="{places}" aria-hidden="true"><i></i><b></b></span>'
    )
