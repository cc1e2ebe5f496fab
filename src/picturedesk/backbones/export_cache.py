"""Exported graphs in the user's cache folder: a network is exported once, not once for every desk.

A graph is found again by what decides it: architecture, weights, levels, preprocessing, and the
versions of the exporter and its libraries. It is checked against its hash each time. The cache may
be deleted at any time; what it cannot keep or find is exported. Knows files, not networks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from picturedesk.disk.artifacts import MANIFEST, fingerprint, read_manifest, write_manifest
from picturedesk.errors import Mismatch, MissingArtefact

KIND = "exported graph"
VARIABLE = "PICTUREDESK_CACHE"  # a folder, or "off"
VERSION = 1  # raise it when the exporter writes other graphs
KEPT = 8  # graphs; the one that was not used for longest goes first
_LIBRARIES = ("torch", "timm", "onnx", "onnxscript")


def cache_folder() -> Path | None:
    """Where graphs are kept; None if the user has switched the cache off.

    ``$PICTUREDESK_CACHE``, else ``picturedesk`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    named = os.environ.get(VARIABLE, "")
    if named.lower() == "off":
        return None
    if named:
        return Path(named).expanduser().absolute() / "graphs"
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return home / "picturedesk" / "graphs"


def export(spec: str, write: Callable[[Path], None], folder: Path) -> None:
    """Leaves the files of a graph in ``folder``, from the cache or newly exported and then kept.

    Safe for several processes: an entry appears whole or not at all, and a copy that does not have
    the hash it should have is thrown away.

    Args:
        spec: fingerprint of the backbone.
        write: exports into an existing, empty folder.
        folder: exists, and has none of these files.
    """
    home = cache_folder()
    if home is None:
        write(folder)
        return
    entry = home / _key(spec)
    if _copied(entry, folder):
        with suppress(OSError):
            os.utime(entry)  # most recently used
        return
    write(folder)
    with suppress(OSError):  # no room, no right to write: the next desk exports again
        _keep(folder, entry)
        _forget_oldest(home)


def _key(spec: str) -> str:
    versions = {}
    for library in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            versions[library] = metadata.version(library)
    return fingerprint([VERSION, spec, versions])


def _copied(entry: Path, folder: Path) -> bool:
    """Copies an entry's files and checks the copies; leaves no file if one is wrong."""
    try:
        files = dict(read_manifest(entry, KIND)["files"])
        for name, digest in files.items():
            shutil.copyfile(entry / name, folder / name)
            if _digest(folder / name) != digest:
                raise Mismatch(f"{entry / name} has changed")
    except MissingArtefact:
        return False
    except (Mismatch, OSError, KeyError, TypeError, ValueError):
        for path in folder.iterdir():
            path.unlink()
        shutil.rmtree(entry, ignore_errors=True)  # damaged: make room for a good one
        return False
    return True


def _keep(folder: Path, entry: Path) -> None:
    """Adds an entry, unless another process was faster."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = entry.with_name(f".{entry.name}.{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        files = {path.name: _digest(path) for path in sorted(folder.iterdir())}
        for name in files:
            shutil.copyfile(folder / name, temporary / name)
        write_manifest(temporary, KIND, {"files": files})
        os.rename(temporary, entry)  # fails if there is one
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _forget_oldest(home: Path) -> None:
    entries = [path for path in home.iterdir() if (path / MANIFEST).exists()]
    entries.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in entries[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
