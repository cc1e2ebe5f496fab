"""Tar shards of pictures with captions, as img2dataset and webdataset write them → Archive.

The members of a sample share their name up to the first dot of its last part: ``000000012.jpg``,
its caption ``000000012.txt`` and its metadata ``000000012.json``. Pictures stay in the shards;
their uris point there. Knows the meaning of members, not the tar format.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picturedesk.datasets.cells import TAG_MARKS, Unfit, string, strings
from picturedesk.datasets.draft import Draft, display_name, uri_of
from picturedesk.datasets.encoding import MAX_TEXT_BYTES, broken_text, decode_text
from picturedesk.datasets.files import walk
from picturedesk.datasets.folder import PICTURES
from picturedesk.datasets.shard_names import addresses, expanded, is_pattern
from picturedesk.datasets.usual_names import USUAL
from picturedesk.disk.tar_members import (
    SUFFIX,
    BrokenTar,
    Member,
    Readable,
    member_uri,
    members_of,
    opened,
    read_member,
)
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Text

CAPTIONS = ("captions", "caption", "text")  # keys of a sample's JSON; the first non-empty counts
_COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
_MEMBER = re.compile(r"((?:.*/)?[^./]+)\.([^/]*)")  # key and extension
_AS_UTF8 = "write it as UTF-8"

_SMALL = 1 << 16  # bytes; texts that are read in passing


@dataclass(frozen=True, slots=True)
class _Piece:
    """A member of a sample; ``data`` of a small text."""

    member: Member
    data: bytes | None = None


_Sample = dict[str, _Piece]  # by extension, in lower case, with its dot


def read(path: Path) -> Archive:
    """Reads one ``.tar``, those of a pattern, or every one below a folder; texts have no part yet.

    A pattern has numbers in braces, as webdataset's have: ``shards-{000..003}.tar``.

    A text is named ``<shard>!<key>#<n>``. Captions come from the JSON if it lists several, else
    from ``.txt``, else from the JSON's ``caption``. Credit, licence and tags come from the JSON,
    under the usual names of tables. The same key in two shards is two samples. Reads each shard
    once, forwards, and holds the names and texts of one shard in memory.

    Left out and reported: pictures without caption and captions without picture (counted per
    shard), unusable members, and everything after the damage in a broken shard. Other members
    (``.cls``, ``.npy``) are ignored.

    Raises:
        BadInput: there is no shard, or no text with a picture is left.
    """
    draft = Draft(display_name(path))
    shards = _shards(draft, path)
    if not shards and not draft.rejections:
        raise BadInput(f"{path} has no shard: put files *{SUFFIX} there")
    for shard in shards:
        below = path in shard.parents
        name = shard.relative_to(path).as_posix() if below else shard.name
        _Shard(draft, uri_of(shard), name).read()
    return draft.archive()


def read_objects(pattern: str) -> Archive:
    """Like ``read``, of shards in object storage: one address, or a pattern of addresses.

    Raises:
        BadInput: no text with a picture is left.
    """
    draft = Draft(pattern.rpartition("/")[2])
    for uri in addresses(pattern):
        _Shard(draft, uri, uri.rpartition("/")[2]).read()
    return draft.archive()


def is_one(path: Path) -> bool:
    """Whether a path is a shard, a pattern of shards, or a folder with shards and no pictures."""
    if not path.is_dir():
        return path.name.endswith(SUFFIX)
    try:
        suffixes = {os.path.splitext(name)[1].lower() for name in os.listdir(path)}
    except OSError:
        return False
    return SUFFIX in suffixes and not suffixes & PICTURES


def _shards(draft: Draft, path: Path) -> list[Path]:
    shards = []
    for file in _files(draft, path):
        if file.name.lower().endswith(_COMPRESSED):
            draft.reject(
                str(file), "is compressed, so single pictures cannot be read from it", "unpack it"
            )
        elif file.name.endswith(SUFFIX) and broken_text(str(file)):
            draft.reject(str(file), "its file name is not UTF-8", "rename it")
        elif file.name.endswith(SUFFIX):
            shards.append(file)
    if path.is_file() and not (shards or draft.rejections):
        raise BadInput(f"{path} is not a shard: its name must end in {SUFFIX}")
    return shards


def _files(draft: Draft, path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if is_pattern(str(path)):
        return expanded(str(path))
    found = walk(path, draft.folder_unreadable)
    return [Path(folder, name) for folder, names in found for name in names]


class _Shard:
    """Reads one shard."""

    def __init__(self, draft: Draft, uri: str, name: str) -> None:
        self._draft = draft
        self._uri = uri
        self._name = name
        self._no_caption: list[str] = []  # keys of pictures without caption
        self._no_picture: list[str] = []  # keys of captions without picture

    def read(self) -> None:
        """Adds its samples to the draft and reports what is left out."""
        samples: dict[str, _Sample] = {}  # by key, in the order of first members
        try:
            with opened(self._uri) as file:
                try:
                    for member in members_of(file):
                        self._sort(file, samples, member)
                except BrokenTar as broken:
                    self._draft.reject(self._uri, broken.reason, broken.cure)
                for key, sample in samples.items():
                    self._read_sample(file, key, sample)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            self._draft.reject(self._uri, reason, "make it readable")
        self._count(
            self._no_caption, "pictures have no caption", "give each a .txt with the same name"
        )
        kinds = " ".join(sorted(PICTURES))
        self._count(self._no_picture, "captions have no picture", f"supported formats: {kinds}")

    def _sort(self, file: Readable, samples: dict[str, _Sample], member: Member) -> None:
        """Adds a member to its sample, if it is of a supported kind."""
        match = _MEMBER.fullmatch(member.name)
        extension = f".{match[2].lower()}" if match else ""
        if match is None or (extension not in PICTURES and extension not in (".txt", ".json")):
            return
        if broken_text(member.name):
            self._reject(member, "its name is not UTF-8", "name it in UTF-8")
        elif extension in samples.setdefault(match[1], {}):
            self._reject(member, "occurs twice; the first one is used", "give each its own key")
        else:
            small = extension not in PICTURES and member.size <= _SMALL
            data = read_member(file, member) if small else None
            samples[match[1]][extension] = _Piece(member, data)

    def _read_sample(self, file: Readable, key: str, sample: _Sample) -> None:
        pictures = [one.member for extension, one in sample.items() if extension in PICTURES]
        about = self._about(file, sample.get(".json"))
        captions = self._captions(file, key, sample.get(".txt"), about)
        if not captions:
            self._no_caption += [key] if pictures else []
        elif not pictures:
            self._no_picture.append(key)
        else:
            indices = [self._draft.add_picture(self._picture(it, about)) for it in pictures]
            for number, words in enumerate(captions):
                text = Text(f"{self._name}!{key}#{number}", words)
                self._draft.link(self._draft.add_text(text), indices)

    def _about(self, file: Readable, piece: _Piece | None) -> dict[str, Any]:
        """A sample's JSON; {} if it has none or it is unusable."""
        if piece is None:
            return {}
        member = piece.member
        try:
            content = json.loads(_text(file, piece))
        except Unfit as unfit:
            self._reject(member, unfit.reason, unfit.cure)
        except (ValueError, RecursionError) as error:
            self._reject(member, f"is not JSON: {error}", "write one JSON object")
        else:
            if isinstance(content, dict):
                return content
            self._reject(member, "is not a JSON object", "write one JSON object")
        return {}

    def _captions(
        self, file: Readable, key: str, piece: _Piece | None, about: dict[str, Any]
    ) -> tuple[str, ...]:
        """The captions of a sample, each wording once; () if it has none."""
        said = [about[name] for name in CAPTIONS if about.get(name)]
        try:
            several = next((value for value in said if isinstance(value, list)), None)
            if several is not None:
                return strings(several, "captions", TAG_MARKS)
            alone = _text(file, piece).strip() if piece else ""
            alone = alone or next((string(value, "caption") for value in said), "")
        except Unfit as unfit:
            source = member_uri(self._uri, piece.member.name if piece else key)
            self._draft.reject(source, unfit.reason, unfit.cure)
            return ()
        return (alone,) if alone else ()

    def _picture(self, member: Member, about: dict[str, Any]) -> Picture:
        """A picture with the metadata of its JSON."""
        uri = member_uri(self._uri, member.name)
        credit, licence, tags = (_first(about, USUAL[r]) for r in ("credit", "licence", "tags"))
        try:
            return Picture(
                uri,
                credit=string(credit, "credit"),
                licence=string(licence, "licence"),
                tags=strings(tags, "tags", TAG_MARKS),
            )
        except Unfit as unfit:
            self._reject(member, f"its JSON: {unfit.reason}", unfit.cure)
            return Picture(uri)

    def _reject(self, member: Member, reason: str, cure: str) -> None:
        self._draft.reject(member_uri(self._uri, member.name), reason, cure)

    def _count(self, keys: list[str], reason: str, cure: str) -> None:
        if keys:
            reason = f"{len(keys)} {reason} (the first: {keys[0]})"
            self._draft.reject(self._uri, reason, cure)


def _first(about: dict[str, Any], names: Sequence[str]) -> object:
    return next((about[name] for name in names if about.get(name)), None)


def _text(file: Readable, piece: _Piece) -> str:
    """A member as text; raises Unfit if it is not text."""
    member = piece.member
    if member.size > MAX_TEXT_BYTES:
        raise Unfit(f"is larger than {MAX_TEXT_BYTES // 2**20} MiB", "check that it is a text")
    try:
        data = read_member(file, member) if piece.data is None else piece.data
        text = decode_text(data)
    except UnicodeDecodeError as error:
        raise Unfit(f"is not UTF-8 (byte {error.start})", _AS_UTF8) from None
    broken = broken_text(text)
    if broken:
        raise Unfit(broken, _AS_UTF8)
    return text
