"""A reproduction as one HTML page, and the same tables as Markdown.

The page opens offline, has a light and a dark style and runs no script. It contains its plots and
pictures and loads nothing. Draws records; measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from picturedesk.disk.artifacts import write_text
from picturedesk.measuring.significance import Difference
from picturedesk.report import differences, numbers, strips
from picturedesk.report.page import facts, notes, write_sections
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

STATES = {True: "✓ passed", False: "✗ failed", None: "please judge"}

_ON_COMPARISONS = (
    "Each pair on the same texts, each text averaged over the seeds. Intervals and p by a paired "
    "bootstrap over texts, each for one comparison alone. p (Holm) is corrected for the number of "
    "comparisons; the family is all rows of this table. Its value decides what is significant "
    "(below 0.05; a filled dot)."
)
_ON_BARS = "recall@10 of the transfer route with fused features; lines show ± 1 standard deviation."
_ON_EXAMPLES = (
    "A test text, the picture that ran with it and its rank, and the first suggestions with their "
    "scores; right ones are framed."
)
_ON_CURVES = "Share of texts with a right picture among the first K; mean over seeds."


def write_page(path: Path, report: ReproductionReport) -> None:
    """Writes the page atomically.

    Raises:
        MissingExtra: there is a plot to draw and matplotlib is missing.
    """
    versions = " · ".join(f"{name} {number}" for name, number in report.versions.items())
    head = facts(numbers.facts(report).items()) + notes(report.notes)
    write_sections(path, report.title, head, _sections(report), versions)


def _sections(report: ReproductionReport) -> dict[str, str]:
    """Heading → content, in order; "" if the report does not have it."""
    found = [example for example in report.examples if example.found]
    missed = [example for example in report.examples if not example.found]
    return {
        "Tables": "".join(_table(table) for table in report.tables),
        "Differences": _comparisons(report.comparisons),
        "Recall curves": _curves(report.curves),
        "Figure 3": _bars(report.bars),
        "Honesty": _checks(report.checks),
        "Found": _examples(found),
        "Missed": _examples(missed),
    }


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
    gaps = [Difference(gap.difference, gap.low, gap.high, gap.p) for gap in comparisons]
    scale = differences.widest(gaps)
    rows = "".join(
        f'<tr class="{differences.sureness(gap, one.p_holm)}">'
        f'<th class="words" scope="row">{escape(one.name)}</th><td>{escape(one.candidates)}</td>'
        f"{differences.cells(gap, scale, one.p_holm)}"
        f'<td class="words quiet">{escape(one.paper) or numbers.ABSENT}</td></tr>\n'
        for one, gap in zip(comparisons, gaps, strict=True)
    )
    heads = ("candidates", *differences.HEADS, differences.CORRECTED)
    head = "".join(f'<th class="narrow" scope="col">{name}</th>' for name in heads)
    return (
        f'<p class="quiet">{_ON_COMPARISONS}</p><div class="wide"><table><thead><tr><th></th>{head}'
        f'<th class="words" scope="col">the paper says</th></tr></thead><tbody>\n{rows}</tbody>'
        "</table></div>"
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
    own = "".join(strips.picture(picture) for picture in example.right)
    suggested = "".join(
        strips.picture(picture, f"{place} · {score:.3f}", is_right)
        for place, (picture, score, is_right) in enumerate(example.suggested, start=1)
    )
    return strips.query(
        example.text,
        strips.strip(f"ran with it (rank {example.rank})", own)
        + strips.strip("suggested", suggested),
    )


def write_markdown(path: Path, report: ReproductionReport) -> None:
    """Writes tables, comparisons, curves as numbers and checks as Markdown, atomically."""
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
            numbers.probability(gap.p_holm),
            gap.paper or numbers.ABSENT,
        ]
        for gap in report.comparisons
    ]
    heads = ["", "candidates", "points of recall@10", "95 % interval", "p"]
    heads += [differences.CORRECTED, "the paper says"]
    lines += _part("Differences", heads, gaps, _ON_COMPARISONS.replace("; a filled dot", ""))
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
    """A heading, a note and a table; [] if there are no rows."""
    if not rows:
        return []
    lines = ["", f"## {title}", "", *([note, ""] if note else [])]
    table = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return lines + ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in table]


def _plain(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
