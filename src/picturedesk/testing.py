"""Small deterministic test doubles. They need no network, model or download.

``tiny_backbone`` is a real Backbone over a few fixed NumPy matrices; ``TinyTextEncoder`` is a
hashed bag of words. Both are fast, need no fit, and always return the same bytes, alone or in a
batch.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import array_fingerprint, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput
from picturedesk.types import Floats, Level, Preprocessing

TINY_LEVELS = (
    Level("patches", 16, "max"),
    Level("mixed", 24, "avg"),
    Level("final", 8, "none"),
)
TINY_PREPROCESSING = Preprocessing(
    size=32, resize=36, interpolation="bilinear", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)


class TinyRunner:
    """A network of three levels made of three fixed matrices; counts its calls.

    Attributes:
        calls: number of calls.
        pictures: number of pictures over all calls.
    """

    def __init__(self, levels: Sequence[Level] = TINY_LEVELS, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        shapes = {"patches": (48, 16), "mixed": (16, 24), "final": (96, 8)}
        self.weights: dict[str, Floats] = {
            name: (random.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
            for name, shape in shapes.items()
        }
        self.levels = tuple(levels)
        self.calls = 0
        self.pictures = 0

    def __call__(self, pixels: Floats) -> Floats:
        """Pixels (B, 3, 32, 32) → (B, ΣD_l); a row does not depend on the rest of its batch."""
        self.calls += 1
        self.pictures += len(pixels)
        return np.stack([self._one(picture) for picture in pixels])

    def _one(self, picture: Floats) -> Floats:
        """Pixels (3, 32, 32) → (ΣD_l,)."""
        patches = picture.reshape(3, 8, 4, 8, 4).transpose(1, 3, 0, 2, 4).reshape(64, 48)
        patches = np.tanh(2 * patches @ self.weights["patches"])  # (64, 16)
        mixed = np.maximum(patches @ self.weights["mixed"], 0)  # (64, 24)
        quarters = mixed.reshape(2, 4, 2, 4, 24).mean(axis=(1, 3)).reshape(96)
        read = {
            "patches": patches.max(axis=0),
            "mixed": mixed.mean(axis=0),
            "final": np.tanh(quarters @ self.weights["final"]),
        }
        return np.concatenate([read[level.name] for level in self.levels]).astype(np.float32)


def tiny_backbone(
    levels: Sequence[str] | None = None, *, seed: int = 0, runner: TinyRunner | None = None
) -> Backbone:
    """A Backbone with 32 px input and up to three levels: patches:max, mixed:avg, final.

    Args:
        levels: some of the three, in any order; None reads all (48 numbers per picture).
        seed: seed of the weights; it changes the fingerprint.
        runner: pass one to count its calls; it brings its own levels and weights.
    """
    known = {str(level): level for level in TINY_LEVELS}
    for name in levels or ():
        if name not in known:
            raise BadInput(f"level '{name}' is not in tiny: it has {', '.join(known)}")
    if runner is None:
        runner = TinyRunner([known[name] for name in levels or known], seed)
    spec = BackboneSpec(
        name="tiny",
        weights=f"random:{seed}",
        weights_sha256=array_fingerprint(runner.weights),
        levels=runner.levels,
        preprocessing=TINY_PREPROCESSING,
    )
    return Backbone.of(spec, runner)


class TinyTextEncoder:
    """A hashed bag of words: every word adds 1 or -1 to one column. Needs no fit.

    Args:
        width: width D of the vectors.
    """

    KIND = "tiny-text-encoder"

    def __init__(self, width: int = 32) -> None:
        self._width = width

    @property
    def width(self) -> int:
        """Width D of the vectors."""
        return self._width

    @property
    def fingerprint(self) -> str:
        """Hash of everything that determines the output."""
        return fingerprint((self.KIND, self._width))

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros for a text without words."""
        vectors = np.zeros((len(texts), self._width), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.casefold()):
                code = zlib.crc32(word.encode())
                row[code % self._width] += 1.0 if code & 0x10000 else -1.0
            row /= max(float(np.linalg.norm(row)), 1e-12)
        return vectors

    def save(self, folder: Path) -> None:
        """Writes a manifest; there is nothing else to save."""
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, self.KIND, {"width": self._width})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; returns the same output."""
        return cls(int(read_manifest(folder, cls.KIND)["width"]))
