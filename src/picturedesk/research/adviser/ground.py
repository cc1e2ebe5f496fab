"""From an archive to what levels are tried on: all candidates of its training pictures.

Texts that the archive gives for test or validation are left out before a picture is read; those
that the split sets aside, as soon as it is known which they are. Knows extraction and splitting;
which level is good is not its affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.split import SplitConfig, components, split
from picturedesk.errors import BadInput
from picturedesk.learning.best_config import level_blocks
from picturedesk.learning.preparation import ReadableArchive, readable
from picturedesk.learning.training_pairs import TrainingPairs, renumber
from picturedesk.research.adviser.candidates import candidates
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive, Ints, Progress, Rejection, silent


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Which network is read, and how; the same words as ``Backbone`` takes.

    Attributes:
        name: preset or any timm model.
        weights: file of weights, "" for those of the preset or the hub.
        device: "cpu", "cuda", "mps" or "auto".
        size: side of the square input, pixels; None for the preset's.
        framing: "centre" or "whole"; None for the preset's.
    """

    name: str = "default"
    weights: str = ""
    device: str = "cpu"
    size: int | None = None
    framing: str | None = None

    def backbone(self, levels: Sequence[str]) -> Backbone:
        """The network, reading these levels in torch."""
        return Backbone(
            self.name,
            levels,
            weights=self.weights or None,
            device=self.device,
            size=self.size,
            framing=self.framing,
        )


@dataclass(frozen=True, slots=True)
class GroundConfig:
    """Which part of an archive levels are tried on.

    Attributes:
        split: as the fit divides the archive; what is not for training is left alone.
        sample: training texts that are used, at most; only their pictures are read.
        seed: of that choice.
        extract: batch size, threads, limits.
    """

    split: SplitConfig = field(default_factory=lambda: SplitConfig(validate=0.0))
    sample: int = 3000
    seed: int = 0
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise BadInput(f"a sample of {self.sample} texts: at least one is needed")


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What levels are tried on.

    Attributes:
        pairs: training texts, and all candidate levels of the pictures that ran with them.
        texts: training texts that the archive has, before a sample was drawn.
        rejections: pictures that could not be read.
        seconds: of the extraction.
    """

    pairs: TrainingPairs
    texts: int
    rejections: tuple[Rejection, ...]
    seconds: float


def break_ground(
    archive: Archive,
    network: NetworkConfig,
    cache: Path,
    config: GroundConfig = GroundConfig(),
    progress: Progress = silent,
) -> Ground:
    """Reads every candidate level of an archive's training pictures; killed, it goes on there.

    Args:
        archive: texts whose part is given keep it.
        network: which levels there are.
        cache: folder of feature stores, one per network; made if absent.
        config: split and sample.
        progress: told of pictures.

    Raises:
        BadInput: no training text, or no picture of one, can be used.
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
    return Ground(pairs, count, extraction.rejections, extraction.seconds)


def _training_part(archive: Archive, config: GroundConfig) -> tuple[Archive, int, SplitConfig]:
    """The texts that may be looked at with their pictures, how many train, and what is to split.

    A small archive is divided once its pictures are known, just as the fit does. Of a large one a
    sample is drawn among the texts that are for training by links, groups and words; only
    near-duplicate pictures could still move one of these, in the fit, to another part.
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
        raise BadInput(f"{archive.name} has no training text: check the parts it gives")
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
    """The archive with some of its texts, and the pictures that ran with them."""
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
