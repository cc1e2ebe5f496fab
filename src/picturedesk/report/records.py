"""The records of a reproduction's report. Numbers are in percent; knows no experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from picturedesk.measuring.significance import ALPHA
from picturedesk.types import Doubles, Picture


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a table, in percent.

    Attributes:
        mean: over seeds.
        spread: sample standard deviation over seeds; None for a number without seeds.
    """

    mean: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its name, and its cells by column."""

    name: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Neighbouring columns with the same prefix before ": ", as in "400: recall@1".

    Attributes:
        name: the prefix; "" for columns without a ": ".
        columns: their full names.
        labels: their names without the prefix.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One table. Rows may lack columns.

    Attributes:
        title: heading of the table.
        columns: names, in order; neighbours named "GROUP: NAME" share a heading.
        rows: in order.
        note: shown below the heading.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str = ""

    def column_groups(self) -> list[ColumnGroup]:
        """The columns, grouped by heading."""
        split = [(*column.rpartition(": ")[::2], column) for column in self.columns]
        return [
            ColumnGroup(name, tuple(part[2] for part in parts), tuple(part[1] for part in parts))
            for name, parts in (
                (name, list(found)) for name, found in groupby(split, lambda s: s[0])
            )
        ]

    def best(self, column: str) -> float | None:
        """The highest mean of a column, rounded as shown; None if all are equal."""
        means = {round(row.cells[column].mean, 1) for row in self.rows if column in row.cells}
        return max(means) if len(means) > 1 else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rows compared on the same queries.

    Attributes:
        name: names of both rows.
        candidates: name of the candidate set.
        difference: points of recall@10.
        low: lower end of the 95 % interval, points.
        high: its upper end, points.
        p: two-sided, 0 to 1, of this comparison alone.
        p_holm: the same, corrected for all comparisons of the report (Holm).
        paper: what the paper says of the same; "" where it says nothing.
    """

    name: str
    candidates: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    paper: str = ""

    @property
    def significant(self) -> bool:
        """Whether the corrected p is below 0.05."""
        return self.p_holm < ALPHA


@dataclass(frozen=True, slots=True)
class Curve:
    """Recall at 1, 2, 3 … of one row, in percent, mean over seeds.

    Attributes:
        name: name of the row.
        recall: one number per depth, from 1; an array becomes a tuple, for JSON.
    """

    name: str
    recall: tuple[float, ...] | Doubles

    def __post_init__(self) -> None:
        object.__setattr__(self, "recall", tuple(float(share) for share in self.recall))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a grouped chart, in percent.

    Attributes:
        group: name of its group of bars.
        name: name within its group.
        mean: over seeds.
        spread: sample standard deviation over seeds, or None.
    """

    group: str
    name: str
    mean: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check for something that makes figures look better than they are.

    Attributes:
        name: what was checked.
        found: the result.
        meaning: how to read the result.
        ok: whether the check passed; None if the reader must judge.
    """

    name: str
    found: str
    meaning: str
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A test text and its suggestions.

    Attributes:
        text: the shown part of the text.
        right: the pictures that ran with it.
        suggested: (picture, score, whether it is right), best first.
        rank: of the best right picture, from 1.
    """

    text: str
    right: tuple[Picture, ...]
    suggested: tuple[tuple[Picture, float, bool], ...]
    rank: int

    @property
    def found(self) -> bool:
        """Whether a right picture is among the suggestions."""
        return any(is_right for _, _, is_right in self.suggested)


@dataclass(frozen=True, slots=True)
class ReproductionReport:
    """The whole report of a reproduction; ``artifacts.plain`` turns it into JSON.

    Attributes:
        title: heading of the page.
        data: description of the data set.
        backbone: its name.
        levels: as shown.
        seeds: the seeds that ran.
        seconds: wall time.
        tables: in order.
        comparisons: in order; () leaves the section out, here and below.
        curves: all of one length.
        bars: Figure 3; the bars of a group are neighbours.
        checks: in order.
        examples: in order; the page shows hits and misses separately.
        notes: sentences before the tables.
        versions: software → version.
    """

    title: str
    data: str
    backbone: str
    levels: tuple[str, ...]
    seeds: tuple[int, ...]
    seconds: float
    tables: tuple[PaperTable, ...]
    comparisons: tuple[Comparison, ...] = ()
    curves: tuple[Curve, ...] = ()
    bars: tuple[Bar, ...] = ()
    checks: tuple[Check, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
