"""Pictures are read, and the network runs, in workers of a Ray cluster.

The caller looks up which files are known, and takes all other results in the order of the sources:
so a store ends with the same rows in the same order as with the local engine. Workers get the
exported network; pictures must be where all of them can read them.

A network that torch runs, as on a GPU, stays with the caller, and workers send pixels: processes
decode as fast as there are cores, threads of one process do not (docs/recipes.md, On a GPU).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.onnx_runner import OnnxRunner
from picturedesk.cluster import Answer, PackedFolder, Part, mapped
from picturedesk.disk.artifacts import plain
from picturedesk.disk.object_storage import is_object
from picturedesk.disk.tar_members import absolute, locate
from picturedesk.errors import BadInput
from picturedesk.store.engines import Batches, ReadingConfig
from picturedesk.store.features import Source
from picturedesk.store.prefetch import Claim, in_order
from picturedesk.store.sources import (
    Fresh,
    Known,
    KnownPictures,
    Outcome,
    Reader,
    is_there,
    state,
)
from picturedesk.types import Floats, Json, Preprocessing, Rejection

PART = 4  # batches that a worker gets at a time, where there are many
_EVENLY = 256  # parts, at least, before they grow
_THREADS = 4  # that read and decode in a worker: while one waits for a file, another decodes


class RayEngine:
    """Uses the cluster that ``cluster.session`` finds or starts."""

    def __init__(self, backbone: Backbone, config: ReadingConfig, known: KnownPictures) -> None:
        self._backbone = backbone
        self._config = config
        self._known = known
        self._batches = Batches(config.batch)
        self._here = not isinstance(backbone.runner, OnnxRunner)

    def outcomes(self, uris: Sequence[str]) -> Generator[Outcome, None, None]:
        """See ``Engine``."""
        known = self._known_files(uris)
        rest = [uri for uri in uris if uri not in known]
        answers = self._read(rest)
        try:
            for uri in uris:
                yield known[uri] if uri in known else self._settled(uri, next(answers))
        finally:
            answers.close()

    def features(self, pictures: Sequence[Fresh]) -> Floats:
        """See ``Engine``; workers have computed them, or have made pixels."""
        if not self._here:
            return np.stack([picture.values for picture in pictures])
        side = self._backbone.spec.preprocessing.size
        pixels = [picture.values.reshape(3, side, side) for picture in pictures]
        return self._backbone.features(self._batches.of(pixels))

    def _known_files(self, uris: Sequence[str]) -> dict[str, Known]:
        """The sources that are known and unchanged; nothing is read."""

        def look(uri: str, claim: Claim) -> Known | None:
            path = absolute(uri)
            return self._known.file(path, *state(path))

        known: dict[str, Known] = {}
        looked = in_order(uris, look, lambda uri: None, self._config.prefetch)
        for uri, found in zip(uris, looked, strict=True):
            if found is not None:
                known[uri] = found
        return known

    def _read(self, uris: Sequence[str]) -> Generator[Fresh | Rejection, None, None]:
        """What workers say of sources, in order."""
        if not uris:
            return
        preprocessing = self._backbone.spec.preprocessing
        job = ReadingJob(None if self._here else self._packed(), preprocessing, self._config)
        most = 1 if self._here else PART  # pixels are many
        size = self._config.batch * max(1, min(most, len(uris) // (_EVENLY * self._config.batch)))
        parts = parts_of(uris, size)
        answers = mapped(job, parts)
        try:
            for part, answer in zip(parts, answers, strict=True):
                yield from _outcomes(part, answer)
        finally:
            answers.close()

    def _packed(self) -> PackedFolder:
        with tempfile.TemporaryDirectory(prefix="picturedesk-") as name:
            folder = Path(name) / "backbone"
            self._backbone.save(folder)
            return PackedFolder.of(folder)

    def _settled(self, uri: str, found: Fresh | Rejection) -> Outcome:
        if isinstance(found, Rejection):
            return _agreed(uri, found)
        return self._known.content(found.source) or found


def parts_of(uris: Sequence[str], size: int) -> list[list[str]]:
    """The sources that workers get together: ``size`` of them, or those of one shard in a row.

    A shard in object storage goes to one worker, since each that reads of it reads all its headers.
    """
    parts: list[list[str]] = []
    before = ""
    for uri in uris:
        place, name = locate(uri)
        shard = place if name and is_object(place) else ""
        if not parts or shard != before or (not shard and len(parts[-1]) == size):
            parts.append([])
        parts[-1].append(uri)
        before = shard
    return parts


@dataclass(frozen=True, slots=True)
class ReadingJob:
    """What a worker does; see ``cluster.Job``.

    Attributes:
        backbone: the saved network; None to send pixels.
        preprocessing: how the network wants pixels.
        config: limits.
    """

    backbone: PackedFolder | None
    preprocessing: Preprocessing
    config: ReadingConfig

    def opened(self) -> Callable[[Part], Answer]:
        """Opens the network; each worker computes with one CPU."""
        config = replace(self.config, decoders=self.config.decoders or _THREADS)
        if self.backbone is None:
            return _PartReader(
                _flat, 3 * self.preprocessing.size**2, self.preprocessing, config
            ).read
        with self.backbone.unpacked() as folder:
            backbone = Backbone.load(folder, threads=1)
        return _PartReader(backbone.features, backbone.width, self.preprocessing, config).read


def _flat(pixels: Floats) -> Floats:
    """Pixels (B, 3, S, S) → (B, 3·S·S), to be kept."""
    return pixels.reshape(len(pixels), -1).copy()


class _PartReader:
    """Reads the pictures of one part after another.

    Args:
        compute: pixels (B, 3, S, S) → what is sent of them, (B, D).
        width: D.
        preprocessing: how pixels are made.
        config: limits.
    """

    def __init__(
        self,
        compute: Callable[[Floats], Floats],
        width: int,
        preprocessing: Preprocessing,
        config: ReadingConfig,
    ) -> None:
        self._compute = compute
        self._width = width
        self._config = config
        self._reader = Reader(preprocessing, config.decode, config.patience)

    def read(self, part: Part) -> Answer:
        """A record for each source; numbers for those that could be read, in their order."""
        records: list[Json] = []
        numbers = [np.empty((0, self._width), dtype=np.float32)]
        waiting: list[Floats] = []
        batches = Batches(self._config.batch)
        prefetch = self._config.prefetch
        for outcome in in_order(part, self._reader.read, self._reader.late, prefetch):
            records.append(_record(outcome))
            if isinstance(outcome, Fresh):
                waiting.append(outcome.values)
            if len(waiting) == self._config.batch:
                numbers.append(self._compute(batches.of(waiting)))
                waiting = []
        if waiting:
            numbers.append(self._compute(batches.of(waiting)))
        return Answer(records, np.concatenate(numbers))


def _record(outcome: Outcome) -> Json:
    if isinstance(outcome, Rejection):
        return {"rejected": [outcome.source, outcome.reason, outcome.cure]}
    assert isinstance(outcome, Fresh)  # a worker knows no pictures
    return {
        "source": plain(outcome.source),
        "phash": outcome.phash,
        "size": list(outcome.size),
        "facts": dict(outcome.facts),
    }


def _outcomes(part: Part, answer: Answer) -> Generator[Fresh | Rejection, None, None]:
    rows = iter(answer.numbers)
    for record in answer.records:
        if "rejected" in record:
            yield Rejection(*record["rejected"])
        else:
            width, height = record["size"]
            source = Source(**record["source"])
            yield Fresh(source, next(rows), record["phash"], (width, height), record["facts"])


def _agreed(uri: str, rejection: Rejection) -> Rejection:
    """A rejection by a worker; raises BadInput if it does not find what is there."""
    if rejection.reason == "does not exist" and is_there(uri):
        raise BadInput(
            f"{uri} is there, but not for a worker of the Ray cluster: put the pictures where all "
            "machines find them under the same path, or into object storage"
        )
    return rejection
