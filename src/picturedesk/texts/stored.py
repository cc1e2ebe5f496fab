"""The folder of a text encoder: a manifest, and memory-mapped arrays.

Knows nothing of the arrays' meaning. Of large ones only the rows that are used are read and
checked, so that an encoder of 100 MB opens at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import picturedesk.checks as checks
from picturedesk.disk.arrays import map_arrays, write_arrays
from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import Mismatch
from picturedesk.texts.words import WORDS_VERSION
from picturedesk.types import Json

Arrays = Mapping[str, Any]  # NumPy arrays, or CheckedRows of a file


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


def load_encoder(folder: Path, kind: str, by_rows: Collection[str] = ()) -> StoredEncoder:
    """Reads what ``save_encoder`` wrote; the fingerprint comes from the manifest.

    Args:
        folder: where it is.
        kind: of the encoder.
        by_rows: large arrays of which few rows are used, see ``disk.arrays.map_arrays``.

    Raises:
        MissingArtefact: a file is missing or damaged.
        Mismatch: the folder has another kind, format or rules for splitting words.
    """
    folder = checks.path("folder", folder)
    manifest = read_manifest(folder, kind)
    if manifest["words"] != WORDS_VERSION:
        raise Mismatch(
            f"{folder} was fitted with rules {manifest['words']} for words, this picturedesk has "
            f"rules {WORDS_VERSION}: fit it again"
        )
    arrays = map_arrays(folder, manifest, by_rows)
    return StoredEncoder(manifest["config"], arrays, manifest["fingerprint"])
