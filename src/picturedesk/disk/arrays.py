"""Named arrays in a folder: one safetensors file, with its checksums in the folder's manifest.

The layout is 8 bytes of length, a JSON header, then the arrays. Checksums are compared before a
file is parsed, so that the parser never sees damage. No pickle.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import atomic_path, checked_file
from picturedesk.disk.sums import CheckedFile, CheckedRows
from picturedesk.errors import MissingArtefact
from picturedesk.types import Json

Arrays = Mapping[str, npt.NDArray[Any]]

ARRAYS = "arrays.safetensors"
_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Writes named arrays as one safetensors file, atomically; the manifest comes after it.

    The widest types come first, so that every array is aligned to its type. Does not use the
    package safetensors, which makes files that only their owner may read.
    """
    kept = {name: _little_endian(np.ascontiguousarray(array)) for name, array in arrays.items()}
    order = sorted(kept, key=lambda name: (-kept[name].itemsize, name))
    header, start = {}, 0
    for name in order:
        array, end = kept[name], start + kept[name].nbytes
        kind = next(known for known, kind in _TYPES.items() if array.dtype == kind)
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (start, end)}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with atomic_path(folder / ARRAYS) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            file.write(kept[name].data)


def read_arrays(folder: Path, manifest: Json) -> dict[str, npt.NDArray[Any]]:
    """Reads what ``write_arrays`` wrote, into memory; read-only.

    Args:
        folder: the folder of the file.
        manifest: from ``artifacts.read_manifest`` of this folder.

    Raises:
        MissingArtefact: the file is missing or damaged.
    """
    file = checked_file(folder, ARRAYS, manifest)
    content = np.frombuffer(file.read(), dtype=np.uint8)
    file.close()
    start, entries = _layout(file, content)
    return {name: _view(content[start:], **entry) for name, entry in entries.items()}


def map_arrays(
    folder: Path, manifest: Json, by_rows: Collection[str] = ()
) -> dict[str, npt.NDArray[Any] | CheckedRows]:
    """Memory-mapped, read-only views of what ``write_arrays`` wrote.

    Args:
        folder: the folder of the file.
        manifest: from ``artifacts.read_manifest`` of this folder.
        by_rows: names of large arrays of which few rows are used. They are returned as
            ``CheckedRows``; all others are checked now.

    Raises:
        MissingArtefact: the file is missing or damaged.
    """
    file = checked_file(folder, ARRAYS, manifest)
    content = file.map()
    file.check(0, 8)
    file.check(0, 8 + int.from_bytes(content[:8].tobytes(), "little"))
    start, entries = _layout(file, content)
    found: dict[str, npt.NDArray[Any] | CheckedRows] = {}
    for name, entry in entries.items():
        array = _view(content[start:], **entry)
        first, last = (start + offset for offset in entry["data_offsets"])
        if name in by_rows:
            found[name] = CheckedRows(file, first, array)
        else:
            file.check(first, last)
            found[name] = array
    return found


def _little_endian(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _layout(file: CheckedFile, content: npt.NDArray[np.uint8]) -> tuple[int, Json]:
    """Start of the data, and for each array its type, shape and offsets."""
    start = 8 + int.from_bytes(content[:8].tobytes(), "little")
    try:
        entries: Json = json.loads(content[8:start].tobytes())
    except ValueError as error:
        raise MissingArtefact(f"{file.path} is no safetensors ({error}): {file.cure}") from None
    entries.pop("__metadata__", None)
    return start, entries


def _view(
    data: npt.NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]
) -> npt.NDArray[Any]:
    first, last = data_offsets
    return data[first:last].view(_TYPES[dtype]).reshape(shape)
