"""The folder of a text encoder: a manifest, and memory-mapped arrays.

Knows the safetensors layout, not the meaning of the arrays. Mapping reads only the rows that are
used, so that an encoder of 100 MB opens at once.
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
    """The content of a folder.

    Attributes:
        config: settings of the fit, as JSON.
        arrays: read-only, by name.
        fingerprint: hash of everything that determines the output (``encoder_fingerprint``).
    """

    config: Json
    arrays: Arrays
    fingerprint: str


def encoder_fingerprint(kind: str, config: object, arrays: Arrays) -> str:
    """Hash of kind, settings, arrays (with the vocabulary) and the rules for splitting words."""
    parts = {"kind": kind, "words": WORDS_VERSION, "config": config}
    return fingerprint({**parts, "arrays": array_fingerprint(arrays)})


def save_encoder(folder: Path, kind: str, stored: StoredEncoder) -> None:
    """Writes ``manifest.json`` and ``arrays.safetensors`` atomically."""
    with atomic_folder(folder) as temporary:
        write_arrays(temporary, stored.arrays)
        content = {"words": WORDS_VERSION, "fingerprint": stored.fingerprint}
        write_manifest(temporary, kind, {**content, "config": stored.config})


def load_encoder(folder: Path, kind: str) -> StoredEncoder:
    """Reads what ``save_encoder`` wrote; the fingerprint comes from the manifest.

    Raises:
        MissingArtefact: a file is missing, damaged or truncated.
        Mismatch: the folder has another kind, format or rules for splitting words.
    """
    manifest = read_manifest(folder, kind)
    if manifest["words"] != WORDS_VERSION:
        raise Mismatch(
            f"{folder} was fitted with rules {manifest['words']} for words, this picturedesk has "
            f"rules {WORDS_VERSION}: fit it again"
        )
    return StoredEncoder(manifest["config"], map_arrays(folder), manifest["fingerprint"])


def map_arrays(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Read-only views of the file that ``artifacts.write_arrays`` wrote.

    Raises:
        MissingArtefact: the file is missing, damaged or truncated.
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
        raise MissingArtefact(f"{path} is damaged ({error}): make it again") from None


def _view(
    data: npt.NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]
) -> npt.NDArray[Any]:
    first, last = data_offsets
    return data[first:last].view(_TYPES[dtype]).reshape(shape)
