"""Archives from files and folders: one reader per kind, chosen by name or by the path.

A kind is a function ``(path) -> Archive`` in a module here. The module is imported on first use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import cast

import picturedesk.checks as checks
from picturedesk.datasets.columns import Columns
from picturedesk.datasets.given import Given
from picturedesk.datasets.shard_names import is_pattern
from picturedesk.disk.object_storage import is_object, refusal
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Rejection

KINDS = {  # kind → module and function
    "table": "table:read",
    "folder": "folder:read",
    "sohu": "sohu:read",
    "stamps": "stamps:read",
    "demo": "stamps:read_demo",
    "flickr30k": "flickr:read_flickr30k",
    "flickr8k": "flickr:read_flickr8k",
    "coco": "coco:read",
    "imagefolder": "imagefolder:read",
    "newsimages": "newsimages:read",
    "webdataset": "webdataset:read",
}
# Kinds whose path must be a file, and those whose path must be a folder; others take both.
_ONE_FILE = frozenset({"table"})
_SHARDS = "webdataset"
_FOLDER = frozenset({"folder", "imagefolder", "sohu", "stamps", "demo"})


def open_archive(path_or_spec: str | Path, columns: Columns | None = None) -> Archive:
    """Reads an archive: a table, a folder of pictures with texts, or another kind by its name.

    Args:
        path_or_spec: ``archive.csv``, a folder, or ``KIND:PATH`` (``KINDS``). A folder with the
            layout of the Sohu data, with ``metadata.csv`` (Hugging Face's imagefolder) or with
            ``.tar`` files and no pictures (webdataset) is read as such, any other as pictures with
            ``.txt`` files beside them. A ``.json`` file is read as COCO's captions, a ``.tar`` file
            or several (``shards-{000..003}.tar``) as webdataset, also in object storage
            (``s3://bucket/shards-{000..003}.tar``).
        columns: names of a table's columns, if they are not the usual ones.

    Raises:
        BadInput: the path does not exist, the kind is unknown, or no text with a picture is found.
    """
    checks.optional("columns", columns, Columns)
    if objects := _shard_objects(path_or_spec):
        from picturedesk.datasets import webdataset

        return webdataset.read_objects(objects)
    kind, path = _kind_and_path(path_or_spec)
    kind = kind or _guess(path)
    if kind == "table":
        from picturedesk.datasets import table

        return table.read(path, columns)
    if columns not in (None, Columns()):
        raise BadInput(f"column names are for tables only, but {path} is read as {kind}")
    return reader_of(kind)(path)


def reader_of(kind: str) -> Callable[[Path], Archive]:
    """The function that reads a kind (``KINDS``) from an existing path."""
    module, _, function = KINDS[kind].partition(":")
    read = getattr(import_module(f"{__name__}.{module}"), function)
    return cast(Callable[[Path], Archive], read)


def open_pictures(
    path_or_spec: str | Path, columns: Columns | None = None
) -> tuple[tuple[Picture, ...], tuple[Rejection, ...]]:
    """Reads pictures for the catalogue, without texts: a folder, one picture, a table, or a kind.

    Args:
        path_or_spec: a folder (every picture below it), a picture file, a table with a column of
            picture paths, or ``KIND:PATH`` (the pictures of that archive).
        columns: names of a table's columns, if they are not the usual ones.

    Returns:
        The pictures, and what was left out.

    Raises:
        BadInput: the path does not exist or has no picture.
    """
    given = given_pictures(path_or_spec, columns)
    return given.pictures, given.rejections


def given_pictures(path_or_spec: str | Path, columns: Columns | None = None) -> Given:
    """Like ``open_pictures``; also tells which fields of each picture the source names.

    A table names those that it has columns for, a folder or a file none, and an archive
    (``KIND:PATH``) those that it has values for.
    """
    from picturedesk.datasets import folder, table, webdataset

    checks.optional("columns", columns, Columns)
    if _shard_objects(path_or_spec):
        archive = open_archive(path_or_spec, columns)
        return Given.of(archive.pictures, archive.rejections)
    kind, path = _kind_and_path(path_or_spec)
    kind = kind or (_SHARDS if webdataset.is_one(path) else "")
    named: Collection[str] = ()
    if kind in ("", "folder") and path.is_dir():
        draft = folder.read_pictures(path)
    elif kind in ("", "table") and not folder.is_picture(path.name):
        draft = table.read_pictures(path, columns)
        named = table.named_fields(path, columns)
    elif kind:
        archive = open_archive(f"{kind}:{path}", columns)
        return Given.of(archive.pictures, archive.rejections)
    else:
        from picturedesk.datasets.draft import uri_of

        return Given.naming([Picture(uri_of(path))], ())
    if not draft.pictures:
        suffixes = " ".join(sorted(folder.PICTURES))
        why = draft.first_reason() if draft.rejections else f" (formats: {suffixes})"
        raise BadInput(f"{path} has no readable picture{why}")
    return Given.naming(draft.pictures, named, draft.rejections)


def absolute_spec(path_or_spec: str | Path) -> str:
    """A path or ``KIND:PATH`` with its path made absolute: the same from any folder.

    Raises:
        BadInput: the path does not exist, or the kind is unknown.
    """
    if objects := _shard_objects(path_or_spec):
        return f"{_SHARDS}:{objects}"
    kind, path = _kind_and_path(path_or_spec)
    return f"{kind}:{path}" if kind else str(path)


def _shard_objects(given: str | Path) -> str:
    """The address or pattern of shards in object storage; "" if it is none.

    Raises:
        BadInput: it may not be read, or is no address of shards.
    """
    spec = str(given).removeprefix(f"{_SHARDS}:")
    if not is_object(spec):
        return ""
    refused = refusal(spec)
    if refused is None and not spec.endswith(".tar"):
        reason = "only tar shards are read there, and pictures that tables name"
        raise BadInput(f"{spec} is no archive: {reason}: write s3://BUCKET/{{000..003}}.tar")
    if refused is not None:
        raise BadInput(f"{spec} {refused}")
    return spec


def _kind_and_path(given: str | Path) -> tuple[str, Path]:
    """Splits ``KIND:PATH``, the path made absolute; the kind is "" if only a path is given."""
    spec = str(checks.path("archive or pictures", given))
    kind, mark, rest = spec.partition(":")
    if mark and kind in KINDS:
        if not rest.strip():
            raise BadInput(f"{spec} has no path: write {kind}:PATH")
        if kind == _SHARDS and is_pattern(rest):
            return kind, _absolute(Path(rest))
        path = _absolute(checks.existing(kind, rest))
        _check(kind, path)
        return kind, path
    if is_pattern(spec):
        return _SHARDS, _absolute(Path(spec))
    # One letter before the colon is a drive of Windows.
    if mark and re.fullmatch(r"[A-Za-z]\w+", kind) and not os.path.exists(spec):
        raise BadInput(f"unknown kind of archive {kind!r}: there are {', '.join(KINDS)}")
    path = _absolute(checks.existing("archive or pictures", spec))
    _check("", path)
    return "", path


def _absolute(path: Path) -> Path:
    """The absolute path, so that what is left out can be found from any folder."""
    return Path(os.path.abspath(path))


def _check(kind: str, path: Path) -> None:
    if kind in (_ONE_FILE if path.is_dir() else _FOLDER):
        wanted = "one file" if kind in _ONE_FILE else "a folder"
        raise BadInput(f"{path} cannot be read as {kind}: that needs {wanted}")


def _guess(path: Path) -> str:
    """The kind of archive at a path."""
    from picturedesk.datasets import imagefolder, sohu, webdataset

    if path.is_dir() and sohu.sets(path):
        return "sohu"
    if path.is_dir() and imagefolder.is_one(path):
        return "imagefolder"
    if webdataset.is_one(path):
        return _SHARDS
    if path.is_dir():
        return "folder"
    if path.suffix.lower() == ".json":
        return "coco"
    from picturedesk.datasets.rows import SUFFIXES

    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(
            f"{path} is not an archive: give a table ({' '.join(SUFFIXES)}), a folder, or "
            f"KIND:PATH with one of the kinds {', '.join(KINDS)}"
        )
    return "table"


__all__ = [
    "KINDS",
    "Columns",
    "Given",
    "absolute_spec",
    "given_pictures",
    "open_archive",
    "open_pictures",
    "reader_of",
]
