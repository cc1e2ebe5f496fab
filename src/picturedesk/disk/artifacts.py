"""Atomic writes, records, manifests and fingerprints.

Does not know the content. Records are JSON with their own checksum; a manifest is the record of a
folder, with the checksums of the files beside it. Reading raises MissingArtefact for damage, so
that callers may rely on the content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.disk.sums import CheckedFile, Sums, unreadable
from picturedesk.errors import Mismatch, MissingArtefact, PicturedeskError
from picturedesk.types import Json

FORMAT_VERSION = 2
MANIFEST = "manifest.json"
CURE = "run picturedesk fit again"
_CHECKSUM = "checksum"


_PLAIN = frozenset((str, int, float, bool, type(None)))


def plain(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Records, tuples, paths, NumPy scalars and arrays → JSON types, recursively.

    Records are dataclasses and NamedTuples: both become objects.
    """
    kind: Any = type(value)
    if kind in _PLAIN:  # most values are; the other questions take longer
        return value
    if (names := _names_of(kind)) is not None:
        return {name: plain(getattr(value, name)) for name in names}
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


@cache
def _names_of(kind: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - a class; mypy takes none for hashable
    """Names of the fields of records of this class; None for other classes."""
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return tuple(kind._fields)
    return None


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


def write_text(path: Path, text: str, private: bool = False) -> None:
    """Writes a file atomically; a private one is for its owner's eyes only."""
    with atomic_path(path) as temporary:
        if private:
            temporary.touch(0o600)
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object, private: bool = False) -> None:
    """Writes anything that ``plain`` can convert as indented JSON, atomically."""
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n", private)


def write_record(path: Path, kind: str, content: Json, private: bool = False) -> None:
    """Writes a JSON object with kind, format version and its own checksum, atomically.

    A private one is for its owner's eyes only.
    """
    whole = {"format_version": FORMAT_VERSION, "kind": kind, **plain(content)}
    write_json(path, {**whole, _CHECKSUM: fingerprint(json.loads(json.dumps(whole)))}, private)


def read_record(path: Path, kind: str = "", cure: str = CURE) -> Json:
    """Reads what ``write_record`` wrote, without the checksum.

    Args:
        path: the file.
        kind: required kind; "" for any. Records that were swapped differ in it.
        cure: what a user can do about a missing or damaged file.

    Raises:
        MissingArtefact: it is missing or damaged.
        Mismatch: it is of another kind, or has another format version.
    """
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        version = content.get("format_version")
        checksum = content.pop(_CHECKSUM, None)
        whole = checksum == fingerprint(content)
    except OSError as error:
        raise unreadable(path, error, cure) from None
    except (ValueError, RecursionError) as error:  # of JSON and of UTF-8
        raise MissingArtefact(f"{path} is damaged ({error}): {cure}") from None
    if version != FORMAT_VERSION:
        raise Mismatch(
            f"{path} has format version {version}, this picturedesk reads {FORMAT_VERSION}: {cure}"
        )
    if not whole:
        raise MissingArtefact(f"{path} is damaged, its checksum differs: {cure}")
    if kind and content.get("kind") != kind:
        found = content.get("kind", "record of no kind")
        raise Mismatch(f"{path} holds a {found}, not a {kind}: {cure}")
    return content


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends without an error.

    Raises PicturedeskError if nothing can be written, or a device, pipe or folder is there, which
    the file would replace.
    """
    if path.exists() and not path.is_file():
        raise PicturedeskError(f"{path} is no file: name a file, which is written there")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that replaces ``path`` when the block ends without an error.

    Raises PicturedeskError if nothing can be written.
    """
    path = checks.path("folder", path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        yield temporary
        retired = path.with_name(f".{path.name}.old.{uuid.uuid4().hex[:8]}")
        if path.exists():
            os.replace(path, retired)
        os.replace(temporary, path)
        shutil.rmtree(retired, ignore_errors=True)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unwritable(path: Path, error: OSError) -> PicturedeskError:
    """The error for a file or folder that cannot be written."""
    return PicturedeskError(
        f"{path} cannot be written ({error.strerror or error}): make room there, or name a folder "
        "that may be written"
    )


def write_manifest(folder: Path, kind: str, content: Json) -> None:
    """Writes ``manifest.json``: kind, format version, content, checksums of the files beside it.

    It is written last. Folders inside have their own manifests.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    sums = {path.name: Sums.of(path).as_json() for path in files}
    write_record(folder / MANIFEST, kind, {**content, "files": sums})


def read_manifest(folder: Path, kind: str = "", cure: str = CURE) -> Json:
    """Reads a manifest; refuses damage, another kind, another format version.

    Args:
        folder: its folder.
        kind: required kind; "" for any.
        cure: what a user can do about a missing or damaged manifest.
    """
    return read_record(folder / MANIFEST, kind, cure)


def checked_file(folder: Path, name: str, manifest: Json, cure: str = CURE) -> CheckedFile:
    """A file of a folder, to be compared with the checksums in the folder's manifest.

    Raises MissingArtefact if it is missing or too short, or not in the manifest.
    """
    known = manifest["files"].get(name)
    if known is None:
        raise MissingArtefact(f"{folder / name} does not exist: {cure}")
    return CheckedFile(folder / name, Sums.from_json(known), cure)


def read_checked(folder: Path, name: str, manifest: Json, cure: str = CURE) -> bytes:
    """The content of a file of a folder; raises MissingArtefact if it is missing or damaged."""
    file = checked_file(folder, name, manifest, cure)
    try:
        return bytes(file.read())
    finally:
        file.close()
