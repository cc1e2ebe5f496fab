"""Trains two towers, one for texts and one for pictures, so that what ran together is close.

The loss is the softmax over a batch in both directions, with a learned temperature (Radford et al.
2021), where all links of the archive within a batch count as right (Khosla et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.gradients.devices import device_of, torch_threads
from picturedesk.gradients.perceptron import (
    DropoutConfig,
    Groups,
    OneCycle,
    Perceptron,
    Standard,
    batches,
    rows_on,
    steps_of,
)
from picturedesk.heads.fusion import FusionMLP
from picturedesk.types import Floats, Ints, RowSource

if TYPE_CHECKING:
    from torch import Tensor

_SHARPEST = 100.0  # inverse temperature, at most (Radford et al. 2021)


@dataclass(frozen=True, slots=True)
class TowersConfig:
    """Settings of the training.

    Attributes:
        network: shape and training of both towers.
        width: D of the space of the towers.
        temperature: at the start; cosine, above 0.
        level_dropout: share of a picture's levels that a step leaves out as a whole, 0 to 1.
    """

    network: DropoutConfig = field(default_factory=DropoutConfig)
    width: int = 128
    temperature: float = 0.07
    level_dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.settings(self)
        if not 0 <= self.level_dropout < 1:
            raise BadInput(f"{self}: level_dropout is 0 or more, under 1")
        if self.width < 1 or self.temperature <= 0:
            raise BadInput(f"{self}: the width starts at 1, the temperature is above 0")


@dataclass(frozen=True, slots=True, eq=False)
class Towers:
    """Two trained towers; the cosine of their outputs is the score.

    Attributes:
        texts: text features → (Q, D).
        pictures: level features → (N, D).
    """

    texts: FusionMLP
    pictures: FusionMLP


def train_towers(
    texts: Floats,
    pictures: RowSource,
    links: Ints,
    config: TowersConfig,
    levels: Ints | None = None,
) -> Towers:
    """Trains both towers on all links.

    On one machine's CPU, equal seeds give equal weights.

    Args:
        texts: (T, I) text features.
        pictures: (N, ΣD_l) level features.
        links: (M, 2) indices (text, picture), at least two.
        config: settings.
        levels: (ΣD_l,) number of the level of each level feature; None for one.

    Raises:
        BadInput: there are too few links, or the device is not there.
        MissingExtra: torch is not installed.
    """
    if len(links) < 2:
        raise BadInput(f"{len(links)} links: at least two are needed to train towers")
    device = device_of(config.network.device, "training towers")
    import torch

    network = config.network
    random = torch.Generator().manual_seed(network.seed)
    scales = Standard.of(texts, each=False), Standard.of(pictures)
    rows = [rows_on(given, device) for given in (texts, pictures)]
    standard = [scale.on(device) for scale in scales]
    of_levels = None if levels is None else Groups(levels, config.level_dropout)
    towers = [
        Perceptron(given.shape[1], config.width, network, random, device, groups)
        for given, groups in zip((texts, pictures), (None, of_levels), strict=True)
    ]
    sharpness = torch.tensor(float(np.log(1 / config.temperature)), device=device).requires_grad_()
    weights = [one for tower in towers for one in tower.parameters()]
    down = OneCycle(weights, [sharpness], network, steps_of(len(links), network))
    pairs = torch.from_numpy(np.ascontiguousarray(links, dtype=np.int64))
    known = (pairs[:, 0] * len(pictures) + pairs[:, 1]).sort().values
    with torch_threads(1):
        for chosen in batches(len(links), network, random):
            left, right = pairs[chosen].unbind(1)
            together = left[:, None] * len(pictures) + right
            linked = _among(together, known).float().to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                placed = [
                    torch.nn.functional.normalize(tower(scale(given(at))), dim=-1)
                    for tower, scale, given, at in zip(
                        towers, standard, rows, (left, right), strict=True
                    )
                ]
                cosines = placed[0] @ placed[1].T
            scores = cosines.float() * sharpness.exp().clamp(max=_SHARPEST)
            down.step(_surprise(scores, linked) + _surprise(scores.T, linked.T))
    return Towers(*(tower.fusion(scale) for tower, scale in zip(towers, scales, strict=True)))


def _among(values: Tensor, known: Tensor) -> Tensor:
    """Which values (B, B) are among known ones (M,), ascending; in B² log M steps."""
    import torch

    at = torch.searchsorted(known, values).clamp(max=len(known) - 1)
    return known[at] == values


def _surprise(scores: Tensor, linked: Tensor) -> Tensor:
    """Mean surprise of the right columns of each row (B, B)."""
    right = scores.log_softmax(dim=1) * linked
    return -(right.sum(dim=1) / linked.sum(dim=1)).mean()
