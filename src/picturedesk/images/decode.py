"""Bytes → RGB picture, or a refusal with reason and cure. Knows no network and no storage.

Any bytes give a picture or raise ``BadPicture``; nothing is printed and no warning is shown. Safe
to call from several threads.
"""

from __future__ import annotations

import hashlib
import io
import math
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, features

import picturedesk.checks as checks
from picturedesk.disk import object_storage
from picturedesk.disk.object_storage import Unreadable
from picturedesk.disk.tar_members import find, locate, read_member
from picturedesk.errors import BadPicture
from picturedesk.images.colours import scale_transparent_colour, to_rgb
from picturedesk.images.guard import READERS, TooManyPixels, check_size, reading
from picturedesk.images.kinds import recognise
from picturedesk.images.memory import bytes_held
from picturedesk.images.metadata.blocks import Blocks, blocks_of
from picturedesk.images.whole import Opened, load_whole
from picturedesk.images.whole.jpeg import reduce

_MEND = "replace it by an intact copy, or save it again in an image editor"

_PARTS = {"WebP": "webp", "AVIF": "avif"}  # optional parts of Pillow

_UPRIGHT = {  # EXIF orientation → transposition that turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = (5, 6, 7, 8)  # orientations that swap width and height


@dataclass(frozen=True, slots=True)
class DecodePolicy:
    """Limits for pictures; larger ones are refused before they are decoded.

    Attributes:
        max_megapixels: largest picture, millions of pixels according to its header.
        max_megabytes: largest file, millions of bytes.
    """

    max_megapixels: float = 200.0
    max_megabytes: float = 1000.0

    def __post_init__(self) -> None:
        checks.settings(self, limits=("max_megapixels", "max_megabytes"))


_DEFAULT = DecodePolicy()


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded file.

    Attributes:
        image: upright RGB picture, perhaps reduced.
        kind: of the file, one of ``KINDS``.
        size: width and height of the upright picture in the file, pixels.
        blocks: its raw metadata.
    """

    image: Image.Image
    kind: str
    size: tuple[int, int]
    blocks: Blocks


def content_key(data: bytes) -> str:
    """A picture's identity: the first 32 hex digits of the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()[:32]


def read_picture(path: str | Path, policy: DecodePolicy = _DEFAULT) -> bytes:
    """The bytes of a picture, from a file, a member of a tar file, or an object in object storage.

    Raises:
        BadPicture: the file, member or object does not exist, is a directory or device, is empty,
            may not be read, or is larger than ``policy.max_megabytes``.
    """
    source = str(path)
    try:
        data = _read(source, policy)
    except FileNotFoundError:
        raise BadPicture(source, "does not exist", "check the path, or leave it out") from None
    except PermissionError:
        raise BadPicture(source, "may not be read", "allow this user to read it") from None
    except Unreadable as error:
        raise BadPicture(source, error.reason, error.cure) from None
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({_one_line(error)})"
        raise BadPicture(source, reason, "check the path and the disk") from None
    if not data:
        raise BadPicture(source, "is empty (0 bytes)", "download it again, or leave it out")
    return data


def _read(source: str, policy: DecodePolicy) -> bytes:
    if object_storage.is_object(source):
        return _read_object(source, policy)
    located, name = locate(source)
    path = Path(located)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise BadPicture(source, f"is {what}", "give the picture files themselves")
    member = find(located, name) if name else None
    if name and member is None:
        raise _no_member(source)
    _check_bytes(member.size if member else status.st_size, source, policy)
    with path.open("rb") as file:
        return read_member(file, member) if member else file.read()


def _read_object(source: str, policy: DecodePolicy) -> bytes:
    located, name = locate(source)
    member = find(located, name) if name else None
    if name and member is None:
        raise _no_member(source)
    start = member.offset if member else 0
    size = member.size if member else object_storage.state(source).size
    _check_bytes(size, source, policy)
    end = start + size if member else start + size + 1  # one more: it may have grown
    data = object_storage.read(located, start, end) if size else b""
    if len(data) != size:
        raise BadPicture(source, "changed while it was read", "read it again")
    return data


def _no_member(source: str) -> BadPicture:
    reason = "is not in the tar, or behind a fault in it"
    return BadPicture(source, reason, "check the name, or fetch the tar again")


def _check_bytes(size: int, source: str, policy: DecodePolicy) -> None:
    if size > policy.max_megabytes * 1e6:
        raise BadPicture(
            source,
            f"has {size / 1e6:.1f} megabytes, more than max_megabytes = {policy.max_megabytes:g}",
            f"raise max_megabytes to {math.ceil(size / 1e6)}, or save the picture smaller",
        )


def _at_once(held: int) -> None:
    """Claims memory without a limit."""


def decode(
    data: bytes,
    source: str,
    policy: DecodePolicy = _DEFAULT,
    at_least: int = 0,
    claim: Callable[[int], None] = _at_once,
) -> Image.Image:
    """The bytes of a picture file → an upright RGB picture; for animations, the first frame.

    Args:
        data: the whole file.
        source: its path or address, for the message of a refusal.
        policy: limits.
        at_least: length of the shorter side that the caller needs, pixels. Large JPEGs are decoded
            at 1/2, 1/4 or 1/8 of their size, never below twice this length, which is several times
            faster. 0: full size.
        claim: called once, after the header is read and before pixels are, with the bytes of memory
            that the picture takes until it is a network input; may wait until there is room.

    Raises:
        BadPicture: the bytes are not a picture of a supported format, are damaged or truncated, or
            claim more than ``policy.max_megapixels``.
    """
    return decode_file(data, source, policy, at_least, claim).image


def decode_file(
    data: bytes,
    source: str,
    policy: DecodePolicy = _DEFAULT,
    at_least: int = 0,
    claim: Callable[[int], None] = _at_once,
) -> Decoded:
    """Like ``decode``, with what the file says of itself, at hardly any further cost."""
    kind = _readable(data, source)
    with _refusing(kind, source, policy):
        opened = _open(kind, data, at_least)
        held = bytes_held(opened)
    claim(held)
    with _refusing(kind, source, policy):
        load_whole(opened)
        orientation = _orientation(opened.image)
        # A HEIC is turned by its reader, which may change the size while it loads.
        width, height = opened.image.size if kind == "HEIC" else opened.full
        size = (height, width) if orientation in _TURNED else (width, height)
        blocks = blocks_of(opened.image)
        # Keep the pixels only, without the reader and the bytes of the file.
        picture = Image.Image()._new(to_rgb(opened.image).im)
        del opened  # some readers hold the picture, too: none is needed while it is turned
        turn = _UPRIGHT.get(orientation)
        upright = picture if turn is None else picture.transpose(turn)
        return Decoded(upright, kind, size, blocks)


def check_header(data: bytes, source: str, policy: DecodePolicy = _DEFAULT) -> None:
    """Reads the header of a picture file and no pixels.

    Raises:
        BadPicture: it is none, or claims more than ``policy.max_megapixels``.
    """
    kind = _readable(data, source)
    with _refusing(kind, source, policy):
        _open(kind, data, 1)


def _readable(data: bytes, source: str) -> str:
    """The format of a picture file; raises BadPicture if none that is read here."""
    kind = recognise(data, source)
    if kind in _PARTS and not features.check(_PARTS[kind]):
        cure = f"install Pillow's own wheel (pip install pillow), which reads {kind}"
        raise BadPicture(source, f"is {kind}, which this build of Pillow cannot read", cure)
    if kind not in READERS:
        cure = "install picturedesk[heic], or convert it to JPEG"
        raise BadPicture(source, f"is {kind}, which needs the extra heic", cure)
    return kind


@contextmanager
def _refusing(kind: str, source: str, policy: DecodePolicy) -> Iterator[None]:
    """Reads under the limits of a policy; any exception means that the picture is refused."""
    try:
        with reading(policy.max_megapixels * 1e6):
            yield
    except TooManyPixels as error:
        raise _too_large(source, error.size, policy) from None
    except MemoryError:
        cure = "lower max_megapixels so that such pictures are left out, or lower decode_memory"
        raise BadPicture(source, "needs more memory than this machine has", cure) from None
    except Exception as error:
        # Pillow's readers raise nearly every built-in exception for damaged files; no narrower
        # list would keep a run alive.
        raise BadPicture(source, f"is a broken {kind} ({_one_line(error)})", _MEND) from error


def _too_large(source: str, size: tuple[int, int], policy: DecodePolicy) -> BadPicture:
    megapixels = size[0] * size[1] / 1e6
    return BadPicture(
        source,
        f"has {size[0]} x {size[1]} = {megapixels:.1f} megapixels, more than "
        f"max_megapixels = {policy.max_megapixels:g}",
        f"raise max_megapixels to {math.ceil(megapixels)}, or scale the picture down",
    )


def _one_line(error: Exception) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 120 else f"{words[:119]}…"


def _open(kind: str, data: bytes, at_least: int) -> Opened:
    """Reads the header of a picture; a JPEG is reduced."""
    file = io.BytesIO(data)
    image = READERS[kind](file)
    check_size(image.size)
    opened = Opened(kind, data, image, image.size, file.tell(), at_least)
    if kind == "JPEG":
        reduce(image, at_least)
    elif kind == "PNG":
        scale_transparent_colour(image)
    return opened


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if there is none or it cannot be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A picture with a damaged EXIF block is still a picture.
        return 1
