"""Trains a fusion: text vectors and level features of an archive → a ``FusionMLP``.

Knows arrays and links, but no pictures, words, files or desks. Needs torch (extra "train"), which
is imported when ``train`` is called. On one machine's CPU, with one number of
threads, equal seeds give equal weights, bit for bit; the caller's random state is left alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.gradients.devices import device_of, torch_threads
from picturedesk.heads.fusion import ColumnScale, FusionConfig, FusionMLP, length_one
from picturedesk.learning.losses import Step, Triplets, triplet_hinge
from picturedesk.measuring.metrics import retrieval_scores
from picturedesk.types import Floats, Ints, Progress, silent

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RECALLS = (1, 5, 10)  # K of recall@K on validation texts (paper, section 3)
REDUCTIONS = ("sum", "mean")
SCALINGS = ("none", "columns")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Texts, pictures and links as arrays.

    Attributes:
        texts: (T, D) text vectors.
        pictures: (N, ΣD_l) level features.
        links: (M, 2) indices (text, picture), many to many.
        groups: (N,) near-duplicate group of each picture; all different without near-duplicates.
    """

    texts: Floats
    pictures: Floats
    links: Ints
    groups: Ints

    def __post_init__(self) -> None:
        """Raises BadInput for anything but arrays of numbers."""
        for name in ("texts", "pictures", "links", "groups"):
            checks.array(name, getattr(self, name))

    def check(self, name: str, cure: str) -> None:
        """Raises BadInput, with the set's name, if nothing can be learned from it."""
        texts, pictures, links = self.texts, self.pictures, self.links
        if texts.ndim != 2 or pictures.ndim != 2 or links.ndim != 2 or links.shape[1] != 2:
            raise BadInput(
                f"the {name} set has texts {texts.shape}, pictures {pictures.shape} and links "
                f"{links.shape}: they must be (T, D), (N, ΣD_l) and (M, 2)"
            )
        if not len(links):
            raise BadInput(f"the {name} set links no text to a picture: {cure}")
        bounds = np.array([len(texts), len(pictures)])
        if ((links < 0) | (links >= bounds)).any() or self.groups.shape != bounds[1:]:
            raise BadInput(
                f"a link of the {name} set points outside its {bounds[0]} texts and {bounds[1]} "
                f"pictures, or its groups {self.groups.shape} are not one per picture"
            )
        for what, array in (("text vectors", texts), ("level features", pictures)):
            bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
            if len(bad):
                raise BadInput(
                    f"{what} of the {name} set hold NaN or infinite values in {len(bad)} rows, "
                    f"first in row {bad[0]}: make them again, or leave these rows out"
                )


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of the training; margin, penalty and optimiser are the paper's (section 3.1).

    Attributes:
        fusion: shape of the network.
        margin: m of Eq. 6, cosine, 0 to 2.
        l2: added to the loss of each step: l2 · Σθ² over all weights and biases, not halved.
        reduction: "sum" or "mean" over the triplets of a step; ``l2`` is relative to it.
        scaling: "none" takes level features as they are, like the paper; "columns" standardises
            each column first, for levels of very different size (early max-pooled ones would
            dominate). At the end it is folded into the first layer.
        learning_rate: Adam's.
        beta1: Adam's decay of the mean of gradients, 0 to 1.
        beta2: Adam's decay of the mean of squared gradients, 0 to 1.
        epsilon: Adam's.
        batch: texts per step, each with all its pictures.
        epochs: maximum number of passes over the texts.
        patience: epochs without a better validation score before training stops.
        seed: of initial weights, order and negatives.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the fastest; raises an error if it
            is not available.
        threads: of torch on a CPU while training; 0 keeps torch's own number, 1 can be the
            fastest on a busy machine.
    """

    fusion: FusionConfig = field(default_factory=FusionConfig)
    margin: float = 0.5
    l2: float = 0.0005
    reduction: str = "sum"
    scaling: str = "none"
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    batch: int = 256
    epochs: int = 100
    patience: int = 10
    seed: int = 0
    device: str = "cpu"
    threads: int = 0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        for name, known in (("reduction", REDUCTIONS), ("scaling", SCALINGS)):
            if getattr(self, name) not in known:
                raise BadInput(
                    f"{name} {getattr(self, name)!r} is not known: use one of {', '.join(known)}"
                )
        least = {"batch": 1, "epochs": 1, "patience": 1, "margin": 0, "l2": 0, "threads": 0}
        for name, bound in least.items():
            if not getattr(self, name) >= bound:
                raise BadInput(f"{name} is {getattr(self, name)}: it must be {bound} or more")
        if self.learning_rate <= 0 or self.epsilon <= 0:
            raise BadInput(
                f"learning_rate is {self.learning_rate}, epsilon {self.epsilon}: both are above 0"
            )
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1):
            raise BadInput(
                f"beta1 is {self.beta1}, beta2 {self.beta2}: both are 0 or more, under 1"
            )


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training texts.

    Attributes:
        number: from 1.
        loss: mean hinge of a triplet during the epoch, without the penalty.
        violated: share of triplets with a hinge above 0, 0 to 1.
        recall: K → recall@K of the direct route on validation texts and pictures, 0 to 1.
        score: mean reciprocal rank of the same, 0 to 1; used for early stopping.
        seconds: wall time, validation included.
    """

    number: int
    loss: float
    violated: float
    recall: dict[int, float]
    score: float
    seconds: float = field(compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained fusion and its history.

    Attributes:
        fusion: of the best epoch; of equal epochs, the first.
        history: every epoch, first to last.
        best_epoch: number of the epoch of ``fusion``, from 1.
        left_out: training texts without a triplet: they have no picture, or every other picture
            is a near-duplicate of theirs.
    """

    fusion: FusionMLP
    history: tuple[Epoch, ...]
    best_epoch: int
    left_out: int


def train(
    training: TrainingSet,
    validation: TrainingSet,
    config: TrainConfig | None = None,
    progress: Progress = silent,
) -> Trained:
    """Trains a fusion so that each text is closer to its own pictures than to others (Eq. 5, 6).

    An epoch uses every text once, in random order. A step uses ``batch`` texts, all their pictures,
    and for each text one random training picture that is neither its own nor a near-duplicate of
    one. A text without such a picture makes no triplet, and is counted. After each epoch the direct
    route is measured on the validation texts; the best epoch is returned.

    Args:
        training: for training.
        validation: for early stopping; must not share a text or picture with ``training``.
        config: all settings; None for the paper's.
        progress: called for each finished epoch.

    Returns:
        The fusion of the best epoch, and the history.

    Raises:
        BadInput: a set is empty, malformed or not finite, the device is not available, or the loss
            is not finite.
        MissingExtra: without torch.
    """
    checks.instance("training", training, TrainingSet)
    checks.instance("validation", validation, TrainingSet)
    config = checks.optional("config", config, TrainConfig) or TrainConfig()
    checks.function("progress", progress)
    _check(training, validation)
    device = device_of(config.device, "training a fusion")
    triplets = Triplets(training.links, training.groups, len(training.texts), config.batch)
    initial_seed, order_seed = np.random.SeedSequence(config.seed).spawn(2)
    order = np.random.default_rng(order_seed)
    kept = FusionMLP.initial(
        config.fusion,
        training.pictures.shape[1],
        training.texts.shape[1],
        np.random.default_rng(initial_seed),
    )
    history: list[Epoch] = []
    with torch_threads(config.threads):
        network = _Network(kept, training, config, device)
        for number in range(1, config.epochs + 1):
            began = time.perf_counter()
            loss, violated = network.epoch(triplets.steps(order))
            fusion = network.fusion()
            epoch = _measured(number, loss, violated, fusion, validation, began)
            best = max((past.score for past in history), default=-1.0)
            history.append(epoch)
            if epoch.score > best:
                kept, best_epoch = fusion, number
            progress(number, config.epochs, "epochs")
            if number - best_epoch >= config.patience:
                break
    left_out = len(training.texts) - len(triplets.texts)
    return Trained(kept, tuple(history), best_epoch, left_out)


def _check(training: TrainingSet, validation: TrainingSet) -> None:
    training.check("training", "give an archive with pictures that can be read")
    validation.check(
        "validation",
        "set a part of the archive's texts aside (split with validate above 0), "
        "or give the archive more texts",
    )
    given = (training.texts.shape[1], training.pictures.shape[1])
    other = (validation.texts.shape[1], validation.pictures.shape[1])
    if given != other:
        raise BadInput(
            f"training texts and pictures have widths {given}, those of validation {other}: "
            "make both with the same text encoder, backbone and levels"
        )


def _measured(
    number: int,
    loss: float,
    violated: float,
    fusion: FusionMLP,
    validation: TrainingSet,
    began: float,
) -> Epoch:
    if not np.isfinite(loss):
        raise BadInput(
            f"the loss of epoch {number} is {loss}: level features may be too large, or the "
            "learning rate too high"
        )
    scores = length_one(validation.texts) @ length_one(fusion(validation.pictures)).T  # (T, N)
    found = retrieval_scores(scores, validation.links, RECALLS)
    seconds = time.perf_counter() - began
    return Epoch(number, loss, violated, dict(found.recall), found.mrr, seconds)


class _Network:
    """A ``FusionMLP`` in torch, with gradients, Adam and the training data.

    The penalty is not part of the graph: Adam's ``weight_decay`` w adds w · θ to the gradient,
    which for w = 2 · l2 is the gradient of l2 · Σθ².
    """

    def __init__(
        self, initial: FusionMLP, training: TrainingSet, config: TrainConfig, device: torch.device
    ) -> None:
        import torch

        def tensor(array: Floats | Ints) -> Tensor:
            return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device)

        self._tensor = tensor
        self._config = config
        self._units = config.fusion.units()
        self._texts = tensor(training.texts.astype(np.float32, copy=False))
        pictures = training.pictures.astype(np.float32, copy=False)
        self._scale = ColumnScale.of(pictures) if config.scaling == "columns" else None
        self._pictures = tensor(self._scale(pictures) if self._scale else pictures)
        self._weights = [torch.tensor(a, device=device).requires_grad_() for a in initial.weights]
        self._biases = [torch.tensor(a, device=device).requires_grad_() for a in initial.biases]
        self._adam = torch.optim.Adam(
            [*self._weights, *self._biases],
            lr=config.learning_rate,
            betas=(config.beta1, config.beta2),
            eps=config.epsilon,
            weight_decay=2 * config.l2,
            fused=device.type in ("cpu", "cuda"),
        )

    def epoch(self, steps: Iterator[Step]) -> tuple[float, float]:
        """Runs all steps; returns the mean hinge and the share of triplets with a hinge above 0."""
        costs = [self._learn(step) for step in steps]
        total = sum(float(cost.sum()) for cost in costs)
        violated = sum(int((cost > 0).sum()) for cost in costs)
        count = sum(len(cost) for cost in costs)
        return total / count, violated / count

    def _learn(self, step: Step) -> Tensor:
        """One step of Adam; returns the hinge (M,) of its triplets."""
        fused = self._fuse(self._pictures.index_select(0, self._tensor(step.pictures)))  # (U, D)
        costs = triplet_hinge(
            self._texts.index_select(0, self._tensor(step.texts)),
            fused.index_select(0, self._tensor(step.own)),
            fused.index_select(0, self._tensor(step.other)),
            self._config.margin,
        )
        loss = costs.sum() if self._config.reduction == "sum" else costs.mean()
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        return costs.detach()

    def _fuse(self, features: Tensor) -> Tensor:
        values = features
        for weight, bias, unit in zip(self._weights, self._biases, self._units, strict=True):
            values = bias.addmm(values, weight)  # (U, layer width)
            values = values if unit == "linear" else getattr(values, unit)()
        return values

    def fusion(self) -> FusionMLP:
        """The current weights as a ``FusionMLP``, for features that are not scaled."""
        weights, biases = (
            tuple(tensor.detach().cpu().numpy().copy() for tensor in tensors)
            for tensors in (self._weights, self._biases)
        )
        fusion = FusionMLP(self._config.fusion, weights, biases)
        return self._scale.folded_into(fusion) if self._scale else fusion
