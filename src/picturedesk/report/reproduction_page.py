"""A reproduction as one HTML page, and the same tables as Markdown.

The page opens offline, in light and dark, and runs no script: plots and pictures are inside, and it
forbids itself to fetch anything. Draws records; measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from picturedesk.artifacts import write_text
from picturedesk.report import numbers
from picturedesk.report.page_style import STYLE
from picturedesk.report.plots import grouped_bars, recall_curves
from picturedesk.report.records import (
    Bar,
    Cell,
    Check,
    Comparison,
    Curve,
    Example,
    PaperTable,
    ReproductionReport,
)
from picturedesk.report.thumbnails import thumbnail
from picturedesk.types import Picture

SIDE = 220  # pixels of a thumbnail's longer side; shown at half of it, so that it stays sharp
STATES = {True: "✓ clean", False: "✗ not clean", None: "for you to judge"}

_NO_FETCHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_ON_COMPARISONS = (
    "Each pair on the same texts, each text averaged over the seeds. Intervals and p by a paired "
    "bootstrap over texts; a filled dot where the 95 % interval leaves zero out."
)
_ON_BARS = "recall@10 of the transfer route with fused features; lines show ± 1 standard deviation."
_ON_EXAMPLES = (
    "A test text; the picture that ran with it, and where that was ranked; the first suggestions "
    "with their scores, a right one framed."
)
_ON_CURVES = "Share of texts with a picture of theirs among the first K; mean over seeds."


def write_page(path: Path, report: ReproductionReport) -> None:
    """Writes the page, whole or not at all.

    Raises:
        MissingExtra: without matplotlib, if there is a plot to draw.
    """
    sections = _sections(report)
    links = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in sections)
    body = "".join(
        f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>{content}</section>\n'
        for name, content in sections.items()
    )
    versions = " · ".join(f"{name} {number}" for name, number in report.versions.items())
    write_text(
        path,
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_FETCHING}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head>\n"
        f"<body><header><h1>{escape(report.title)}</h1>{_facts(report)}{_notes(report)}"
        f"<nav>{links}</nav></header>\n{body}<footer>{escape(versions)}</footer></body></html>\n",
    )


def _sections(report: ReproductionReport) -> dict[str, str]:
    """Heading → content, in order; what the report does not have is left out."""
    found = [example for example in report.examples if example.found]
    missed = [example for example in report.examples if not example.found]
    sections = {
        "Tables": "".join(_table(table) for table in report.tables),
        "Differences": _comparisons(report.comparisons),
        "Recall curves": _curves(report.curves),
        "Figure 3": _bars(report.bars),
        "Honesty": _checks(report.checks),
        "Found": _examples(found),
        "Missed": _examples(missed),
    }
    return {name: content for name, content in sections.items() if content}


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _facts(report: ReproductionReport) -> str:
    rows = numbers.facts(report).items()
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="facts">{lines}</dl>'


def _notes(report: ReproductionReport) -> str:
    lines = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    return f'<div class="notes">{lines}</div>' if lines else ""


def _table(table: PaperTable) -> str:
    groups = table.column_groups()
    heads = over = ""
    for group in groups:
        over += f'<th class="group" colspan="{len(group.columns)}" scope="colgroup">'
        over += f"{escape(group.name)}</th>"
        for place, label in enumerate(group.labels):
            heads += f'<th scope="col"{_first(place)}>{escape(label)}</th>'
    grouped = any(group.name for group in groups)
    above = f"<tr><th></th>{over}</tr>" if grouped else ""
    best = {column: table.best(column) for column in table.columns}
    rows = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th>'
        + "".join(
            _cell(row.cells.get(column), best[column], place)
            for group in groups
            for place, column in enumerate(group.columns)
        )
        + "</tr>\n"
        for row in table.rows
    )
    note = f'<p class="quiet">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<h3>{escape(table.title)}</h3>{note}<div class="wide"><table><thead>{above}'
        f"<tr><th></th>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>"
    )


def _cell(cell: Cell | None, best: float | None, place: int) -> str:
    """A number; the best of its column in bold."""
    if cell is None:
        return f"<td{_first(place)}>{numbers.ABSENT}</td>"
    classes = ["best"] if round(cell.mean, 1) == best else []
    classes += ["first"] if place == 0 else []
    spread = "" if cell.spread is None else f' <span class="spread">± {cell.spread:.1f}</span>'
    return f'<td class="{" ".join(classes)}">{cell.mean:.1f}{spread}</td>'


def _first(place: int) -> str:
    return ' class="first"' if place == 0 else ""


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    widest = max(max(abs(gap.low), abs(gap.high)) for gap in comparisons)
    rows = "".join(
        f'<tr class="{"sure" if gap.significant else "unsure"}">'
        f'<th class="words" scope="row">{escape(gap.name)}</th><td>{escape(gap.candidates)}</td>'
        f"<td>{numbers.signed(gap.difference)}</td><td>{_mark(gap, widest)}</td>"
        f"<td>{numbers.interval(gap.low, gap.high)}</td><td>{numbers.probability(gap.p)}</td>"
        f'<td class="words quiet">{escape(gap.paper) or numbers.ABSENT}</td></tr>\n'
        for gap in comparisons
    )
    heads = ("candidates", "points of recall@10", "", "95 % interval", "p")
    head = "".join(f'<th class="narrow" scope="col">{name}</th>' for name in heads)
    return (
        f'<p class="quiet">{_ON_COMPARISONS}</p><div class="wide"><table><thead><tr><th></th>{head}'
        f'<th class="words" scope="col">the paper says</th></tr></thead><tbody>\n{rows}</tbody>'
        "</table></div>"
    )


def _mark(gap: Comparison, widest: float) -> str:
    """The interval as a dot with whiskers beside a line at zero; the same scale for all."""

    def at(points: float) -> str:
        return f"{50 + 46 * points / max(widest, 1e-9):.1f}%"

    kind = ("better" if gap.difference > 0 else "worse") if gap.significant else "unsure"
    places = f"--low: {at(gap.low)}; --high: {at(gap.high)}; --at: {at(gap.difference)}"
    return (
        f'<span class="interval {kind}" style="{places}" aria-hidden="true"><i></i><b></b></span>'
    )


def _curves(curves: Sequence[Curve]) -> str:
    if not curves:
        return ""
    heads = "".join(f'<th scope="col">{k}</th>' for k in numbers.cuts(curves[0]))
    rows = "".join(
        f'<tr><th scope="row">{escape(curve.name)}</th>'
        + "".join(f"<td>{value:.1f}</td>" for value in numbers.cuts(curve).values())
        + "</tr>\n"
        for curve in curves
    )
    return (
        f'<p class="quiet">{_ON_CURVES}</p><div class="wide">{recall_curves(curves)}</div>'
        '<details><summary>The same in numbers</summary><div class="wide"><table><thead><tr>'
        f"<th>K</th>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div></details>"
    )


def _bars(bars: Sequence[Bar]) -> str:
    if not bars:
        return ""
    return f'<p class="quiet">{_ON_BARS}</p><div class="wide">{grouped_bars(bars)}</div>'


def _checks(checks: Sequence[Check]) -> str:
    kinds = {True: "holds", False: "fails", None: "quiet"}
    lines = "".join(
        f'<li><span class="state {kinds[check.ok]}">{STATES[check.ok]}</span><div>'
        f"<p><strong>{escape(check.name)}:</strong> {escape(check.found)}</p>"
        f'<p class="quiet">{escape(check.meaning)}</p></div></li>\n'
        for check in checks
    )
    return f'<ul class="checks">\n{lines}</ul>' if lines else ""


def _examples(examples: Sequence[Example]) -> str:
    shown = "".join(_example(example) for example in examples)
    return f'<p class="quiet">{_ON_EXAMPLES}</p>{shown}' if examples else ""


def _example(example: Example) -> str:
    own = "".join(_picture(picture, "") for picture in example.right)
    suggested = "".join(
        _picture(picture, f"{place} · {score:.3f}", is_right)
        for place, (picture, score, is_right) in enumerate(example.suggested, start=1)
    )
    return (
        f'<article class="example"><blockquote dir="auto">{escape(example.text)}</blockquote>'
        f'<div class="strips"><div class="strip"><p>ran with it (rank {example.rank})</p>'
        f'<div class="row">{own}</div></div>'
        f'<div class="strip"><p>suggested</p><div class="row">{suggested}</div></div></div>'
        "</article>\n"
    )


def _picture(picture: Picture, caption: str, is_right: bool = False) -> str:
    kind, mark = (" right", " <strong>✓ right</strong>") if is_right else ("", "")
    below = f"<figcaption>{caption}{mark}</figcaption>" if caption else ""
    frame = f'<div class="frame">{thumbnail(picture.uri, SIDE)}</div>'
    return f'<figure class="picture{kind}">{frame}{below}</figure>'


def write_markdown(path: Path, report: ReproductionReport) -> None:
    """Writes tables, comparisons, curves in numbers and checks as Markdown, whole or not at all."""
    lines = [f"# {report.title}", ""]
    lines += [f"- {name}: {value}" for name, value in numbers.facts(report).items()]
    lines += [line for note in report.notes for line in ("", f"**{note}**")]
    for table in report.tables:
        rows = [
            [row.name, *(_plain_cell(table, row.cells.get(name), name) for name in table.columns)]
            for row in table.rows
        ]
        lines += _part(table.title, ["", *table.columns], rows, table.note)
    gaps = [
        [
            gap.name,
            gap.candidates,
            numbers.signed(gap.difference),
            numbers.interval(gap.low, gap.high),
            numbers.probability(gap.p),
            gap.paper or numbers.ABSENT,
        ]
        for gap in report.comparisons
    ]
    heads = ["", "candidates", "points of recall@10", "95 % interval", "p", "the paper says"]
    lines += _part("Differences", heads, gaps, _ON_COMPARISONS.partition(";")[0] + ".")
    if report.curves:
        depths = [f"@{k}" for k in numbers.cuts(report.curves[0])]
        rows = [
            [curve.name, *(f"{value:.1f}" for value in numbers.cuts(curve).values())]
            for curve in report.curves
        ]
        lines += _part("Recall curves", ["", *depths], rows, _ON_CURVES)
    bars = [[bar.group, bar.name, numbers.share(Cell(bar.mean, bar.spread))] for bar in report.bars]
    lines += _part("Figure 3", ["", "", "recall@10"], bars, _ON_BARS.partition(";")[0] + ".")
    checks = [[STATES[check.ok], check.name, check.found, check.meaning] for check in report.checks]
    lines += _part("Honesty", ["", "check", "found", "meaning"], checks, "")
    lines += ["", *(f"{name} {number}" for name, number in report.versions.items())]
    write_text(path, "\n".join(lines) + "\n")


def _plain_cell(table: PaperTable, cell: Cell | None, column: str) -> str:
    if cell is None:
        return numbers.ABSENT
    shown = numbers.share(cell)
    return f"**{shown}**" if round(cell.mean, 1) == table.best(column) else shown


def _part(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str) -> list[str]:
    """A heading, a note and a table; nothing where there are no rows."""
    if not rows:
        return []
    lines = ["", f"## {title}", "", *([note, ""] if note else [])]
    table = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return lines + ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in table]


def _plain(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
