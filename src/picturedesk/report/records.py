"""What a reproduction found, ready to be shown. Numbers in percent; knows no experiment."""

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
        spread: sample standard deviation over seeds; None where nothing varies between them.
    """

    mean: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: its name, and its cells by the name of their column."""

    name: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Neighbouring columns that share what stands before their ": ", as "400: recall@1" does.

    Attributes:
        name: what they share; "" for columns without a ": ".
        columns: their whole names.
        labels: what is left of them.
    """

    name: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One table. A row may lack a column.

    Attributes:
        title: shown above it.
        columns: names, in order; "GROUP: NAME" puts neighbours of one group under one heading.
        rows: in order.
        note: shown with it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str = ""

    def column_groups(self) -> list[ColumnGroup]:
        """The columns, those of one heading together."""
        split = [(*column.rpartition(": ")[::2], column) for column in self.columns]
        return [
            ColumnGroup(name, tuple(part[2] for part in parts), tuple(part[1] for part in parts))
            for name, parts in (
                (name, list(found)) for name, found in groupby(split, lambda s: s[0])
            )
        ]

    def best(self, column: str) -> float | None:
        """The highest mean of a column, to the one decimal that is shown; None if all are equal."""
        means = {round(row.cells[column].mean, 1) for row in self.rows if column in row.cells}
        return max(means) if len(means) > 1 else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rows on the same queries.

    Attributes:
        name: which against which.
        candidates: the set they were asked on.
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
        name: of the row.
        recall: one number for each depth from 1 on; an array is kept as a tuple, as JSON wants it.
    """

    name: str
    recall: tuple[float, ...] | Doubles

    def __post_init__(self) -> None:
        object.__setattr__(self, "recall", tuple(float(share) for share in self.recall))


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a grouped chart, in percent.

    Attributes:
        group: bars of one group stand together.
        name: within its group.
        mean: over seeds.
        spread: sample standard deviation over seeds, or None.
    """

    group: str
    name: str
    mean: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that could make figures look better than they are.

    Attributes:
        name: what was looked at.
        found: what was there.
        meaning: how to read it.
        ok: whether it is as it should be; None where that is for the reader to judge.
    """

    name: str
    found: str
    meaning: str
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A test text and what was suggested for it.

    Attributes:
        text: as much of it as is shown.
        right: the pictures that ran with it.
        suggested: picture, score and whether it is a right one; best first.
        rank: of the best right picture, from 1.
    """

    text: str
    right: tuple[Picture, ...]
    suggested: tuple[tuple[Picture, float, bool], ...]
    rank: int

    @property
    def found(self) -> bool:
        """Whether a right picture is among those suggested."""
        return any(is_right for _, _, is_right in self.suggested)


@dataclass(frozen=True, slots=True)
class ReproductionReport:
    """All that a reproduction has to say; ``artifacts.plain`` makes it JSON.

    Attributes:
        title: of the page.
        data: what it was run on, in words.
        backbone: its name.
        levels: as they are shown.
        seeds: one run each.
        seconds: wall time.
        tables: in order.
        comparisons: in order; () leaves the section out, as for all that follows.
        curves: all of one length.
        bars: Figure 3; each group's bars next to each other.
        checks: in order.
        examples: in order; those found and those missed are shown apart.
        notes: sentences; what a reader should know before the tables.
        versions: of software, by name.
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
