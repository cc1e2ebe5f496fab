"""A desk as one HTML page: its routes, the calibration of its confidence, and examples.

The page opens offline, has a light and a dark style, runs no script and needs no extra. Draws
records; measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from picturedesk.measuring.evaluation import CHANCE, Evaluation, Table
from picturedesk.measuring.reliability import Reliability
from picturedesk.measuring.significance import Difference
from picturedesk.report import desk_sentences, differences, numbers, strips
from picturedesk.report.desk_records import DeskExample, DeskReport, Suggested
from picturedesk.report.page import facts, notes, write_sections
from picturedesk.report.reliability_plot import reliability_diagram

_ON_ROUTES = (
    "All routes rank the same candidates, the pictures that ran with the test texts, for the same "
    "texts. Ties count against a route; chance is a random order. The best value of each column is "
    "bold."
)
_ON_WHOLE = (
    "The pictures of the whole archive are candidates, as for users; of very many, a part, as said "
    "above. Pictures that the desk learned from are placed by heads that were fitted without them. "
    "Captions count as they stand in the catalogue, also where they repeat the text."
)
_ON_DIFFERENCES = (
    "Each pair is compared on the same texts. Intervals and p come from a paired bootstrap over "
    "texts; the dot is filled if the 95 % interval excludes zero."
)
_ON_RELIABILITY = (
    "Measured on the test texts, with all pictures of the archive as candidates. Each dot stands "
    "for texts with similar stated chances. Horizontal: the mean stated chance; vertical: how "
    "often it came true, with its 95 % interval. On the dashed line both are equal. Bars show the "
    "number of texts."
)
_ON_CROSS_VALIDATION = (
    "Mean reciprocal rank on held-out folds of the training texts. These figures chose the "
    "weights, so the blend's is slightly optimistic."
)
_NAMES = {"mrr": "MRR", "ndcg": "nDCG", "_": " "}


def write_desk_report(path: Path, report: DeskReport) -> None:
    """Writes the page atomically; a note replaces a picture that does not exist any more.

    Raises:
        BadInput: ``report.answers`` is not a row of its evaluation.
    """
    parts = " · ".join(f"{count:,} {part}" for part, count in report.texts.items())
    rows = {
        "archive": report.archive,
        "texts": parts or numbers.ABSENT,
        "pictures": f"{report.pictures:,}",
        "recipe": report.recipe,
    }
    head = notes(desk_sentences.summary(report)) + facts(rows.items())
    versions = " · ".join(f"{name} {number}" for name, number in report.versions.items())
    write_sections(path, report.title, head, _sections(report), versions)


def _sections(report: DeskReport) -> dict[str, str]:
    """Heading → content, in order; "" if the report does not have it."""
    return {
        "Confidence": _confidence(report.reliability),
        "Routes": _routes(report.evaluation, report.answers),
        "Whole archive": _whole(report.whole, report.answers),
        "Differences": _differences(report.differences),
        "Cross-validation": _cross_validation(report.cross_validated),
        "Found": _examples(report.successes),
        "Missed": _examples(report.failures),
        "Settings": facts(report.settings),
    }


def _routes(evaluation: Evaluation | None, answers: str) -> str:
    if evaluation is None:
        return ""
    tables = "".join(_table(table, answers) for table in evaluation.tables())
    return f'<p class="quiet">{_ON_ROUTES}</p>{tables}'


def _whole(evaluation: Evaluation | None, answers: str) -> str:
    """Text → picture among all pictures of the archive."""
    if evaluation is None:
        return ""
    table = _table(evaluation.tables()[0], answers)
    return f'<p class="quiet">{_ON_WHOLE}</p>{table}'


def _table(table: Table, answers: str) -> str:
    best = [
        _best(name, [row[place] for row in table.rows if row[0] != CHANCE])
        for place, name in enumerate(table.columns)
    ]
    rows = "".join(_row(row, best, answers) for row in table.rows)
    return f"<h3>{escape(table.title)}</h3>{_grid(('', *table.columns[1:]), rows)}"


def _row(row: Sequence[str], best: Sequence[str], answers: str) -> str:
    own = ' <span class="spread">← this desk</span>' if row[0] == answers else ""
    cells = "".join(
        f'<td class="best">{cell}</td>' if cell == top and row[0] != CHANCE else f"<td>{cell}</td>"
        for cell, top in zip(row[1:], best[1:], strict=True)
    )
    return f'<tr><th scope="row">{escape(row[0])}{own}</th>{cells}</tr>\n'


def _best(column: str, cells: Sequence[str]) -> str:
    """The best cell of a column; "" if all are equal, and for names."""
    if column == "route" or len(set(cells)) < 2:
        return ""
    choose = min if column.endswith("rank") else max
    return choose(cells, key=float)


def _grid(heads: Sequence[str], rows: str) -> str:
    names = "".join(f'<th scope="col">{escape(_plain(head))}</th>' for head in heads)
    return (
        f'<div class="wide"><table><thead><tr>{names}</tr></thead>'
        f"<tbody>\n{rows}</tbody></table></div>"
    )


def _plain(column: str) -> str:
    for written, shown in _NAMES.items():
        column = column.replace(written, shown)
    return column


def _differences(gaps: Sequence[tuple[str, str, Difference]]) -> str:
    if not gaps:
        return ""
    in_points = [(a, b, _in_points(gap)) for a, b, gap in gaps]
    scale = differences.widest(gap for _, _, gap in in_points)
    rows = "".join(
        f'<tr class="{differences.sureness(gap)}">'
        f'<th scope="row">{escape(a)} against {escape(b)}</th>{differences.cells(gap, scale)}'
        f'<td class="words quiet">{escape(desk_sentences.verdict(a, b, gap))}</td></tr>\n'
        for a, b, gap in in_points
    )
    return f'<p class="quiet">{_ON_DIFFERENCES}</p>{_grid(("", *differences.HEADS, ""), rows)}'


def _in_points(gap: Difference) -> Difference:
    return Difference(100 * gap.mean, 100 * gap.low, 100 * gap.high, gap.p)


def _confidence(measured: Sequence[tuple[str, Reliability]]) -> str:
    if not measured:
        return ""
    figures = "".join(
        f"<figure><h3>{escape(what)}</h3>{reliability_diagram(f'reliability-{place}', what, found)}"
        f"<figcaption>{escape(desk_sentences.calibration(found))}</figcaption>"
        f"{_bins(found)}</figure>"
        for place, (what, found) in enumerate(measured, start=1)
    )
    return f'<p class="quiet">{_ON_RELIABILITY}</p><div class="diagrams">{figures}</div>'


def _bins(found: Reliability) -> str:
    """The numbers of the diagram as a table."""
    rows = "".join(
        f"<tr><td>{100 * bin.stated:.1f}</td><td>{100 * bin.observed:.1f}</td>"
        f"<td>{100 * bin.low:.1f} to {100 * bin.high:.1f}</td><td>{bin.count:,}</td></tr>\n"
        for bin in found.bins
    )
    table = _grid(("stated, %", "came true, %", "95 % interval", "texts"), rows)
    return f"<details><summary>The same in numbers</summary>{table}</details>"


def _cross_validation(cross_validated: Mapping[str, float]) -> str:
    if not cross_validated:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(route)}</th><td>{100 * mrr:.1f}</td></tr>\n'
        for route, mrr in cross_validated.items()
    )
    return f'<p class="quiet">{_ON_CROSS_VALIDATION}</p>{_grid(("", "mrr %"), rows)}'


def _examples(examples: Sequence[DeskExample]) -> str:
    return "".join(_example(example) for example in examples)


def _example(example: DeskExample) -> str:
    ran = f"ran with it (rank {example.rank:,})" if example.rank else "ran with it"
    said = "suggested"
    if example.found is not None:
        said += f"; chance that one of the first ten is right: {numbers.percent(example.found)}"
    own = "".join(strips.picture(picture) for picture in example.right)
    suggested = "".join(
        strips.picture(one.picture, _caption(place, one), one.is_right)
        for place, one in enumerate(example.suggested, start=1)
    )
    return strips.query(example.text, strips.strip(ran, own) + strips.strip(said, suggested))


def _caption(place: int, one: Suggested) -> str:
    return f"{place}" if one.found is None else f"{place} · {numbers.percent(one.found)}"
