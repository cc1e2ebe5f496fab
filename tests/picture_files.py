"""Test pictures of every kind and every fault, made from nothing but a seed.

Other tests import it as ``from picture_files import photo, encoded``. What Pillow cannot write
(odd depths, transparent colours, headers that lie) is put together here byte by byte.
"""

from __future__ import annotations

import io
import itertools
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")


def photo(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """A picture with smooth light, edges and some grain; another seed gives another picture."""
    rng = np.random.default_rng(seed)
    light = Image.fromarray(rng.integers(20, 236, (5, 6, 3), dtype=np.uint8))
    picture = light.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(1, 2 + width // 3), rng.integers(1, 2 + height // 3)
        draw.rectangle((x, y, x + w, y + h), fill=tuple(rng.integers(0, 256, 3).tolist()))
    grain = rng.normal(0, 4, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture file of a kind that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def oriented(image: Image.Image, kind: str, orientation: int) -> bytes:
    """A picture file with an EXIF orientation (1 to 8)."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    size: tuple[int, int], depth: int, colour: int, rows: list[bytes], extra: bytes = b""
) -> bytes:
    """A PNG of any depth and colour type; ``extra`` are chunks before the image data."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    return _png(header, b"".join(b"\0" + row for row in rows), extra)


def interlaced_png(size: tuple[int, int], missing: int = 0) -> bytes:
    """A black grey PNG in the seven passes of Adam7, the last bytes of which may be missing."""
    tile = np.array(
        [[1, 6, 4, 6, 2, 6, 4, 6], [7] * 8, [5, 6] * 4, [7] * 8,
         [3, 6, 4, 6, 3, 6, 4, 6], [7] * 8, [5, 6] * 4, [7] * 8]
    )  # fmt: skip
    passes = np.tile(tile, (size[1] // 8 + 1, size[0] // 8 + 1))[: size[1], : size[0]]
    bytes_needed = 0
    for number in range(1, 8):
        rows = (passes == number).any(axis=1).sum()
        bytes_needed += int(rows + (passes == number).sum())  # each row begins with its filter
    header = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 1)
    return _png(header, bytes(bytes_needed - missing), b"")


def _png(header: bytes, body: bytes, extra: bytes) -> bytes:
    body = zlib.compress(body, 1)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def tiff(
    size: tuple[int, int],
    body: bytes,
    *,
    bits: tuple[int, ...],
    photometric: int = 1,
    sample_format: int = 1,
    order: str = "<",
    extra_samples: int = -1,
    colours: bytes = b"",
) -> bytes:
    """An uncompressed TIFF of one strip with any sample type; ``colours`` is a palette."""
    longs = {256: size[0], 257: size[1], 273: 0, 278: size[1], 279: len(body)}
    shorts = {259: 1, 262: photometric, 277: len(bits), 339: sample_format}
    if extra_samples >= 0:
        shorts[338] = extra_samples
    values = {tag: (4, 1, struct.pack(f"{order}I", value)) for tag, value in longs.items()}
    values |= {tag: (3, 1, struct.pack(f"{order}H", value)) for tag, value in shorts.items()}
    values[258] = (3, len(bits), struct.pack(f"{order}{len(bits)}H", *bits))
    if colours:
        values[320] = (3, len(colours) // 2, colours)
    outside = 8 + 2 + len(values) * 12 + 4
    pixels = outside + sum(len(value) for _, _, value in values.values() if len(value) > 4)
    values[273] = (4, 1, struct.pack(f"{order}I", pixels))
    entries = beyond = b""
    for tag, (kind, count, value) in sorted(values.items()):
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        if len(value) > 4:
            entries += struct.pack(f"{order}I", outside + len(beyond))
            beyond += value
        else:
            entries += value.ljust(4, b"\0")
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    directory = struct.pack(f"{order}H", len(values)) + entries + bytes(4)
    return start + directory + beyond + body


def directory_first(data: bytes) -> bytes:
    """A little-endian TIFF of strips with its directory before the pixels, where libtiff puts it
    after them; so that the directory is whole in a file whose second half is not."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    widths = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8}
    tags = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from("<HHI", data, place)
        size = widths[kind] * number
        start = place + 8 if size <= 4 else struct.unpack_from("<I", data, place + 8)[0]
        tags[tag] = (kind, number, data[start : start + size])
    lengths = _numbers(tags[279])
    strips = [
        data[start : start + length]
        for start, length in zip(_numbers(tags[273]), lengths, strict=True)
    ]
    outside = 8 + 2 + 12 * count + 4
    pixels = outside + sum(len(value) for _, _, value in tags.values() if len(value) > 4)
    if len(strips) > 1 and tags[273][0] == 3:
        pixels += 2 * len(strips)  # offsets become wider
    starts = [pixels + sum(lengths[:number]) for number in range(len(strips))]
    tags[273] = (4, len(strips), struct.pack(f"<{len(strips)}I", *starts))
    entries = beyond = b""
    for tag, (kind, number, value) in sorted(tags.items()):
        entries += struct.pack("<HHI", tag, kind, number)
        if len(value) > 4:
            entries += struct.pack("<I", outside + len(beyond))
            beyond += value
        else:
            entries += value.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + beyond
    return head.ljust(pixels, b"\0") + b"".join(strips)


def _numbers(tag: tuple[int, int, bytes]) -> list[int]:
    kind, count, value = tag
    return list(struct.unpack(f"<{count}{'H' if kind == 3 else 'I'}", value))


def packed_bmp(image: Image.Image) -> bytes:
    """A BMP of 256 greys with run-length compression, which Pillow does not write."""
    rows = np.asarray(image.convert("L"))[::-1]
    pixels = b"".join(
        b"".join(bytes((len(list(run)), grey)) for grey, run in itertools.groupby(row)) + b"\0\0"
        for row in rows.tolist()
    )
    body = pixels[:-2] + b"\0\1"  # the end of the picture replaces that of the last row
    greys = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))
    start = 14 + 40 + len(greys)
    header = struct.pack("<IiiHHIIiiII", 40, *image.size, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + greys + body


def gif_with_frame(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    """A GIF whose only frame may be of another size than its screen; its data are one pixel's."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    descriptor = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0)
    return head + descriptor + b"\x02\x02\x44\x01\x00;"


def jpeg_claiming(data: bytes, width: int, height: int) -> bytes:
    """A baseline JPEG with other numbers in its header than its data are made for."""
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]


def giant_jpeg(width: int, height: int) -> bytes:
    """A whole, valid JPEG, middle grey all over, at 6 bits for each block of 8 x 8 pixels."""
    small = encoded(Image.new("L", (8, 8), 128), "JPEG")
    scan = small.rindex(b"\xff\xda") + 10
    blocks = -(-width // 8) * -(-height // 8)
    # 00 says "as bright as the block before", 1010 "no detail"; four blocks fill three bytes.
    body = b"\x28\xa2\x8a" * -(-blocks // 4)
    return jpeg_claiming(small[:scan] + body + b"\xff\xd9", width, height)


def webp_claiming(width: int, height: int) -> bytes:
    """A lossless WebP that is nothing but a header."""
    bits = (width - 1) | (height - 1) << 14
    body = b"VP8L" + struct.pack("<IBI", 6, 0x2F, bits) + b"\0"
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def avif_claiming(width: int, height: int) -> bytes:
    """An AVIF with other numbers in its header than its data are made for."""
    data = encoded(photo(64, 48), "AVIF")
    start = data.index(b"ispe") + 8
    return data[:start] + struct.pack(">II", width, height) + data[start + 8 :]


def headers_claiming(width: int, height: int) -> dict[str, bytes]:
    """A small file of each kind whose header claims this size (at most 16,384 each way)."""
    bmp = bytearray(encoded(photo(8, 8), "BMP"))
    bmp[18:26] = struct.pack("<ii", width, height)
    return {
        "JPEG": jpeg_claiming(encoded(photo(8, 8), "JPEG"), width, height),
        "PNG": png((width, height), 8, 2, [bytes(24)]),
        "WEBP": webp_claiming(width, height),
        "GIF": gif_with_frame((width, height), (width, height)),
        "GIF frame": gif_with_frame((1, 1), (width, height)),
        "TIFF": tiff((width, height), bytes(24), bits=(8,)),
        "BMP": bytes(bmp),
        "AVIF": avif_claiming(width, height),
    }


def broken_files() -> dict[str, bytes]:
    """Files that must be refused, by what is wrong with them."""
    whole = {kind: encoded(photo(), kind) for kind in KINDS}
    files = {f"{kind} cut in half": data[: len(data) // 2] for kind, data in whole.items()}
    files |= {f"{kind} cut after its signature": data[:16] for kind, data in whole.items()}
    bomb = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(80_000_000), 9))
    jpeg = encoded(photo(), "JPEG")
    grey = encoded(photo().convert("L"), "JPEG")
    inks = encoded(photo().convert("CMYK"), "JPEG")
    return files | {
        "nothing": b"",
        "zeros": bytes(5000),
        "noise": random.Random(0).randbytes(5000),
        "PNG text that unpacks to 80 MB": png((1, 1), 8, 2, [b"abc"], bomb),
        "PNG with a wrong checksum": whole["PNG"].replace(b"IHDR\0", b"IHDR\1"),
        "PNG twice as high": png((16, 16), 8, 2, [bytes(48)] * 8),
        "JPEG twice as high": jpeg_claiming(jpeg, 64, 96),
        "JPEG twice as wide": jpeg_claiming(jpeg, 128, 48),
        "grey JPEG twice as high": jpeg_claiming(grey, 64, 96),
        "CMYK JPEG twice as high": jpeg_claiming(inks, 64, 96),
        "JPEG cut, then ended": jpeg[: len(jpeg) * 3 // 4] + b"\xff\xd9",
        "JPEG of 150 megapixels in a kilobyte": jpeg_claiming(jpeg, 15_000, 10_000),
        "GIF frame beyond its data": gif_with_frame((1, 1), (9000, 9000)),
        "TIFF strip beyond the file": tiff((100, 100), bytes(200), bits=(8,)),
    }


def foreign_files() -> dict[str, tuple[bytes, str]]:
    """Files of other kinds, with a word that the refusal must hold."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'
    return {
        "svg": (svg, "SVG"),
        "svg with prologue": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n' + svg, "SVG"),
        "html": (b"<!DOCTYPE html><html><body><svg></svg></body></html>", "web page"),
        "html without doctype": (b"\n <!-- x --><html><head></head></html>", "web page"),
        "json": (b'{"error": "not found"}', "text"),
        "pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        "mp4": (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(99), "video"),
        "webm": (b"\x1aE\xdf\xa3" + bytes(99), "video"),
        "gzip": (b"\x1f\x8b\x08" + bytes(99), "gzip"),
        "zip": (b"PK\x03\x04" + bytes(99), "zip"),
        "icon": (b"\0\0\x01\0\x01\0" + bytes(99), "icon"),
        "photoshop": (b"8BPS\0\x01" + bytes(99), "Photoshop"),
        "sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(99), "not a supported kind"),
    }


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """``count`` damaged copies: bytes changed, cut out or put in, or the end cut off."""
    rng = random.Random(seed)
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 8))):
            _damage(copy, rng)
        if rng.random() < 0.2:
            copy = copy[: rng.randrange(len(copy) + 1)]
        yield bytes(copy)


def with_right_checksums(data: bytes) -> bytes:
    """A damaged PNG whose checksums fit, so that the damage is not noticed at once."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        parts.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(parts)


def _damage(copy: bytearray, rng: random.Random) -> None:
    # Half of the damage falls on the header, where it does most.
    at = rng.randrange(min(len(copy), 200) if rng.random() < 0.5 else len(copy))
    match rng.randrange(4):
        case 0:
            copy[at] = rng.randrange(256)
        case 1:
            copy[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        case 2 if len(copy) > 100:
            del copy[at : at + rng.randrange(1, 40)]
        case _:
            copy[at:at] = rng.randbytes(rng.randrange(1, 40))
