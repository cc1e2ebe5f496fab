"""Writes a backbone as one ONNX graph: all levels, pooled, as one output. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from picturedesk.backbones.graph import save_graph
from picturedesk.backbones.level_reader import LevelReader
from picturedesk.backbones.onnx_runner import FEATURES, GRAPH, PIXELS, OnnxRunner
from picturedesk.errors import PicturedeskError
from picturedesk.types import Floats, Level

TOLERANCE = 1e-3  # largest difference of a level, as a share of its length


def write_graph(reader: LevelReader, size: int, folder: Path) -> None:
    """Writes ``backbone.onnx`` into ``folder`` and checks that it computes the same features.

    Weights over 2 GB are written beside it, to ``backbone.onnx.data``.

    Args:
        reader: on any device; it is exported on the CPU and moved back.
        size: side of the input, pixels.
        folder: must exist; the caller makes the write atomic.

    Raises:
        MissingExtra: onnx or onnxscript is not installed.
        PicturedeskError: the network cannot be exported, or its graph computes other features.
    """
    device = next(reader.parameters()).device
    probe = probe_pixels(size)
    reader.to("cpu").to(memory_format=torch.contiguous_format)  # the layout of ONNX
    reader.stops = False
    try:
        batch = {0: torch.export.Dim("batch")}
        save_graph(reader, torch.from_numpy(probe), folder / GRAPH, (PIXELS, FEATURES), batch)
        reader.stops = True
        with torch.inference_mode():
            expected: Floats = reader(torch.from_numpy(probe)).numpy()
    finally:
        reader.stops = True
        reader.to(device).to(memory_format=torch.channels_last)
    levels = [placed.level for placed in reader.levels]
    worst = disagreement(expected, OnnxRunner(folder / GRAPH)(probe), levels)
    if not worst <= TOLERANCE:
        raise PicturedeskError(
            f"the exported graph differs from torch by {worst:.1e}, more than {TOLERANCE:.0e}: "
            "it was discarded; use runner='torch' for this backbone"
        )


def probe_pixels(size: int, count: int = 2) -> Floats:
    """Different pictures (count, 3, size, size) with smooth shades, edges and some noise."""
    random = np.random.default_rng(0)
    across = np.linspace(-1.0, 1.0, size)
    phases = random.uniform(0, 2 * np.pi, size=(count, 3, 1, 1))
    waves = np.sin(phases + 5 * across[:, None] - 3 * across[None, :])
    edges = np.where(across[:, None] + np.cos(phases) > across[None, :] ** 2, 0.7, -0.7)
    noise = random.normal(scale=0.1, size=(count, 3, size, size))
    pixels: Floats = np.clip(0.6 * waves + edges + noise, -2, 2).astype(np.float32)
    return pixels


def disagreement(expected: Floats, given: Floats, levels: Sequence[Level]) -> float:
    """Largest relative difference of a level over pictures: |a - b| / |a|.

    Features are (B, ΣD_l). Infinity if one side has another shape, NaN or infinite numbers.
    """
    if expected.shape != given.shape or not np.isfinite(given).all():
        return float("inf")
    worst, start = 0.0, 0
    for level in levels:
        columns = slice(start, start + level.width)
        start += level.width
        length = np.linalg.norm(expected[:, columns], axis=1)
        apart = np.linalg.norm(expected[:, columns] - given[:, columns], axis=1)
        worst = max(worst, float((apart / np.maximum(length, 1e-12)).max()))
    return worst
