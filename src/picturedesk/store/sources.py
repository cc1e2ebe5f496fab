"""Sources of pictures → pixels, or what was wrong with them. Runs in threads of any machine.

A source that is known and unchanged is not read. Knows no network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from picturedesk.disk import object_storage
from picturedesk.disk.object_storage import is_object
from picturedesk.disk.tar_members import absolute, locate
from picturedesk.errors import BadPicture
from picturedesk.images import (
    DecodePolicy,
    content_key,
    decode_file,
    facts_of,
    perceptual_hash,
    read_picture,
    to_pixels,
)
from picturedesk.store.features import FeatureStore, Source
from picturedesk.store.prefetch import Claim
from picturedesk.types import Cell, Floats, Preprocessing, Rejection


@dataclass(frozen=True, slots=True)
class Known:
    """A picture that the store has or is about to have.

    Attributes:
        key: its content hash.
        source: the file, if the store must remember it together with the picture.
    """

    key: str
    source: Source | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """A picture that the store does not have.

    Attributes:
        source: the file it was read from.
        values: pixels (3, S, S), normalised; or level features (ΣD_l,), if they are computed.
        phash: perceptual hash.
        size: width and height as shown, pixels.
        facts: what the file says and shows of itself.
    """

    source: Source
    values: Floats
    phash: int
    size: tuple[int, int]
    facts: Mapping[str, Cell]

    @property
    def key(self) -> str:
        """Its content hash."""
        return self.source.key


Outcome = Known | Fresh | Rejection


class KnownPictures(Protocol):
    """What need not be read or decoded again."""

    def file(self, path: str, size: int, mtime_ns: int) -> Known | None:
        """The picture in a file, if the file is known in this state."""

    def content(self, source: Source) -> Known | None:
        """The picture with the bytes of a file that was read, if it is known."""


class NothingKnown:
    """Every source is read."""

    def file(self, path: str, size: int, mtime_ns: int) -> Known | None:
        """None."""

    def content(self, source: Source) -> Known | None:
        """None."""


class StoredPictures:
    """The pictures of a store, and of the run that fills it.

    Args:
        store: has the pictures of earlier runs.
        seen: keys of this run so far; the calling thread adds to it.
    """

    def __init__(self, store: FeatureStore, seen: Set[str]) -> None:
        self._store = store
        self._seen = seen

    def file(self, path: str, size: int, mtime_ns: int) -> Known | None:
        """See ``KnownPictures``."""
        key = self._store.lookup(path, size, mtime_ns) if size >= 0 else None
        return None if key is None else Known(key)

    def content(self, source: Source) -> Known | None:
        """See ``KnownPictures``; remembers the file of a stored picture."""
        if source.key in self._store:
            self._store.remember([source])
            return Known(source.key)
        return Known(source.key, source) if source.key in self._seen else None


class Reader:
    """One source → outcome. All file access of a run happens here.

    Args:
        preprocessing: how the network wants pixels.
        policy: which pictures are refused.
        patience: seconds that one picture may take, for the message of a late one.
        known: what need not be read.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        policy: DecodePolicy,
        patience: float,
        known: KnownPictures | None = None,
    ) -> None:
        self._preprocessing = preprocessing
        self._policy = policy
        self._patience = patience
        self._known = known or NothingKnown()

    def read(self, uri: str, claim: Claim) -> Outcome:
        """Reads and decodes, unless the picture is known; claims the memory of decoding."""
        try:
            return self._read(uri, claim)
        except BadPicture as error:
            return Rejection(error.source, error.reason, error.cure)

    def late(self, uri: str) -> Rejection:
        """The outcome of a source that takes too long."""
        reason = f"it was not read and decoded within {self._patience:g} s"
        return Rejection(uri, reason, "check the disk it lies on, or raise patience")

    def _read(self, uri: str, claim: Claim) -> Known | Fresh:
        path = absolute(uri)
        size, mtime_ns = state(path)
        known = self._known.file(path, size, mtime_ns)
        if known is not None:
            return known
        data = read_picture(uri, self._policy)
        # Size and time from before the read: a file that changes during it is read next time.
        source = Source(path, size, mtime_ns, content_key(data))
        known = self._known.content(source)
        if known is not None:
            return known
        found = decode_file(data, uri, self._policy, self._preprocessing.resize, claim)
        pixels = to_pixels(found.image, self._preprocessing)
        phash = perceptual_hash(found.image)
        return Fresh(source, pixels, phash, found.size, facts_of(found))


def is_there(uri: str) -> bool:
    """Whether the file of a picture exists; of a member of a tar file, whether the tar does.

    An object that cannot be asked for is taken to be there.
    """
    if not is_object(uri):
        return state(absolute(uri))[0] >= 0
    try:
        object_storage.state(locate(uri)[0])
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def is_stored(uri: str, store: FeatureStore) -> bool:
    """Whether the store has a file's features and the file is unchanged; reads no picture."""
    return stored_key(uri, store) is not None


def stored_key(uri: str, store: FeatureStore) -> str | None:
    """The content key of a file that the store has read and that is unchanged; None for others."""
    path = absolute(uri)
    size, mtime_ns = state(path)
    return store.lookup(path, size, mtime_ns) if size >= 0 else None


def state(path: str) -> tuple[int, int]:
    """Size in bytes and time of last change; (-1, -1) if there is no such file.

    A picture in a tar file has the state of the tar: if that is unchanged, so are its members. In
    place of a time, an object has the mark of its content.
    """
    try:
        place = locate(path)[0]
        if is_object(place):
            found = object_storage.state(place)
            return found.size, found.mark
        status = os.stat(place)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns
