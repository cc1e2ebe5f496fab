"""From an archive to the data that levels are compared on: all candidates of its training pictures.

Leaves out the archive's own test and validation texts before it reads a picture, and the texts that
the split holds out as soon as the split is known. Knows extraction and splitting; compares nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.split import SplitConfig, components, split
from picturedesk.errors import BadInput
from picturedesk.learning.preparation import ReadableArchive, readable
from picturedesk.learning.training_pairs import TrainingPairs, level_blocks, renumber
from picturedesk.research.adviser.candidates import candidates
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive, Ints, Progress, Rejection, silent


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The network and its input; the same arguments as ``Backbone`` takes.

    Attributes:
        name: preset, any timm model, or a dual encoder ("openclip:…").
        weights: a file, "hub", "random" or "random:SEED"; "" for those of the preset.
        device: "cpu", "cuda", "mps" or "auto".
        size: side of the square input, pixels; None for the preset's.
        framing: "centre" or "whole"; None for the preset's.
    """

    name: str = "default"
    weights: str = ""
    device: str = "cpu"
    size: int | None = None
    framing: str | None = None

    def __post_init__(self) -> None:
        checks.settings(self)

    def backbone(self, levels: Sequence[str] | None = None) -> Backbone:
        """The network in torch with these levels; None for those of the preset."""
        return Backbone(
            self.name,
            levels,
            weights=self.weights or None,
            device=self.device,
            size=self.size,
            framing=self.framing,
        )


@dataclass(frozen=True, slots=True)
class LevelDataConfig:
    """The part of an archive that levels are compared on.

    Attributes:
        split: how a fit splits the archive; only the training part is used.
        sample: maximum number of training texts; only their pictures are read.
        seed: seed of that sample.
        extract: batch size, threads, limits.
    """

    split: SplitConfig = field(default_factory=lambda: SplitConfig(validate=0.0))
    sample: int = 3000
    seed: int = 0
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        if self.sample < 1:
            raise BadInput(f"sample is {self.sample} texts: it must be 1 or more")


@dataclass(frozen=True, slots=True, eq=False)
class LevelData:
    """The data that levels are compared on.

    Attributes:
        pairs: training texts, and all candidate levels of their pictures.
        texts: number of training texts before sampling.
        rejections: pictures that could not be read.
        seconds: wall time of the extraction.
    """

    pairs: TrainingPairs
    texts: int
    rejections: tuple[Rejection, ...]
    seconds: float


def read_level_data(
    archive: Archive,
    network: NetworkConfig,
    cache: Path,
    config: LevelDataConfig = LevelDataConfig(),
    progress: Progress = silent,
) -> LevelData:
    """Reads every candidate level of an archive's training pictures.

    If the process is killed, call it again: it continues from the cache.

    Args:
        archive: texts with a given part keep it.
        network: has the levels.
        cache: folder of feature stores, one per network; created if missing.
        config: split and sample.
        progress: receives the number of pictures read.

    Raises:
        BadInput: no training text, or none of their pictures, can be used.
    """
    backbone = network.backbone(candidates(network.name))
    chosen, count, open_split = _training_part(archive, config)
    cache.mkdir(parents=True, exist_ok=True)
    with FeatureStore.open(cache / f"{backbone.fingerprint}.db", backbone.spec) as store:
        uris = [picture.uri for picture in chosen.pictures]
        extraction = extract(uris, backbone, store, config.extract, progress)
        ready = readable(chosen, extraction.keys, store).split(open_split)
        texts = ready.texts_of("train")
        pairs = _training_pairs(ready, texts, store)
    return LevelData(pairs, count, extraction.rejections, extraction.seconds)


def _training_part(archive: Archive, config: LevelDataConfig) -> tuple[Archive, int, SplitConfig]:
    """The archive's usable texts and pictures, its number of training texts, and the open split.

    A small archive is split after its pictures are read, as in a fit. From a large one, a sample is
    drawn among the texts that links, groups and words assign to training; in a fit, near-duplicate
    pictures could still move one of these to another part.
    """
    known = set(archive.parts)
    shares = replace(
        config.split,
        test=0.0 if "test" in known else config.split.test,
        validate=0.0 if "validate" in known else config.split.validate,
    )
    parts = np.asarray(archive.parts)
    texts = np.flatnonzero(np.isin(parts, ("", "train"))).astype(np.int64)
    if not len(texts):
        raise BadInput(f"{archive.name} has no training text: check its column of parts")
    if len(texts) <= config.sample:
        return _only(archive, texts), len(texts), shares
    given = archive
    if "" not in known and "validate" not in known:
        given = replace(
            archive, parts=tuple("" if part == "train" else part for part in archive.parts)
        )
    divided = np.asarray(split(given, config.split))
    training = np.flatnonzero(divided == "train").astype(np.int64)
    random = np.random.default_rng(config.seed)
    drawn = np.sort(random.permutation(training)[: config.sample])
    return _only(archive, drawn), len(training), replace(shares, test=0.0, validate=0.0)


def _only(archive: Archive, texts: Ints) -> Archive:
    """The archive with some of its texts and their pictures."""
    pictures, links = renumber(texts, archive.links)
    return replace(
        archive,
        texts=tuple(archive.texts[index] for index in texts),
        pictures=tuple(archive.pictures[index] for index in pictures),
        links=links,
        parts=tuple(archive.parts[index] for index in texts),
        groups=tuple(archive.groups[index] for index in texts) if archive.groups else (),
    )


def _training_pairs(ready: ReadableArchive, texts: Ints, store: FeatureStore) -> TrainingPairs:
    whole = ready.whole_texts()
    shown, links = renumber(texts, ready.archive.links)
    keys = tuple(ready.keys[index] for index in shown)
    return TrainingPairs(
        texts=tuple(whole[index] for index in texts),
        keys=keys,
        features=store.read(keys),
        links=links,
        split_groups=components(ready.archive, ready.groups)[texts],
        duplicate_groups=np.arange(len(texts), dtype=np.int64),
        captions=("",) * len(shown),
        spec=store.spec,
        blocks=tuple(level_blocks(store.spec)),
    )
