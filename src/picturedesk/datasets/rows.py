"""Rows of CSV, JSONL and Parquet files, one after the other; broken rows come as rejections.

Knows file formats, not the meaning of columns. Never holds a whole file in memory.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from picturedesk.datasets.encoding import broken_text, open_lines, table_encoding
from picturedesk.errors import BadInput
from picturedesk.types import Rejection

if TYPE_CHECKING:
    import pyarrow

DELIMITERS = ",;\t"
MAX_CELL = 1 << 26  # characters; also the limit for finding the end of a quoted cell
_PEEKED = 1000  # JSONL lines whose keys make up the columns
_PARQUET_ROWS = 1024  # per batch
_AS_UTF8 = "save the table as UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        place: file and line (Parquet: row), from 1.
        cells: by column name.
    """

    place: str
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """An open table; it can be read several times.

    Attributes:
        columns: names, in order.
        rows: takes the names of the wanted columns and yields rows, and rejections of broken ones.
    """

    columns: tuple[str, ...]
    rows: Callable[[Sequence[str]], Iterator[Row | Rejection]]


def open_table(path: Path) -> Table:
    """Opens a table by its suffix (``SUFFIXES``).

    Raises:
        BadInput: it is not a table, or has no columns.
    """
    opener = SUFFIXES.get(path.suffix.lower())
    if opener is None:
        known = ", ".join(SUFFIXES)
        raise BadInput(f"{path}: {path.suffix!r} is not the suffix of a table: use one of {known}")
    if path.is_dir():
        raise BadInput(f"{path} is a folder: a table is one file")
    try:
        return opener(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput(f"{path} cannot be read: {reason}: check the path") from None


class _Lines:
    """Lines of a file that can be read again, so that one stray quote does not swallow the rest.

    Attributes:
        number: first line of the current row, from 1.
    """

    def __init__(self, stream: TextIO) -> None:
        self.number = 1
        self._stream = stream
        self._again: deque[str] = deque()
        self._taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self._taken.append(line)
        return line

    def accept(self) -> None:
        """Accepts the lines read so far as one row."""
        self.number += len(self._taken)
        self._taken.clear()

    def skip_first(self) -> None:
        """Accepts only the first of the lines read so far; the others are read again."""
        self._again.extendleft(reversed(self._taken[1:]))
        self.number += 1
        self._taken.clear()


def _open_csv(path: Path) -> Table:
    encoding = table_encoding(path)
    with open_lines(path, encoding) as stream:
        first = stream.readline(MAX_CELL)
    if not first.strip():
        raise BadInput(f"{path} is empty: its first line must name the columns")
    try:
        with _wide_cells(), open_lines(path, encoding) as stream:
            delimiter = max(DELIMITERS, key=lambda mark: len(_header([first], mark)))
            header = _header(stream, delimiter)
    except csv.Error as error:
        raise BadInput(f"{path}: its first line is not CSV: {error}") from None
    columns = tuple(name.strip() for name in header)

    def rows(wanted: Sequence[str]) -> Iterator[Row | Rejection]:
        with open_lines(path, encoding) as stream:
            yield from itertools.islice(_csv_rows(path, stream, delimiter, columns), 1, None)

    return Table(columns, rows)


def _header(lines: Iterable[str], delimiter: str) -> list[str]:
    return next(csv.reader(lines, delimiter=delimiter))


def _csv_rows(
    path: Path, stream: TextIO, delimiter: str, columns: tuple[str, ...]
) -> Iterator[Row | Rejection]:
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        place = f"{path}:{lines.number}"
        try:
            with _wide_cells():
                cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.skip_first()
            yield Rejection(place, f"is not CSV: {error}", 'close quotes, double inner ones ("")')
            continue
        lines.accept()
        if len(cells) == len(columns):
            yield Row(place, dict(zip(columns, cells, strict=True)))
        elif cells:
            reason = f"has {len(cells)} cells, the header has {len(columns)}"
            yield Rejection(place, reason, "quote cells that hold the delimiter or line ends")


@contextmanager
def _wide_cells() -> Iterator[None]:
    """Raises the csv module's limit for one row; it is global, so it is restored afterwards."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _open_jsonl(path: Path) -> Table:
    columns: dict[str, None] = {}
    with open_lines(path) as stream:
        for row in itertools.islice(_json_rows(path, stream), _PEEKED):
            if isinstance(row, Row):
                columns.update(dict.fromkeys(row.cells))
    if not columns:
        raise BadInput(f"{path} has no JSON object in its first lines: write one object per line")

    def rows(wanted: Sequence[str]) -> Iterator[Row | Rejection]:
        with open_lines(path) as stream:
            yield from _json_rows(path, stream)

    return Table(tuple(columns), rows)


def _json_rows(path: Path, stream: TextIO) -> Iterator[Row | Rejection]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        row = _json_row(line)
        place = f"{path}:{number}"
        if isinstance(row, str):
            yield Rejection(place, row, "write one JSON object per line, as UTF-8")
        else:
            yield Row(place, row)


def _json_row(line: str) -> dict[str, Any] | str:
    """The object of one line, or the reason why there is none."""
    broken = broken_text(line)
    if broken:
        return broken
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return content if isinstance(content, dict) else "is not a JSON object"


def _open_parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
    except pyarrow.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path} is not Parquet: {reason}: write it again") from None
    return Table(columns, lambda wanted: _parquet_rows(path, wanted))


def _parquet_rows(path: Path, wanted: Sequence[str]) -> Iterator[Row | Rejection]:
    import pyarrow
    import pyarrow.parquet

    number = 0
    with pyarrow.parquet.ParquetFile(path) as file:
        try:
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=list(wanted)):
                for index in range(batch.num_rows):
                    number += 1
                    yield _parquet_row(f"{path} row {number}", batch, index)
        except (pyarrow.ArrowException, OSError) as error:
            reason = f"cannot be read from here on: {str(error).splitlines()[0]}"
            yield Rejection(f"{path} row {number + 1}", reason, "write the file again")


def _parquet_row(place: str, batch: pyarrow.RecordBatch, index: int) -> Row | Rejection:
    try:
        return Row(place, {name: batch.column(name)[index].as_py() for name in batch.schema.names})
    except UnicodeDecodeError:
        return Rejection(place, "is not UTF-8", _AS_UTF8)


SUFFIXES: dict[str, Callable[[Path], Table]] = {
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".jsonl": _open_jsonl,
    ".ndjson": _open_jsonl,
    ".parquet": _open_parquet,
}
