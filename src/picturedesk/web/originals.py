"""Files of the catalogue's pictures, by content key: a path of a request is never opened.

A file that has other bytes than the picture is not given out under its key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from picturedesk.desk.desk import Desk
from picturedesk.disk.object_storage import is_object
from picturedesk.disk.tar_members import locate
from picturedesk.errors import BadPicture
from picturedesk.images import DecodePolicy, content_key, read_picture
from picturedesk.images.kinds import recognise
from picturedesk.types import Picture
from picturedesk.web.problems import Refused

_HEAD = 4096  # bytes from which the kind of a file is known
_KNOWN = 10_000  # files whose bytes were compared
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WebP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes of a picture: a file, a member of a tar file, or an object in object storage.

    Attributes:
        name: of the file, without folders.
        media_type: of its content.
        path: of the file; None for a member or an object.
        data: of a member or an object.
    """

    name: str
    media_type: str
    path: Path | None
    data: bytes = b""


class Originals:
    """Finds and compares the files of pictures."""

    def __init__(self) -> None:
        self._same: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, desk: Desk, key: str, policy: DecodePolicy) -> Original:
        """The bytes of a picture of the catalogue.

        Raises:
            Refused: there is none with this key, or its file is gone or has other bytes.
        """
        reason = "it has no file"
        for name in names(picture_of(desk, key)):
            try:
                return self._checked(name, key, policy)
            except BadPicture as bad:
                reason = f"{bad.reason}"
        raise Refused(
            404,
            "File not found",
            f"the file of picture {key} is not there: {reason}",
            "picturedesk sync FOLDER finds files that were moved",
        )

    def read(self, desk: Desk, key: str, policy: DecodePolicy) -> bytes:
        """All bytes of a picture; raises as ``find``."""
        found = self.find(desk, key, policy)
        return found.data if found.path is None else read_picture(found.path, policy)

    def _checked(self, name: str, key: str, policy: DecodePolicy) -> Original:
        path = Path(name)
        if is_object(name) or locate(name)[1] or not path.is_file():
            data = read_picture(name, policy)
            _require_same(data, key, name)
            return Original(path.name, MEDIA_TYPES[recognise(data, name)], None, data)
        status = path.stat()
        mark = (name, status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._same.get(mark)
        if known is None:
            data = read_picture(name, policy)
            known = content_key(data)
            with self._lock:
                self._same[mark] = known
                while len(self._same) > _KNOWN:
                    self._same.popitem(last=False)
        _require_key(known, key, name)
        with path.open("rb") as file:
            kind = recognise(file.read(_HEAD), name)
        return Original(path.name, MEDIA_TYPES[kind], path)


def picture_of(desk: Desk, key: str) -> Picture:
    """The picture of the catalogue with a key; raises Refused if there is none."""
    found = desk.catalogue.find([key]).get(key)
    if found is None:
        raise Refused(404, "Picture not found", f"the catalogue has no picture {key}")
    return found


def names(picture: Picture) -> tuple[str, ...]:
    """All names of a picture's bytes."""
    return tuple(dict.fromkeys((picture.uri, *picture.names)))


def _require_same(data: bytes, key: str, name: str) -> None:
    _require_key(content_key(data), key, name)


def _require_key(found: str, key: str, name: str) -> None:
    if found != key:
        raise BadPicture(name, "the file has changed since it was added", "sync its folder")
