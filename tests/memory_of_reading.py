"""Reads pictures one by one and prints what each claimed and took, in bytes, as JSON.

    MALLOC_MMAP_THRESHOLD_=65536 python tests/memory_of_reading.py FILE …

With this setting glibc gives memory back as soon as it is free, so that the figures do not depend
on what was read before. Needs Linux's /proc.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path

from picturedesk.images import decode, perceptual_hash, to_pixels
from picturedesk.types import Preprocessing

HOW = Preprocessing(288, 288, "bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
HIGH_WATER = Path("/proc/self/clear_refs")


def read(path: str) -> int:
    """Reads a picture at full size, then as extraction does; returns what it claimed."""
    claims: list[int] = []
    image = decode(Path(path).read_bytes(), path, claim=claims.append)
    to_pixels(image, HOW)
    perceptual_hash(image)
    return claims[0]


def high_water() -> int:
    """The most memory this process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def measured(path: str) -> tuple[int, int]:
    """What reading a picture claims, and what it takes."""
    gc.collect()
    HIGH_WATER.write_text("5")  # the high-water mark begins anew
    before = high_water()
    claimed = read(path)
    return claimed, high_water() - before


if __name__ == "__main__":
    paths = sys.argv[1:]
    read(paths[0])  # what is loaded once is loaded now
    sys.stdout.write(json.dumps({Path(path).name: measured(path) for path in paths}) + "\n")
