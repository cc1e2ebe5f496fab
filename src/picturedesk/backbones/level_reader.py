"""Reads a network's levels in one forward pass of torch and pools them. Knows no device.

The torch runner and the ONNX export both use it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from picturedesk.backbones.levels import (
    FINAL,
    GEM_POWER,
    HEAD,
    PROBS,
    PROJECTED,
    Output,
    grid_bounds,
    grid_side,
)
from picturedesk.backbones.survey import Placed, first_tensor

SMALLEST = 1e-6  # lower bound of GeM's input: its root has no derivative at zero


class _Deepest(Exception):
    """Raised by the hook of the deepest level, so that later modules are not computed."""


class LevelReader(nn.Module):
    """Pixels (B, 3, S, S) → all levels, pooled and concatenated (B, ΣD_l), in one pass.

    The pass ends at the deepest level. Each level is pooled when its module returns, before a later
    module can change it in place, and in float32 for any precision of the network.

    Args:
        network: in evaluation mode; hooks stay on its modules.
        levels: in the order of their columns.

    Attributes:
        stops: whether the pass ends at the deepest level. False for an export: tracers cannot
            follow exceptions, and omit what no output needs.
    """

    def __init__(self, network: nn.Module, levels: Sequence[Placed]) -> None:
        super().__init__()
        self.network = network
        self.levels = tuple(levels)
        self.stops = True
        self._pooled: dict[int, Tensor] = {}
        modules = dict(network.named_modules())
        deepest = max(range(len(levels)), key=lambda i: levels[i].order)
        # Hooks of a module run in order of registration: the one that stops must be the last.
        for position in sorted(range(len(levels)), key=lambda i: i == deepest):
            path = levels[position].output.module
            if path not in HEAD:
                hook = self._reading(position, ends=position == deepest)
                modules[path].register_forward_hook(hook)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, 3, S, S) → (B, ΣD_l)."""
        self._pooled.clear()
        with contextlib.suppress(_Deepest):
            self._run(pixels)
        pooled = [self._pooled.pop(position) for position in range(len(self.levels))]
        return torch.cat(pooled, dim=1)

    def _run(self, pixels: Tensor) -> None:
        network: Any = self.network
        features = network.forward_features(pixels)
        if isinstance(features, Tensor):
            features = features.float()  # the last pooling is in float32, also under autocast
        final = network.forward_head(features, pre_logits=True)
        self._keep(FINAL, final)
        read = {placed.output.module for placed in self.levels}
        if PROJECTED in read:
            with _full_precision(features):
                self._keep(PROJECTED, network.project(features, final))
        if PROBS in read:
            with _full_precision(features):
                logits = first_tensor(network.forward_head(features, pre_logits=False))
            assert logits is not None  # the survey has seen a tensor here
            self._keep(PROBS, logits.float().softmax(dim=1))

    def _keep(self, module: str, values: Tensor) -> None:
        for position, placed in enumerate(self.levels):
            if placed.output.module == module:
                self._pooled[position] = values.flatten(1).float()

    def _reading(self, position: int, ends: bool) -> Callable[[nn.Module, object, object], None]:
        placed = self.levels[position]

        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            values = first_tensor(output)
            assert values is not None  # the survey has seen a tensor here
            self._pooled[position] = pool(values.float(), placed.output, placed.level.pooling)
            if ends and self.stops:
                raise _Deepest

        return hook


def _full_precision(features: object) -> contextlib.AbstractContextManager[object]:
    """No autocast: rounding logits of 10 to half precision would change probabilities."""
    if isinstance(features, Tensor) and torch.is_autocast_enabled(features.device.type):
        return torch.autocast(features.device.type, enabled=False)
    return contextlib.nullcontext()


def pool(values: Tensor, output: Output, pooling: str) -> Tensor:
    """A module's output (B, …) → (B, D_l) by ``pooling`` (paper, Eq. 2 and 3).

    Only "cls" uses tokens before the patches (class, distillation, registers).
    """
    if output.kind == "vector":
        return values
    if pooling == "cls":
        return values[:, 0]
    cells = _cells(values, output)  # (B, C, H, W)
    if pooling == "max":
        return cells.amax(dim=(2, 3))
    if pooling == "gem":
        return cells.clamp(min=SMALLEST).pow(GEM_POWER).mean(dim=(2, 3)).pow(1 / GEM_POWER)
    side = grid_side(pooling)
    if not side:
        return cells.mean(dim=(2, 3))
    # Spans with fixed bounds instead of adaptive pooling, for which ONNX has no operator.
    means = [
        cells[:, :, top:bottom, left:right].mean(dim=(2, 3))
        for top, bottom in grid_bounds(output.rows, side)
        for left, right in grid_bounds(output.columns, side)
    ]
    return torch.stack(means, dim=2).flatten(1)  # (B, C * N * N), grouped by channel


def _cells(values: Tensor, output: Output) -> Tensor:
    """A map or tokens → (B, C, H, W)."""
    if output.kind == "tokens":
        patches = values[:, output.prefix :].transpose(1, 2)  # (B, C, tokens)
        return patches.reshape(-1, output.channels, output.rows, output.columns)
    return values.permute(0, 3, 1, 2) if output.channels_last else values
