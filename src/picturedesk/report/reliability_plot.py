"""A reliability diagram as SVG inside a page, with colours from the page's CSS.

Drawn without matplotlib, so that a base install can show it. Tooltips and the text for screen
readers give all numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from picturedesk.measuring.reliability import Reliability, ReliabilityBin
from picturedesk.report.numbers import percent

_LEFT, _TOP, _SIDE = 52, 12, 288  # CSS pixels: the square of stated against observed
_GAP, _BARS = 18, 54  # between square and bars; height of the bars
_WIDTH, _HEIGHT = _LEFT + _SIDE + 18, _TOP + _SIDE + _GAP + _BARS + 46
_FLOOR = _TOP + _SIDE + _GAP + _BARS  # bottom of the bars
_NUMBER = 24  # width of a count
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reliability_diagram(name: str, what: str, found: Reliability) -> str:
    """Observed against stated probability with 95 % intervals, and the number of queries per dot.

    Args:
        name: unique on the page, for ids.
        what: name of the probabilities, as plain text.
        found: the calibration.
    """
    says = "; ".join(described(bin) for bin in found.bins)
    return (
        f'<svg class="diagram" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<title id="{name}-title">{escape(what)}: how often it came true against the stated chance'
        f'</title><desc id="{name}-desc">{escape(says)}</desc>'
        f"{_frame()}{_counts(found.bins)}{''.join(_dot(bin) for bin in found.bins)}</svg>"
    )


def described(bin: ReliabilityBin) -> str:
    """One bin in words."""
    return (
        f"stated {percent(bin.stated)}, came true {percent(bin.observed)} "
        f"({percent(bin.low)} to {percent(bin.high)}) of {bin.count:,}"
    )


def _x(share: float) -> float:
    return round(_LEFT + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_TOP + _SIDE * (1 - share), 1)


def _line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {style}/>'


def _text(x: float, y: float, words: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}" {style}>{words}</text>'


def _frame() -> str:
    """Grid, diagonal, and the numbers and names of the axes."""
    drawn = ""
    for tick in _TICKS:
        drawn += _line((_LEFT, _y(tick)), (_LEFT + _SIDE, _y(tick)), 'class="grid"')
        drawn += _line((_x(tick), _TOP), (_x(tick), _FLOOR), 'class="grid"')
        number = f"{100 * tick:.0f}"
        drawn += _text(_LEFT - 8, _y(tick) + 4, number, 'text-anchor="end"')
        drawn += _text(_x(tick), _FLOOR + 16, number, 'text-anchor="middle"')
    drawn += _line((_x(0), _y(0)), (_x(1), _y(1)), 'class="diagonal"')
    middle = _TOP + _SIDE / 2
    turned = f'text-anchor="middle" transform="rotate(-90 14 {middle})"'
    drawn += _text(14, middle, "right, %", turned)
    return drawn + _text(_x(0.5), _FLOOR + 36, "stated chance, %", 'text-anchor="middle"')


def _dot(bin: ReliabilityBin) -> str:
    x, low, high = _x(bin.stated), _y(bin.low), _y(bin.high)
    caps = "".join(_line((x - 4, y), (x + 4, y), 'class="reach"') for y in (low, high))
    reach = _line((x, low), (x, high), 'class="reach"')
    return (
        f"<g><title>{escape(described(bin))}</title>{reach}{caps}"
        f'<circle cx="{x}" cy="{_y(bin.observed)}" r="5"/></g>'
    )


def _counts(bins: Sequence[ReliabilityBin]) -> str:
    """A bar for each bin, scaled to the largest, with its number on top if there is room."""
    most = max(bin.count for bin in bins)
    drawn = _line((_LEFT, _FLOOR), (_LEFT + _SIDE, _FLOOR), 'class="floor"')
    for bin in bins:
        height = round(max(1.0, (_BARS - 12) * bin.count / most), 1)
        left, right = _x(bin.start), _x(bin.end)
        drawn += (
            f'<rect x="{left + 1}" y="{_FLOOR - height}" width="{round(right - left - 2, 1)}" '
            f'height="{height}"/>'
        )
        if right - left >= _NUMBER:
            centre, above = round((left + right) / 2, 1), round(_FLOOR - height - 3, 1)
            style = 'class="count" text-anchor="middle"'
            drawn += _text(centre, above, f"{bin.count}", style)
    return drawn + _text(_LEFT - 8, _FLOOR, "texts", 'text-anchor="end"')
