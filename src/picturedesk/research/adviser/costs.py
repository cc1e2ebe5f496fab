"""The cost of reading levels: bytes per picture, and the time until the deepest is computed.

Times are measured in torch on random pixels, on this machine. Knows no archive.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from picturedesk.backbones.levels import HEAD, parse
from picturedesk.backbones.presets import preset
from picturedesk.research.adviser.level_data import NetworkConfig

if TYPE_CHECKING:
    import torch

_NUMBER = 4  # bytes: a feature is stored as float32
_BATCH, _RUNS = 4, 5  # pictures per run; measured runs, after a warm-up


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a set of levels.

    Attributes:
        bytes: per picture in the feature store.
        ms: milliseconds per picture up to the deepest level, on this machine; None: not measured.
        share: share of the whole network's time, 0 to 1; None: not measured.
    """

    bytes: int
    ms: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of any set of some levels.

    Attributes:
        widths: level → numbers per picture.
        ms: level → milliseconds per picture until it is computed; empty: not measured.
        whole: milliseconds of the whole network per picture.
    """

    widths: Mapping[str, int]
    ms: Mapping[str, float] = field(default_factory=dict)
    whole: float = 0.0

    def of(self, levels: Sequence[str]) -> Cost:
        """The cost of a set: bytes add up, the deepest level decides the time."""
        size = _NUMBER * sum(self.widths[level] for level in levels)
        if not self.ms:
            return Cost(size)
        longest = max(self.ms[level] for level in levels)
        return Cost(size, longest, longest / self.whole)


def measure_costs(network: NetworkConfig, widths: Mapping[str, int]) -> Costs:
    """Measures when each level is computed during a forward pass.

    Args:
        network: runs with its own weights: random ones can give denormal numbers, which are slow
            on some machines.
        widths: level → numbers per picture.
    """
    import torch

    from picturedesk.backbones.families import family_of
    from picturedesk.backbones.torch_runner import choose_device

    chosen = preset(network.name, network.size, network.framing)
    device = choose_device(network.device)
    loaded = family_of(chosen.model).load_network(chosen, network.weights or None)
    module: Any = loaded.module
    module.to(device, memory_format=torch.channels_last)
    modules = {parse(level).where for level in widths} - set(HEAD)
    runs = _runs(module, sorted(modules), torch.device(device), loaded.preprocessing.size)
    there = {name: float(np.median([run[name] for run in runs])) for name in (*modules, "")}
    places = {level: parse(level).where for level in widths}
    ms = {level: there.get(place, there[""]) for level, place in places.items()}
    return Costs(dict(widths), ms, there[""])


def _runs(
    module: Any,  # noqa: ANN401 - a timm network; timm has no type for them
    names: Sequence[str],
    device: torch.device,
    size: int,
) -> list[dict[str, float]]:
    """For each run, milliseconds per picture until each module returns; "" is the whole network."""
    import torch

    from picturedesk.backbones.torch_runner import HALF

    reached: dict[str, float] = {}

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def watch(name: str) -> Callable[[object, object, object], None]:
        def hook(_module: object, _inputs: object, _output: object) -> None:
            reached[name] = now()

        return hook

    known = dict(module.named_modules())
    for name in names:
        known[name].register_forward_hook(watch(name))
    pixels = torch.rand(_BATCH, 3, size, size, device=device)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    runs = []
    kind = torch.autocast(device.type, HALF, enabled=device.type == "cuda")
    with torch.inference_mode(), kind:
        for _ in range(_RUNS + 1):
            began = now()
            module(pixels)
            reached[""] = now()
            runs.append({name: 1000 * (at - began) / _BATCH for name, at in reached.items()})
    return runs[1:]
