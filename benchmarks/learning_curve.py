"""Recall of a large archive by the size of the sample that it is learned from, for several seeds.

    python benchmarks/learning_curve.py --into FOLDER --learn-from 100000 200000
    python benchmarks/learning_curve.py --into FOLDER --languages 1 --device cuda --at-once 6

The archive is that of ``pairs.py``, in one or several languages. Each seed divides it anew, into
5,000 texts to test on, folds and a sample; samples of equal seeds are compared on equal texts, and
whatever the sample, all training texts are in the archive that the transfer route asks. Each fit is
a process of its own and takes about one core; ``--at-once`` of them run side by side. Prints a line
for each fit, and at the end, for each route, recall@10 among the pictures of the test texts in
percent (mean and standard deviation over the seeds), and what each sample gains over the smallest
(a share, with a paired bootstrap).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pairs import ALPHABETS, fill, made_archive, peak, say, uris_of
from picturedesk import DeskConfig, FeatureStore
from picturedesk.desk.fit import hold_out, open_backbone, remember
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.measure import RouteScores
from picturedesk.learning.preparation import Prepared, prepare
from picturedesk.learning.recipes import Learned, learn_best
from picturedesk.measuring.evaluation import TO_PICTURE, evaluate_blocks
from picturedesk.measuring.significance import paired_difference
from picturedesk.parallel import one_blas_thread
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import silent
from suggest import shown_things

K = 10  # pictures shown


def one_fit(given: argparse.Namespace, learn_from: int, seed: int) -> None:
    """Learns in this process, and keeps which test texts found their picture."""
    began = time.perf_counter()
    things, base = shown_things(given.pairs), given.into / "features"
    config = _config(given, learn_from, seed)
    archive = made_archive(things, uris_of(base, given.pairs), given.languages)
    folder = DeskFolder(base)
    backbone = open_backbone(folder, config)
    with FeatureStore.open(folder.features, backbone.spec) as store, one_blas_thread():
        prepared = prepare(archive, backbone, store, config, silent)
        learned = learn_best(prepared, config, silent)
        hits = evaluated(prepared, learned)
    np.savez(_kept(given, learn_from, seed), **hits)
    say(
        step="fit",
        s=round(time.perf_counter() - began),
        cpu_s=round(time.process_time()),
        peak_gb=peak(),
        sample=learned.facts.get("sample"),
        weights=learned.facts["weights"],
        recall={name: round(100 * float(one.mean()), 2) for name, one in hits.items()},
    )


def evaluated(prepared: Prepared, learned: Learned) -> dict[str, np.ndarray]:
    """By route: whether each test text found its picture, among those of all test texts."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "memory"
        remember(home, prepared, learned)
        with ArchiveMemory.open(home) as memory:
            held_out = hold_out(prepared, learned)
            routes = RouteScores(memory, held_out, prepared.features, "test", learned.blend)
            found = evaluate_blocks(
                routes.blocks, len(routes.texts), len(routes.candidates), routes.relevant
            )
    return {
        row.name: row.queries.hits[K]
        for row in found.rows
        if row.queries is not None and row.direction == TO_PICTURE
    }


def _config(given: argparse.Namespace, learn_from: int, seed: int) -> DeskConfig:
    settings = DeskConfig(
        learn_from=learn_from, levels=tuple(given.levels), sentences=(), device=given.device
    )
    return settings.with_seed(seed)


def _kept(given: argparse.Namespace, learn_from: int, seed: int) -> Path:
    return given.into / f"{given.languages}-{learn_from}-{seed}.npz"


def run(given: argparse.Namespace, learn_from: int, seed: int) -> dict[str, np.ndarray]:
    """One fit in a process of its own: by route, whether each test text found its picture."""
    command = [sys.executable, *sys.argv, "--child", str(learn_from), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            say(learn_from=learn_from, seed=seed, **json.loads(line))
    if process.returncode:
        raise SystemExit(f"the fit on {learn_from} pairs, seed {seed}, ended with an error")
    return dict(np.load(_kept(given, learn_from, seed)))


def summary(found: dict[tuple[int, int], dict[str, np.ndarray]]) -> None:
    """Prints recall of each route, and what larger samples gain."""
    sizes, seeds = (sorted(set(values)) for values in zip(*found, strict=True))
    for route in next(iter(found.values())):
        hits = [
            np.array([found[size, seed][route] for seed in seeds], dtype=float) for size in sizes
        ]
        recall = np.array([one.mean(axis=1) for one in hits])  # (sizes, seeds)
        say(
            route=route,
            learn_from=sizes,
            recall=(100 * recall.mean(axis=1)).round(2).tolist(),
            deviation=(100 * recall.std(axis=1, ddof=min(1, len(seeds) - 1))).round(2).tolist(),
            gained=[asdict(paired_difference(one.ravel(), hits[0].ravel())) for one in hits[1:]],
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--into", type=Path, required=True, help="a folder for features and results"
    )
    parser.add_argument("--pairs", type=int, default=205_000)
    parser.add_argument("--learn-from", type=int, nargs="+", default=[100_000, 200_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--languages", type=int, default=len(ALPHABETS))
    parser.add_argument("--levels", nargs="*", default=[], help="of the network; all by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--at-once", type=int, default=1, help="fits that run side by side")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        one_fit(given, *given.child)
        return
    fill(given.into / "features", shown_things(given.pairs), _config(given, 1, 0))
    jobs = list(product(sorted(given.learn_from, reverse=True), given.seeds))  # the longest first
    with ThreadPoolExecutor(given.at_once) as pool:
        found = pool.map(lambda job: run(given, *job), jobs)
        summary(dict(zip(jobs, found, strict=True)))


if __name__ == "__main__":
    main()
