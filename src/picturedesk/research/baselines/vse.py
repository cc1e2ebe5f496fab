"""VSE++ (Faghri et al. 2018) on frozen vectors: a linear map for each side, trained together.

Differences from that paper: texts come as vectors, not word by word, so that both sides have the
same input as the fusion; they are centred and level features standardised, as for ridge regression
and CCA; the learning rate is constant, since early stopping ends the training; known pairs never
count as negatives. ``tuned`` chooses margin, learning rate and width on the validation set, because
those of that paper are for other data. Needs torch (extra "train"), which is imported when ``vse``
is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from picturedesk.errors import BadInput, MissingExtra
from picturedesk.heads.fusion import length_one
from picturedesk.learning.losses import unit
from picturedesk.measuring.metrics import retrieval_scores
from picturedesk.research.baselines.towers import (
    Affine,
    LinearTowers,
    Standard,
    check_pair,
)
from picturedesk.types import Bools, Floats, Ints, Progress, silent

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from picturedesk.learning.training import TrainingSet

LOSSES = ("sum", "hardest")


@dataclass(frozen=True, slots=True)
class VseConfig:
    """Training settings; margin, optimiser, batch and width are those of Faghri et al. 2018.

    Attributes:
        width: S, width of the shared space.
        margin: cosine, 0 to 2.
        learning_rate: Adam's.
        batch: pairs per step; negatives come from the same step.
        epochs: maximum number of passes over the pairs.
        patience: passes without a better validation score before training stops.
        device: "cpu", "cuda", "mps", or "auto".
    """

    width: int = 1024
    margin: float = 0.2
    learning_rate: float = 2e-4
    batch: int = 128
    epochs: int = 100
    patience: int = 10
    device: str = "cpu"

    def __post_init__(self) -> None:
        least = {"width": 1, "margin": 0, "batch": 2, "epochs": 1, "patience": 1}
        for name, bound in least.items():
            if not getattr(self, name) >= bound:
                raise BadInput(f"{name} is {getattr(self, name)}: it must be {bound} or more")


@dataclass(frozen=True, slots=True)
class VseGrid:
    """The settings that the validation set chooses from: margin and learning rate, then width.

    Attributes:
        margins: cosine, 0 to 2; Faghri et al. have 0.2.
        learning_rates: Adam's; Faghri et al. have 2e-4, for far larger data.
        widths: of the shared space; margin and learning rate are chosen at the first one. Faghri
            et al. have 1024.
        base: all other settings.
    """

    margins: tuple[float, ...] = (0.1, 0.2, 0.4)
    learning_rates: tuple[float, ...] = (2e-4, 1e-3, 4e-3)
    widths: tuple[int, ...] = (256, 1024)
    base: VseConfig = field(default_factory=VseConfig)

    def __post_init__(self) -> None:
        if not (self.margins and self.learning_rates and self.widths):
            raise BadInput(f"{self}: give at least one margin, learning rate and width")

    def first(self) -> list[VseConfig]:
        """Every margin and learning rate, at the first width."""
        return [
            replace(self.base, margin=margin, learning_rate=rate, width=self.widths[0])
            for margin, rate in product(self.margins, self.learning_rates)
        ]

    @property
    def trainings(self) -> int:
        """Number of networks that are trained."""
        return len(self.margins) * len(self.learning_rates) + len(self.widths) - 1


def tuned(
    training: TrainingSet,
    validation: TrainingSet,
    loss: str = "hardest",
    seed: int = 0,
    grid: VseGrid | None = None,
    progress: Progress = silent,
) -> LinearTowers:
    """Trains with the settings of a grid and keeps the best on the validation set.

    Args:
        training: the training set.
        validation: chooses settings and epoch by mean reciprocal rank.
        loss: see ``vse``.
        seed: see ``vse``.
        grid: the settings to choose from.
        progress: receives the number of finished trainings.

    Raises:
        BadInput: as ``vse``.
        MissingExtra: torch is not installed.
    """
    grid = grid or VseGrid()
    found: list[tuple[LinearTowers, VseConfig]] = []

    def best() -> tuple[LinearTowers, VseConfig]:
        return max(found, key=lambda one: one[0].chosen["mrr"])  # the first of equal ones

    def try_out(config: VseConfig) -> None:
        found.append((vse(training, validation, loss, seed, config), config))
        progress(len(found), grid.trainings, "trainings")

    for config in grid.first():
        try_out(config)
    chosen = best()[1]
    for width in grid.widths[1:]:
        try_out(replace(chosen, width=width))
    towers, config = best()
    settings = {
        "margin": config.margin,
        "learning rate": config.learning_rate,
        "width": config.width,
    }
    return replace(towers, chosen={**settings, **towers.chosen})


def vse(
    training: TrainingSet,
    validation: TrainingSet,
    loss: str = "hardest",
    seed: int = 0,
    config: VseConfig | None = None,
    progress: Progress = silent,
) -> LinearTowers:
    """Fits both maps by the symmetric hinge over the pairs of a batch.

    Args:
        training: the training set.
        validation: chooses the epoch by mean reciprocal rank.
        loss: "sum" over all negatives of the batch (VSE0), or the "hardest" one (VSE++).
        seed: seed of initial weights and order; equal seeds give equal weights.
        config: all other settings.
        progress: receives the number of finished epochs.

    Raises:
        BadInput: if a set is empty, malformed or not finite, or the loss or device is unknown.
        MissingExtra: torch is not installed.
    """
    config = config or VseConfig()
    if loss not in LOSSES:
        raise BadInput(f"loss {loss!r} is not one of {', '.join(LOSSES)}")
    check_pair(training, validation)
    device = _device(config.device)
    initial_seed, order_seed = np.random.SeedSequence(seed).spawn(2)
    network = _Network(training, config, device, np.random.default_rng(initial_seed))
    pairs = Pairs.of(training.links, training.groups)
    order = np.random.default_rng(order_seed)
    best, best_mrr, best_epoch = network.towers({}), -1.0, 0
    for epoch in range(1, config.epochs + 1):
        for texts, pictures in pairs.batches(config.batch, order):
            network.learn(texts, pictures, pairs.together(texts, pictures), loss)
        towers = network.towers({"epoch": epoch})
        mrr = _mrr(towers, validation)
        if mrr > best_mrr:
            best, best_mrr, best_epoch = towers, mrr, epoch
        progress(epoch, config.epochs, "epochs")
        if epoch - best_epoch >= config.patience:
            break
    return LinearTowers(best.text, best.picture, {"epoch": best_epoch, "mrr": best_mrr})


def hinge(scores: Tensor, together: Tensor, margin: float, loss: str) -> Tensor:
    """Symmetric hinge over a batch of pairs (Faghri et al. 2018, Eq. 4 to 6), summed.

    Args:
        scores: (B, B) cosines of text i and picture j; pair i is (i, i).
        together: (B, B) whether text i and picture j belong together, including the diagonal;
            these are not negatives.
        margin: cosine, 0 to 2.
        loss: "sum" or "hardest".
    """
    own = scores.diagonal()
    costs = [
        (margin - own[:, None] + scores).clamp(min=0).masked_fill(together, 0),  # text → pictures
        (margin - own[None, :] + scores).clamp(min=0).masked_fill(together, 0).T,
    ]
    if loss == "hardest":
        costs = [cost.amax(dim=1) for cost in costs]
    return costs[0].sum() + costs[1].sum()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The links of an archive, as positive pairs of texts and groups of near-duplicate pictures.

    Attributes:
        links: (M, 2) indices (text, picture), each once.
        group: (N,) near-duplicate group of each picture, from 0 to G - 1.
        positives: (K,) text · G + group for every group that a text has a picture in, ascending.
        groups: G.
    """

    links: Ints
    group: Ints
    positives: Ints
    groups: int

    @classmethod
    def of(cls, links: Ints, groups: Ints) -> Pairs:
        """Prepares links (M, 2) of texts and pictures with near-duplicate groups (N,)."""
        names, group = np.unique(groups, return_inverse=True)
        links = np.unique(links, axis=0)
        positives = np.unique(links[:, 0] * len(names) + group[links[:, 1]])
        return cls(links, group, positives, len(names))

    def batches(self, size: int, random: np.random.Generator) -> Iterator[tuple[Ints, Ints]]:
        """All pairs once as texts (B,) and pictures (B,), in random order and even batches."""
        count = -(-len(self.links) // size)
        for chosen in np.array_split(random.permutation(len(self.links)), count):
            yield self.links[chosen, 0], self.links[chosen, 1]

    def together(self, texts: Ints, pictures: Ints) -> Bools:
        """Whether each text has each picture, or a near-duplicate of it: (B, B)."""
        codes = texts[:, None] * self.groups + self.group[pictures][None, :]
        places = np.minimum(np.searchsorted(self.positives, codes), len(self.positives) - 1)
        found: Bools = self.positives[places] == codes
        return found


class _Network:
    """Both maps with gradients and Adam, and the training data."""

    def __init__(
        self,
        training: TrainingSet,
        config: VseConfig,
        device: torch.device,
        random: np.random.Generator,
    ) -> None:
        import torch

        def tensor(array: Floats | Ints | Bools) -> Tensor:
            return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device)

        self._tensor = tensor
        self._margin = config.margin
        standard = Standard.of(training)
        self._text_mean = standard.text_mean.astype(np.float32)
        self._mean = standard.picture_mean.astype(np.float32)
        self._scale = (1 / standard.scale).astype(np.float32)
        self._standard = tensor(self._mean), tensor(self._scale)
        self._texts = tensor(standard.texts(training.texts).astype(np.float32))
        self._pictures = tensor(training.pictures.astype(np.float32, copy=False))
        self._weights = [
            tensor(_initial(rows, config.width, random)).requires_grad_()
            for rows in (training.texts.shape[1], training.pictures.shape[1])
        ]
        self._biases = [
            torch.zeros(config.width, device=device).requires_grad_() for _ in self._weights
        ]
        self._adam = torch.optim.Adam(
            [*self._weights, *self._biases],
            lr=config.learning_rate,
            fused=device.type in ("cpu", "cuda"),
        )

    def learn(self, texts: Ints, pictures: Ints, together: Bools, loss: str) -> None:
        """One step of Adam on a batch of pairs."""
        mean, scale = self._standard
        read = self._texts.index_select(0, self._tensor(texts))
        seen = (self._pictures.index_select(0, self._tensor(pictures)) - mean) * scale
        ours = unit(self._biases[0].addmm(read, self._weights[0]))  # (B, S)
        theirs = unit(self._biases[1].addmm(seen, self._weights[1]))
        cost = hinge(ours @ theirs.T, self._tensor(together), self._margin, loss)
        self._adam.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        self._adam.step()

    def towers(self, chosen: dict[str, float]) -> LinearTowers:
        """A copy of the current weights; centring and standardisation are part of the maps."""
        text, picture = (weight.detach().cpu().numpy().copy() for weight in self._weights)
        biases = [bias.detach().cpu().numpy().copy() for bias in self._biases]
        return LinearTowers(
            Affine(self._text_mean, text, biases[0]),
            Affine(self._mean, picture * self._scale[:, None], biases[1]),
            chosen,
        )


def _initial(rows: int, columns: int, random: np.random.Generator) -> Floats:
    """Glorot uniform weights, as Faghri et al. initialise the picture's map."""
    limit = np.sqrt(6.0 / (rows + columns))
    return random.uniform(-limit, limit, (rows, columns)).astype(np.float32)


def _mrr(towers: LinearTowers, validation: TrainingSet) -> float:
    texts = length_one(towers.texts(validation.texts))
    pictures = length_one(towers.pictures(validation.pictures))
    return retrieval_scores(texts @ pictures.T, validation.links).mrr


def _device(name: str) -> torch.device:
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("training VSE++", "train") from None
    from picturedesk.backbones.torch_runner import choose_device

    return choose_device(name)
