"""Time and peak memory of steps that must not grow with the square of an archive.

    python benchmarks/growth.py evaluation --count 20000
    python benchmarks/growth.py texts --kind equal --count 100000
    python benchmarks/growth.py pictures --kind stretch --count 100000

One measurement per process, since peak memory never falls. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np

from measured import peak_mb
from picturedesk.images import near_duplicate_groups
from picturedesk.measuring.evaluation import TO_TEXT, evaluate_blocks
from picturedesk.measuring.ranking import row_blocks
from picturedesk.texts.shingles import duplicate_groups

VOCABULARY = [f"w{number}" for number in range(5000)]
WORDS = 60  # of a text
WIDTH = 64  # of a vector
ROUTES = ("one", "other")


def evaluation(kind: str, count: int) -> str:
    """Two routes of ``count`` texts against as many pictures, block by block."""
    random = np.random.default_rng(0)
    texts = random.normal(size=(count, WIDTH)).astype(np.float32)
    pictures = (texts + 2 * random.normal(size=(count, WIDTH))).astype(np.float32)

    def blocks():
        for rows in row_blocks(count, count):
            yield rows, {route: texts[rows] @ pictures.T for route in ROUTES}

    found = evaluate_blocks(blocks, count, count, np.stack([np.arange(count)] * 2, axis=1))
    there, back = found.row(ROUTES[0]), found.row(ROUTES[1], TO_TEXT)
    return f"recall@10 {there.recall[10]:.3f} and back {back.recall[10]:.3f}"


def texts(kind: str, count: int) -> str:
    """Groups of texts: all equal, one text with a number behind it, or all different."""
    random = np.random.default_rng(0)
    drawn = random.choice(VOCABULARY, size=(count if kind == "different" else 1, WORDS))
    if kind == "equal":
        given = [" ".join(drawn[0])] * count
    elif kind == "edition":
        given = [f"{' '.join(drawn[0])} edition n{number}" for number in range(count)]
    else:
        given = [" ".join(words) for words in drawn]
    return f"{duplicate_groups(given).max() + 1} groups"


def pictures(kind: str, count: int) -> str:
    """Groups of hashes: random, half of them with nine bits in common, or one with few flips."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, count, dtype=np.uint64)
    if kind == "stretch":
        hashes[: count // 2] &= ~np.uint64(0x1FF)
    elif kind == "cluster":
        flips = random.random((count, 64)) < 0.04
        hashes = np.packbits(flips, axis=1).view(np.uint64).ravel()
    return f"{near_duplicate_groups(hashes).max() + 1} groups"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("evaluation", "texts", "pictures"))
    parser.add_argument(
        "--kind",
        default="",
        help="texts: equal, edition, different; pictures: stretch, cluster, random",
    )
    parser.add_argument("--count", type=int, default=10_000)
    asked = parser.parse_args()
    measured = {"evaluation": evaluation, "texts": texts, "pictures": pictures}[asked.what]
    load, began, cpu = os.getloadavg()[0], time.perf_counter(), time.process_time()
    said = measured(asked.kind, asked.count)
    wall, spent, peak = time.perf_counter() - began, time.process_time() - cpu, peak_mb()
    print(f"{asked.what} {asked.kind} {asked.count}: {said}")
    print(f"{wall:.1f} s, {spent:.1f} s of CPU, {peak:.0f} MB peak")
    report = {"what": asked.what, "kind": asked.kind, "count": asked.count, "load_before": load}
    print(json.dumps(report | {"s": wall, "cpu_s": spent, "peak_mb": peak, "found": said}))


if __name__ == "__main__":
    main()
