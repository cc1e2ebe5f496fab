"""Kills runs on a Ray cluster at random moments, and compares what they leave.

    python tests/ray_kills.py [--moments 100] [--seed 0] [--minutes 30]    # needs the extra 'ray'

A cluster of three nodes reads 600 pictures, again and again from the beginning. At each moment (a
random number of pictures and part of a second after the last) SIGKILL hits a worker, or (one time
in three) the program that stores the rows; that one is then started again. After each of its deaths
the store must hold at least the rows of all pictures that it had said to be done, and these must be
the first rows of an undisturbed local run; a run that comes to its end must have left exactly
those. Anything else is WRONG.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from picturedesk.backbones.backbone import Backbone
from picturedesk.store.extraction import ExtractConfig, Extraction, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Progress, silent
from ray_clusters import cluster, workers
from small_networks import write_network
from test_extraction_killed import stored

PICTURES = 600
LAYERS = 300
BATCH = 4  # pictures that are stored together
FURTHER = 120  # pictures that are read until the next moment, at most
PAUSE = 1.0  # seconds after that, at most
IS_DONE = "done"


def paint(folder: Path) -> list[str]:
    """Small pictures, of which every tenth is a copy and every fiftieth is broken."""
    folder.mkdir()
    uris = []
    for number in range(PICTURES):
        seed = number - 7 if number % 10 == 9 else number
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        uris.append(str(folder / f"{number:03d}.jpg"))
        Image.fromarray(blocks).resize((64, 48)).save(uris[-1])
        if number % 50 == 25:
            Path(uris[-1]).write_bytes(b"\xff\xd8\xff broken")
    return uris


def run(folder: Path, network: Path, path: Path, engine: str, progress: Progress) -> Extraction:
    """Reads a folder into a store."""
    backbone = Backbone.load(network)
    uris = sorted(str(file) for file in folder.iterdir())
    with FeatureStore.open(path, backbone.spec) as store:
        return extract(uris, backbone, store, ExtractConfig(batch=BATCH, engine=engine), progress)


def work(folder: str, network: str, path: str) -> None:
    """The program that is killed: says how many pictures are done, each time they are stored."""

    def say(done: int, total: int, what: str) -> None:
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()

    run(Path(folder), Path(network), Path(path), "ray", say)
    sys.stdout.write(f"{IS_DONE}\n")
    sys.stdout.flush()


class Program:
    """The program, running; what it says is read by a thread."""

    def __init__(self, folder: Path, network: Path, path: Path) -> None:
        line = [sys.executable, __file__, "work", str(folder), str(network), str(path)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(line, text=True, **pipes)
        self.said = "0"
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = line.strip()
            if line.endswith("\n") and (said.isdecimal() or said == IS_DONE):  # else Ray says it
                self.said = said

    @property
    def done(self) -> int:
        """Pictures that it said to be done."""
        return PICTURES if self.said == IS_DONE else int(self.said)

    def wait_for(self, pictures: int, pause: float) -> None:
        """Waits until so many are done, or it has ended, and then for a pause."""
        while self.done < pictures and self.process.poll() is None:
            time.sleep(0.02)
        time.sleep(pause)

    def end(self) -> int:
        """Waits for it; its status."""
        status = self.process.wait()
        self._thread.join()
        return status


def main(arguments: argparse.Namespace) -> int:
    """Kills at so many moments; how many were WRONG."""
    chance, counts = random.Random(arguments.seed), Counter[str]()
    ends = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as name, cluster() as address:
        os.environ["RAY_ADDRESS"] = address
        home = Path(name)
        uris = paint(home / "in")
        network = write_network(home / "network", LAYERS)
        done = run(home / "in", network, home / "local.db", "local", silent)
        keys = [done.keys.get(uri) for uri in uris]
        whole = stored(home / "local.db")
        path = home / "0.db"
        program = Program(home / "in", network, path)
        while counts["moments"] < arguments.moments and time.monotonic() < ends:
            program.wait_for(program.done + chance.randint(0, FURTHER), chance.uniform(0, PAUSE))
            there = workers()
            runs = program.process.poll() is None
            if runs and (not there or chance.random() < 1 / 3):
                counts["moments"] += 1
                counts["program killed"] += 1
                program.process.kill()
            elif runs:
                with suppress(ProcessLookupError):  # it ended by itself
                    os.kill(chance.choice(there), signal.SIGKILL)
                    counts["moments"] += 1
                    counts["worker killed"] += 1
            if program.process.poll() is None and not counts["program killed"] > counts["deaths"]:
                continue
            status = program.end()
            said = program.said
            is_done = said == IS_DONE
            counts["deaths"] += status == -signal.SIGKILL
            counts["runs to the end"] += is_done
            left = stored(path)
            # So many are done, but of the first ones some may wait for their batch to be full,
            # while copies and broken ones after them are done.
            acknowledged = len({key for key in keys[: program.done] if key}) - (BATCH - 1)
            rows = len(left[0])
            same = all(some == all_of[:rows] for some, all_of in zip(left, whole, strict=True))
            right = same and rows >= acknowledged and status in (0, -signal.SIGKILL)
            if is_done:
                right = right and left == whole
                path = home / f"{counts['runs to the end']}.db"
            counts["WRONG"] += not right
            if not right:
                sys.stdout.write(f"WRONG: status {status}, said {said}, {rows} rows, {same}\n")
            program = Program(home / "in", network, path)
            sys.stdout.write(f"{dict(counts)}, {rows} rows of {len(whole[0])}\n")
            sys.stdout.flush()
        program.process.kill()
        program.end()
    sys.stdout.write(f"{dict(counts)}\n")
    return counts["WRONG"]


def options() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30.0)
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
    else:
        sys.exit(bool(main(options())))
