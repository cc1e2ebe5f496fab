"""A desk whose catalogue has very many pictures: time, memory, disk, what filters cost.

    python benchmarks/million.py --desk desk --into /tmp/large --count 1000000
    python benchmarks/million.py --into /tmp/large --only ask

Copies a fitted desk and fills the copy's catalogue with made-up pictures: vectors like those of the
desk's own (see ``vectors``), captions of six words whose frequencies follow Zipf's law, licence,
date and a number by which conditions let a part of them pass. Then it is asked, as users would.
Prints one JSON object a line.
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
from contextlib import closing
from pathlib import Path

import numpy as np

from picturedesk import Desk
from picturedesk.store.catalogue import open_catalogue, rounded
from picturedesk.types import Changes, Picture
from vectors import Like, size_of

VOCABULARY = 200_000  # words of captions
ADDED = 2_000
ASKED = 100  # texts
CONDITIONS = {"all": "", "1 %": "lot < {0}", ".01 %": "lot < {1}"}


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


def warm(into: Path) -> None:
    """Questions to an open desk, with and without conditions; additions between them."""
    with Desk(into) as desk:
        total = desk.catalogue.count()
        chosen = np.random.default_rng(0).permutation(len(desk.memory))[:ASKED]
        texts = [text.excerpt for text in desk.memory.texts(np.sort(chosen))]
        for label, condition in CONDITIONS.items():
            where = condition.format(total // 100, total // 10_000)
            desk.suggest(texts[0], where=where)
            times = []
            for text in texts:
                began = time.perf_counter()
                found = desk.suggest(text, where=where)
                times.append(time.perf_counter() - began)
                assert len(found) == min(10, desk.catalogue.count(where))
            p50, p95 = np.percentile(times, [50, 95]) * 1000
            say(step="warm suggest", passes=label, p50_ms=round(p50, 1), p95_ms=round(p95, 1))
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
    parser.add_argument("--only", choices=["fill", "ask"])
    given = parser.parse_args()
    if given.only != "ask":
        fill(given.desk, given.into, given.count)
    if given.only != "fill":
        cold(given.into)
        warm(given.into)


if __name__ == "__main__":
    main()
