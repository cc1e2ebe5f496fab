"""Heads for the study of levels: trained networks with level dropout, gates, and cells of a map.

They are trained as the routes ``towers`` and ``seen_words`` train theirs, with something between
the picture's numbers and the first layer. Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from picturedesk.gradients.devices import device_of, torch_threads
from picturedesk.gradients.perceptron import (
    DropoutConfig,
    OneCycle,
    Perceptron,
    Standard,
    batches,
    steps_of,
)
from picturedesk.gradients.towers import TowersConfig
from picturedesk.heads.fusion import length_one
from picturedesk.types import Floats, Ints

_RATE = 20.0  # learning rate of gates, relative to that of weights
_SHARPEST = 100.0  # inverse temperature, at most
_RAREST = 1e-4  # share of the pictures, below which a word's first guess does not go
_BLOCK = 256  # pictures of one pass


@dataclass(frozen=True)
class Front:
    """What is between the standardised levels and the first layer.

    Attributes:
        gate: "" for none; "softmax" or "sigmoid": one learned weight per level; "picture": a
            softmax over levels that a linear map of the picture's levels gives.
        dropout: share of the levels of a picture that a step leaves out as a whole, 0 to 1.
    """

    gate: str = ""
    dropout: float = 0.0


class Levels:
    """Levels (B, ΣD_l) → the same, weighted; in training with level dropout."""

    def __init__(
        self,
        widths: Sequence[int],
        front: Front,
        random: torch.Generator,
        device: torch.device,
    ) -> None:
        count = len(widths)
        self._front, self._random, self._count = front, random, count
        level = torch.repeat_interleave(torch.arange(count), torch.tensor(widths))
        self._level = level.to(device)
        self._at = torch.zeros(count, device=device, requires_grad=True)
        inputs = len(level) if front.gate == "picture" else 0
        self._map = torch.zeros(inputs, count, device=device, requires_grad=True)

    def parameters(self) -> list[torch.Tensor]:
        return {"": [], "picture": [self._at, self._map]}.get(self._front.gate, [self._at])

    def weights(self, rows: torch.Tensor) -> torch.Tensor:
        """Of each level, of mean one at the start: (L,), or (B, L) where a picture decides."""
        if self._front.gate == "sigmoid":
            return 2 * torch.sigmoid(_RATE * self._at)
        logits = _RATE * self._at
        if self._front.gate == "picture":
            logits = logits + rows @ self._map
        return self._count * logits.softmax(dim=-1)

    def __call__(self, rows: torch.Tensor, training: bool) -> torch.Tensor:
        if self._front.gate:
            rows = rows * self.weights(rows)[..., self._level]
        if training and self._front.dropout:
            kept = torch.rand(len(rows), self._count, generator=self._random) >= self._front.dropout
            kept = (kept | ~kept.any(dim=1, keepdim=True)).to(rows.device)
            share = kept.float() / kept.float().mean(dim=1, keepdim=True)
            rows = rows * share[:, self._level]
        return rows


class Pooled:
    """One perceptron on weighted levels."""

    def __init__(
        self,
        widths: Sequence[int],
        outputs: int,
        config: DropoutConfig,
        front: Front,
        random: torch.Generator,
    ) -> None:
        self.device = _device(config)
        self.levels = Levels(widths, front, random, self.device)
        self.network = Perceptron(sum(widths), outputs, config, random, self.device)

    def parameters(self) -> list[torch.Tensor]:
        return list(self.network.parameters())

    def free(self) -> list[torch.Tensor]:
        return self.levels.parameters()

    def begin(self, logits: torch.Tensor) -> None:
        """Sets what every picture gives at first."""
        with torch.no_grad():
            self.network.biases[-1].copy_(logits)

    def __call__(self, rows: torch.Tensor, training: bool = True) -> torch.Tensor:
        rows = self.levels(rows, training)
        return self.network(rows) if training else _still(self.network, rows)


class NoisyOr:
    """Cells (B, c, d) → the logit that at least one cell shows a word (Fang et al. 2015)."""

    def __init__(
        self, cells: int, width: int, outputs: int, config: DropoutConfig, random: torch.Generator
    ) -> None:
        self._cells = cells
        self.device = _device(config)
        self.network = Perceptron(width, outputs, config, random, self.device)

    def parameters(self) -> list[torch.Tensor]:
        return list(self.network.parameters())

    def free(self) -> list[torch.Tensor]:
        return []

    def begin(self, logits: torch.Tensor) -> None:
        one = -torch.expm1(-torch.nn.functional.softplus(logits) / self._cells)  # of a cell
        with torch.no_grad():
            self.network.biases[-1].copy_(torch.logit(one))

    def __call__(self, rows: torch.Tensor, training: bool = True) -> torch.Tensor:
        flat = rows.flatten(0, 1)
        logits = self.network(flat) if training else _still(self.network, flat)
        none = -torch.nn.functional.softplus(logits).unflatten(0, rows.shape[:2]).sum(dim=1)
        none = none.clamp(max=-1e-6)
        return torch.log(-torch.expm1(none)) - none


class Attention:
    """Cells (B, c, d) → means of the cells, weighted by learned queries → one perceptron."""

    def __init__(
        self, heads: int, width: int, outputs: int, config: DropoutConfig, random: torch.Generator
    ) -> None:
        self.device = _device(config)
        queries = torch.randn(width, heads, generator=random) / (_RATE * width**0.5)
        self._queries = queries.to(self.device).requires_grad_()
        self.network = Perceptron(heads * width, outputs, config, random, self.device)

    def parameters(self) -> list[torch.Tensor]:
        return list(self.network.parameters())

    def free(self) -> list[torch.Tensor]:
        return [self._queries]

    def begin(self, logits: torch.Tensor) -> None:
        with torch.no_grad():
            self.network.biases[-1].copy_(logits)

    def __call__(self, rows: torch.Tensor, training: bool = True) -> torch.Tensor:
        shares = (_RATE * rows @ self._queries).softmax(dim=1)  # (B, c, h)
        pooled = torch.einsum("bch,bcd->bhd", shares, rows).flatten(1)
        return self.network(pooled) if training else _still(self.network, pooled)


def _device(config: DropoutConfig) -> torch.device:
    return device_of(config.device, "the study of levels")


def _still(network: Perceptron, rows: torch.Tensor) -> torch.Tensor:
    """The network without dropout."""
    (first, last), (begin, end) = network.weights, network.biases
    return end.addmm(begin.addmm(rows, first).relu(), last)


@dataclass(frozen=True)
class Pairs:
    """What a head learns from, and what it ranks.

    Attributes:
        texts: (T, I) text features.
        pictures: (N, ΣD_l) levels after the root, side by side.
        widths: (L,) of the levels.
        links: (M, 2) of texts and pictures.
        queries: (Q, I).
        candidates: (n, ΣD_l).
    """

    texts: Floats
    pictures: Floats
    widths: tuple[int, ...]
    links: Ints
    queries: Floats
    candidates: Floats


def tower_scores(pairs: Pairs, config: TowersConfig, front: Front) -> Floats:
    """Trains two towers on all links; cosines (Q, n)."""
    network = config.network
    random = torch.Generator().manual_seed(network.seed)
    scales = Standard.of(pairs.texts, each=False), Standard.of(pairs.pictures)
    device = _device(network)
    texts, pictures = (
        torch.from_numpy(scale(given)).to(device)
        for scale, given in zip(scales, (pairs.texts, pairs.pictures), strict=True)
    )
    towers = [
        Pooled((texts.shape[1],), config.width, network, Front(), random),
        Pooled(pairs.widths, config.width, network, front, random),
    ]
    sharpness = torch.tensor(float(np.log(1 / config.temperature)), device=device)
    sharpness.requires_grad_()
    weights = [one for tower in towers for one in tower.parameters()]
    free = [sharpness, *towers[1].free()]
    down = OneCycle(weights, free, network, steps_of(len(pairs.links), network))
    links = torch.from_numpy(pairs.links)
    known = (links[:, 0] * len(pictures) + links[:, 1]).sort().values
    with torch_threads(1):
        for chosen in batches(len(links), network, random):
            left, right = links[chosen].unbind(1)
            linked = torch.isin(left[:, None] * len(pictures) + right, known).float().to(device)
            placed = [
                torch.nn.functional.normalize(tower(rows[at.to(device)]), dim=-1)
                for tower, rows, at in zip(towers, (texts, pictures), (left, right), strict=True)
            ]
            scores = placed[0] @ placed[1].T * sharpness.exp().clamp(max=_SHARPEST)
            down.step(_surprise(scores, linked) + _surprise(scores.T, linked.T))
    asked, shown = (
        length_one(outputs(tower, scale(rows)))
        for tower, scale, rows in zip(
            towers, scales, (pairs.queries, pairs.candidates), strict=True
        )
    )
    return asked @ shown.T


def _surprise(scores: torch.Tensor, linked: torch.Tensor) -> torch.Tensor:
    right = scores.log_softmax(dim=1) * linked
    return -(right.sum(dim=1) / linked.sum(dim=1)).mean()


def train_words(
    network: Pooled | NoisyOr | Attention,
    rows: Floats,
    shares: Floats,
    config: DropoutConfig,
    random: torch.Generator,
) -> None:
    """Teaches a network the share of a picture's texts that have each word (N, V)."""
    inputs, wanted = (torch.from_numpy(one).to(network.device) for one in (rows, shares))
    usual = np.clip(shares.mean(axis=0), _RAREST, 1 - _RAREST)
    network.begin(torch.from_numpy(np.log(usual / (1 - usual))))
    down = OneCycle(network.parameters(), network.free(), config, steps_of(len(rows), config))
    with torch_threads(1):
        for drawn in batches(len(rows), config, random):
            chosen = drawn.to(network.device)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                network(inputs[chosen]), wanted[chosen], reduction="sum"
            )
            down.step(loss / len(chosen))


def outputs(network: Pooled | NoisyOr | Attention, rows: Floats) -> Floats:
    """Rows → what the trained network gives."""
    with torch.no_grad(), torch_threads(1):
        blocks = [
            network(
                torch.from_numpy(rows[start : start + _BLOCK]).to(network.device), training=False
            )
            .cpu()
            .numpy()
            for start in range(0, len(rows), _BLOCK)
        ]
    return np.concatenate(blocks)


def level_words(pairs: Pairs, shares: Floats, config: DropoutConfig, front: Front) -> Floats:
    """Trains word detectors on levels; logits (N + n, V) of the pictures, then the candidates."""
    random = torch.Generator().manual_seed(config.seed)
    standard = Standard.of(pairs.pictures)
    network = Pooled(pairs.widths, shares.shape[1], config, front, random)
    train_words(network, standard(pairs.pictures), shares, config, random)
    return outputs(network, standard(np.concatenate([pairs.pictures, pairs.candidates])))
