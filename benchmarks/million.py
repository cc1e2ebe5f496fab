"""A desk with very many pictures and archive texts: time, memory, disk, what filters cost.

    python benchmarks/million.py --desk desk --into /tmp/large --count 1000000 --texts 1000000
    python benchmarks/million.py --into /tmp/large --only ask

Copies a fitted desk and fills the copy's catalogue with made-up pictures: vectors like those of the
desk's own (see ``vectors``), captions of six words whose frequencies follow Zipf's law, licence,
date and a number by which conditions let a part of them pass. The archive gets as many texts as
wanted: vectors likewise, excerpts of forty such words, each with one of the made-up pictures. Then
the desk is asked, as users would. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk import Desk
from picturedesk.desk.arranging import fused
from picturedesk.heads.fusion import length_one
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText
from picturedesk.store.catalogue import open_catalogue, rounded
from picturedesk.types import Changes, Picture
from vectors import Like, size_of

VOCABULARY = 200_000  # words of captions and texts
MADE = "made "  # begins the ids of made-up texts
PART = 20_000  # texts and pictures that are written at once
ADDED = 2_000
ASKED = 100  # texts
CONDITIONS = {"all": "", "1 %": "lot < {0}", ".01 %": "lot < {1}"}
OF_PAIRS = {"all": "", "1 %": "key < '{0:032x}'", ".01 %": "key < '{1:032x}'"}  # of pairs.py


def say(**found: object) -> None:
    """Prints one record."""
    print(json.dumps(found), flush=True)


def memory() -> float:
    """The most memory that this process has had, in GB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def pictures(start: int, count: int) -> list[Picture]:
    """Made-up pictures; the same in every run."""
    random = np.random.default_rng([3, start])
    words = random.zipf(1.3, (count, 6)) % VOCABULARY
    keys = random.integers(0, 2**63, (count, 2))
    return [
        Picture(
            f"/pictures/{start + n}.jpg",
            f"{keys[n, 0]:016x}{keys[n, 1]:016x}",
            " ".join(f"word{word:x}" for word in words[n]),
            licence=("cc0", "cc-by", "")[n % 3],
            date=f"20{n % 25:02d}-05-01",
            columns={"lot": start + n},
        )
        for n in range(count)
    ]


def fill(desk: Path, into: Path, count: int) -> None:
    """Copies a desk and fills the copy's catalogue."""
    shutil.copytree(desk, into)
    like = Like.desk(str(desk), 1)
    with Desk(into) as opened:
        path, blend = opened.fitted.catalogue, opened.blend
    began, done = time.perf_counter(), 0
    with closing(
        open_catalogue(path, blend.fingerprint, blend.layout.width, make=False)
    ) as catalogue:
        for vectors in like.made(count):
            catalogue.change(Changes(pictures(done, len(vectors)), vectors))
            done += len(vectors)
        say(step="fill", pictures=catalogue.count(), s=round(time.perf_counter() - began, 1))
        began = time.perf_counter()
        catalogue.optimize(blend.references)
        say(step="index", s=round(time.perf_counter() - began, 1), gb=memory())
        say(step="recall", recall=catalogue.recall(blend.references), indexed=catalogue.indexed)
    disk = sum(map(size_of, path.parent.glob(f"{path.name}*")))  # with log and index
    say(step="disk", bytes_per_picture=round(disk / (count or 1)))


def remember(desk: Path, into: Path, count: int) -> None:
    """Fills the archive memory of a copy: its own texts first, then made-up ones."""
    with Desk(into) as opened:
        old, blend, home = opened.memory, opened.blend, opened.fitted.memory
        total = opened.catalogue.count()
        own = list(range(len(old)))
        whole = (
            *(old.texts(own), old.text_vectors[:], np.array(old.groups)),
            *(old.pictures(range(len(old.picture_vectors))), old.picture_vectors[:], old.links),
        )
    began, new = time.perf_counter(), home.with_name("memory.new")
    with ArchiveMemory.create(new, old.matcher, old.width, len(own) + count) as made:
        made.add(*whole)
        like = Like.desk(str(desk), 1)
        for start, vectors in zip(range(0, total, PART), like.made(total), strict=False):
            places = length_one(fused(blend, vectors))
            made.add_pictures(pictures(start, len(vectors)), places)
        say(step="archive pictures", s=round(time.perf_counter() - began, 1))
        began, first = time.perf_counter(), len(made.picture_vectors) - total
        for start, vectors in zip(
            range(0, count, PART), Like.texts(str(desk)).made(count), strict=True
        ):
            rows = first + np.arange(start, start + len(vectors)) % total
            links = np.stack([np.arange(len(vectors)), rows], axis=1)
            made.add_texts(texts(start, len(vectors)), vectors, None, links)
        say(step="archive texts", texts=len(made), s=round(time.perf_counter() - began, 1))
        began = time.perf_counter()
        made.optimize()
        say(step="index of texts", s=round(time.perf_counter() - began, 1), gb=memory())
        say(step="recall of the 50 nearest texts", recall=made.recall())
    shutil.rmtree(home)
    new.rename(home)
    disk = sum(map(size_of, (home, *home.parent.glob("catalogue.db*"))))
    say(step="disk, archive included", bytes_per_picture=round(disk / (total or 1)))


def texts(start: int, count: int) -> list[ArchiveText]:
    """Made-up texts; the same in every run."""
    words = np.random.default_rng([5, start]).zipf(1.3, (count, 40)) % VOCABULARY
    return [
        ArchiveText(f"{MADE}{start + n}", " ".join(f"word{word:x}" for word in words[n]))
        for n in range(count)
    ]


def cold(into: Path) -> None:
    """One question by a new process."""
    command = [sys.executable, "-m", "picturedesk", "suggest", "the sea at night", "--desk", into]
    for _ in range(3):
        began = time.perf_counter()
        with subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
        say(
            step="cold suggest",
            s=round(time.perf_counter() - began, 2),
            cpu_s=round(used.ru_utime + used.ru_stime, 2),
            gb=round(used.ru_maxrss / 2**20, 2),
            status=status,
        )


class Parts:
    """Writes down the CPU time of the parts of a question. Replaces functions of the package."""

    def __init__(self) -> None:
        import picturedesk.desk.arranging as arranging
        from picturedesk.desk.suggesting import Suggester
        from picturedesk.routes import ArchiveVectors, Blend
        from picturedesk.texts.joined import JoinedEncoder

        self.spent: dict[str, float] = {}
        self._inside: list[float] = []
        for owner, name, label in (
            (JoinedEncoder, "encode", "encoding"),
            (ArchiveVectors, "neighbours", "archive texts"),
            (Blend, "ask", "routes"),
            (arranging, "search", "search"),
            (arranging.Arranger, "arranged", "arranging"),
            (Suggester, "_judged", "chances"),
            (Suggester, "_evidence", "evidence"),
            (Desk, "suggest", "rest"),
        ):
            setattr(owner, name, self._timed(getattr(owner, name), label))

    def _timed(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            began = time.thread_time()
            self._inside.append(0.0)
            try:
                return function(*given, **named)
            finally:
                took = time.thread_time() - began
                self.spent[label] = self.spent.get(label, 0) + took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return run

    def means(self, count: int) -> dict[str, float]:
        """Milliseconds of each part, without the parts inside it."""
        return {label: round(1000 * spent / count, 2) for label, spent in self.spent.items()}


def warm(into: Path) -> None:
    """Questions to an open desk, with and without conditions; additions between them."""
    with Desk(into) as desk:
        total = desk.catalogue.count()
        (made,) = desk.memory.text_rows([f"{MADE}0"]).tolist()  # the desk's own come before
        own = len(desk.memory) if made < 0 else made
        parts = Parts()
        conditions = CONDITIONS if "lot" in desk.catalogue.columns() else OF_PAIRS
        chosen = np.random.default_rng(0).permutation(own)[: ASKED * len(conditions)]
        asked = [text.excerpt for text in desk.memory.texts(chosen)]
        for number, (label, condition) in enumerate(conditions.items()):
            texts = asked[number :: len(conditions)]  # others each time: a desk knows the last
            where = condition.format(total // 100, total // 10_000)
            desk.suggest(asked[-1], where=where)
            times, used = [], []
            parts.spent.clear()
            for text in texts:
                began, before = time.perf_counter(), time.thread_time()
                found = desk.suggest(text, where=where)
                times.append(time.perf_counter() - began)
                used.append(time.thread_time() - before)
                assert len(found) == min(10, desk.catalogue.count(where))
            p50, p95 = np.round(np.percentile(times, [50, 95]) * 1000, 1)
            cpu50, cpu95 = np.round(np.percentile(used, [50, 95]) * 1000, 1)
            say(step="warm suggest", passes=label, p50_ms=p50, p95_ms=p95)
            say(step="its CPU", passes=label, p50_ms=cpu50, p95_ms=cpu95)
            say(step="parts, mean ms of CPU", **parts.means(len(times)))
        vectors = rounded(desk.catalogue.sample(ADDED).vectors)
        new = pictures(10**9, len(vectors))
        began = time.perf_counter()
        desk.catalogue.change(Changes(new, vectors))
        added = time.perf_counter() - began
        (hits,) = desk.catalogue.nearest(vectors[:1], 5)
        seen = time.perf_counter() - began
        assert new[0].key in {picture.key for picture in hits.entries.pictures}
        say(step="add", pictures=len(new), s=round(added, 2), found_after_s=round(seen, 2))
        began = time.perf_counter()
        desk.suggest(texts[0])
        say(step="suggest after a change", s=round(time.perf_counter() - began, 2))
        desk.catalogue.remove([picture.key for picture in new])
        say(step="memory", gb=memory())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--desk", type=Path, help="a fitted desk, which is copied")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=0, help="texts that the archive gets")
    parser.add_argument("--only", choices=["fill", "ask"])
    given = parser.parse_args()
    if given.only != "ask":
        fill(given.desk, given.into, given.count)
        if given.texts:
            remember(given.desk, given.into, given.texts)
    if given.only == "ask":
        cold(given.into)
        warm(given.into)
    elif given.only is None:  # in a new process: the memory of one counts for those that it starts
        again = [sys.executable, __file__, "--into", str(given.into), "--only", "ask"]
        os.execv(sys.executable, again)


if __name__ == "__main__":
    main()
