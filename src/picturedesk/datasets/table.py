"""CSV, JSONL and Parquet tables of texts and pictures → Archive.

Knows the meaning of columns, not the file formats. Leaves out and reports unusable rows.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from picturedesk.datasets.cells import PATH_MARKS, TAG_MARKS, Unfit, iso_date, string, strings
from picturedesk.datasets.columns import Columns, resolve
from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.own_values import ColumnTypes, learn
from picturedesk.datasets.rows import Row, open_table
from picturedesk.disk.object_storage import is_object, refusal
from picturedesk.errors import BadInput
from picturedesk.own_columns import column_names
from picturedesk.types import Archive, Picture, Rejection, Text

PARTS = {
    "": "",
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("validate", "validation", "valid", "val", "dev"), "validate"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_WORDS = ("caption", "credit", "licence")  # roles that are fields of a picture, by their kinds
_DATES = ("date", "expiry", "embargo", "last_used")
_LISTS = ("tags", "territory")
_COUNTS = ("uses", "max_uses")
_NO_DATES = "dates are impossible, not ISO 8601, or could mean two days"
_NO_COUNTS = "counts are no whole numbers"
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row; ``about`` is the metadata of its pictures."""

    place: str
    text: Text
    part: str
    paths: tuple[str, ...]
    about: Picture


def read(path: Path, columns: Columns | None = None) -> Archive:
    """Reads a table of texts and picture paths; paths are relative to the table's folder.

    Rows of one text are joined: those with the same id, or without an id those with the same title
    and body. A text with an id may be empty in all rows after its first. A picture may be in many
    rows. In a row without body, the title is the text.

    Args:
        path: .csv or .tsv (delimiter "," ";" or tab), .jsonl or .ndjson, .parquet.
        columns: names of the columns, if they are not the usual ones.

    Raises:
        BadInput: a column is missing, or no text with a picture is left.
    """
    draft = Draft(display_name(path))
    put(draft, path, columns or Columns())
    return draft.archive()


def put(
    draft: Draft,
    path: Path,
    columns: Columns,
    part_of: Callable[[Sequence[str]], str] = lambda names: "",
) -> None:
    """Adds a table's texts and pictures to a draft.

    Args:
        draft: receives them.
        path: the table.
        columns: names of its columns, "" for the usual ones.
        part_of: picture paths of a row that names no part → its part.

    Raises:
        BadInput: a column is missing, or holds pictures instead of paths.
    """
    for entry in _entries(path, columns, draft, ("text", "picture")):
        pictures = _pictures_there(entry, path.parent, draft)
        if not pictures:
            continue
        if not entry.part:
            entry = replace(entry, part=part_of(entry.paths))
        try:
            text = _put_text(draft, entry)
        except Unfit as unfit:
            draft.reject(entry.place, unfit.reason, unfit.cure)
        else:
            draft.link(text, [draft.add_picture(picture) for picture in pictures])


def read_pictures(path: Path, columns: Columns | None = None) -> Draft:
    """Reads a table of pictures with their metadata; it needs no texts."""
    draft = Draft(display_name(path))
    for entry in _entries(path, columns, draft, ("picture",)):
        for picture in _pictures_there(entry, path.parent, draft):
            draft.add_picture(picture)
    return draft


def named_fields(path: Path, columns: Columns | None = None) -> frozenset[str]:
    """The fields and own columns of a picture for which a table of pictures has a column."""
    there = open_table(path).columns
    names = resolve(columns or Columns(), there, str(path), ("picture",))
    roles = (*_WORDS, *_DATES, *_LISTS, *_COUNTS)
    fixed = {field for field in roles if getattr(names, field)}
    return frozenset(fixed | set(_own_columns(there, names).values()))


def _own_columns(there: Sequence[str], names: Columns) -> dict[str, str]:
    """The columns without a role, and their names as own columns."""
    taken = set(astuple(names))
    own = [name for name in dict.fromkeys(there) if name not in taken and name.strip()]
    return dict(zip(own, column_names(own), strict=True))


class _Odd:
    """Cells that could not be read; each kind is listed once for a column."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}

    def add(self, column: str, kind: str, cell: str) -> None:
        """Records one."""
        self._found.setdefault((column, kind), []).append(cell)

    def report(self, draft: Draft, path: Path) -> None:
        """Lists them with what was left out."""
        cures = {
            _NO_DATES: "write YYYY-MM-DD; until then these dates stay empty",
            _NO_COUNTS: "write 0, 1, 2 …; until then these cells stay empty",
        }
        for (column, kind), cells in self._found.items():
            reason = f"{len(cells)} {kind} (the first: {cells[0]!r})"
            draft.reject(f"{path}, column {column}", reason, cures[kind])


def _entries(
    path: Path, columns: Columns | None, draft: Draft, needed: Sequence[str]
) -> Iterator[_Entry]:
    table = open_table(path)
    names = resolve(columns or Columns(), table.columns, str(path), needed)
    own = _own_columns(table.columns, names)
    wanted = [name for name in astuple(names) if name]
    types = learn(own, (row.cells for row in table.rows([*own]) if isinstance(row, Row)))
    odd = _Odd()
    for row in table.rows([*wanted, *own]):
        if isinstance(row, Rejection):
            draft.leave_out(row)
            continue
        if _is_file(row.cells.get(names.picture)):
            raise BadInput(
                f"{path}: its column {names.picture!r} holds the pictures themselves, not their "
                f"paths: unpack it with picturedesk unpack {path} FOLDER, and give that folder"
            )
        try:
            yield _entry(row, names, types, path.parent, odd)
        except Unfit as unfit:
            draft.reject(row.place, unfit.reason, unfit.cure)
    odd.report(draft, path)


def _entry(row: Row, names: Columns, types: ColumnTypes, folder: Path, odd: _Odd) -> _Entry:
    cells = _Cells(row, names, odd)
    title, body = cells.text("title"), cells.text("text")
    text = Text("", body or title, title if body else "")
    digest = hashlib.sha256(text.whole.encode()).hexdigest()[:16]
    part = PARTS.get(cells.text("part").casefold())
    if part is None:
        raise Unfit(f"part {cells.text('part')!r} is not known", "write train, validate or test")
    fields: dict[str, Any] = {name: cells.text(name) for name in _WORDS}
    fields |= {name: cells.date(name) for name in _DATES}
    fields |= {name: cells.texts(name) for name in _LISTS}
    fields |= {name: cells.count(name) for name in _COUNTS}
    about = Picture(uri="", **fields, columns=types.read(row.cells))
    paths = _paths(row.cells.get(names.picture), names.picture, folder)
    text = replace(
        text,
        id=cells.text("id") or digest,
        date=cells.date("text_date"),
        link=cells.text("link"),
    )
    return _Entry(row.place, text, part, paths, about)


class _Cells:
    """The cells of one row by their roles; empty for roles without a column."""

    def __init__(self, row: Row, names: Columns, odd: _Odd) -> None:
        self._row = row
        self._names = names
        self._odd = odd

    def text(self, role: str) -> str:
        """A text without surrounding white space."""
        name = getattr(self._names, role)
        return string(self._row.cells.get(name), name) if name else ""

    def texts(self, role: str) -> tuple[str, ...]:
        """Several texts."""
        name = getattr(self._names, role)
        return strings(self._row.cells.get(name), name, TAG_MARKS) if name else ()

    def date(self, role: str) -> str:
        """A date as ISO 8601; one that cannot be read is listed and empty."""
        cell = self.text(role)
        date = iso_date(cell)
        if cell and not date:
            self._odd.add(getattr(self._names, role), _NO_DATES, cell)
        return date

    def count(self, role: str) -> int:
        """A whole number, 0 or more; one that cannot be read is listed and 0."""
        cell = self.text(role).removesuffix(".0")
        if cell and not (cell.isascii() and cell.isdigit() and len(cell) < 16):
            self._odd.add(getattr(self._names, role), _NO_COUNTS, cell)
            return 0
        return int(cell or 0)


def _paths(value: object, column: str, folder: Path) -> tuple[str, ...]:
    """The paths in a cell; a file with ";" or "|" in its name is found, too.

    A record with a path, as Hugging Face's data sets have it, is that path.
    """
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        value = value["path"]
    if isinstance(value, str) and PATH_MARKS.search(value) and os.path.isfile(folder / value):
        return (value,)
    return strings(value, column, PATH_MARKS)


def _is_file(value: object) -> bool:
    """Whether a cell holds the bytes of a file, as in Hugging Face's Parquet files."""
    if isinstance(value, list):
        return any(map(_is_file, value))
    return isinstance(value, bytes) or (isinstance(value, dict) and bool(value.get("bytes")))


def _pictures_there(entry: _Entry, folder: Path, draft: Draft) -> list[Picture]:
    """The row's pictures whose files exist; reports the others."""
    if not entry.paths:
        draft.reject(entry.place, "names no picture", "give the path of its picture")
    pictures = []
    for name in entry.paths:
        try:
            pictures.append(_picture(entry.about, folder, name))
        except Unfit as unfit:
            draft.reject(entry.place, unfit.reason, unfit.cure)
    return pictures


def _picture(about: Picture, folder: Path, name: str) -> Picture:
    if is_object(name):
        refused = refusal(name)
        if refused is not None:
            raise Unfit(f"picture {name} {refused.reason}", refused.cure)
        return replace(about, uri=name)
    if _ADDRESS.match(name):
        raise Unfit(f"picture {name} is a web address", "download it and give the path of the file")
    path = os.path.join(folder, name)
    if os.path.isdir(path):
        raise Unfit(f"picture {name} is a folder", "give the path of one file")
    if not os.path.isfile(path):
        slashes = ", written with /" if "\\" in name else ""
        raise Unfit(f"picture {name} does not exist", f"paths are relative to {folder}{slashes}")
    return replace(about, uri=uri_of(path))


def _put_text(draft: Draft, entry: _Entry) -> int:
    """Index of the row's text; adds the text if it is new."""
    text, part = entry.text, entry.part
    index = draft.text_with(text.id)
    if index is None:
        if not text.body:
            raise Unfit("has no text", "write a text or a title")
        return draft.add_text(text, part)
    known = draft.text(index)
    if text.body and (text.body, text.title) != (known.body, known.title):
        reason = f"id {text.id!r} belongs to another text in an earlier row"
        raise Unfit(reason, "give each text its own id")
    earlier = draft.part(index)
    if part and earlier and part != earlier:
        reason = f"has part {part!r}, an earlier row of its text {earlier!r}"
        raise Unfit(reason, "give all rows of a text the same part")
    draft.assign(index, part or earlier)
    return index
