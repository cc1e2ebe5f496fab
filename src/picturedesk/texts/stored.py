"""How a text encoder lies in its folder: a manifest, and arrays that are mapped, not read.

Knows the safetensors layout and nothing of what the arrays mean. Mapping loads only the rows
that are used from disk, so that an encoder of 100 MB opens at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import (
    ARRAYS,
    array_fingerprint,
    atomic_folder,
    fingerprint,
    read_manifest,
    write_arrays,
    write_manifest,
)
from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.texts.words import WORDS_VERSION
from picturedesk.types import Json

Arrays = Mapping[str, npt.NDArray[Any]]

_TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "I64": np.int64,
    "I32": np.int32,
    "U8": np.uint8,
}


@dataclass(frozen=True, slots=True, eq=False)
class StoredEncoder:
    """What a folder holds.

    Attributes:
        config: the settings it was fitted with, as JSON.
        arrays: read-only, by name.
        fingerprint: hash of all that decides the output, as ``encoder_fingerprint`` made it.
    """

    config: Json
    arrays: Arrays
    fingerprint: str


def encoder_fingerprint(kind: str, config: object, arrays: Arrays) -> str:
    """Hash of kind, settings, arrays (vocabulary among them) and the way words are split."""
    parts = {"kind": kind, "words": WORDS_VERSION, "config": config}
    return fingerprint({**parts, "arrays": array_fingerprint(arrays)})


def save_encoder(folder: Path, kind: str, stored: StoredEncoder) -> None:
    """Writes ``manifest.json`` and ``arrays.safetensors``, both or neither."""
    with atomic_folder(folder) as temporary:
        write_arrays(temporary, stored.arrays)
        content = {"words": WORDS_VERSION, "fingerprint": stored.fingerprint}
        write_manifest(temporary, kind, {**content, "config": stored.config})


def load_encoder(folder: Path, kind: str) -> StoredEncoder:
    """Reads what ``save_encoder`` wrote; the fingerprint is the one kept in the manifest.

    Raises:
        MissingArtefact: a file is not there, broken or cut short.
        Mismatch: another kind or format, or words are split in another way today.
    """
    manifest = read_manifest(folder, kind)
    if manifest["words"] != WORDS_VERSION:
        raise Mismatch(
            f"{folder} was fitted with words split by rules {manifest['words']}, this picturedesk "
            f"splits them by rules {WORDS_VERSION}: fit it again"
        )
    return StoredEncoder(manifest["config"], map_arrays(folder), manifest["fingerprint"])


def map_arrays(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Read-only views into the file that ``artifacts.write_arrays`` wrote.

    Raises:
        MissingArtefact: there is no such file, or it is broken or cut short.
    """
    path = folder / ARRAYS
    try:
        file = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        start = 8 + int.from_bytes(file[:8].tobytes(), "little")
        header = json.loads(file[8:start].tobytes())
        header.pop("__metadata__", None)
        return {name: _view(file[start:], **entry) for name, entry in header.items()}
    except FileNotFoundError:
        raise MissingArtefact(
            f"{path} does not exist: was the folder made by picturedesk?"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise MissingArtefact(f"{path} is broken ({error}): make it again") from None


def _view(
    data: npt.NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]
) -> npt.NDArray[Any]:
    first, last = data_offsets
    return data[first:last].view(_TYPES[dtype]).reshape(shape)
