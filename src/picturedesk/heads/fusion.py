"""The trained head that maps level features to the shared space (paper, Eq. 4), in NumPy.

Takes and returns arrays; saved as one folder. Knows neither training, texts nor backbones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

import picturedesk.checks as checks
from picturedesk.disk.arrays import read_arrays, write_arrays
from picturedesk.disk.artifacts import (
    array_fingerprint,
    atomic_folder,
    fingerprint,
    read_manifest,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.types import Doubles, Floats

KIND = "fusion mlp"
BLOCK = 4096  # pictures per block, which limits the memory of hidden values


def _sigmoid(values: Floats) -> Floats:
    halves: Floats = 0.5 * np.tanh(0.5 * values) + np.float32(0.5)  # unlike exp, no overflow
    return halves


WIDEST = 1_000_000  # numbers that a perceptron may read or give

UNITS: dict[str, Callable[[Floats], Floats]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0),
    "linear": lambda values: values,
}


def length_one(vectors: Floats) -> Floats:
    """Rows (N, D) divided by their length; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """Shape of the multi-layer perceptron; the defaults are the paper's (section 3.1).

    Attributes:
        hidden: widths of the hidden layers, first to last; () for none.
        hidden_unit: "sigmoid", "tanh", "relu" or "linear".
        output_unit: one of the same.
    """

    hidden: tuple[int, ...] = (2048,)
    hidden_unit: str = "sigmoid"
    output_unit: str = "tanh"

    def __post_init__(self) -> None:
        checks.settings(self)
        for unit in (self.hidden_unit, self.output_unit):
            if unit not in UNITS:
                raise BadInput(f"unknown unit {unit!r}: use one of {', '.join(UNITS)}")
        if any(width < 1 for width in self.hidden):
            raise BadInput(f"hidden widths {self.hidden} must all be 1 or more")

    def units(self) -> tuple[str, ...]:
        """The unit of each layer: hidden layers, then the output."""
        return (*[self.hidden_unit] * len(self.hidden), self.output_unit)


@dataclass(frozen=True, eq=False)
class FusionMLP:
    """A multi-layer perceptron: level features → fused features.

    Attributes:
        config: units and hidden widths.
        weights: (inputs, outputs) of each layer.
        biases: (outputs,) of each layer.
    """

    config: FusionConfig
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def __post_init__(self) -> None:
        """Raises BadInput where the arrays are not those of the layers."""
        config = checks.instance("config", self.config, FusionConfig)
        weights = [checks.array("weights", one) for one in checks.several("weights", self.weights)]
        biases = [checks.array("biases", one) for one in checks.several("biases", self.biases)]
        shapes = [one.shape for one in weights]
        fit = all(len(shape) == 2 for shape in shapes) and len(shapes) == len(config.hidden) + 1
        fit = fit and all(one[1] == other[0] for one, other in pairwise(shapes))
        if not fit or [one.shape for one in biases] != [shape[1:] for shape in shapes]:
            raise BadInput(
                f"weights of shapes {shapes} and {len(biases)} biases do not fit hidden widths "
                f"{config.hidden}: each layer has (inputs, outputs) and (outputs,)"
            )

    @classmethod
    def initial(
        cls, config: FusionConfig, inputs: int, outputs: int, random: np.random.Generator
    ) -> FusionMLP:
        """An untrained perceptron: Glorot uniform weights (Glorot and Bengio 2010), zero biases.

        The paper does not name its initialisation. This is the default of Keras, whose layer names
        ("mixed9") the paper uses.
        """
        checks.instance("config", config, FusionConfig)
        inputs = checks.whole_number("inputs", inputs, 1, WIDEST)
        outputs = checks.whole_number("outputs", outputs, 1, WIDEST)
        checks.instance("random", random, np.random.Generator)
        weights = []
        for rows, columns in pairwise((inputs, *config.hidden, outputs)):
            limit = np.sqrt(6.0 / (rows + columns))
            weights.append(random.uniform(-limit, limit, (rows, columns)).astype(np.float32))
        biases = tuple(np.zeros(weight.shape[1], dtype=np.float32) for weight in weights)
        return cls(config, tuple(weights), biases)

    @property
    def inputs(self) -> int:
        """Width ΣD_l of the level features that it reads."""
        return int(self.weights[0].shape[0])

    @property
    def width(self) -> int:
        """Width D of the fused features."""
        return int(self.weights[-1].shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of units, weights and biases: everything that determines the output."""
        return fingerprint([self.config, array_fingerprint(self._arrays())])

    def __call__(self, features: Floats) -> Floats:
        """Level features (N, ΣD_l) → fused features (N, D), not scaled to length one.

        Raises:
            BadInput: the features have another width, or one is NaN or infinite.
        """
        checks.array("features", features)
        if features.ndim != 2 or features.shape[1] != self.inputs:
            raise BadInput(
                f"features of shape {features.shape} do not fit a fusion that reads "
                f"(N, {self.inputs}): use the levels of its training"
            )
        fused = np.empty((len(features), self.width), dtype=np.float32)
        for start in range(0, len(features), BLOCK):
            fused[start : start + BLOCK] = self._fuse(features[start : start + BLOCK])
        return fused

    def _fuse(self, features: Floats) -> Floats:
        values = features.astype(np.float32, copy=False)
        if not np.isfinite(values).all():
            raise BadInput("features have NaN or infinite values: extract the pictures again")
        for weight, bias, unit in zip(self.weights, self.biases, self.config.units(), strict=True):
            values = UNITS[unit](values @ weight + bias)  # (N, layer width)
        return values

    def _arrays(self) -> dict[str, Floats]:
        arrays = {f"weights.{layer}": array for layer, array in enumerate(self.weights)}
        return arrays | {f"biases.{layer}": array for layer, array in enumerate(self.biases)}

    def save(self, folder: Path) -> None:
        """Writes a folder of arrays and JSON, atomically."""
        with atomic_folder(folder) as temporary:
            write_arrays(temporary, self._arrays())
            write_manifest(
                temporary,
                KIND,
                {
                    "config": self.config,
                    "inputs": self.inputs,
                    "width": self.width,
                    "fingerprint": self.fingerprint,
                },
            )

    @classmethod
    def load(cls, folder: Path) -> FusionMLP:
        """Reads what ``save`` wrote; returns the same output, bit for bit.

        Raises:
            MissingArtefact: the folder is missing.
            Mismatch: the folder holds something else, or other arrays than its manifest says.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND)
        arrays = read_arrays(folder, manifest)
        layers = range(len(arrays) // 2)
        loaded = cls(
            FusionConfig(**manifest["config"]),
            tuple(arrays[f"weights.{layer}"] for layer in layers),
            tuple(arrays[f"biases.{layer}"] for layer in layers),
        )
        if loaded.fingerprint != manifest["fingerprint"]:
            raise Mismatch(f"{folder} has other arrays than its manifest says: train again")
        return loaded


@dataclass(frozen=True, slots=True, eq=False)
class ColumnScale:
    """Standardises each column of level features over some pictures.

    Attributes:
        mean: (ΣD_l,) of each column.
        factor: (ΣD_l,) one over its standard deviation; 0 for a constant column.
    """

    mean: Doubles
    factor: Doubles

    @classmethod
    def of(cls, features: Floats) -> ColumnScale:
        """Measures level features (N, ΣD_l), N at least 1."""
        mean = features.mean(axis=0, dtype=np.float64)
        squares = np.zeros_like(mean)
        for start in range(0, len(features), BLOCK):
            squares += np.square(features[start : start + BLOCK] - mean).sum(axis=0)
        deviation = np.sqrt(squares / len(features))
        constant = deviation <= 1e-6 * np.abs(features).max(axis=0)  # rounding only
        return cls(mean, np.where(constant, 0, 1 / np.where(constant, 1, deviation)))

    def __call__(self, features: Floats) -> Floats:
        """Level features (N, ΣD_l) → standardised features (N, ΣD_l)."""
        centred = features - self.mean.astype(np.float32)
        scaled: Floats = centred * self.factor.astype(np.float32)
        return scaled

    def folded_into(self, fusion: FusionMLP) -> FusionMLP:
        """The fusion that takes raw features and returns what ``fusion`` does for scaled ones."""
        first = fusion.weights[0] * self.factor[:, None]
        bias = fusion.biases[0] - self.mean @ first
        return replace(
            fusion,
            weights=(first.astype(np.float32), *fusion.weights[1:]),
            biases=(bias.astype(np.float32), *fusion.biases[1:]),
        )
