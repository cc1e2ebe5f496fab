"""Picture files → level features in a store; decoding runs beside the network.

Decoder threads read files and turn them into pixels. The calling thread takes the pixels in the
order of the sources, runs the backbone on whole batches, and adds each batch to the store in one
transaction. Threads are enough: Pillow releases the interpreter lock while it decodes and resizes,
and pixels need not be copied between processes.

Knows nothing of texts, and not which network runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, fields

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.backbone import Backbone
from picturedesk.disk.tar_members import absolute, locate
from picturedesk.errors import BadInput, BadPicture, Mismatch, PicturedeskError
from picturedesk.images import (
    DecodePolicy,
    content_key,
    decode_file,
    facts_of,
    perceptual_hash,
    read_picture,
    to_pixels,
)
from picturedesk.parallel import cpus
from picturedesk.store.features import FeatureRow, FeatureStore, Source
from picturedesk.store.prefetch import Claim, PrefetchConfig, in_order
from picturedesk.types import Cell, Floats, Json, Progress, Rejection, silent


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
    """

    batch: int = 16
    decoders: int = 0
    patience: float = 120.0
    decode_memory: float = 1000.0
    decode: DecodePolicy = field(default_factory=DecodePolicy)

    def __post_init__(self) -> None:
        """Raises BadInput for numbers that cannot be used."""
        checks.settings(self, limits=("decode_memory",))
        if self.batch < 1 or self.decoders < 0 or self.patience <= 0:
            raise BadInput(
                f"batch {self.batch}, decoders {self.decoders}, patience {self.patience} s: batch "
                "must be 1 or more, decoders 0 or more, patience above 0"
            )

    @classmethod
    def of(cls, saved: Json) -> ExtractConfig:
        """The settings that a desk was saved with; new ones have their defaults."""
        known = {one.name: saved[one.name] for one in fields(cls) if one.name in saved}
        return cls(**known | {"decode": DecodePolicy(**saved.get("decode", {}))})


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
    run = _Run(backbone, store, config.batch, len(distinct), progress)
    reader = _Reader(backbone, store, config, run.seen)
    decoders = config.decoders or cpus()
    # One batch runs while the next is decoded; the window bounds the pictures that are ready.
    window = 2 * config.batch + decoders
    prefetch = PrefetchConfig(decoders, window, config.patience, config.decode_memory * 1e6)
    with closing(in_order(distinct, reader.read, reader.late, prefetch)) as outcomes:
        for uri, outcome in zip(distinct, outcomes, strict=True):
            run.take(uri, outcome)
    run.flush()
    return run.summary(time.monotonic() - began)


def is_there(uri: str) -> bool:
    """Whether the file of a picture exists; of a member of a tar file, whether the tar does."""
    return _state(locate(absolute(uri))[0])[0] >= 0


def is_stored(uri: str, store: FeatureStore) -> bool:
    """Whether the store has a file's features and the file is unchanged; reads no picture."""
    return stored_key(uri, store) is not None


def stored_key(uri: str, store: FeatureStore) -> str | None:
    """The content key of a file that the store has read and that is unchanged; None for others."""
    path = absolute(uri)
    size, mtime_ns = _state(locate(path)[0])
    return store.lookup(path, size, mtime_ns) if size >= 0 else None


@dataclass(frozen=True, slots=True)
class _Known:
    """A picture that the store has or is about to have.

    Attributes:
        key: its content hash.
        source: the file, if the store must remember it together with the picture.
    """

    key: str
    source: Source | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    """A picture that the store does not have, ready for the network.

    Attributes:
        source: the file it was read from.
        pixels: (3, S, S), normalised.
        phash: perceptual hash.
        size: width and height as shown, pixels.
        facts: what the file says and shows of itself.
    """

    source: Source
    pixels: Floats
    phash: int
    size: tuple[int, int]
    facts: Mapping[str, Cell]

    @property
    def key(self) -> str:
        """Its content hash."""
        return self.source.key


_Outcome = _Known | _Decoded | Rejection


class _Reader:
    """One source → outcome. All file access happens here, in a decoder thread.

    Args:
        backbone: gives the size of its input.
        store: has the pictures of earlier runs.
        config: which pictures are refused.
        seen: keys of this run so far; the calling thread adds to it.
    """

    def __init__(
        self, backbone: Backbone, store: FeatureStore, config: ExtractConfig, seen: Set[str]
    ) -> None:
        self._preprocessing = backbone.spec.preprocessing
        self._store = store
        self._policy = config.decode
        self._patience = config.patience
        self._seen = seen

    def read(self, uri: str, claim: Claim) -> _Outcome:
        """Reads and decodes, unless the store has the picture; claims the memory of decoding."""
        try:
            return self._read(uri, claim)
        except BadPicture as error:
            return Rejection(error.source, error.reason, error.cure)

    def late(self, uri: str) -> Rejection:
        """The outcome of a source that takes too long."""
        reason = f"it was not read and decoded within {self._patience:g} s"
        return Rejection(uri, reason, "check the disk it lies on, or raise patience")

    def _read(self, uri: str, claim: Claim) -> _Known | _Decoded:
        path = absolute(uri)
        size, mtime_ns = _state(locate(path)[0])
        known = self._store.lookup(path, size, mtime_ns) if size >= 0 else None
        if known is not None:
            return _Known(known)
        data = read_picture(uri, self._policy)
        # Size and time from before the read: a file that changes during it is read next time.
        source = Source(path, size, mtime_ns, content_key(data))
        if source.key in self._store:
            self._store.remember([source])
            return _Known(source.key)
        if source.key in self._seen:
            return _Known(source.key, source)
        found = decode_file(data, uri, self._policy, self._preprocessing.resize, claim)
        pixels = to_pixels(found.image, self._preprocessing)
        phash = perceptual_hash(found.image)
        return _Decoded(source, pixels, phash, found.size, facts_of(found))


def _state(path: str) -> tuple[int, int]:
    """Size in bytes and time of last change; (-1, -1) if there is no such file.

    A picture in a tar file has the state of the tar: if that is unchanged, so are its members.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns


class _Run:
    """Takes outcomes in order, fills batches, and counts."""

    def __init__(
        self, backbone: Backbone, store: FeatureStore, batch: int, total: int, progress: Progress
    ) -> None:
        self.seen: set[str] = set()
        self._backbone = backbone
        self._store = store
        self._batch = batch
        self._total = total
        self._progress = progress
        self._keys: dict[str, str] = {}
        self._rejections: list[Rejection] = []
        self._read = self._reused = self._taken = 0
        self._decoded: list[_Decoded] = []  # the current batch
        self._sources: list[Source] = []  # files to remember with this batch
        self._report()

    def take(self, uri: str, outcome: _Outcome) -> None:
        """Records one outcome; runs the network when a batch is full."""
        self._taken += 1
        if isinstance(outcome, Rejection):
            self._rejections.append(outcome)
        else:
            self._keys[uri] = outcome.key
            self._admit(outcome)
        if len(self._decoded) == self._batch:
            self.flush()
        elif self._taken % self._batch == 0:
            self._report()

    def _admit(self, outcome: _Known | _Decoded) -> None:
        if outcome.source is not None:
            self._sources.append(outcome.source)
        if outcome.key in self.seen:
            return
        self.seen.add(outcome.key)
        if isinstance(outcome, _Decoded):
            self._decoded.append(outcome)
        else:
            self._reused += 1

    def flush(self) -> None:
        """Runs the network on the current batch and adds it to the store in one transaction."""
        rows = self._rows() if self._decoded else []
        if rows or self._sources:
            self._store.add(rows, self._sources)
        self._read += len(rows)
        self._decoded, self._sources = [], []
        self._report()

    def _rows(self) -> list[FeatureRow]:
        pixels = np.stack([picture.pixels for picture in self._decoded])  # (B, 3, S, S)
        features = self._backbone.features(pixels)  # (B, ΣD_l)
        finite = np.isfinite(features).all(axis=1)
        if not finite.all():
            where = self._decoded[int(np.argmin(finite))].source.path
            raise PicturedeskError(
                f"{self._backbone.spec.name} gives NaN or infinite numbers for {where}: "
                "check its weights, or use another runner or device"
            )
        return [
            FeatureRow(picture.key, row, picture.phash, *picture.size, picture.facts)
            for picture, row in zip(self._decoded, features, strict=True)
        ]

    def _report(self) -> None:
        self._progress(self._taken - len(self._decoded), self._total, "pictures")

    def summary(self, seconds: float) -> Extraction:
        """The result of the run."""
        return Extraction(
            keys=self._keys,
            read=self._read,
            reused=self._reused,
            duplicates=len(self._keys) - len(self.seen),
            rejections=tuple(self._rejections),
            seconds=seconds,
        )
