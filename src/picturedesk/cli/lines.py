"""Standard input as lines that come in batches, or as one text. Knows neither texts nor verbs.

A batch holds what is there: many lines of a file, the only line that a person has typed so far.
Memory is bounded by the longest line that is taken.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from picturedesk.errors import BadInput

_CHUNK = 65_536  # bytes
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of standard input.

    Attributes:
        number: from 1.
        data: its bytes without the end of the line; None if it is longer than allowed.
    """

    number: int
    data: bytes | None


class StandardInput:
    """Standard input, read once: first asked what it begins with, then taken as text or as lines.

    Args:
        most: bytes of a line, or of the one text, that are taken.

    Raises:
        BadInput: it is closed.
    """

    def __init__(self, most: int) -> None:
        if sys.stdin is None:
            raise BadInput("standard input is closed: give the text, or --file FILE")
        self._read_some = sys.stdin.buffer.read1  # type: ignore[union-attr]
        self._most = most
        self._held = bytearray()  # read and not yet taken
        self._ended = False

    def begins_with(self, mark: bytes) -> bool:
        """Whether the first bytes that are no white space are ``mark``."""
        while not (start := bytes(self._held).removeprefix(_BOM).lstrip()) and self._fill():
            if len(self._held) > self._most:
                return False
        return start.startswith(mark)

    def whole(self) -> bytes | None:
        """All of it; None if there is more than allowed."""
        while len(self._held) <= self._most and self._fill():
            pass
        return bytes(self._held) if len(self._held) <= self._most else None

    def batches(self, size: int) -> Iterator[list[Line]]:
        """Lines that are not blank, at most ``size`` at a time; waits only where none is there."""
        batch: list[Line] = []
        for line in self._lines():
            if line.data is None or line.data.strip():
                batch.append(line)
            if batch and (len(batch) == size or not self._more_is_there()):
                yield batch
                batch = []
        if batch:
            yield batch

    def _lines(self) -> Iterator[Line]:
        number = 0
        while True:
            number += 1
            end, is_long, searched = self._held.find(b"\n"), False, 0
            while end < 0:
                searched = len(self._held)
                if searched > self._most:
                    is_long, searched = True, 0
                    self._held.clear()
                if not self._fill():
                    break
                end = self._held.find(b"\n", searched)
            if end < 0 and not self._held and not is_long:
                return
            data = bytes(self._held if end < 0 else self._held[:end])
            del self._held[: len(self._held) if end < 0 else end + 1]
            if number == 1:
                data = data.removeprefix(_BOM)
            yield Line(number, None if is_long or len(data) > self._most else data)

    def _more_is_there(self) -> bool:
        """Whether another line can be had without waiting."""
        if b"\n" in self._held:
            return True
        if os.name != "posix":  # Windows cannot say: fill the batch
            return not self._ended
        import select

        try:
            ready = select.select([sys.stdin], [], [], 0)[0]
        except (OSError, TypeError, ValueError):  # no real file: it makes nobody wait
            return not self._ended
        return bool(ready) and not self._ended

    def _fill(self) -> bool:
        """Reads some more; False at the end."""
        try:
            data = b"" if self._ended else self._read_some(_CHUNK)
        except OSError as error:
            reason = error.strerror or error
            raise BadInput(f"standard input cannot be read: {reason}") from None
        self._ended = not data
        self._held += data
        return bool(data)
