"""Time and quality of the recipe on large synthetic archives.

    python benchmarks/recipe_sizes.py --pictures 6000 --captions 5
    python benchmarks/recipe_sizes.py --pictures 51200 --captions 1 --sizes

In a synthetic archive, every picture shows a few of 600 things; a caption names some of them among
other words; level features are a noisy mixture of the things. Only times, and differences between
routes on the same data, are meaningful.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.desk.fit import measure_learned
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, ReadableArchive
from picturedesk.learning.recipes import learn_best, open_sentences
from picturedesk.measuring.evaluation import TO_PICTURE
from picturedesk.measuring.significance import paired_difference
from picturedesk.types import Archive, Level, Picture, Preprocessing, Text, silent

LEVELS = (
    Level("blocks.4", 112, "avg"),
    Level("blocks.5", 192, "avg"),
    Level("blocks.6", 320, "avg"),
    Level("bn2", 1280, "max"),
    Level("final", 1280, "none"),
)
THINGS = 600
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to")
TEST = 1000  # test pictures


def made_up(pictures: int, captions: int, seed: int = 0):
    """Archive and level features (N, ΣD_l)."""
    random = np.random.default_rng(seed)

    def word() -> str:
        return "".join(random.choice(SYLLABLES, size=random.integers(2, 5)))

    names = [f"{word()}{number % 7}" for number in range(THINGS)]
    filler = [word() for _ in range(3000)]
    total = pictures + TEST
    often = 1 / np.arange(3, THINGS + 3)  # a few things are frequent, most are rare
    shown = random.choice(THINGS, size=(total, 6), p=often / often.sum())
    width = sum(level.width for level in LEVELS)
    looks = random.normal(size=(THINGS, width)).astype(np.float32)
    features = looks[shown].mean(axis=1) + random.normal(size=(total, width)) * 1.2
    texts, links = [], []
    for picture in range(total):
        for caption in range(captions):
            told = [names[thing] for thing in random.choice(shown[picture], size=3, replace=False)]
            spoken = list(random.choice(filler, size=random.integers(5, 10))) + told
            links.append((len(texts), picture))
            texts.append(Text(f"{picture}-{caption}", " ".join(random.permutation(spoken)) + "."))
    parts = tuple("test" if picture >= pictures else "train" for _, picture in links)
    archive = Archive(
        "made up",
        tuple(texts),
        tuple(Picture(str(n), key=f"{n:016x}") for n in range(total)),
        np.array(links, dtype=np.int64),
        parts,
    )
    return ReadableArchive(archive, np.arange(total)), features.astype(np.float32)


def run(ready, features, sentences):
    spec = BackboneSpec(
        "made-up", "none", "none", LEVELS, Preprocessing(32, 32, "bicubic", (0.5,) * 3, (0.5,) * 3)
    )
    started = time.perf_counter()
    prepared = Prepared(ready, features, spec)
    learned = learn_best(prepared, DeskConfig(), silent, sentences=sentences)
    seconds = time.perf_counter() - started
    return measure_learned(prepared, learned), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=6000)
    parser.add_argument("--captions", type=int, default=5)
    parser.add_argument("--sizes", action="store_true", help="also archives of 50, 200, … pairs")
    arguments = parser.parse_args()
    sizes = [arguments.pictures]
    if arguments.sizes:
        sizes = [50 * 4**n for n in range(10) if 50 * 4**n < arguments.pictures] + sizes
    sentences = open_sentences(DeskConfig())
    for size in sizes:
        ready, features = made_up(size, arguments.captions)
        measured, seconds = run(ready, features, sentences)
        rows = [row for row in measured.evaluation.rows if row.direction == TO_PICTURE][1:]
        found = ", ".join(f"{row.name} {100 * row.scores.recall[10]:.1f}" for row in rows)
        texts = size * arguments.captions
        print(f"{texts} texts, {size} pictures: {seconds:.0f} s; recall@10 among {TEST}: {found}")
        hits = {row.name: row.queries.hits[10].astype(float) for row in rows}
        best = max((n for n in hits if n != "blend"), key=lambda n: hits[n].mean())
        apart = paired_difference(hits["blend"], hits[best])
        print(
            f"   blend against {best}: {100 * apart.mean:+.1f} points "
            f"({100 * apart.low:+.1f} to {100 * apart.high:+.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
