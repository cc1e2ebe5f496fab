"""Loads AVIFs. Their decoder makes a picture of zeros; here a rest of zeros is detected."""

from __future__ import annotations

from collections.abc import Iterator

from picturedesk.images.whole.opened import Opened, zeroed, zeros_until


def load(opened: Opened) -> None:
    """Loads an AVIF.

    Raises:
        Truncated: the data of a coded picture end in zeros. By the AV1 standard (section 8.2.4), a
            one ends them.
    """
    data = opened.data
    if zeros_until(data, len(data)) and any(
        zeros_until(data, end, start) for start, end in _coded_pictures(data)
    ):
        raise zeroed()
    opened.image.load()


def _coded_pictures(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the data of every AV1 picture (a tile of a grid, an alpha plane) begin and end."""
    meta = _find(data, 0, len(data), b"meta")
    if meta is None:
        return
    infos = _find(data, meta[0] + 4, meta[1], b"iinf")
    places = _find(data, meta[0] + 4, meta[1], b"iloc")
    if infos is None or places is None:
        return
    coded = set(_coded_items(data, *infos))
    for item, start, end in _places(_Numbers(data, places[0])):
        if item in coded:
            yield start, min(end, len(data))


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each box in a stretch, and where its content begins and ends."""
    while start + 8 <= end:
        size, name, head = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        stop = start + size if size >= head else end  # 0: until the end
        yield name, start + head, min(stop, end)
        start = stop


def _find(data: bytes, start: int, end: int, name: bytes) -> tuple[int, int] | None:
    return next((box[1:] for box in _boxes(data, start, end) if box[0] == name), None)


def _coded_items(data: bytes, start: int, end: int) -> Iterator[int]:
    """The numbers of the items that are AV1 pictures."""
    first = start + (6 if data[start] == 0 else 8)
    for name, at, _ in _boxes(data, first, end):
        width = 2 if data[at] == 2 else 4  # of the number, by the version of the box
        kind = at + 4 + width + 2
        if name == b"infe" and data[kind : kind + 4] == b"av01":
            yield int.from_bytes(data[at + 4 : at + 4 + width])


class _Numbers:
    """Reads big-endian numbers one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    @property
    def ended(self) -> bool:
        """Whether all bytes have been read."""
        return self._at >= len(self._data)

    def skip(self, count: int) -> None:
        """Skips bytes."""
        self._at += count

    def next(self, width: int) -> int:
        """The next number of so many bytes; 0 for none."""
        value = int.from_bytes(self._data[self._at : self._at + width])
        self._at += width
        return value


def _places(numbers: _Numbers) -> Iterator[tuple[int, int, int]]:
    """The ``iloc`` box → item number, begin and end of its last stretch in the file."""
    version = numbers.next(4) >> 24
    sizes = numbers.next(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    index = index if version else 0
    for _ in range(numbers.next(2 if version < 2 else 4)):
        if numbers.ended:
            return
        item = numbers.next(2 if version < 2 else 4)
        in_file = version == 0 or numbers.next(2) & 15 == 0
        numbers.skip(2)
        begin = numbers.next(base)
        stretches = numbers.next(2)
        numbers.skip(max(0, stretches - 1) * (index + offset + length) + index)
        start = begin + numbers.next(offset)
        if in_file:
            yield item, start, start + numbers.next(length)
        else:
            numbers.skip(length)
