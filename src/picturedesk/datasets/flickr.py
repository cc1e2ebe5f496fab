"""Flickr30K and Flickr8K as published: captions, split lists, pictures → Archive.

Captions are lines ``<picture>#<number><TAB><words>`` (``results_20130124.token``,
``Flickr8k.token.txt``), or Kaggle's ``results.csv`` (separated by " | ") and ``captions.txt``
(CSV). Split lists name one picture per line, with or without ``.jpg``. ``karpathy`` reads
Karpathy's JSON.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from picturedesk.datasets import karpathy
from picturedesk.datasets.captioned import Described, put
from picturedesk.datasets.cells import Unfit, string
from picturedesk.datasets.columns import Columns, resolve
from picturedesk.datasets.draft import Draft
from picturedesk.datasets.encoding import broken_text, open_lines, read_text
from picturedesk.datasets.files import find, walk
from picturedesk.datasets.folder import is_picture
from picturedesk.datasets.rows import SUFFIXES, Row
from picturedesk.datasets.table import PARTS
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Rejection

CAPTIONS = {
    "flickr30k": ("results_20130124.token", "Flickr30k.token.txt", "results.csv", "captions.txt"),
    "flickr8k": ("Flickr8k.token.txt", "captions.txt"),
}
# Numbers of training, validation and test pictures → name of the split. The files do not name it;
# their lengths do.
SPLITS = {
    (29783, 1000, 1000): "m-RNN split",
    (29000, 1014, 1000): "Karpathy split",
    (6000, 1000, 1000): "the authors' split",
}
_PARTS = ("train", "validate", "test")
_LIST = re.compile(
    r"(?:flickr_?(?:8|30)k[._-])?(train|val|valid|validation|dev|test)"
    r"[._-]?(?:images?|imgs?|ids?|list)?\.txt",
    re.IGNORECASE,
)
_LISTED = re.compile(r"[\w./-]+")
_TOKEN = re.compile(r"(\S+)#(\d+)(?:\s+(.*))?")


def read_flickr30k(path: Path) -> Archive:
    """Reads Flickr30K with its split; the archive's name tells which.

    Split lists (29,783 / 1,000 / 1,000, as m-RNN and the paper) take precedence over Karpathy's
    JSON (29,000 / 1,014 / 1,000); to use the JSON, give it as the path. Without both, all texts
    are still to be split. Files may be in sub-folders. Pictures that no list names are left out
    and counted; other problems are reported by line.

    Args:
        path: the folder with captions, lists and pictures, or Karpathy's JSON beside the pictures.

    Raises:
        BadInput: there are no captions, a list is missing, or no text with a picture is left.
    """
    return _read("flickr30k", path)


def read_flickr8k(path: Path) -> Archive:
    """Reads Flickr8K: ``Flickr8k.token.txt`` and ``Flickr_8k.trainImages.txt``, or Karpathy's JSON.

    See ``read_flickr30k``. Five lines of the token file name a picture ``….jpg.1`` that does not
    exist; they are reported.
    """
    return _read("flickr8k", path)


def _read(kind: str, path: Path) -> Archive:
    json_name = karpathy.file_name(kind)
    if path.is_file():
        if path.suffix.lower() == ".json":
            return karpathy.read_json(path, path.parent, kind)
        raise BadInput(f"{path} is not JSON: give the folder of the data, or its {json_name}")
    there = find(path, [*CAPTIONS[kind], json_name])
    lists = _lists(path)
    if json_name in there and not lists:
        return karpathy.read_json(Path(there[json_name]), path, kind)
    captions = next((there[name] for name in CAPTIONS[kind] if name in there), None)
    if captions is None:
        wanted = ", ".join(CAPTIONS[kind])
        raise BadInput(f"{path} has no captions of {kind}: put one of {wanted} there")
    split = _Split(lists)
    draft = Draft(f"{kind} ({split.name})")
    described = _described(draft, Path(captions))
    put(draft, path, split.applied(draft, captions, described))
    return draft.archive()


def _lists(root: Path) -> dict[str, Path]:
    """Split list by part; {} if there is none.

    Raises:
        BadInput: one of the three is missing, or there are several for one part.
    """
    found: dict[str, list[Path]] = {}
    for folder, names in walk(root):
        for name in names:
            match = _LIST.fullmatch(name)
            if match:
                found.setdefault(PARTS[match[1].lower()], []).append(Path(folder, name))
    for part in _PARTS:
        several = found.get(part, [])
        if found and not several:
            there = ", ".join(str(paths[0]) for paths in found.values())
            raise BadInput(f"{root} has no split list for {part}, but {there}: add it")
        if len(several) > 1:
            raise BadInput(f"{several[0]} and {several[1]} are lists of the same part: keep one")
    return {part: found[part][0] for part in _PARTS if found}


class _Split:
    """The part of each picture, from the lists.

    Args:
        lists: split list by part; {} if all pictures are still to be split.

    Raises:
        BadInput: a list cannot be read.
    """

    def __init__(self, lists: dict[str, Path]) -> None:
        self._lists = lists
        self._odd: list[Rejection] = []
        self._stems = {part: self._listed(path) for part, path in lists.items()}

    @property
    def name(self) -> str:
        """The name of the split, or its size."""
        if not self._lists:
            return "no split given"
        train, validate, test = (len(self._stems[part]) for part in _PARTS)
        named = SPLITS.get((train, validate, test))
        return named or f"split lists of {train} / {validate} / {test}"

    def _listed(self, path: Path) -> set[str]:
        content = read_text(path)
        if isinstance(content, Rejection):
            raise BadInput(f"{path} {content.reason}: {content.cure}")
        stems = set()
        for number, line in enumerate(content.splitlines(), start=1):
            name = line.strip()
            if _LISTED.fullmatch(name):
                stems.add(_stem(name))
            elif name:
                reason = f"{name[:80]!r} is not the name of a picture"
                self._odd.append(Rejection(f"{path}:{number}", reason, "write one name per line"))
        return stems

    def applied(
        self, draft: Draft, captions: str, described: dict[str, Described]
    ) -> list[Described]:
        """The pictures of the lists, each with its part; reports what is left out."""
        if not self._lists:
            return list(described.values())
        for rejection in self._odd:
            draft.leave_out(rejection)
        kept, unlisted = [], []
        for entry in described.values():
            parts = [part for part, stems in self._stems.items() if _stem(entry.picture) in stems]
            if len(parts) == 1:
                kept.append(Described(entry.picture, entry.place, parts[0], entry.captions))
            elif parts:
                reason = f"{entry.picture} is listed for {' and '.join(parts)}"
                draft.reject(entry.place, reason, "list it once")
            else:
                unlisted.append(entry.picture)
        _count(draft, captions, unlisted, "are in no split list", "add them to one")
        known = {_stem(name) for name in described}
        for part, path in self._lists.items():
            absent = sorted(self._stems[part] - known)
            _count(draft, str(path), absent, "have no captions", f"add them to {captions}")
        return kept


def _count(draft: Draft, source: str, names: list[str], reason: str, cure: str) -> None:
    if names:
        draft.reject(source, f"{len(names)} pictures {reason} (the first: {names[0]})", cure)


def _stem(name: str) -> str:
    last = name.rpartition("/")[2]
    return os.path.splitext(last)[0] if is_picture(last) else last


@dataclass(frozen=True, slots=True)
class _Line:
    """One caption of a file; ``number`` is "" if the file has no numbers."""

    place: str
    picture: str
    number: str
    words: str


def _described(draft: Draft, path: Path) -> dict[str, Described]:
    """Captions by picture, in the order of the file."""
    described: dict[str, Described] = {}
    for line in _lines(path):
        if isinstance(line, Rejection):
            draft.leave_out(line)
            continue
        if not is_picture(line.picture):
            reason = f"{line.picture!r} is not the name of a picture"
            draft.reject(line.place, reason, "write the name of its file")
            continue
        entry = described.setdefault(line.picture, Described(line.picture, line.place))
        number = line.number or str(len(entry.captions))
        if not line.words:
            draft.reject(line.place, "has no words", "write the caption")
        elif number in entry.captions:
            reason = f"caption {number} of {line.picture} occurs twice"
            draft.reject(line.place, reason, "give it its own number")
        else:
            entry.captions[number] = line.words
    return described


def _lines(path: Path) -> Iterator[_Line | Rejection]:
    try:
        with open_lines(path) as stream:
            first = stream.readline()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}: make it readable") from None
    if _TOKEN.fullmatch(first.strip()) or "|" in first:
        return _plain_lines(path, piped="|" in first.partition("#")[0])
    return _csv_lines(path)


def _plain_lines(path: Path, piped: bool) -> Iterator[_Line | Rejection]:
    with open_lines(path) as stream:
        for number, line in enumerate(stream, start=1):
            place, content = f"{path}:{number}", line.strip()
            broken = broken_text(content)
            if broken:
                yield Rejection(place, broken, "save it as UTF-8")
            elif not piped and content:
                yield _token_line(place, content)
            elif piped and content and not (number == 1 and content.startswith("image_name")):
                yield _piped_line(place, content)


def _token_line(place: str, content: str) -> _Line | Rejection:
    match = _TOKEN.fullmatch(content)
    if match is None:
        reason = f"is not a caption: {content[:80]!r}"
        return Rejection(place, reason, "write <picture>#<number><TAB><words>")
    return _Line(place, match[1], match[2], match[3] or "")


def _piped_line(place: str, content: str) -> _Line | Rejection:
    fields = [field.strip() for field in content.split("|", 2)]
    if len(fields) < 3:
        reason = f"has {len(fields)} fields: {content[:80]!r}"
        return Rejection(place, reason, "write <picture>| <number>| <words>")
    return _Line(place, *fields)


def _csv_lines(path: Path) -> Iterator[_Line | Rejection]:
    table = SUFFIXES[".csv"](path)
    kaggle = Columns(picture="image_name", text="comment")
    columns = kaggle if "image_name" in table.columns else Columns()
    names = resolve(columns, table.columns, str(path))
    for row in table.rows([names.picture, names.text]):
        if isinstance(row, Rejection):
            yield row
            continue
        try:
            yield _csv_line(row, names)
        except Unfit as unfit:
            yield Rejection(row.place, unfit.reason, unfit.cure)


def _csv_line(row: Row, names: Columns) -> _Line:
    picture, words = (string(row.cells[name], name) for name in (names.picture, names.text))
    return _Line(row.place, picture, string(row.cells.get("comment_number"), ""), words)
