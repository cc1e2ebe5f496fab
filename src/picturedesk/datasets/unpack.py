"""Parquet files that hold pictures → a folder of pictures with ``metadata.jsonl``.

Data sets of Hugging Face come so: a column of records with ``bytes`` and ``path``, and columns of
texts. The folder is an imagefolder, which every verb reads. Pictures are copied byte by byte and
never decoded. Knows Parquet, not what the columns mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picturedesk.datasets.columns import listed
from picturedesk.datasets.folder import PICTURES
from picturedesk.datasets.imagefolder import METADATA
from picturedesk.datasets.table import PARTS
from picturedesk.datasets.usual_names import USUAL
from picturedesk.disk.artifacts import atomic_folder
from picturedesk.errors import BadInput
from picturedesk.types import Progress, silent

if TYPE_CHECKING:
    import pyarrow

SUFFIX = ".parquet"
_BATCH = 64  # rows held at a time
_KINDS = {  # how files begin → suffix
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"RIFF": ".webp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"BM": ".bmp",
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked.

    Attributes:
        folder: has the pictures and their metadata.
        pictures: files written.
        rows: rows of metadata; a row with several texts becomes several.
        without_picture: rows that hold no picture.
    """

    folder: Path
    pictures: int
    rows: int
    without_picture: int


def unpack(source: Path, folder: Path, progress: Progress = silent) -> Unpacked:
    """Writes the pictures of one or several Parquet files, and their other columns.

    Args:
        source: a Parquet file, or a folder with several; ``train-…``, ``validation-…`` and
            ``test-…`` give the part of their rows.
        folder: is made, whole or not at all; must not exist yet.
        progress: receives the number of rows.

    Raises:
        BadInput: there is no such file, no column of pictures, or the folder exists.
    """
    if folder.exists():
        raise BadInput(f"{folder} exists: name a folder that does not")
    files = _files(source)
    columns = {file: _picture_column(file) for file in files}
    total = sum(_row_count(file) for file in files)
    done = pictures = rows = without = 0
    with (
        atomic_folder(folder) as temporary,
        (temporary / METADATA[1]).open("w", encoding="utf-8") as metadata,
    ):
        for file, column in columns.items():
            (temporary / file.stem).mkdir()
            for number, row in enumerate(_rows(file)):
                if done % _BATCH == 0:
                    progress(done, total, "rows")
                done += 1
                names = _write(temporary, file, number, row.pop(column))
                if not names:
                    without += 1
                    continue
                pictures += len(names)
                for line in _lines(row, names, _part(file)):
                    metadata.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
                    rows += 1
        progress(total, total, "rows")
    return Unpacked(folder, pictures, rows, without)


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise BadInput(f"{source} does not exist: check the path")
    files = sorted(source.rglob(f"*{SUFFIX}")) if source.is_dir() else [source]
    if not files or any(file.suffix.lower() != SUFFIX for file in files):
        raise BadInput(f"{source} is no Parquet file and has none: give files *{SUFFIX}")
    twice = {file.stem for file in files if sum(file.stem == other.stem for other in files) > 1}
    if twice:
        raise BadInput(f"{source} has several files {min(twice)}{SUFFIX}: unpack each by itself")
    return files


def _picture_column(file: Path) -> str:
    """The column that holds pictures: the first of the usual names, else the first at all."""
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{file} is not Parquet: {str(error).splitlines()[0]}") from None
    holding = [name for name in schema.names if _holds_files(schema.field(name).type)]
    if not holding:
        raise BadInput(f"{file} has no column that holds pictures: {listed(schema.names)}")
    usual = [name for name in holding if name.casefold() in USUAL["picture"]]
    return str((usual or holding)[0])


def _holds_files(kind: pyarrow.DataType) -> bool:
    """Whether a column's type is bytes, a record with ``bytes``, or a list of these."""
    import pyarrow

    types = pyarrow.types
    if types.is_list(kind) or types.is_large_list(kind):
        return _holds_files(kind.value_type)
    if types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _holds_files(kind.field(place).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _row_count(file: Path) -> int:
    import pyarrow.parquet

    return int(pyarrow.parquet.read_metadata(file).num_rows)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(file) as table:
        for batch in table.iter_batches(batch_size=_BATCH):
            yield from batch.to_pylist()


def _write(folder: Path, file: Path, number: int, cell: object) -> list[str]:
    """Writes the pictures of one cell; returns their names relative to the folder."""
    names = []
    for place, one in enumerate(cell if isinstance(cell, list) else [cell]):
        record = one if isinstance(one, dict) else {"bytes": one}
        data = record.get("bytes")
        if not data:
            continue
        suffix = Path(str(record.get("path") or "")).suffix.lower()
        if suffix not in PICTURES:
            suffix = next((kind for mark, kind in _KINDS.items() if data.startswith(mark)), ".jpg")
        again = f"-{place}" if place else ""
        name = f"{file.stem}/{number:07d}{again}{suffix}"
        (folder / name).write_bytes(data)
        names.append(name)
    return names


def _lines(row: dict[str, Any], names: list[str], part: str) -> Iterator[dict[str, Any]]:
    """Rows of metadata: one for each text, if a column has several texts."""
    kept = {name: value for name, value in row.items() if not isinstance(value, bytes)}
    pictures = {"file_name": names[0]} if len(names) == 1 else {"file_names": names}
    given = {"split": part} if part and not any(name in kept for name in USUAL["part"]) else {}
    several = next(
        (
            name
            for name in USUAL["text"]
            if isinstance(kept.get(name), list) and all(isinstance(t, str) for t in kept[name])
        ),
        "",
    )
    for text in kept[several] if several else [None]:
        yield {**pictures, **kept, **({several: text} if several else {}), **given}


def _part(file: Path) -> str:
    """The part that a shard's name begins with: "train-00000-of-00003"."""
    return PARTS.get(file.stem.partition("-")[0].casefold(), "")
