"""A desk fitted on very many made-up pairs: time and memory of each step, recall.

    python benchmarks/pairs.py --desk /tmp/pairs --pairs 1000000
    python benchmarks/pairs.py --desk /tmp/pairs --pairs 200000 --learn-from 25000 50000 100000

Makes pairs with a planted signal, puts their level features into the desk's store (which takes
17 kB a picture), and fits; no picture is decoded. With several numbers of ``--learn-from``, fits as
often, and prints how recall changes. ``million.py --desk`` asks the desk afterwards.

A picture shows six of 600 things, most of them rare; its features are a noisy mixture of what the
things look like. Its text names three or four of them, among other words whose frequencies follow
Zipf's law, in one of 16 made-up languages with their own alphabets. Only times, memory and
differences between fits mean anything here. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from picturedesk import (
    Archive,
    Backbone,
    Desk,
    DeskConfig,
    FeatureRow,
    FeatureStore,
    Picture,
    Source,
    Text,
)
from picturedesk.desk.fit import open_backbone
from picturedesk.desk.folder import DeskFolder
from picturedesk.measuring.evaluation import TO_PICTURE
from suggest import THINGS, seen, shown_things

VOCABULARY = 20_000  # words of a language
LENGTHS = (10, 40)  # words of a text
AT_ONCE = 5_000  # pictures of a transaction
NOISE = 0.8
# First letter and number of letters of each language's alphabet.
ALPHABETS = (
    *((0x61, 26), (0xE0, 22), (0x103, 40), (0x3B1, 24), (0x430, 32), (0x561, 38), (0x5D0, 26)),
    *((0x628, 26), (0x905, 50), (0x995, 20), (0xB95, 1), (0xE01, 40), (0x10D0, 33)),
    *((0x1200, 60), (0xAC00, 900), (0x4E00, 3000)),
)


def say(**found: object) -> None:
    """Prints one record."""
    print(json.dumps(found), flush=True)


def peak() -> float:
    """The most memory that this process has had, GB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


class Language:
    """Words of one alphabet, the n-th of them as frequent as 1 / n, and names of all things."""

    def __init__(self, number: int) -> None:
        first, letters = ALPHABETS[number]
        random = np.random.default_rng([7, number])
        made: dict[str, None] = {}
        while len(made) < VOCABULARY + THINGS:
            length = int(random.integers(2, 5 if letters > 500 else 9))
            made[
                "".join(
                    chr(first + int(one)) for one in random.integers(max(letters, 20), size=length)
                )
            ] = None
        words = list(made)
        self.names = np.array(words[:THINGS])
        self._words = np.array(words[THINGS:])
        share = 1 / (np.arange(VOCABULARY) + 2.7)
        self._share = np.cumsum(share / share.sum())

    def text(self, things: np.ndarray, random: np.random.Generator) -> str:
        """A text that names three or four of the things."""
        length = int(random.integers(*LENGTHS))
        places = np.searchsorted(self._share, random.random(length))
        words = self._words[np.minimum(places, VOCABULARY - 1)].tolist()
        for place in random.choice(length, size=int(random.integers(3, 5)), replace=False):
            words[place] = str(self.names[random.choice(things)])
        return " ".join(words)


def texts(things: np.ndarray, spoken_of: int) -> list[Text]:
    """A text for each picture, in one of the first so many languages."""
    languages = [Language(number) for number in range(spoken_of)]
    random = np.random.default_rng(2)
    spoken = random.choice(len(languages), size=len(things), p=_shares(len(languages)))
    return [
        Text(str(number), languages[language].text(row, random), date=f"20{number % 25:02d}-03-01")
        for number, (row, language) in enumerate(zip(things, spoken.tolist(), strict=True))
    ]


def _shares(languages: int) -> np.ndarray:
    share = 1 / (1 + np.arange(languages))
    return share / share.sum()


def features(things: np.ndarray, backbone: Backbone, start: int = 0) -> Iterator[np.ndarray]:
    """Level features (n, ΣD_l), block by block; class probabilities sum to one."""
    levels = backbone.spec.levels
    random = np.random.default_rng(3)
    looks = [random.normal(size=(THINGS, one.width)).astype(np.float32) for one in levels]
    for first in range(start, len(things), AT_ONCE):
        random = np.random.default_rng([3, first])
        some, blocks = things[first : first + AT_ONCE], []
        for level, look in zip(levels, looks, strict=True):
            noise = random.standard_normal((len(some), level.width), dtype=np.float32)
            blocks.append(seen(level, look[some].mean(axis=1) + np.float32(NOISE) * noise))
        yield np.concatenate(blocks, axis=1)


def uris_of(desk: Path, count: int) -> list[str]:
    """The pictures of the desk's tar file."""
    archive = (desk / "pictures.tar").absolute()
    return [f"{archive}!{number:07}.jpg" for number in range(count)]


def fill(desk: Path, things: np.ndarray, config: DeskConfig) -> None:
    """Puts features of pictures of a tar file into the desk's store, unless they are there."""
    folder = DeskFolder(desk)
    desk.mkdir(parents=True, exist_ok=True)
    archive = desk / "pictures.tar"
    archive.open("a").close()  # keeps its time, by which a store knows files again
    status = archive.stat()
    backbone = open_backbone(folder, config)
    hashes = np.random.default_rng(4).integers(1 << 63, size=len(things), dtype=np.uint64)
    uris = uris_of(desk, len(things))
    began = time.perf_counter()
    with FeatureStore.open(folder.features, backbone.spec) as store:
        for start, block in zip(
            range(len(store), len(things), AT_ONCE),
            features(things, backbone, len(store)),
            strict=True,
        ):
            numbers = range(start, start + len(block))
            keys = [f"{number:032x}" for number in numbers]
            store.add(
                [
                    FeatureRow(key, row, int(hashes[number]), 640, 480)
                    for number, key, row in zip(numbers, keys, block, strict=True)
                ],
                [
                    Source(uris[number], status.st_size, status.st_mtime_ns, key)
                    for number, key in zip(numbers, keys, strict=True)
                ],
            )
    size = folder.features.stat().st_size
    say(step="features", s=round(time.perf_counter() - began, 1), gigabytes=round(size / 1e9, 2))


def made_archive(things: np.ndarray, uris: Sequence[str], spoken_of: int) -> Archive:
    """A text for each of the pictures, in so many languages."""
    return Archive(
        "made-up pairs",
        tuple(texts(things, spoken_of)),
        tuple(map(Picture, uris)),
        np.stack([np.arange(len(uris), dtype=np.int64)] * 2, axis=1),
        ("",) * len(uris),
    )


def fit(desk: Path, archive: Archive, config: DeskConfig) -> None:
    """Fits the desk, and says what it took and what came of it."""
    began, spent = time.perf_counter(), time.process_time()
    told: list[str] = []

    def progress(done: int, of: int, what: str) -> None:
        if what not in told[-1:]:
            told.append(what)
            say(step=what, at=round(time.perf_counter() - began), peak_gb=peak())

    report = Desk.fit_report(archive, desk, config, progress)
    rows = report.measured.evaluation.rows + report.measured.whole.rows
    recall = {
        f"{row.name}, {row.scores.candidates}": {
            str(k): round(100 * share, 1) for k, share in row.scores.recall.items()
        }
        for row in rows
        if row.direction == TO_PICTURE
    }
    used = sum(one.stat().st_size for one in report.fitted.root.rglob("*") if one.is_file())
    say(
        step="fit",
        learn_from=config.learn_from,
        s=round(time.perf_counter() - began),
        cpu_s=round(time.process_time() - spent),
        steps=report.seconds,
        peak_gb=peak(),
        kilobytes_a_picture=round(used / report.pictures / 1000, 2),
        chosen={k: v for k, v in report.chosen.items() if k in ("encoders", "weights", "sample")},
        recall=recall,
        reliability={
            k: round(max(0.0, v.ece - v.noise), 4) for k, v in report.measured.reliability.items()
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--desk", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--learn-from", type=int, nargs="+", default=[100_000])
    parser.add_argument("--sentences", nargs="*", default=["auto"])
    given = parser.parse_args()
    things = shown_things(given.pairs)
    fill(given.desk, things, DeskConfig())
    began = time.perf_counter()
    archive = made_archive(things, uris_of(given.desk, given.pairs), len(ALPHABETS))
    say(step="texts", s=round(time.perf_counter() - began, 1))
    for learn_from in given.learn_from:
        config = DeskConfig(learn_from=learn_from, sentences=tuple(given.sentences))
        fit(given.desk, archive, config)


if __name__ == "__main__":
    main()
