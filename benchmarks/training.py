"""One epoch of the paper's training compared with bare matrix products of the same shapes.

30,000 texts, 6,000 pictures (5 texts each), 2,000 numbers per picture, 2048 hidden units, 500
outputs, all random. Epochs and products alternate in one process, so that other load affects both;
a last epoch is profiled for its share of time outside products. The target is an epoch in under
15 s on two free cores.

    python benchmarks/training.py [--batch 256] [--threads 0] [--rounds 3]

The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from picturedesk.learning.losses import Triplets
from picturedesk.learning.training import TrainConfig, TrainingSet, train

TEXTS, PICTURES, WIDTH, HIDDEN, SHARED = 30_000, 6_000, 2_000, 2048, 500


def archive(texts: int, pictures: int, seed: int) -> TrainingSet:
    """Random vectors; text t belongs to picture t mod N."""
    random = np.random.default_rng(seed)
    numbers = np.arange(texts)
    return TrainingSet(
        random.standard_normal((texts, SHARED), dtype=np.float32),
        random.standard_normal((pictures, WIDTH), dtype=np.float32),
        np.stack([numbers, numbers % pictures], axis=1),
        np.arange(pictures),
    )


def products(sizes: list[int]) -> Callable[[], None]:
    """The matrix products of an epoch whose steps forward these numbers of pictures."""
    inputs = torch.randn(max(sizes), WIDTH)
    hidden, fused = torch.randn(max(sizes), HIDDEN), torch.randn(max(sizes), SHARED)
    first, second = torch.randn(WIDTH, HIDDEN), torch.randn(HIDDEN, SHARED)
    to_hidden, to_fused = torch.empty_like(hidden), torch.empty_like(fused)
    to_first, to_second = torch.empty_like(first), torch.empty_like(second)

    def run() -> None:
        for size in sizes:
            x, h, v = inputs[:size], hidden[:size], fused[:size]
            torch.mm(x, first, out=to_hidden[:size])  # forward
            torch.mm(h, second, out=to_fused[:size])
            torch.mm(h.T, v, out=to_second)  # backward; features need no gradient
            torch.mm(v, second.T, out=to_hidden[:size])
            torch.mm(x.T, h, out=to_first)

    return run


@dataclass
class Laps:
    """Wall and CPU seconds of epochs, and of the products after each epoch.

    Attributes:
        products: runs after each epoch.
        epochs: (wall, CPU) of each epoch except the first, which includes the set-up.
        bare: (wall, CPU) of the products after each of these.
        outside: share of time outside matrix products in the last epoch, which is profiled and not
            in ``epochs``.
    """

    products: Callable[[], None]
    epochs: list[tuple[float, float]] = field(default_factory=list)
    bare: list[tuple[float, float]] = field(default_factory=list)
    outside: float = float("nan")

    def __post_init__(self) -> None:
        self._profiler = profile(activities=[ProfilerActivity.CPU])

    def __call__(self, done: int, total: int, what: str) -> None:
        """The ``progress`` of ``train``: ends an epoch, runs the products, starts the next."""
        lap = self._lap() if done > 1 else (0.0, 0.0)
        if done == total:
            self.outside = 1 - self._multiplying() / lap[0]
            return
        self._start()
        self.products()
        if done > 1:
            self.epochs.append(lap)
            self.bare.append(self._lap())
            print(f"epoch {lap[0]:6.2f} s, its products {self.bare[-1][0]:6.2f} s", flush=True)
        if done == total - 1:
            self._profiler.start()
        self._start()

    def _multiplying(self) -> float:
        """Seconds of the profiled epoch in matrix products."""
        self._profiler.stop()
        events = self._profiler.key_averages()
        named = [event for event in events if event.key in ("aten::mm", "aten::addmm")]
        return sum(event.self_cpu_time_total for event in named) / 1e6

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def _lap(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def main() -> None:
    """Prints seconds, ratio, and the share of time spent outside matrix products."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--batch", type=int, default=TrainConfig().batch)
    options.add_argument("--threads", type=int, default=0)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    config = TrainConfig(
        batch=asked.batch, threads=asked.threads, epochs=asked.rounds + 2, patience=99
    )
    training = archive(TEXTS, PICTURES, seed=0)
    triplets = Triplets(training.links, training.groups, TEXTS, config.batch)
    sizes = [len(step.pictures) for step in triplets.steps(np.random.default_rng(0))]
    work = 2 * sum(sizes) * (2 * WIDTH * HIDDEN + 3 * HIDDEN * SHARED) / 1e9
    laps = Laps(products(sizes))
    train(training, archive(100, 100, seed=1), config, laps)
    wall, cpu = np.median(laps.epochs, axis=0)
    bare_wall, bare_cpu = np.median(laps.bare, axis=0)
    ratio = np.median([e[1] / p[1] for e, p in zip(laps.epochs, laps.bare, strict=True)])
    print(f"batch {config.batch}: {len(sizes)} steps, {sum(sizes)} pictures forwarded of 60000")
    print(f"epoch: {wall:.2f} s wall, {cpu:.2f} s CPU; {work:.0f} GFLOP in products")
    print(f"products: {bare_wall:.2f} s wall, {bare_cpu:.2f} s CPU; {work / bare_wall:.0f} GFLOP/s")
    print(f"epoch / products, CPU: {ratio:.2f}; profiled outside products: {laps.outside:.0%}")
    report = {"batch": config.batch, "load": os.getloadavg()[0], "gflop_per_s": work / bare_wall}
    report |= {"epoch_s": wall, "epoch_cpu_s": cpu, "products_s": bare_wall}
    report |= {"products_cpu_s": bare_cpu, "ratio_cpu": ratio, "outside_products": laps.outside}
    print(json.dumps({name: float(value) for name, value in report.items()}))


if __name__ == "__main__":
    main()
