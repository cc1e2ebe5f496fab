"""One hidden layer with dropout, in torch, for standardised inputs; comes back as a ``FusionMLP``.

Knows no loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.shares import inverse
from picturedesk.types import Floats, Ints, RowSource

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_SOFTENING = 0.1  # of the mean deviation, added to each, so that rare columns do not dominate
_BLOCK = 8192  # rows that are measured together
_CONSTANT = 1e-6  # deviation over mean that rounding alone can make


@dataclass(frozen=True, slots=True)
class DropoutConfig:
    """Shape and training of a perceptron.

    Attributes:
        hidden: units of the hidden layer (ReLU).
        input_dropout: share of the inputs that a step leaves out, 0 to 1 (Srivastava et al. 2014).
        hidden_dropout: share of the hidden units that a step leaves out, 0 to 1.
        epochs: passes over the data.
        most_rows: rows of all steps together, at most: very many rows are passed less often.
        batch: rows per step.
        learning_rate: the highest, of one cycle (Smith and Topin 2019).
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        seed: of initial weights, order and dropout.
        device: "cpu", "cuda", "cuda:N", "mps" or "auto"; CUDA computes in bfloat16.
    """

    hidden: int = 1024
    input_dropout: float = 0.3
    hidden_dropout: float = 0.5
    epochs: int = 8
    most_rows: int = 200_000
    batch: int = 256
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        counts = (self.hidden, self.epochs, self.batch, self.most_rows)
        if min(counts) < 1 or self.learning_rate <= 0:
            raise BadInput(
                f"{self}: hidden, epochs, batch and most_rows start at 1, the learning rate is "
                "above 0"
            )
        if not (0 <= self.input_dropout < 1 and 0 <= self.hidden_dropout < 1):
            raise BadInput(f"{self}: dropout is 0 or more, under 1")
        if self.weight_decay < 0:
            raise BadInput(f"{self}: weight_decay is 0 or more")


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """Columns → mean 0 and a deviation of about one; nothing but constants become zeros.

    Attributes:
        mean: (I,).
        factor: (I,).
    """

    mean: Floats
    factor: Floats

    @classmethod
    def of(cls, rows: RowSource, each: bool = True) -> Standard:
        """Measures rows (N, I); ``each`` column has a factor of its own, or all have one."""
        mean, squares = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
        for start in range(0, len(rows), _BLOCK):
            some = rows[start : start + _BLOCK]
            mean += some.sum(axis=0, dtype=np.float64)
            squares += np.einsum("ni,ni->i", some, some, dtype=np.float64)
        mean, squares = mean / len(rows), squares / len(rows)
        variance = np.maximum(squares - mean**2, 0)
        variance[variance <= (_CONSTANT * mean) ** 2] = 0
        deviation = np.sqrt(variance if each else np.full_like(variance, variance.mean()))
        factor = inverse(deviation + _SOFTENING * deviation.mean())
        return cls(mean.astype(np.float32), factor.astype(np.float32))

    def on(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        """A function that standardises rows (B, I) on a device."""
        import torch

        mean, factor = (
            torch.from_numpy(constants).to(device) for constants in (self.mean, self.factor)
        )
        return lambda rows: (rows - mean) * factor


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Inputs that belong together: the columns of a level, or of a text encoder.

    Attributes:
        of: (I,) group of each input, from 0.
        dropout: share of the groups of a row that a step leaves out as a whole, 0 to 1; where all
            would go, all stay. Those that stay are raised, so that the mean of groups is the same.
    """

    of: Ints
    dropout: float


class Perceptron:
    """The network in torch.

    Args:
        inputs: width I.
        outputs: width O.
        config: shape and seed.
        random: draws the initial weights (He et al. 2015) and dropout.
        device: where it lives.
        groups: of inputs that are left out together; None for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        config: DropoutConfig,
        random: torch.Generator,
        device: torch.device,
        groups: Groups | None = None,
    ) -> None:
        import torch

        def drawn(rows: int, columns: int) -> Tensor:
            limit = float(np.sqrt(1 / rows))
            values = torch.rand(rows, columns, generator=random) * (2 * limit) - limit
            return values.to(device).requires_grad_()

        self._config, self._random, self._device = config, random, device
        self._groups = groups if groups is not None and groups.dropout else None
        self.weights = [drawn(inputs, config.hidden), drawn(config.hidden, outputs)]
        self.biases = [
            torch.zeros(width, device=device).requires_grad_() for width in (config.hidden, outputs)
        ]

    def parameters(self) -> Iterator[Tensor]:
        """All weights and biases."""
        yield from (*self.weights, *self.biases)

    def __call__(self, rows: Tensor) -> Tensor:
        """Rows (B, I) → (B, O), with dropout."""
        config = self._config
        kept = self._dropped(self._without_groups(rows), config.input_dropout)
        hidden = self.biases[0].addmm(kept, self.weights[0]).relu()
        hidden = self._dropped(hidden, config.hidden_dropout)
        return self.biases[1].addmm(hidden, self.weights[1])

    def _dropped(self, values: Tensor, share: float) -> Tensor:
        if not share:
            return values
        import torch

        kept = torch.rand(values.shape, generator=self._random).to(self._device) >= share
        return values * kept / (1 - share)

    def _without_groups(self, rows: Tensor) -> Tensor:
        if self._groups is None:
            return rows
        import torch

        count = int(self._groups.of.max()) + 1
        drawn = torch.rand(len(rows), count, generator=self._random)
        kept = drawn >= self._groups.dropout
        kept |= ~kept.any(dim=1, keepdim=True)
        raised = kept / kept.float().mean(dim=1, keepdim=True)
        return rows * raised[:, torch.from_numpy(self._groups.of)].to(self._device)

    def fusion(self, standard: Standard) -> FusionMLP:
        """The network in NumPy, for inputs that are not standardised."""
        first, last = (weight.detach().cpu().numpy().copy() for weight in self.weights)
        begin, end = (bias.detach().cpu().numpy().copy() for bias in self.biases)
        first *= standard.factor[:, None]
        begin -= standard.mean @ first
        config = FusionConfig((self._config.hidden,), "relu", "linear")
        return FusionMLP(config, (first, last), (begin, end))


def rows_on(rows: RowSource, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function that reads the rows (B, I) with some indices (B,), and puts them on a device.

    Whatever the number of rows, memory holds those of a batch.
    """
    import torch

    def read(at: Tensor) -> Tensor:
        some = np.ascontiguousarray(rows[at.numpy()], dtype=np.float32)
        return torch.from_numpy(some).to(device)

    return read


class OneCycle:
    """AdamW whose learning rate rises for a third of the steps and falls to nothing.

    Args:
        parameters: of the networks, with weight decay.
        free: parameters without weight decay.
        config: rates and number of epochs.
        steps: in all.
    """

    def __init__(
        self, parameters: list[Tensor], free: list[Tensor], config: DropoutConfig, steps: int
    ) -> None:
        import torch

        groups = [
            {"params": parameters, "weight_decay": config.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ]
        device = parameters[0].device.type
        self._adam = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=config.learning_rate,
            fused=device in ("cpu", "cuda"),
        )
        self._rate = torch.optim.lr_scheduler.OneCycleLR(
            self._adam, max_lr=config.learning_rate, total_steps=max(steps, 2)
        )

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of the loss."""
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self._rate.step()


def batches(rows: int, config: DropoutConfig, random: torch.Generator) -> Iterator[Tensor]:
    """Rows (B,) of every step, each epoch in a new order; a last incomplete batch is left out."""
    import torch

    size, left = min(config.batch, rows), steps_of(rows, config)
    while left > 0:
        order = torch.randperm(rows, generator=random)
        for start in range(0, rows - size + 1, size)[:left]:
            yield order[start : start + size]
        left -= rows // size


def steps_of(rows: int, config: DropoutConfig) -> int:
    """The number of steps that ``batches`` gives."""
    size = min(config.batch, rows)
    return min(config.epochs * (rows // size), max(1, config.most_rows // size))
