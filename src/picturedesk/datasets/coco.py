"""COCO with its captions, as published (``captions_*.json``) or in Karpathy's split → Archive.

``captions_<set>.json`` is one JSON object with "images" (``id``, ``file_name``) and "annotations"
(``image_id``, ``caption``). Lin et al., "Microsoft COCO: Common Objects in Context", 2014; Chen et
al., "Microsoft COCO Captions", 2015.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

from picturedesk.datasets import karpathy
from picturedesk.datasets.captioned import Described, put
from picturedesk.datasets.cells import Unfit, string
from picturedesk.datasets.draft import Draft, display_name
from picturedesk.datasets.files import find, walk
from picturedesk.datasets.folder import is_picture
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Json

CAPTIONS = "captions_*.json"
_FOLDER = "annotations"  # where COCO is unpacked with it, beside the folders of pictures
_AS_PUBLISHED = "take the file as COCO published it"


def read(path: Path) -> Archive:
    """Reads Karpathy's split if it is there, else the captions that COCO published.

    Of the published files, ``captions_train*`` is the training part and ``captions_val*`` the test
    part, since COCO keeps the captions of its own test set to itself; validation texts are split
    off the training texts later. If one file is given or found alone, its texts are still to be
    split.

    Args:
        path: the folder with the JSON and the pictures somewhere below it, or the JSON file:
            beside the pictures' folders, or in ``annotations`` beside them.

    Raises:
        BadInput: the JSON is missing or of another kind, or no text with a picture is left.
    """
    if path.is_file():
        content = karpathy.load(path)
        if not _is_published(content):
            return karpathy.read_content(content, path, path.parent, "coco")
        root = path.parent.parent if path.parent.name == _FOLDER else path.parent
        return _read(root, {path: content})
    split = karpathy.file_name("coco")
    found = find(path, [split])
    if found:
        return karpathy.read_json(Path(found[split]), path, "coco")
    files = [
        Path(folder, name)
        for folder, names in walk(path)
        for name in names
        if fnmatch.fnmatch(name, CAPTIONS)
    ]
    if not files:
        raise BadInput(f"{path} has neither {split} (Karpathy's split) nor {CAPTIONS}")
    return _read(path, {file: karpathy.load(file) for file in files})


def _is_published(content: object) -> bool:
    return isinstance(content, dict) and isinstance(content.get("annotations"), list)


def _read(root: Path, contents: dict[Path, Any]) -> Archive:
    draft = Draft(f"coco ({', '.join(display_name(file) for file in contents)})")
    described: list[Described] = []
    for file, content in contents.items():
        if not _is_published(content) or not isinstance(content.get("images"), list):
            raise BadInput(f'{file} has no lists "images" and "annotations": {_AS_PUBLISHED}')
        part = _part(file.name) if len(contents) > 1 else ""
        described += _described(draft, file, content, part)
    put(draft, root, described)
    return draft.archive()


def _part(name: str) -> str:
    kind = name.removeprefix("captions_")
    return "train" if kind.startswith("train") else "test" if kind.startswith("val") else ""


def _described(draft: Draft, file: Path, content: Json, part: str) -> list[Described]:
    """The pictures of one file with their captions."""
    by_id = _images(draft, file, content["images"], part)
    idle = 0
    for index, annotation in enumerate(content["annotations"]):
        try:
            words = _text(annotation, "caption")
        except Unfit as unfit:
            draft.reject(f"{file} annotation {index}", unfit.reason, unfit.cure)
            continue
        entry = by_id.get(annotation.get("image_id"))
        if entry is None or not words:
            idle += 1
        else:
            entry.captions[str(len(entry.captions))] = words
    if idle == len(content["annotations"]):
        raise BadInput(f"{file} has no captions: give {CAPTIONS}")
    if idle:
        reason = f"{idle} annotations have no caption, or no image in this file"
        draft.reject(str(file), reason, _AS_PUBLISHED)
    return list(by_id.values())


def _images(draft: Draft, file: Path, images: list[Any], part: str) -> dict[object, Described]:
    """The pictures of one file by their ids, without captions."""
    by_id: dict[object, Described] = {}
    for index, image in enumerate(images):
        place = f"{file} image {index}"
        try:
            name = _text(image, "file_name")
            if not is_picture(name):
                raise Unfit(f"its file_name {name!r} is not the name of a picture", _AS_PUBLISHED)
        except Unfit as unfit:
            draft.reject(place, unfit.reason, unfit.cure)
        else:
            by_id[image.get("id")] = Described(name, place, part)
    return by_id


def _text(record: object, name: str) -> str:
    if not isinstance(record, dict):
        raise Unfit("is not a JSON object", _AS_PUBLISHED)
    return string(record.get(name), name)
