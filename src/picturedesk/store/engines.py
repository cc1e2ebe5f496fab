"""Where pictures are read and the network runs: an engine. The local one uses this process.

Decoder threads read files and turn them into pixels, while the calling thread runs the network.
Threads are enough for some eight cores: Pillow releases the interpreter lock while it decodes and
resizes, which is half of the work, and pixels need not be copied between processes. On more cores,
or beside a GPU, the engine ``ray`` decodes in processes (docs/recipes.md, On a GPU).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.images import DecodePolicy
from picturedesk.parallel import cpus
from picturedesk.store.prefetch import PrefetchConfig, in_order
from picturedesk.store.sources import Fresh, KnownPictures, Outcome, Reader
from picturedesk.types import Floats


@dataclass(frozen=True, slots=True)
class ReadingConfig:
    """What engines need of ``ExtractConfig``; see there.

    Attributes:
        batch: pictures per forward pass.
        decoders: threads that read and decode; 0 starts one per CPU.
        patience: seconds that one picture may take.
        memory: bytes that pictures in decoding may take together.
        decode: which pictures are refused.
    """

    batch: int
    decoders: int
    patience: float
    memory: float
    decode: DecodePolicy

    @property
    def prefetch(self) -> PrefetchConfig:
        """Threads and limits; one batch runs while the next is decoded.

        The window bounds the pictures that are ready.
        """
        threads = self.decoders or cpus()
        return PrefetchConfig(threads, 2 * self.batch + threads, self.patience, self.memory)


class Engine(Protocol):
    """Reads pictures and computes their features."""

    def outcomes(self, uris: Sequence[str]) -> Generator[Outcome, None, None]:
        """What becomes of each source, in their order; close it to stop early."""

    def features(self, pictures: Sequence[Fresh]) -> Floats:
        """Level features (B, ΣD_l) of some of the pictures that ``outcomes`` gave."""


class Batches:
    """Puts pictures side by side, each time in the same memory.

    Fresh memory for a batch takes several times longer to get than to fill.

    Args:
        most: pictures of a batch.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room: Floats | None = None

    def of(self, pictures: Sequence[Floats]) -> Floats:
        """Pixels (3, S, S) of B pictures → (B, 3, S, S), valid until the next batch."""
        if self._room is None:
            self._room = np.empty((self._most, *pictures[0].shape), dtype=np.float32)
        return np.stack(pictures, out=self._room[: len(pictures)])


class LocalEngine:
    """Uses threads of this process."""

    def __init__(self, backbone: Backbone, config: ReadingConfig, known: KnownPictures) -> None:
        self._backbone = backbone
        self._config = config
        self._batches = Batches(config.batch)
        self._reader = Reader(backbone.spec.preprocessing, config.decode, config.patience, known)

    def outcomes(self, uris: Sequence[str]) -> Generator[Outcome, None, None]:
        """See ``Engine``."""
        return in_order(uris, self._reader.read, self._reader.late, self._config.prefetch)

    def features(self, pictures: Sequence[Fresh]) -> Floats:
        """See ``Engine``."""
        return self._backbone.features(self._batches.of([picture.values for picture in pictures]))
