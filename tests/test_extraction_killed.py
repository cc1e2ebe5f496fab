"""Killed at any moment, the same command goes on: no picture is lost, none is done twice.

As a program, this file is the command that is killed. PICTUREDESK_KILLS sets how many times.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

KILLS = int(os.environ.get("PICTUREDESK_KILLS", "5"))
PICTURES = 120
QUICKLY = 0.005  # seconds per picture, of a run that is left to end
SLOWLY = 0.03  # of one that is killed: a kill finds it at work, on a busy machine too


def paint(folder: Path) -> list[str]:
    """Small pictures, of which every tenth is a copy of an earlier one and one is broken."""
    folder.mkdir()
    uris = [str(folder / f"{i:03d}.jpg") for i in range(PICTURES)]
    for i, uri in enumerate(uris):
        seed = i - 7 if i % 10 == 9 else i
        blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((64, 48)).save(uri)
    Path(uris[50]).write_bytes(b"\xff\xd8\xff broken")
    return uris


def command(
    folder: Path, store: Path, pace: float = QUICKLY, stderr: int | None = None
) -> subprocess.Popen[str]:
    line = [sys.executable, __file__, str(folder), str(store), str(pace)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=stderr, text=True)


def main(folder: str, path: str, pace: str) -> None:
    """Extracts a folder with a slow network; prints when it begins, and what it did."""
    from picturedesk.backbones.backbone import Backbone
    from picturedesk.store.extraction import ExtractConfig, extract
    from picturedesk.store.features import FeatureStore
    from picturedesk.testing import tiny_backbone
    from picturedesk.types import Floats

    # What is started in the background of a shell ignores interrupts, and so would this.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tiny = tiny_backbone()

    def slowly(pixels: Floats) -> Floats:
        time.sleep(float(pace) * len(pixels))
        return tiny.features(pixels)

    backbone = Backbone.of(tiny.spec, slowly)
    uris = sorted(str(file) for file in Path(folder).iterdir())
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    with FeatureStore.open(Path(path), backbone.spec) as store:
        done = extract(uris, backbone, store, ExtractConfig(batch=8, decoders=2))
    sys.stdout.write(f"{done.read} {done.reused} {done.duplicates} {len(done.rejections)}\n")


def stored(path: Path) -> tuple[list[str], list[bytes], list[int], list[list[int]]]:
    from picturedesk.store.features import FeatureStore

    with FeatureStore.open(path) as store:
        keys = store.keys()
        features = [row.tobytes() for row in store.read(keys)]
        return keys, features, store.hashes(keys).tolist(), store.sizes(keys).tolist()


def killed(folder: Path, path: Path, moment: float) -> int:
    """Kills the command so many seconds after it begins; returns how many rows it left."""
    from picturedesk.errors import MissingArtefact

    with command(folder, path, SLOWLY) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(moment)
        process.kill()
        if process.wait() != -signal.SIGKILL:
            pytest.fail(f"it had ended before it was killed, {moment:.2f} s after it began")
    try:
        return len(stored(path)[0])
    except MissingArtefact:
        return 0  # killed before there was a store


def finished(folder: Path, path: Path) -> list[int]:
    """Runs the command to its end; returns what it says."""
    with command(folder, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        said = process.stdout.readline()
        assert process.wait() == 0
    return [int(number) for number in said.split()]


def test_a_killed_run_started_again_equals_an_undisturbed_one_row_for_row(tmp_path):
    paint(tmp_path / "in")
    said = finished(tmp_path / "in", tmp_path / "undisturbed.db")
    distinct = PICTURES - 12 - 1
    assert said == [distinct, 0, 12, 1]
    undisturbed = stored(tmp_path / "undisturbed.db")
    longest = 0.6 * SLOWLY * distinct  # leaves more than a second to a kill that comes late
    moments = random.Random(0)
    found = []
    for number in range(KILLS):
        path = tmp_path / f"killed{number}.db"
        left = killed(tmp_path / "in", path, moments.uniform(0, longest))
        said = finished(tmp_path / "in", path)
        assert said == [distinct - left, left, 12, 1]
        assert stored(path) == undisturbed
        found.append(left)
    assert any(0 < left < distinct for left in found), found


def test_killed_again_and_again_on_one_store_it_still_arrives(tmp_path):
    paint(tmp_path / "in")
    path = tmp_path / "killed.db"
    left = [killed(tmp_path / "in", path, 0.4) for _ in range(3)]
    assert left == sorted(left)
    said = finished(tmp_path / "in", path)
    assert said[:2] == [107 - left[-1], left[-1]]
    finished(tmp_path / "in", tmp_path / "undisturbed.db")
    assert stored(path) == stored(tmp_path / "undisturbed.db")


def test_an_interrupted_run_ends_at_once_and_goes_on_where_it_was(tmp_path):
    paint(tmp_path / "in")
    path = tmp_path / "features.db"
    with command(tmp_path / "in", path, SLOWLY, subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
    left = len(stored(path)[0])
    said = finished(tmp_path / "in", path)
    assert said == [107 - left, left, 12, 1]


if __name__ == "__main__":
    main(*sys.argv[1:])
