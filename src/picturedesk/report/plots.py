"""Plots as SVG inside a page, with colours from the page's CSS, light or dark.

Knows numbers and names, no experiment. Needs matplotlib (extra "report"), which is imported when a
plot is drawn. Opens no window, shares no state between plots, and returns the same bytes for the
same numbers. Every curve and bar is labelled, so that colour is never the only distinction.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from picturedesk.errors import MissingExtra
from picturedesk.report.records import Bar, Curve
from picturedesk.types import Doubles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib needs colours, the page has CSS variables: placeholders are replaced after drawing.
_INK, _FAINT, _GRID = "#01fe01", "#01fe02", "#01fe03"
_SERIES = ("#01fe10", "#01fe11", "#01fe12", "#01fe13", "#01fe14")
_VARIABLES = {
    _INK: "var(--ink)",
    _FAINT: "var(--faint)",
    _GRID: "var(--grid)",
    **{stand_in: f"var(--series-{number})" for number, stand_in in enumerate(_SERIES)},
}
_DASHES = (
    "-",
    (0, (6, 2.5)),
    (0, (1.5, 2)),
    (0, (7, 2, 1.5, 2)),
)  # one for each pass through the colours
_TICKS = (1, 2, 5, 10, 20, 50, 100)
_CHANCE = "chance"
_WIDTH, _FONT, _LINE = 960, 13, 17  # CSS pixels: width of a plot, font size, label distance


def require_matplotlib() -> None:
    """Raises MissingExtra if matplotlib is missing; call it before hours of work, not after."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("drawing a report", "report") from None


def recall_curves(curves: Sequence[Curve]) -> str:
    """Recall against the number of pictures shown (logarithmic axis), as SVG.

    The axis ends where all curves have reached 100 %, or with the curves.
    """
    recall = np.array([curve.recall for curve in curves])  # (curves, depths)
    depth = max(2, min(int((recall < 99.95).any(axis=0).sum()) + 1, recall.shape[1]))
    margin = 68 + 0.54 * _FONT * max(len(curve.name) for curve in curves)  # for the names
    height = max(460, 90 + _LINE * len(curves))

    def draw(figure: Figure) -> None:
        axes = figure.add_axes(
            (56 / _WIDTH, 50 / height, 1 - (56 + margin) / _WIDTH, 1 - 62 / height)
        )
        axes.set_xscale("log")
        axes.set_xlim(1, depth)
        axes.set_ylim(0, min(100.0, 1.06 * recall[:, :depth].max() + 1))
        ticks = [tick for tick in _TICKS if tick <= depth]
        axes.set_xticks(ticks, labels=[str(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        _dress(axes, "K, pictures shown for a text (log scale)", "recall@K, %")
        for place, curve in enumerate(curves):
            colour, dash = _style(place, curve.name)
            shown = recall[place, :depth]
            axes.plot(range(1, len(shown) + 1), shown, color=colour, linestyle=dash, clip_on=False)
        # If curves end in one point, the one that reached it first is named first.
        ends = recall[:, :depth][:, -1] + 1e-6 * recall[:, :depth].mean(axis=1)
        _name_curves(axes, [curve.name for curve in curves], ends, height - 62)

    names = "; ".join(curve.name for curve in curves)
    says = f"Recall against the number of pictures shown. {names}"
    return _svg("curves", says, (_WIDTH, height), draw)


def _style(place: int, name: str) -> tuple[str, Any]:
    if name == _CHANCE:
        return _FAINT, _DASHES[2]
    return _SERIES[place % len(_SERIES)], _DASHES[place // len(_SERIES) % len(_DASHES)]


def _name_curves(axes: Axes, names: Sequence[str], ends: Doubles, height: float) -> None:
    """Writes each name beside a sample of its line, without overlaps.

    The sample identifies curves that end in one point.
    """
    low, high = axes.get_ylim()
    unit = (high - low) / height  # percent per pixel
    heights = spread_out(ends / unit, _LINE, (low / unit, high / unit)) * unit
    pixel = 1 / axes.get_window_extent().width * axes.figure.dpi / 72  # as share of the axis
    behind = axes.get_yaxis_transform()
    start, stop, text = (1 + pixel * pixels for pixels in (18, 44, 50))
    for place, (name, end, label) in enumerate(zip(names, ends, heights, strict=True)):
        colour, dash = _style(place, name)
        drawn: dict[str, Any] = {"color": colour, "transform": behind, "clip_on": False}
        axes.plot([1, start], [end, label], linewidth=0.8, **drawn)
        axes.plot([start, stop], [label, label], linestyle=dash, **drawn)
        axes.text(text, label, name, va="center_baseline", transform=behind)


def spread_out(wanted: Doubles, gap: float, bounds: tuple[float, float]) -> Doubles:
    """Places (N,) as close as possible to the wanted ones, at least ``gap`` apart, within bounds.

    Neighbours that would overlap are moved as one block to the mean of their wanted places. If the
    bounds are too narrow, the lower one is exceeded.
    """
    order = np.argsort(wanted, kind="stable")
    blocks: list[tuple[float, int]] = []  # wanted place of its first label, and its size
    for label in wanted[order]:
        start, size = float(label), 1
        while blocks and blocks[-1][0] + gap * blocks[-1][1] > start:
            first, others = blocks.pop()
            start = (first * others + (start - gap * others) * size) / (others + size)
            size += others
        blocks.append((start, size))
    placed = np.concatenate([start + gap * np.arange(size) for start, size in blocks])
    steps = gap * np.arange(len(placed))
    placed = np.maximum(placed, bounds[0] + steps)
    placed = np.minimum(placed, bounds[1] - steps[::-1])
    result = np.empty(len(placed))
    result[order] = placed
    return result


def grouped_bars(bars: Sequence[Bar]) -> str:
    """Bars in groups with error bars of one standard deviation, as SVG."""
    groups = [list(found) for _, found in groupby(bars, key=lambda bar: bar.group)]
    names = list(dict.fromkeys(bar.name for bar in bars))

    def draw(figure: Figure) -> None:
        axes = figure.add_axes((0.09, 0.19, 0.89, 0.76))
        highest = max(bar.mean + (bar.spread or 0) for bar in bars)
        _dress(axes, "", "recall@10, %")
        left, ticks = 0.0, []
        for group in groups:
            places = left + np.arange(len(group))
            for place, bar in zip(places, group, strict=True):
                colour = _SERIES[names.index(bar.name) % len(_SERIES)]
                axes.bar(place, bar.mean, width=0.86, color=colour, alpha=0.88, linewidth=0)
                if bar.spread is not None:
                    axes.errorbar(
                        place, bar.mean, bar.spread, color=_INK, elinewidth=1.4, capsize=5
                    )
                top = bar.mean + (bar.spread or 0) + 0.015 * highest
                axes.text(place, top, f"{bar.mean:.1f}", ha="center", va="bottom")
                ticks.append((place, bar.name))
            below = axes.get_xaxis_transform()
            axes.text(
                places.mean(), -0.15, group[0].group, ha="center", weight="bold", transform=below
            )
            left = places[-1] + 1.6
        axes.set_xticks([place for place, _ in ticks], labels=[name for _, name in ticks])
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.8, left - 0.8)
        axes.set_ylim(0, 1.14 * highest or 1)

    shown = "; ".join(f"{bar.group}, {bar.name}: {bar.mean:.1f}" for bar in bars)
    return _svg("bars", f"Recall at 10 in percent. {shown}", (640, 400), draw)


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, labelpad=8)
    axes.set_ylabel(y, labelpad=8)
    axes.grid(axis="y", color=_GRID, linewidth=1)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.tick_params(axis="y", length=0)


def _svg(name: str, says: str, size: tuple[int, int], draw: Callable[[Figure], None]) -> str:
    """Draws a figure with a size in CSS pixels; ``says`` is its text for screen readers."""
    require_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {  # matplotlib has a type for each key
        "svg.fonttype": "none",  # text remains text: selectable, in the page's font, any script
        "svg.hashsalt": name,
        "font.size": _FONT,
        "text.parse_math": False,  # a "$" in a name is a dollar
        "lines.linewidth": 2.2,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
    }
    buffer = io.StringIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # The font is only needed to measure text; it need not have all glyphs.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure = Figure(figsize=(size[0] / 72, size[1] / 72))  # 72 per inch: 1 unit is 1 pixel
        draw(figure)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inlined(buffer.getvalue(), name, says, size)


def _inlined(svg: str, name: str, says: str, size: tuple[int, int]) -> str:
    """An SVG file as part of a page: without prologue, with unique ids and the page's style."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r"font: (?:(\d+) )?([\d.]+px) [^;\"]*", _font, body)  # before matplotlib 3.11
    for stand_in, variable in _VARIABLES.items():
        body = body.replace(stand_in, variable)
    return (
        f'<svg class="plot" role="img" aria-label="{escape(says, quote=True)}" '
        f'viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">{body}'
    )


def _font(shorthand: re.Match[str]) -> str:
    weight = f"font-weight: {shorthand[1]}; " if shorthand[1] else ""
    return f"{weight}font-size: {shorthand[2]}"
