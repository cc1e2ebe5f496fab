"""The folders of the Sohu 2017 news competition → Archive.

``News_info_<set>/<id>.txt`` holds url, title and body, separated by tabs;
``News_pic_info_<set>/<id>.jpg`` are the pictures; ``<set>Matching.txt`` lists which picture ran
with which text. Knows nothing of the competition's scoring.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.encoding import GB18030, decode_text, read_text
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Rejection, Text

# Part of each set; other sets (train, semifinal) are still to be split: "".
PARTS = {"validate": "test", "test": "test", "final": "test"}
_MATCHING = re.compile(r"(.+)Matching\.txt")
_TEXTS = re.compile(r"News_info_(.+)")


def read(path: Path) -> Archive:
    """Reads all sets in a folder; ``validate``, ``test`` and ``final`` become the part "test".

    All other sets are still to be split, so that validation texts come from ``train``. A set
    without a matching file (the competition published some) is left out and reported. A text is
    named ``<set>/<file>``. A file without tabs is all body; with one tab it is title (or url) and
    body. Texts are UTF-8, else GB18030. Files that the matching file does not name, and named
    files that do not exist, are reported and left out.

    Raises:
        BadInput: there is no set, or no text with a picture is left.
    """
    names = sets(path)
    if not names:
        raise BadInput(
            f"{path} does not have the layout of Sohu: it has neither News_info_<set> nor "
            "<set>Matching.txt"
        )
    draft = Draft(display_name(path))
    for name in names:
        _Set(draft, path, name).read()
    return draft.archive()


def sets(path: Path) -> list[str]:
    """Names of the sets in a folder, ``train`` first; [] if it has another layout."""
    found = set()
    for entry in os.scandir(path):
        match = _TEXTS.fullmatch(entry.name) if entry.is_dir() else _MATCHING.fullmatch(entry.name)
        if match:
            found.add(match[1])
    return sorted(found, key=lambda name: (name != "train", name))


@dataclass(frozen=True, slots=True)
class _Match:
    """One line of a matching file."""

    place: str
    picture: str
    text: str


class _Set:
    """Reads one set."""

    def __init__(self, draft: Draft, root: Path, name: str) -> None:
        self._draft = draft
        self._name = name
        self._matching = root / f"{name}Matching.txt"
        self._text_folder = root / f"News_info_{name}"
        self._picture_folder = root / f"News_pic_info_{name}"
        self._texts: dict[str, int | None] = {}  # file name → index; None if it is left out

    def read(self) -> None:
        """Adds the pairs of the matching file to the draft and reports everything else."""
        if not self._matching.is_file():
            reason = "does not exist, so it is unknown which pictures ran with which texts"
            self._draft.reject(str(self._matching), reason, "add it, or remove the set")
            return
        texts, pictures = _files(self._text_folder), _files(self._picture_folder)
        named_texts, named_pictures = set(), set()
        for match in self._matches():
            named_texts.add(match.text)
            named_pictures.add(match.picture)
            if match.picture not in pictures:
                self._missing(match, self._picture_folder / match.picture)
            elif match.text not in texts:
                self._missing(match, self._text_folder / match.text)
            else:
                self._link(match)
        self._report_unnamed(self._text_folder, texts - named_texts)
        self._report_unnamed(self._picture_folder, pictures - named_pictures)

    def _matches(self) -> Iterator[_Match]:
        for number, line in enumerate(self._matching.read_bytes().split(b"\n"), start=1):
            place = f"{self._matching}:{number}"
            try:
                content = decode_text(line, GB18030).strip()
            except UnicodeDecodeError:
                self._draft.reject(place, f"is neither UTF-8 nor {GB18030}", "save it as UTF-8")
                continue
            fields = content.split("\t") if "\t" in content else content.split()
            fields = [field.strip() for field in fields if field.strip()]
            if len(fields) == 2:
                yield _Match(place, *fields)
            elif fields:
                reason = f"has {len(fields)} fields: {content[:80]!r}"
                self._draft.reject(place, reason, "write <picture file> <white space> <text file>")

    def _link(self, match: _Match) -> None:
        if match.text not in self._texts:
            self._texts[match.text] = self._text(self._text_folder / match.text)
        index = self._texts[match.text]
        if index is not None:
            uri = uri_of(self._picture_folder / match.picture)
            self._draft.link(index, [self._draft.add_picture(Picture(uri))])

    def _text(self, path: Path) -> int | None:
        content = read_text(path, GB18030)
        if isinstance(content, Rejection):
            self._draft.leave_out(content)
            return None
        text = _story(f"{self._name}/{path.name}", content)
        if not text.body:
            self._draft.reject(str(path), "has neither title nor body", "write them into it")
            return None
        return self._draft.add_text(text, PARTS.get(self._name, ""))

    def _missing(self, match: _Match, path: Path) -> None:
        self._draft.reject(match.place, f"{path} does not exist", "put it there")

    def _report_unnamed(self, folder: Path, names: set[str]) -> None:
        for name in sorted(names):
            reason = f"{self._matching.name} does not name it"
            self._draft.reject(str(folder / name), reason, "add a line, or remove the file")


def _files(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _story(identity: str, content: str) -> Text:
    """Splits ``url<TAB>title<TAB>body``; url and title may be missing."""
    *before, body = (field.strip() for field in content.split("\t", 2))
    title = before[-1] if before else ""
    if len(before) == 1 and "://" in title:
        title = ""
    return Text(identity, body, title) if body else Text(identity, title)
