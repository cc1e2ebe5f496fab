"""Karpathy's splits of COCO, Flickr30K and Flickr8K (``dataset_<set>.json``) → Archive.

One JSON object whose "images" have "filename", "split", "sentences" with "raw" words, and for
COCO "filepath" (``train2014``). Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments", 2015.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from picturedesk.datasets.captioned import Described, put
from picturedesk.datasets.cells import Unfit, string
from picturedesk.datasets.draft import Draft
from picturedesk.datasets.folder import is_picture
from picturedesk.datasets.table import PARTS
from picturedesk.errors import BadInput
from picturedesk.types import Archive

_AS_PUBLISHED = "take the file as Karpathy published it"


def file_name(kind: str) -> str:
    """Karpathy's file name for a data set."""
    return f"dataset_{kind}.json"


def read_json(path: Path, root: Path, kind: str) -> Archive:
    """Reads one of Karpathy's files; "restval" counts as train, as in published results.

    Args:
        path: the JSON file; read whole (144 MB for COCO), without its word lists.
        root: folder with the pictures somewhere below it.
        kind: "coco", "flickr30k" or "flickr8k".

    Raises:
        BadInput: it is not such a JSON file, or one of another data set.
    """
    return read_content(load(path), path, root, kind)


def read_content(content: object, path: Path, root: Path, kind: str) -> Archive:
    """The same, from the content of the file."""
    draft = Draft(f"{kind} (Karpathy split)")
    described: dict[str, Described] = {}
    for index, image in enumerate(_images(content, path, kind)):
        place = f"{path} image {index}"
        try:
            entry = _described(draft, image, place)
        except Unfit as unfit:
            draft.reject(place, unfit.reason, unfit.cure)
            continue
        if entry.picture in described:
            draft.reject(place, f"{entry.picture} occurs twice", _AS_PUBLISHED)
        described.setdefault(entry.picture, entry)
    put(draft, root, list(described.values()))
    return draft.archive()


def load(path: Path) -> Any:  # noqa: ANN401 - whatever the file has
    """The content of a JSON file, without lists of tokens; raises BadInput if it has none."""
    try:
        return json.loads(path.read_bytes(), object_hook=_without_tokens)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}: make it readable") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not JSON: {error}: {_AS_PUBLISHED}") from None


def _images(content: object, path: Path, kind: str) -> list[Any]:
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise BadInput(f'{path} has no list "images": {_AS_PUBLISHED}')
    said = content.get("dataset", kind) if isinstance(content, dict) else kind
    if said != kind:
        raise BadInput(f"{path} is of {said}, not of {kind}: write {said}:PATH")
    return images


def _without_tokens(record: dict[str, Any]) -> dict[str, Any]:
    record.pop("tokens", None)  # most of the file; not needed
    return record


def _described(draft: Draft, image: object, place: str) -> Described:
    if not isinstance(image, dict):
        raise Unfit("is not a JSON object", _AS_PUBLISHED)
    name = string(image.get("filename"), "filename")
    folder = string(image.get("filepath"), "filepath")
    if not is_picture(name):
        raise Unfit(f"its filename {name!r} is not the name of a picture", _AS_PUBLISHED)
    split = string(image.get("split"), "split")
    part = PARTS.get(split.casefold())
    if not part:
        raise Unfit(f"split {split!r} is not known", "write train, restval, val or test")
    sentences = image.get("sentences")
    if not isinstance(sentences, list):
        raise Unfit("has no list of sentences", _AS_PUBLISHED)
    picture = f"{folder}/{name}" if folder else name
    return Described(picture, place, part, _captions(draft, sentences, place))


def _captions(draft: Draft, sentences: list[Any], place: str) -> dict[str, str]:
    captions = {}
    for number, sentence in enumerate(sentences):
        try:
            words = string(sentence.get("raw") if isinstance(sentence, dict) else None, "raw")
            if not words:
                raise Unfit("has no words", 'write them as "raw"')
        except Unfit as unfit:
            draft.reject(f"{place} sentence {number}", unfit.reason, unfit.cure)
        else:
            captions[str(number)] = words
    return captions
