"""Bytes → RGB picture, or a refusal that says why and what lifts it. Knows no network, no storage.

Whatever the bytes are, what comes out is a picture or ``BadPicture``, and nothing is printed or
warned of. Safe to call from several threads at once.
"""

from __future__ import annotations

import hashlib
import io
import math
import stat
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, features

from picturedesk.disk.tar_members import find, locate, read_member
from picturedesk.errors import BadInput, BadPicture
from picturedesk.images.colours import scale_transparent_colour, to_rgb
from picturedesk.images.guard import READERS, TooManyPixels, check_size, reading
from picturedesk.images.kinds import recognise
from picturedesk.images.whole import load_whole_jpeg, load_whole_png

_MEND = "replace it by a whole copy, or save it anew in an image editor"

_PARTS = {"WebP": "webp", "AVIF": "avif"}  # what Pillow may have been built without

_UPRIGHT = {  # EXIF orientation → what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = (5, 6, 7, 8)  # of these, width and height change places


@dataclass(frozen=True, slots=True)
class DecodePolicy:
    """What is refused unread.

    Attributes:
        max_megapixels: largest picture, millions of pixels as its header states them.
        max_megabytes: largest file, millions of bytes.
    """

    max_megapixels: float = 200.0
    max_megabytes: float = 1000.0

    def __post_init__(self) -> None:
        for name in ("max_megapixels", "max_megabytes"):
            value = getattr(self, name)
            if not value > 0:
                raise BadInput(f"{name} is {value}: it must be above 0 (inf: no limit)")


_DEFAULT = DecodePolicy()


def content_key(data: bytes) -> str:
    """A picture's identity: the first 32 hex digits of the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()[:32]


def read_picture(path: str | Path, policy: DecodePolicy = _DEFAULT) -> bytes:
    """The bytes of a picture: of a file, or of a member of a tar (``tar_members``).

    Raises:
        BadPicture: there is no such file or member, it is a directory, a device or empty, it
            may not be read, or it is larger than ``policy.max_megabytes``.
    """
    source = str(path)
    try:
        data = _read(source, policy)
    except FileNotFoundError:
        raise BadPicture(source, "does not exist", "check the path, or leave it out") from None
    except PermissionError:
        raise BadPicture(source, "may not be read", "give this user leave to read it") from None
    except (OSError, ValueError) as error:
        reason = f"cannot be read ({_one_line(error)})"
        raise BadPicture(source, reason, "check the path and the disk") from None
    if not data:
        raise BadPicture(source, "is empty (0 bytes)", "fetch it again, or leave it out")
    return data


def _read(source: str, policy: DecodePolicy) -> bytes:
    located, name = locate(source)
    path = Path(located)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        what = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise BadPicture(source, f"is {what}", "give the picture files themselves")
    member = find(located, name) if name else None
    if name and member is None:
        reason = "is not in the tar, or behind a fault in it"
        raise BadPicture(source, reason, "check the name, or fetch the tar again")
    _check_bytes(member.size if member else status.st_size, source, policy)
    with path.open("rb") as file:
        return read_member(file, member) if member else file.read()


def _check_bytes(size: int, source: str, policy: DecodePolicy) -> None:
    if size > policy.max_megabytes * 1e6:
        raise BadPicture(
            source,
            f"has {size / 1e6:.1f} megabytes, more than max_megabytes = {policy.max_megabytes:g}",
            f"raise max_megabytes to {math.ceil(size / 1e6)}, or save the picture smaller",
        )


def decode(
    data: bytes, source: str, policy: DecodePolicy = _DEFAULT, at_least: int = 0
) -> Image.Image:
    """A picture file's bytes → an upright RGB picture; of animations the first frame.

    Args:
        data: the whole file.
        source: its path or address, for the refusal.
        policy: what is refused unread.
        at_least: pixels that the caller needs of the shorter side. Large JPEGs are then decoded
            at 1/2, 1/4 or 1/8, which is several times faster, never below twice this; 0: full size.

    Raises:
        BadPicture: the bytes are no picture of a kind that is read, are broken or cut short,
            or claim more than ``policy.max_megapixels``.
    """
    kind = recognise(data, source)
    if kind in _PARTS and not features.check(_PARTS[kind]):
        cure = f"install Pillow's own wheel (pip install pillow), which reads {kind}"
        raise BadPicture(source, f"is {kind}, which this Pillow was built without", cure)
    try:
        with reading(policy.max_megapixels * 1e6):
            return _decode(kind, data, at_least)
    except TooManyPixels as error:
        raise _too_large(source, error.size, policy) from None
    except MemoryError:
        cure = "lower max_megapixels so that such pictures are left out, or decode fewer at once"
        raise BadPicture(source, "needs more memory than there is", cure) from None
    except Exception as error:
        # Pillow's readers raise nearly every built-in exception on bytes that are not what
        # they claim to be, so that no narrower list keeps a run going.
        raise BadPicture(source, f"is a broken {kind} ({_one_line(error)})", _MEND) from error


def full_size(data: bytes, image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels, upright, of what ``decode`` made ``image`` of, not reduced."""
    if recognise(data, "") != "JPEG":
        return image.size
    with reading(math.inf):
        whole = READERS["JPEG"](io.BytesIO(data))
        width, height = whole.size
        return (height, width) if _orientation(whole) in _TURNED else (width, height)


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


def _decode(kind: str, data: bytes, at_least: int) -> Image.Image:
    """Opens, loads, turns and converts; any exception means that the picture is refused."""
    file = io.BytesIO(data)
    image = READERS[kind](file)
    check_size(image.size)
    if kind == "JPEG":
        load_whole_jpeg(image, data, file.tell(), at_least)
    elif kind == "PNG":
        scale_transparent_colour(image)
        load_whole_png(image, data)
    else:
        image.load()
    # Only the pixels leave: the reader's own class, its metadata and the file's bytes do not.
    picture = Image.Image()._new(to_rgb(image).im)
    turn = _UPRIGHT.get(_orientation(image))
    return picture if turn is None else picture.transpose(turn)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        # A picture whose EXIF block is corrupt is still a picture.
        return 1
