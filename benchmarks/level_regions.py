"""Word detectors on cells of the last map, against detectors on pooled levels.

Takes a part of an archive; knows no archive and no split.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from level_heads import Attention, Front, NoisyOr, level_words, outputs, train_words
from picturedesk.gradients.perceptron import DropoutConfig
from picturedesk.heads.linear import signed_power
from picturedesk.measuring.significance import holm, paired_difference
from picturedesk.routes.detectors import POWER, areas, log_sigmoid
from picturedesk.types import Bools, Floats

CELLS = "bn2:grid9"  # of the preset default at 288 px: every cell of the last map
COMPONENTS = 256  # of a cell
_HEADS = 4  # attention
_SAMPLE = 400  # pictures whose cells give the components

Learn = Callable[[int], Floats]  # seed → log probabilities (N + n, V), the learned pictures first


def cell_components(features: Floats, learned: int, channels: int) -> Floats:
    """Maps (N + n, channels · cells) → components of standardised cells (N + n, cells, C).

    Args:
        features: all cells of the first channel, then of the second, and so on.
        learned: the first pictures, which give mean, deviation and components.
        channels: of the map.
    """
    cells = features.reshape(len(features), channels, -1).transpose(0, 2, 1)
    drawn = np.random.default_rng(0).permutation(learned)[:_SAMPLE]
    sample = signed_power(cells[drawn].reshape(-1, channels).astype(np.float32), POWER)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    factor = 1 / (deviation + 0.1 * deviation.mean())
    sample = (sample - mean) * factor
    values, vectors = np.linalg.eigh(sample.T @ sample / len(sample))
    basis = vectors[:, ::-1][:, :COMPONENTS] / np.sqrt(values[::-1][:COMPONENTS].mean())
    rows = [
        ((signed_power(one.astype(np.float32), POWER) - mean) * factor @ basis).astype(np.float32)
        for one in cells
    ]
    return np.stack(rows)


def noisy_or(cells: Floats, shares: Floats, config: DropoutConfig) -> Floats:
    """Log probabilities (N + n, V) by detectors of cells; the first N are learned from."""
    random = torch.Generator().manual_seed(config.seed)
    network = NoisyOr(cells.shape[1], cells.shape[2], shares.shape[1], config, random)
    train_words(network, cells[: len(shares)], shares, config, random)
    return log_sigmoid(outputs(network, cells))


def attention(cells: Floats, shares: Floats, config: DropoutConfig) -> Floats:
    """The same by detectors of means that learned queries weigh."""
    random = torch.Generator().manual_seed(config.seed)
    network = Attention(_HEADS, cells.shape[2], shares.shape[1], config, random)
    train_words(network, cells[: len(shares)], shares, config, random)
    return log_sigmoid(outputs(network, cells))


def detectors(
    pairs_of: Callable[[Sequence[str]], object],
    levels: Sequence[str],
    cells: Floats,
    shares: Floats,
    settings: DropoutConfig,
) -> dict[str, Learn]:
    """What is compared, by name; the first is what the others are compared with."""

    def config(seed: int) -> DropoutConfig:
        return replace(settings, seed=seed)

    def pooled(names: Sequence[str], seed: int) -> Floats:
        return log_sigmoid(level_words(pairs_of(names), shares, config(seed), Front()))

    return {
        "pools of all levels": lambda seed: pooled(levels, seed),
        "final pool alone": lambda seed: pooled(["final"], seed),
        "81 cells, noisy-or": lambda seed: noisy_or(cells, shares, config(seed)),
        "81 cells, attention": lambda seed: attention(cells, shares, config(seed)),
    }


def report(
    learns: dict[str, Learn],
    seeds: Sequence[int],
    shown: Bools,
    values_of: Callable[[Floats], Floats],
) -> list[str]:
    """A table in Markdown, with the means of two networks too.

    Args:
        learns: what is compared.
        seeds: of the training.
        shown: (n, V) whether a text of a held-out picture has a word.
        values_of: log probabilities (N + n, V) → reciprocal ranks (Q,).
    """
    logs: dict[str, list[Floats]] = {}
    seconds = {}
    for name, learn in learns.items():
        began = time.process_time()
        logs[name] = [learn(seed) for seed in seeds]
        seconds[name] = (time.process_time() - began) / len(seeds)
        print(f"  {name}: {seconds[name]:.0f} s", flush=True)
    first, *others = list(learns)
    again = [learns[first](seed + 100) for seed in seeds]
    logs["two networks on pools"] = [(a + b) / 2 for a, b in zip(logs[first], again, strict=True)]
    for name in others[1:]:
        both = zip(logs[first], logs[name], strict=True)
        logs[f"pools and {name}"] = [(a + b) / 2 for a, b in both]
    told = shown.any(axis=0) & ~shown.all(axis=0)
    area = {
        name: [100 * areas(one[-len(shown) :][:, told], shown[:, told]).mean() for one in some]
        for name, some in logs.items()
    }
    values = {name: np.stack([values_of(one) for one in some]) for name, some in logs.items()}
    compared = {
        name: paired_difference(values[name].mean(axis=0), values[base].mean(axis=0))
        for name, base in (
            (name, "two networks on pools" if name.startswith("pools and") else first)
            for name in logs
        )
        if name != base
    }
    corrected = dict(zip(compared, holm([one.p for one in compared.values()]), strict=True))
    lines = [
        f"{told.sum()} words, {len(shown)} held-out pictures",
        "| detectors | AUC | MRR | recall@10 | MRR against pools (95 %), p | CPU seconds |",
        "|---|---|---|---|---|---|",
    ]
    for name, some in values.items():
        found = compared.get(name)
        said = found and (
            f"{100 * found.mean:+.1f} ({100 * found.low:.1f} to {100 * found.high:.1f}), "
            f"{corrected[name]:.3f}"
        )
        spent = f"{seconds[name]:.0f}" if name in seconds else ""
        lines.append(
            f"| {name} | {np.mean(area[name]):.1f} | {100 * some.mean():.1f} | "
            f"{100 * (some >= 0.1).mean():.1f} | {said or ''} | {spent} |"
        )
    return lines
