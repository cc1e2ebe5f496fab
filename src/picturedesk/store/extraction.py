"""Picture files → level features in a store; decoding runs beside the network.

An engine reads the pictures, in threads of this process or on the machines of a Ray cluster. The
calling thread takes what it gives in the order of the sources, and adds batch after batch to the
store, each in one transaction.

Knows nothing of texts, and not which network runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.backbone import Backbone
from picturedesk.errors import BadInput, Mismatch, PicturedeskError
from picturedesk.images import DecodePolicy
from picturedesk.store.engines import Engine, LocalEngine, ReadingConfig
from picturedesk.store.features import FeatureRow, FeatureStore, Source
from picturedesk.store.ray_engine import RayEngine
from picturedesk.store.sources import Fresh, Known, KnownPictures, Outcome, StoredPictures
from picturedesk.types import Json, Progress, Rejection, silent

LOCAL, RAY = "local", "ray"
ENGINES: Mapping[str, Callable[[Backbone, ReadingConfig, KnownPictures], Engine]] = {
    LOCAL: LocalEngine,
    RAY: RayEngine,
}


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """How pictures are read; none of this changes the features.

    Attributes:
        batch: pictures per forward pass and per transaction.
        decoders: threads that read and decode beside the network; 0 starts one per CPU.
        patience: seconds that one picture may take before it is left out, so that a file on a
            dead network drive does not block the others. Waiting for memory does not count.
        decode_memory: megabytes (10^6 bytes) that pictures in decoding may take, all decoders
            together; a decoder waits until its picture fits. A picture that takes more alone is
            decoded alone.
        decode: which pictures are refused.
        engine: where pictures are read, and in a fit, texts are encoded by pretrained encoders:
            "local", in this process; "ray", on a Ray cluster (extra ``ray``): that of RAY_ADDRESS,
            or one for this machine. With "ray", ``batch``, ``decoders`` and ``decode_memory`` are
            those of one worker, which has one CPU. A desk does not keep it.
    """

    batch: int = 16
    decoders: int = 0
    patience: float = 120.0
    decode_memory: float = 1000.0
    decode: DecodePolicy = field(default_factory=DecodePolicy)
    engine: str = LOCAL

    def __post_init__(self) -> None:
        """Raises BadInput for numbers that cannot be used."""
        checks.settings(self, limits=("decode_memory",))
        if self.batch < 1 or self.decoders < 0 or self.patience <= 0:
            raise BadInput(
                f"batch {self.batch}, decoders {self.decoders}, patience {self.patience} s: batch "
                "must be 1 or more, decoders 0 or more, patience above 0"
            )
        if self.engine not in ENGINES:
            raise BadInput(f"engine {self.engine!r} is not known: {', '.join(ENGINES)}")

    @classmethod
    def of(cls, saved: Json) -> ExtractConfig:
        """The settings that a desk was saved with, for the local engine; new ones are defaults."""
        known = {one.name: saved[one.name] for one in fields(cls) if one.name in saved}
        decode = DecodePolicy(**saved.get("decode", {}))
        return cls(**known | {"decode": decode, "engine": LOCAL})

    @property
    def reading(self) -> ReadingConfig:
        """What engines need."""
        memory = self.decode_memory * 1e6
        return ReadingConfig(self.batch, self.decoders, self.patience, memory, self.decode)


@dataclass(frozen=True, slots=True)
class Extraction:
    """The result of one run. Distinct sources = read + reused + duplicates + rejections.

    Attributes:
        keys: uri → content hash of each readable picture, in the order given.
        read: pictures that went through the network.
        reused: pictures whose features the store already had.
        duplicates: sources with the same bytes as an earlier one of this call.
        rejections: pictures that were left out, and why.
        seconds: wall time.
    """

    keys: dict[str, str]
    read: int
    reused: int
    duplicates: int
    rejections: tuple[Rejection, ...]
    seconds: float


def extract(
    uris: Sequence[str],
    backbone: Backbone,
    store: FeatureStore,
    config: ExtractConfig = ExtractConfig(),
    progress: Progress = silent,
) -> Extraction:
    """Adds the features of all readable pictures to ``store``, each picture once.

    If the process is killed, call it again: it continues. Batches begin at the same pictures, so
    the store ends with the same rows in the same order. Unchanged files are not read again. Only
    names and keys take memory that grows with the number of pictures.

    Args:
        uris: paths of pictures; repeated paths count once.
        backbone: reads the pictures.
        store: receives the rows; opened with the backbone's spec.
        config: batch size, threads, limits.
        progress: receives how many of the distinct ``uris`` are finished.

    Raises:
        Mismatch: the store belongs to another backbone.
        MissingExtra: the engine's library is not installed.
        PicturedeskError: the network gives numbers that are not finite, or the cluster failed.
        Any other error of decoder or backbone except BadPicture: a bug; the run stops cleanly.
    """
    uris = checks.texts("uris", uris)
    checks.instance("backbone", backbone, Backbone)
    checks.instance("store", store, FeatureStore)
    checks.instance("config", config, ExtractConfig)
    checks.function("progress", progress)
    if store.spec.fingerprint != backbone.fingerprint:
        raise Mismatch(
            f"{store.path} holds features of {store.spec.name} ({store.spec.fingerprint}), but the "
            f"given backbone is {backbone.spec.name} ({backbone.fingerprint}): open the store "
            "with this backbone's spec to see what differs"
        )
    began = time.monotonic()
    distinct = list(dict.fromkeys(uris))
    seen: set[str] = set()
    engine = ENGINES[config.engine](backbone, config.reading, StoredPictures(store, seen))
    run = _Run(engine, store, config.batch, len(distinct), progress, seen)
    with closing(engine.outcomes(distinct)) as outcomes:
        for uri, outcome in zip(distinct, outcomes, strict=True):
            run.take(uri, outcome)
    run.flush()
    return run.summary(time.monotonic() - began)


class _Run:
    """Takes outcomes in order, fills batches, and counts."""

    def __init__(
        self,
        engine: Engine,
        store: FeatureStore,
        batch: int,
        total: int,
        progress: Progress,
        seen: set[str],
    ) -> None:
        self._engine = engine
        self._seen = seen
        self._store = store
        self._batch = batch
        self._total = total
        self._progress = progress
        self._keys: dict[str, str] = {}
        self._rejections: list[Rejection] = []
        self._read = self._reused = self._taken = 0
        self._fresh: list[Fresh] = []  # the current batch
        self._sources: list[Source] = []  # files to remember with this batch
        self._report()

    def take(self, uri: str, outcome: Outcome) -> None:
        """Records one outcome; runs the network when a batch is full."""
        self._taken += 1
        if isinstance(outcome, Rejection):
            self._rejections.append(outcome)
        else:
            self._keys[uri] = outcome.key
            self._admit(outcome)
        if len(self._fresh) == self._batch:
            self.flush()
        elif self._taken % self._batch == 0:
            self._report()

    def _admit(self, outcome: Known | Fresh) -> None:
        if outcome.source is not None:
            self._sources.append(outcome.source)
        if outcome.key in self._seen:
            return
        self._seen.add(outcome.key)
        if isinstance(outcome, Fresh):
            self._fresh.append(outcome)
        else:
            self._reused += 1

    def flush(self) -> None:
        """Runs the network on the current batch and adds it to the store in one transaction."""
        rows = self._rows() if self._fresh else []
        if rows or self._sources:
            self._store.add(rows, self._sources)
        self._read += len(rows)
        self._fresh, self._sources = [], []
        self._report()

    def _rows(self) -> list[FeatureRow]:
        features = self._engine.features(self._fresh)  # (B, ΣD_l)
        finite = np.isfinite(features).all(axis=1)
        if not finite.all():
            where = self._fresh[int(np.argmin(finite))].source.path
            raise PicturedeskError(
                f"{self._store.spec.name} gives NaN or infinite numbers for {where}: "
                "check its weights, or use another runner or device"
            )
        return [
            FeatureRow(picture.key, row, picture.phash, *picture.size, picture.facts)
            for picture, row in zip(self._fresh, features, strict=True)
        ]

    def _report(self) -> None:
        self._progress(self._taken - len(self._fresh), self._total, "pictures")

    def summary(self, seconds: float) -> Extraction:
        """The result of the run."""
        return Extraction(
            keys=self._keys,
            read=self._read,
            reused=self._reused,
            duplicates=len(self._keys) - len(self._seen),
            rejections=tuple(self._rejections),
            seconds=seconds,
        )
