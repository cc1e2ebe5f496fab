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

from picturedesk.datasets.cells import PATH_MARKS, TAG_MARKS, Unfit, string, strings
from picturedesk.datasets.columns import Columns, resolve
from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.rows import Row, open_table
from picturedesk.errors import BadInput
from picturedesk.own_columns import is_date
from picturedesk.types import Archive, Picture, Rejection, Text

PARTS = {
    "": "",
    **dict.fromkeys(("train", "training", "restval"), "train"),
    **dict.fromkeys(("validate", "validation", "valid", "val", "dev"), "validate"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_OF_A_PICTURE = ("caption", "credit", "licence", "date", "tags")  # roles that are its fields
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
    """The fields of a picture for which a table of pictures has a column."""
    names = resolve(columns or Columns(), open_table(path).columns, str(path), ("picture",))
    return frozenset(field for field in _OF_A_PICTURE if getattr(names, field))


def _entries(
    path: Path, columns: Columns | None, draft: Draft, needed: Sequence[str]
) -> Iterator[_Entry]:
    table = open_table(path)
    names = resolve(columns or Columns(), table.columns, str(path), needed)
    odd_dates: list[str] = []
    for row in table.rows([name for name in astuple(names) if name]):
        if isinstance(row, Rejection):
            draft.leave_out(row)
            continue
        if _is_file(row.cells.get(names.picture)):
            raise BadInput(
                f"{path}: its column {names.picture!r} holds the pictures themselves, not their "
                f"paths: unpack it with picturedesk unpack {path} FOLDER, and give that folder"
            )
        try:
            yield _entry(row, names, path.parent, odd_dates)
        except Unfit as unfit:
            draft.reject(row.place, unfit.reason, unfit.cure)
    if odd_dates:
        first = f"the first: {odd_dates[0]!r}"
        reason = f"{len(odd_dates)} dates are impossible or not ISO 8601 ({first})"
        draft.reject(
            f"{path}, column {names.date}",
            reason,
            "write YYYY-MM-DD; until then these dates stay empty",
        )


def _entry(row: Row, names: Columns, folder: Path, odd_dates: list[str]) -> _Entry:
    def cell(name: str) -> str:
        return string(row.cells.get(name), name) if name else ""

    title, body = cell(names.title), cell(names.text)
    text = Text("", body, title) if body else Text("", title)
    digest = hashlib.sha256(text.whole.encode()).hexdigest()[:16]
    part = PARTS.get(cell(names.part).casefold())
    if part is None:
        raise Unfit(f"part {cell(names.part)!r} is not known", "write train, validate or test")
    date = cell(names.date)
    if date and not is_date(date):
        odd_dates.append(date)
        date = ""
    about = Picture(
        uri="",
        caption=cell(names.caption),
        credit=cell(names.credit),
        licence=cell(names.licence),
        date=date,
        tags=strings(row.cells.get(names.tags), names.tags, TAG_MARKS),
    )
    paths = _paths(row.cells.get(names.picture), names.picture, folder)
    text = Text(cell(names.id) or digest, text.body, text.title)
    return _Entry(row.place, text, part, paths, about)


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
    if text.body and text != draft.text(index):
        reason = f"id {text.id!r} belongs to another text in an earlier row"
        raise Unfit(reason, "give each text its own id")
    earlier = draft.part(index)
    if part and earlier and part != earlier:
        reason = f"has part {part!r}, an earlier row of its text {earlier!r}"
        raise Unfit(reason, "give all rows of a text the same part")
    draft.assign(index, part or earlier)
    return index
