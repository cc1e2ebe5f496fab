"""Uploaded pictures: from files that a request brought to pictures of the catalogue.

What a file is says its content; its name only names it. Files are kept under their content keys.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from picturedesk.desk.desk import Desk
from picturedesk.desk.editing import told
from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, check_header, content_key, decode_file, read_picture
from picturedesk.types import Json, Picture, Progress, Rejection, silent

NAME = "uploaded_as"  # own column: the name of the file that was uploaded
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WebP": "webp", "GIF": "gif"}
_ENDINGS |= {"TIFF": "tif", "BMP": "bmp", "AVIF": "avif", "HEIC": "heic"}
_ENOUGH = 64  # pixels; a large JPEG is checked at a part of its size


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a request brought.

    Attributes:
        name: as the caller's program named it, without folders.
        path: where it is now.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Batch:
    """Files of one request, and what is said of all of them.

    Attributes:
        folder: that has the files; goes when they have been taken in.
        files: N files.
        metadata: values by the names of columns, for each of the pictures.
        max_megapixels: of one picture.
    """

    folder: Path
    files: tuple[Upload, ...]
    metadata: Json
    max_megapixels: float

    @classmethod
    def of(cls, request: Json) -> Batch:
        """From the request of a job."""
        files = tuple(Upload(one["name"], Path(one["path"])) for one in request["files"])
        limit = float(request["max_megapixels"])
        return cls(Path(request["folder"]), files, request["metadata"], limit)

    def discard(self) -> None:
        """Removes the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def taken_in(desk: Desk, batch: Batch, folder: Path, progress: Progress = silent) -> Json:
    """Adds uploaded pictures to the catalogue: the pictures, and what was left out.

    A second call with the same files ends the same.

    Args:
        desk: the desk.
        batch: the files.
        folder: of the server's own files.
        progress: called as files are checked, then as pictures are read.
    """
    said, _ = told(batch.metadata) if batch.metadata else (Picture(""), frozenset())
    policy = replace(desk.limits.decode, max_megapixels=batch.max_megapixels)
    kept: dict[str, Picture] = {}
    rejections: list[Rejection] = []
    for number, upload in enumerate(batch.files):
        progress(number, len(batch.files), "files")
        try:
            key, place = _kept(upload, folder / "uploads", policy)
        except BadPicture as bad:
            rejections.append(Rejection(upload.name, bad.reason, bad.cure))
        else:
            columns = {NAME: upload.name} | dict(said.columns)
            kept[key] = replace(said, uri=str(place), key="", columns=columns)
    progress(len(batch.files), len(batch.files), "files")
    added = desk.add(list(kept.values()), progress) if kept else None
    names = {picture.uri: str(picture.columns[NAME]) for picture in kept.values()}
    if added is not None:
        rejections += [
            replace(one, source=names.get(one.source, one.source)) for one in added.rejections
        ]
    there = desk.catalogue.find(list(kept))
    return {"pictures": [there[key] for key in kept if key in there], "rejections": rejections}


def _kept(upload: Upload, folder: Path, policy: DecodePolicy) -> tuple[str, Path]:
    """Content key of a file that is a whole picture, and where it is kept."""
    try:
        data = read_picture(upload.path, policy)
        kind = decode_file(data, upload.name, policy, _ENOUGH).kind
    except BadPicture as bad:
        raise BadPicture(upload.name, bad.reason, bad.cure) from None
    key = content_key(data)
    place = folder / key[:2] / f"{key}.{_ENDINGS[kind]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.link(upload.path, place)
    return key, place.absolute()


def check_picture(desk: Desk, upload: Upload, max_megapixels: float) -> None:
    """Raises BadPicture if a file that pictures are asked for with has too many pixels."""
    limits = desk.limits.decode
    most = min(limits.max_megapixels, max_megapixels)
    policy = replace(limits, max_megapixels=most)
    check_header(read_picture(upload.path, policy), upload.name, policy)


def named(uploads: Sequence[Upload], bad: BadPicture) -> BadPicture:
    """The error with the name that the caller gave the file, not the server's path of it."""
    name: Any = next((one.name for one in uploads if str(one.path) == bad.source), bad.source)
    return BadPicture(name, bad.reason, bad.cure)
