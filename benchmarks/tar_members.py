"""Our listing of a tar's members compared with the standard library's: time, and damaged files.

    python benchmarks/tar_members.py    # 50,000 members; writes 200 MB into a temporary folder

``picturedesk.disk.tar_members`` parses headers itself. It can be removed once ``tarfile`` lists as
fast and reports damaged files.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from picturedesk.disk.tar_members import BrokenTar, members

BYTES = 2000  # of a member
RUNS = 3
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def ours(path: Path) -> Iterator[tuple[str, int, int]]:
    for member in members(path):
        yield member.name, member.offset, member.size


def standard(path: Path) -> Iterator[tuple[str, int, int]]:
    with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
        for member in tar:
            if member.isreg():
                yield member.name, member.offset_data, member.size
            tar.members.clear()  # else each member stays in memory


def write(path: Path, count: int, kind: int, folder: str) -> None:
    with tarfile.open(path, "w", format=kind) as tar:
        for number in range(count):
            info = tarfile.TarInfo(f"{folder}{number:09d}.jpg")
            info.size = BYTES
            tar.addfile(info, io.BytesIO(bytes(BYTES)))


def negative_size(data: bytearray, at: int) -> None:
    """Sets the size in the header at a byte to -512, in binary."""
    data[at + 124 : at + 136] = (-512).to_bytes(12, signed=True)
    checksum = sum(data[at : at + 512]) - sum(data[at + 148 : at + 156]) + 8 * ord(" ")
    data[at + 148 : at + 156] = b"%06o\0 " % checksum


def verdict(listing: Callable[[Path], Iterator[tuple[str, int, int]]], path: Path) -> str:
    """How many members of a damaged tar are listed, and the error."""
    found = listing(path)
    count = 0
    try:
        for _ in islice(found, 1000):
            count += 1
    except (BrokenTar, tarfile.TarError, ValueError) as error:
        return f"{count} members, then: {error}"
    return f"{count} members, no word" + (" (stopped: a ring)" if count == 1000 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=50_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0.tar"
        for name, kind in FORMATS.items():
            write(path, asked.members, kind, "" if name == "ustar" else "long/" * 25)
            assert list(ours(path)) == list(standard(path))
            taken = {}
            for listing in (ours, standard) * RUNS:  # in turns, so that noise meets both
                began = time.process_time()
                assert sum(1 for _ in listing(path)) == asked.members
                spent = time.process_time() - began
                taken[listing] = min(spent, taken.get(listing, spent))
            print(f"{name}: ours {taken[ours]:.2f} s of CPU, tarfile {taken[standard]:.2f} s")
        write(path, 4, tarfile.USTAR_FORMAT, "")
        whole = path.read_bytes()
        step = 512 * (1 + -(-BYTES // 512))  # bytes from header to header
        damaged, ring = bytearray(whole), bytearray(whole)
        damaged[2 * step] ^= 1
        negative_size(ring, 2 * step)
        for fault, data in {
            "cut in the third member": whole[: 2 * step + 900],
            "cut between members": whole[: 2 * step],
            "a damaged third header": damaged,
            "a negative third size": ring,
        }.items():
            path.write_bytes(data)
            print(f"{fault}:\n  ours: {verdict(ours, path)}\n  tarfile: {verdict(standard, path)}")


if __name__ == "__main__":
    main()
