"""Writes a catalogue as one Parquet file: all metadata, and the vectors. Knows no desk.

One row per picture, in the order of the keys, in row groups that are read and written one after the
other. Columns are the fields of ``Picture``, the columns of one's own by their names (a name that
is taken as "columns.NAME"), and ``vector``, a list of fixed length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from picturedesk.disk.artifacts import atomic_path
from picturedesk.errors import BadInput
from picturedesk.types import Catalogue, Cell, Entries, Picture, Progress

ROWS = 1000  # of a row group
VECTOR = "vector"
_OWN = "columns"  # the field of Picture that holds columns of one's own
_TRIES = 5  # to read a page while others remove its pictures


def write_parquet(
    catalogue: Catalogue, path: Path, half: bool, facts: Mapping[str, str], progress: Progress
) -> int:
    """Writes all pictures of a catalogue; returns how many.

    Args:
        catalogue: is read twice, for the columns of one's own and for the rows.
        path: of the file, which is replaced when all is written.
        half: whether vectors are in half precision.
        facts: kept with the file's schema.
        progress: called after each row group.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    own = _own_columns(catalogue)
    kind = pa.float16() if half else pa.float32()
    parts = [pa.field(name, _arrow(of)) for name, of in _fixed().items()]
    parts += [pa.field(_named(name), _arrow(of)) for name, of in own.items()]
    parts.append(pa.field(VECTOR, pa.list_(kind, catalogue.width)))
    schema = pa.schema(parts, metadata=dict(facts))
    written, total = 0, catalogue.count()
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for entries in pages(catalogue):
            writer.write_batch(_batch(entries, own, schema, half))
            written += len(entries)
            progress(written, max(total, written), "pictures")
    return written


def pages(catalogue: Catalogue) -> Iterator[Entries]:
    """All entries in the order of their keys, ``ROWS`` at a time, while others add and remove."""
    after = ""
    while entries := _page(catalogue, after):
        yield entries
        after = entries.pictures[-1].key


def _page(catalogue: Catalogue, after: str) -> Entries | None:
    for left in reversed(range(_TRIES)):
        keys = catalogue.keys(after, ROWS)
        try:
            return catalogue.fetch(keys) if keys else None
        except BadInput:  # one of them was removed in between
            if not left:
                raise
    return None


def _fixed() -> dict[str, Any]:
    """The fields of Picture that every picture has, with their types."""
    hints = get_type_hints(Picture)
    return {one.name: hints[one.name] for one in fields(Picture) if one.name != _OWN}


def _own_columns(catalogue: Catalogue) -> dict[str, type]:
    """The columns of one's own; those whose values are of several types are written as text."""
    found: dict[str, type] = {}
    for entries in pages(catalogue):
        for picture in entries.pictures:
            for name, value in picture.columns.items():
                kind = found.setdefault(name, type(value))
                found[name] = kind if kind is type(value) else str
    return dict(sorted(found.items()))


def _named(name: str) -> str:
    return f"{_OWN}.{name}" if name in {*_fixed(), VECTOR} else name


def _arrow(kind: Any) -> Any:  # noqa: ANN401 - pyarrow is not typed
    """The type of a column in Arrow."""
    import pyarrow as pa

    simple = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return simple.get(kind, pa.list_(pa.string()))


def _batch(entries: Entries, own: Mapping[str, type], schema: Any, half: bool) -> Any:  # noqa: ANN401
    """One row group."""
    import pyarrow as pa

    pictures = entries.pictures
    columns = [[getattr(picture, name) for picture in pictures] for name in _fixed()]
    columns += [
        [_cell(picture.columns.get(name), kind) for picture in pictures]
        for name, kind in own.items()
    ]
    arrays = [
        pa.array(values, type=schema.field(place).type) for place, values in enumerate(columns)
    ]
    numbers = entries.vectors.astype(np.float16 if half else np.float32)
    flat = pa.array(numbers.reshape(-1))
    arrays.append(pa.FixedSizeListArray.from_arrays(flat, numbers.shape[1]))
    return pa.record_batch(arrays, schema=schema)


def _cell(value: Cell | None, kind: type) -> Cell | None:
    """A value as its column has it."""
    if value is None or isinstance(value, kind):
        return value
    return ", ".join(value) if isinstance(value, tuple) else str(value)
