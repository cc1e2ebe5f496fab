"""Times of a catalogue: opening, searching, reading and scoring by key.

    OPENBLAS_NUM_THREADS=1 python benchmarks/catalogue.py --pictures 8000 --width 757

Synthetic pictures: random vectors, captions of 15 words with the usual distribution of frequencies.
Prints the best and the median of several runs, in milliseconds of wall time and CPU time.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from picturedesk.store.catalogue import open_catalogue
from picturedesk.types import Picture

VOCABULARY = 30_000
FILTER = "has_tag(tags, 'a') AND date >= '2019'"  # half of them pass


def made_up(count: int, width: int):
    """N pictures, their vectors (N, W), and a text of 500 words."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((count, width))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    often = 1 / np.arange(1, VOCABULARY + 1)
    names = np.array([f"w{n}" for n in range(VOCABULARY)])
    captions = random.choice(names, (count, 15), p=often / often.sum())
    pictures = [
        Picture(
            uri=f"/photos/{n}.jpg",
            key=hashlib.sha256(str(n).encode()).hexdigest()[:32],
            caption=" ".join(words),
            licence="cc0",
            date="2020-01-01",
            tags=("a", "b") if n % 2 else (),
        )
        for n, words in enumerate(captions)
    ]
    text = random.choice(names, 500, p=often / often.sum()).tolist()
    return pictures, vectors.astype(np.float32), text


def report(name: str, ask: Callable[[], object], runs: int = 15) -> None:
    walls, cpus = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    figures = [min(walls), np.median(walls), min(cpus), np.median(cpus)]
    print(f"{name:28}", *(f"{figure:9.2f}" for figure in figures), flush=True)


def side_by_side(threads: int, ask: Callable[[], object], each: int = 40) -> float:
    """Milliseconds of wall time per query with several threads."""

    def work() -> None:
        for _ in range(each):
            ask()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 1000 * (time.perf_counter() - started) / (threads * each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=8000)
    parser.add_argument("--width", type=int, default=757)
    parser.add_argument("--k", type=int, default=200)
    arguments = parser.parse_args()
    width, k = arguments.width, arguments.k
    pictures, vectors, text = made_up(arguments.pictures, width)
    queries = np.random.default_rng(1).standard_normal((64, width))
    keys = [picture.key for picture in pictures[: 2 * k]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.db"

        def opened():
            return closing(open_catalogue(path, "made up", width))

        def cold() -> None:
            with opened() as catalogue:
                catalogue.nearest(queries[:1], k)

        print(f"{'':28} {'wall best, median':>19} {'CPU best, median':>19}  ms")
        with opened() as catalogue:
            report("replace_all", lambda: catalogue.replace_all(pictures, vectors), 3)
        report("open and first search", cold)
        with opened() as catalogue:
            report(f"fetch {2 * k}, nothing read yet", lambda: catalogue.fetch(keys))
            report("nearest, 1 query", lambda: catalogue.nearest(queries[:1], k))
            report("nearest, 1 query, filter", lambda: catalogue.nearest(queries[:1], k, FILTER))
            report("nearest, 64 queries", lambda: catalogue.nearest(queries, k))
            report("matching, 500 words", lambda: catalogue.matching(text, k))
            report(f"word_scores of {2 * k}", lambda: catalogue.word_scores(text, keys))
            report(f"fetch {2 * k}", lambda: catalogue.fetch(keys))
            report(f"sample {k}", lambda: catalogue.sample(k))
            for threads in (1, 2, 4):
                each = side_by_side(threads, lambda: catalogue.nearest(queries[:1], k))
                print(f"{threads} threads: {each:.2f} ms a search")


if __name__ == "__main__":
    main()
