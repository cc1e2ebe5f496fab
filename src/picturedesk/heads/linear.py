"""A linear head: features of texts or pictures → the shared space, by one matrix. NumPy only.

It is linear until vectors are scaled to length one, so the shares of its inputs are exact
(``heads.shares``). Knows neither texts, pictures nor how it was fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
from picturedesk.products import products
from picturedesk.types import Floats, Ints, RowSource

KIND = "linear head"
BLOCK = 4096  # rows per block, which limits the memory of intermediate values


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Features to a signed power, times a matrix, plus an offset.

    A row of zeros (a text without a known word) gives zeros.

    Attributes:
        power: exponent of every feature's magnitude; signs are kept. 1 leaves features as they
            are; 0.5 keeps a few very strong channels from dominating the others.
        weights: (I, D).
        bias: (D,).
    """

    power: float
    weights: Floats
    bias: Floats

    def __post_init__(self) -> None:
        """Raises BadInput where the arrays do not fit together."""
        checks.number("power", self.power)
        weights, bias = checks.array("weights", self.weights), checks.array("bias", self.bias)
        if weights.ndim != 2 or bias.shape != weights.shape[1:]:
            raise BadInput(
                f"weights of shape {weights.shape} and bias of shape {bias.shape}: they must be "
                "(I, D) and (D,)"
            )

    @property
    def inputs(self) -> int:
        """Width I of the features that it reads."""
        return int(self.weights.shape[0])

    @property
    def width(self) -> int:
        """Width D of the shared space."""
        return int(self.weights.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of power, weights and bias: everything that determines the output."""
        return fingerprint([KIND, self.power, array_fingerprint(self._arrays())])

    def __call__(self, features: Floats) -> Floats:
        """Features (N, I) → (N, D), not scaled to length one.

        Raises:
            BadInput: the features have another width, or one is NaN or infinite.
        """
        checks.array("features", features)
        if features.ndim != 2 or features.shape[1] != self.inputs:
            raise BadInput(
                f"features of shape {features.shape} do not fit a head that reads "
                f"(N, {self.inputs}): use the levels of its fit"
            )
        placed = np.empty((len(features), self.width), dtype=np.float32)
        for start in range(0, len(features), BLOCK):
            values = features[start : start + BLOCK].astype(np.float32, copy=False)
            if not np.isfinite(values).all():
                raise BadInput("features have NaN or infinite values: extract the pictures again")
            known = values.any(axis=1, keepdims=True)
            rows = products(signed_power(values, self.power), self.weights.T) + self.bias
            rows *= known
            placed[start : start + BLOCK] = rows
        return placed

    def _arrays(self) -> dict[str, Floats]:
        return {"weights": self.weights, "bias": self.bias}

    def save(self, folder: Path) -> None:
        """Writes a folder of arrays and JSON, atomically."""
        with atomic_folder(folder) as temporary:
            write_arrays(temporary, self._arrays())
            content = {"power": self.power, "inputs": self.inputs, "width": self.width}
            write_manifest(temporary, KIND, {**content, "fingerprint": self.fingerprint})

    @classmethod
    def load(cls, folder: Path) -> LinearHead:
        """Reads what ``save`` wrote; returns the same output, bit for bit.

        Raises:
            MissingArtefact: the folder is missing.
            Mismatch: the folder holds something else, or other arrays than its manifest says.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND)
        arrays = read_arrays(folder, manifest)
        loaded = cls(float(manifest["power"]), arrays["weights"], arrays["bias"])
        if loaded.fingerprint != manifest["fingerprint"]:
            raise Mismatch(f"{folder} has other arrays than its manifest says: fit again")
        return loaded


@dataclass(frozen=True, slots=True, eq=False)
class RaisedRows:
    """Some columns of features to a signed power, computed when they are asked for.

    See ``types.RowSource``.

    Attributes:
        features: (N, I).
        columns: (c,) the chosen ones.
        power: of the magnitude of each value.
    """

    features: RowSource
    columns: Ints
    power: float

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, c)."""
        return len(self.features), len(self.columns)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Ints | slice) -> Floats:
        """Some of the rows (n, c)."""
        chosen = self.features[rows]
        if len(self.columns) < self.features.shape[1]:
            chosen = chosen[:, self.columns]
        return signed_power(chosen.astype(np.float32, copy=False), self.power)


def signed_power(values: Floats, power: float) -> Floats:
    """The magnitude of each value to a power; signs are kept."""
    if power == 1:
        return values
    sizes = np.abs(values)
    raised: Floats = np.sqrt(sizes, out=sizes) if power == 0.5 else sizes ** np.float32(power)
    return np.copysign(raised, values, out=raised)
