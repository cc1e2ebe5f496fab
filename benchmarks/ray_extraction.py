"""Extraction on a Ray cluster of this machine beside the local engine, in turns.

    python benchmarks/ray_extraction.py FOLDER [--backbone FOLDER] [--count 200] [--rounds 2]

Prints pictures per second of both engines, with and without the time in which Ray starts and ends,
and whether the stores are equal. Ray's workers have the priority of other programs here, as they
would on a machine of their own. FOLDER has pictures; without ``--backbone`` the default one is
exported, which needs the extra 'train'.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from picturedesk.backbones.backbone import Backbone
from picturedesk.parallel import cpus
from picturedesk.store.extraction import ENGINES, ExtractConfig, extract
from picturedesk.store.features import FeatureStore

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Clock:
    """Wall time from the first pictures that are stored to the last."""

    def __init__(self) -> None:
        self.first = (0.0, 0)
        self.last = (0.0, 0)

    def __call__(self, done: int, total: int, what: str) -> None:
        if done:
            self.last = (time.monotonic(), done)
            self.first = self.first if self.first[1] else self.last

    @property
    def rate(self) -> float:
        """Pictures per second between the two."""
        return (self.last[1] - self.first[1]) / (self.last[0] - self.first[0])


def rows(path: Path) -> list[tuple[object, ...]]:
    """All rows of a store, in their order."""
    with closing(sqlite3.connect(path)) as file:
        return list(file.execute("SELECT * FROM pictures ORDER BY position"))


def main(arguments: argparse.Namespace) -> None:
    """Runs both engines in turns."""
    os.environ.setdefault("RAY_worker_niceness", "0")
    found = sorted(Path(arguments.folder).rglob("*"))
    uris = [str(path) for path in found if path.suffix.lower() in SUFFIXES][: arguments.count]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        folder = Path(arguments.backbone) if arguments.backbone else home / "backbone"
        if not arguments.backbone:
            Backbone("default").save(folder)
        backbone = Backbone.load(folder)
        print(f"{len(uris)} pictures, {backbone.spec.name}, {cpus()} CPUs")
        for turn in range(arguments.rounds):
            for engine in ENGINES:
                clock, began = Clock(), time.monotonic()
                with FeatureStore.open(home / f"{engine}{turn}.db", backbone.spec) as store:
                    done = extract(uris, backbone, store, ExtractConfig(engine=engine), clock)
                seconds = time.monotonic() - began
                load = os.getloadavg()[0]
                print(
                    f"{engine}: {done.read} read in {seconds:.1f} s, {done.read / seconds:.1f}/s; "
                    f"{clock.rate:.1f}/s once it runs; load {load:.0f}"
                )
            same = rows(home / f"local{turn}.db") == rows(home / f"ray{turn}.db")
            print(f"equal rows: {same}")


def options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--backbone", default="")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(options()))
