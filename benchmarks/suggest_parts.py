"""Where the time of a warm ``suggest`` goes: encoding, nearest texts and pictures, the rest.

    python benchmarks/suggest_parts.py DESK

Asks an open desk for ten pictures for texts of its own archive, cut to 5 to 60 words, and makes the
JSON of each answer. Each part's time is its own: what it calls of another part is the other's. CPU
time depends less on what else runs than wall time. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk import Desk
from picturedesk.desk import arranging, json_documents
from picturedesk.desk.suggesting import Suggester
from picturedesk.disk.artifacts import plain
from picturedesk.routes.archive import ArchiveVectors

WORDS = (5, 60)
ENCODING, TEXTS, NEAREST = "encoding the text", "nearest texts", "nearest pictures"
RECORDS, WORDED, SEARCH = "vectors and records", "words", "ranking"
ARRANGING, ANSWERING, DOCUMENT = "arranging", "evidence, answer", "JSON"
PARTS = (ENCODING, TEXTS, NEAREST, RECORDS, WORDED, SEARCH, ARRANGING, ANSWERING, DOCUMENT)
SEARCHING = (TEXTS, NEAREST, RECORDS, WORDED, SEARCH)


class Clock:
    """CPU and wall milliseconds of each part."""

    def __init__(self) -> None:
        self.spent = {part: np.zeros(2) for part in PARTS}
        self._open: list[str] = []
        self._last = self._now()

    @staticmethod
    def _now() -> np.ndarray:
        return 1000 * np.array([time.process_time(), time.perf_counter()])

    def _pass(self) -> None:
        now = self._now()
        if self._open:
            self.spent[self._open[-1]] += now - self._last
        self._last = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """The block's time is this part's, except for other parts within."""
        self._pass()
        self._open.append(name)
        try:
            yield
        finally:
            self._pass()
            self._open.pop()

    def watch(self, owner: Any, function: str, name: str) -> None:
        """Makes a function's time that of a part."""
        inner: Callable[..., Any] = getattr(owner, function)

        def timed(*given: Any, **named: Any) -> Any:
            with self.part(name):
                return inner(*given, **named)

        setattr(owner, function, timed)


def watched(desk: Desk, clock: Clock) -> None:
    """Puts the clock around the parts of a question."""
    catalogue = type(desk.catalogue)
    clock.watch(type(desk.blend.matcher.text_encoder), "encode", ENCODING)
    clock.watch(ArchiveVectors, "neighbours", TEXTS)
    clock.watch(catalogue, "nearest", NEAREST)
    for function in ("fetch", "find", "sample", "_entries"):
        clock.watch(catalogue, function, RECORDS)
    for function in ("matching", "mentioning", "word_scores"):
        clock.watch(catalogue, function, WORDED)
    clock.watch(arranging, "search", SEARCH)
    clock.watch(arranging.Arranger, "arranged", ARRANGING)
    clock.watch(Suggester, "suggest", ANSWERING)


def questions(desk: Desk, count: int) -> list[str]:
    """Texts of the archive, cut."""
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(desk.memory))[:count])
    words = [text.excerpt.split() for text in desk.memory.texts(rows)]
    return [" ".join(some[: int(random.integers(*WORDS))]) for some in words if some]


def main() -> None:
    """Prints milliseconds of each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("desk", type=Path)
    parser.add_argument("--count", type=int, default=200, help="questions")
    given = parser.parse_args()
    clock, whole = Clock(), []
    with Desk(given.desk) as desk:
        asked = questions(desk, given.count + 20)
        for text in asked[:20]:
            desk.suggest(text)
        watched(desk, clock)
        for text in asked[20:]:
            began = time.perf_counter()
            found = desk.suggest(text)
            with clock.part(DOCUMENT):
                json.dumps(plain(json_documents.answer(found)))
            whole.append(1000 * (time.perf_counter() - began))
        report: dict[str, Any] = {"pictures": desk.catalogue.count(), "texts": len(desk.memory)}
    cpu, wall = (
        {part: float(spent[kind]) / len(whole) for part, spent in clock.spent.items()}
        for kind in range(2)
    )
    report |= {"questions": len(whole), "load": os.getloadavg()[0], "cpu_ms": cpu, "wall_ms": wall}
    report["rest_cpu_ms"] = sum(
        ms for part, ms in cpu.items() if part not in (ENCODING, *SEARCHING)
    )
    report["p50_ms"], report["p95_ms"] = np.percentile(whole, [50, 95]).tolist()
    for part in PARTS:
        print(f"{part:22}{cpu[part]:8.2f} ms CPU {wall[part]:8.2f} ms")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
