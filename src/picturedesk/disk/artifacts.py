"""Files that survive a kill: atomic writes, manifests, fingerprints, arrays.

Knows nothing of their content. Arrays are safetensors, everything else is JSON; no pickle is
written or read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.errors import Mismatch, MissingArtefact
from picturedesk.types import Json

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"


def plain(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Dataclasses, tuples, paths, NumPy scalars and arrays → JSON types, recursively."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def fingerprint(value: object) -> str:
    """Hash (16 hex digits) of a record's canonical JSON: equal settings have equal fingerprints."""
    canonical = json.dumps(plain(value), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def array_fingerprint(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Hash (16 hex digits) of named arrays: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.data)
    return digest.hexdigest()[:16]


def write_text(path: Path, text: str) -> None:
    """Writes a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes any record that ``plain`` understands as indented JSON, atomically."""
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Json:
    """Reads one JSON object; raises MissingArtefact if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingArtefact(
            f"{path} does not exist: was the folder made by picturedesk?"
        ) from None
    except json.JSONDecodeError as error:
        raise MissingArtefact(f"{path} is not JSON ({error}): make it again") from None
    if not isinstance(content, dict):
        raise MissingArtefact(f"{path} is not a JSON object: make it again")
    return content


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends without an error."""
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that replaces ``path`` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        yield temporary
        retired = path.with_name(f".{path.name}.old.{uuid.uuid4().hex[:8]}")
        if path.exists():
            os.replace(path, retired)
        os.replace(temporary, path)
        shutil.rmtree(retired, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path, kind: str, content: Json) -> None:
    """Writes ``manifest.json``: the kind of artefact, its format version, its settings."""
    write_json(folder / MANIFEST, {"kind": kind, "format_version": FORMAT_VERSION, **content})


def read_manifest(folder: Path, kind: str = "") -> Json:
    """Reads a manifest; refuses another kind or another format version."""
    manifest = read_json(folder / MANIFEST)
    if kind and manifest.get("kind") != kind:
        raise Mismatch(f"{folder} holds a {manifest.get('kind')}, not a {kind}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise Mismatch(
            f"{folder} has format version {manifest.get('format_version')}, this picturedesk "
            f"reads {FORMAT_VERSION}: make it again"
        )
    return manifest


def write_arrays(folder: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes named arrays as one safetensors file, atomically."""
    from safetensors.numpy import save_file

    with atomic_path(folder / ARRAYS) as temporary:
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, temporary)


def read_arrays(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Reads what ``write_arrays`` wrote; raises MissingArtefact if the file is missing."""
    from safetensors.numpy import load_file

    path = folder / ARRAYS
    if not path.exists():
        raise MissingArtefact(f"{path} does not exist: was the folder made by picturedesk?")
    return dict(load_file(path))
