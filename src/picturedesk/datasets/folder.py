"""A folder of pictures, each with a ``.txt`` of the same name beside it → Archive.

Knows file names; opens no picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.encoding import read_text
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Rejection, Text

PICTURES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif")
)  # suffixes in lower case
_KINDS = " ".join(sorted(PICTURES))
_WAYS = {  # other kinds of data sets by a file of theirs → how they are read
    "dataset_flickr30k.json": "give flickr30k:{folder}",
    "dataset_flickr8k.json": "give flickr8k:{folder}",
    "dataset_coco.json": "give coco:{folder}",
    "captions_*.json": "give coco:{folder}",
    "*.tar": "give webdataset:{folder}",
    "*.parquet": "give {file}, or unpack it if it holds the pictures",
    "*.csv": "give {file}",
    "*.jsonl": "give {file}",
}


def read(path: Path) -> Archive:
    """Reads ``a/x.jpg`` with ``a/x.txt`` in all sub-folders; skips names that begin with ".".

    Reports sub-folders that cannot be read.

    Pictures with one stem in one folder (``x.jpg``, ``x.png``) share their text. The same name in
    two sub-folders is two pictures. Pictures without text and texts without picture are reported
    and left out. Texts are UTF-8, or in the encoding of their byte order mark.

    Raises:
        BadInput: no text with a picture is left.
    """
    draft = Draft(display_name(path))
    for folder, names in _folders(draft, path):
        pictures: dict[str, list[str]] = {}  # stem → file names
        texts: dict[str, list[str]] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in PICTURES:
                pictures.setdefault(stem, []).append(name)
            elif suffix.lower() == ".txt":
                texts.setdefault(stem, []).append(name)
        _read_folder(draft, path, folder, pictures, texts)
    instead = "" if draft.pictures or draft.rejections else _instead(path)
    if instead:
        raise BadInput(f"{path} has no picture with a .txt beside it, but {instead}")
    return draft.archive()


def _instead(path: Path) -> str:
    """What else lies in a folder without pictures, and how to read it; "" if nothing known."""
    for folder, names in _folders(Draft(display_name(path)), path):
        for name in names:
            for pattern, way in _WAYS.items():
                if fnmatch(name.lower(), pattern):
                    found = way.format(file=folder / name, folder=path)
                    return f"{(folder / name).relative_to(path)}: {found}"
    return ""


def read_pictures(path: Path) -> Draft:
    """All pictures of a folder and its sub-folders, without texts; reports unreadable ones."""
    draft = Draft(display_name(path))
    for folder, names in _folders(draft, path):
        for name in names:
            if is_picture(name) and _is_unicode(draft, folder / name):
                draft.add_picture(Picture(uri_of(folder / name)))
    return draft


def is_picture(name: str) -> bool:
    """Whether a file name has the suffix of a supported picture format."""
    return os.path.splitext(name)[1].lower() in PICTURES


def _folders(draft: Draft, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below a path with its file names, sorted, without hidden ones."""
    for root, folders, names in os.walk(path, onerror=draft.folder_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(root), sorted(name for name in names if not name.startswith("."))


def _read_folder(
    draft: Draft,
    root: Path,
    folder: Path,
    pictures: dict[str, list[str]],
    texts: dict[str, list[str]],
) -> None:
    for stem in sorted(pictures.keys() | texts.keys()):
        shown = [folder / name for name in pictures.get(stem, ())]
        said = [folder / name for name in texts.get(stem, ())]
        if not said:
            for picture in shown:
                draft.reject(str(picture), "has no text beside it", f"write {stem}.txt")
        elif not shown:
            for text in said:
                draft.reject(str(text), "has no picture beside it", f"supported formats: {_KINDS}")
        else:
            _join(draft, root, shown, said)


def _join(draft: Draft, root: Path, shown: list[Path], said: list[Path]) -> None:
    files = [picture for picture in shown if _is_unicode(draft, picture)]
    for path in said:
        content = read_text(path)
        if isinstance(content, Rejection):
            draft.leave_out(content)
        elif files and _is_unicode(draft, path):
            text = draft.add_text(Text(path.relative_to(root).as_posix(), content.strip()))
            draft.link(text, [draft.add_picture(Picture(uri_of(file))) for file in files])


def _is_unicode(draft: Draft, path: Path) -> bool:
    """Whether a file name is valid Unicode; reports it if not."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        draft.reject(str(path), "its file name is not UTF-8", "rename it")
        return False
    return True
