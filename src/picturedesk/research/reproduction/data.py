"""The data of a reproduction: pictures read once, texts split, LSA fitted for each seed.

Knows archives, the feature store and splitting; trains no network and measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.datasets.split import PARTS, SplitConfig
from picturedesk.errors import BadInput
from picturedesk.learning.preparation import ReadableArchive, readable
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import CandidateSet, SeedData
from picturedesk.store.extraction import extract
from picturedesk.store.features import FeatureStore
from picturedesk.store.rejected import write_rejections
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.types import Archive, Floats, Progress, Rejection

FEWEST = {"train": 2, "validate": 1, "test": 2}  # texts without which there is no experiment


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A data set whose pictures have been read.

    Attributes:
        ready: has its test part; each seed splits the rest anew.
        features: (N, ΣD_l).
        spec: which columns are which level.
        rejections: what was left out.
    """

    ready: ReadableArchive
    features: Floats
    spec: BackboneSpec
    rejections: tuple[Rejection, ...]


def check_parts(archive: Archive, config: ReproduceConfig) -> dict[str, int]:
    """Number of texts in each part, before any picture is read.

    Near-duplicate pictures can still move texts between parts once the pictures are known.

    Raises:
        BadInput: a part has too few texts; the message says what to change.
    """
    all_differ = np.arange(len(archive.pictures), dtype=np.int64)
    ready = ReadableArchive(archive, all_differ).split(_first_split(config))
    return _checked(ready, archive, config)


def prepare(archive: Archive, out: Path, config: ReproduceConfig, progress: Progress) -> Prepared:
    """Reads all pictures that the feature store does not have, and splits off the test part.

    Raises:
        BadInput: a part has too few texts; before any picture is read if the archive shows it.
    """
    check_parts(archive, config)
    backbone = open_backbone(out, config)
    with FeatureStore.open(features_path(out, backbone.spec), backbone.spec) as store:
        uris = [picture.uri for picture in archive.pictures]
        extraction = extract(uris, backbone, store, config.extract, progress)
        rejections = archive.rejections + extraction.rejections
        write_rejections(out / "rejected.csv", rejections, "reproduce")
        ready = readable(archive, extraction.keys, store)
        ready = ready.split(_first_split(config))
        features = store.read(ready.keys)
    _checked(ready, archive, config)
    return Prepared(ready, features, backbone.spec, rejections)


def _first_split(config: ReproduceConfig) -> SplitConfig:
    """The split that decides the test part; it is the same for every seed."""
    return SplitConfig(config.validate, config.test, seed=0)


def _checked(ready: ReadableArchive, given: Archive, config: ReproduceConfig) -> dict[str, int]:
    """Number of texts in each part for the first seed; raises BadInput if a part has too few."""
    divided = divide(ready, config, config.seeds[0])
    counts = {part: len(divided.texts_of(part)) for part in PARTS}
    for part, fewest in FEWEST.items():
        if counts[part] < fewest:
            there = ", ".join(f"{count} {name}" for name, count in counts.items())
            wanted = f"at least {fewest} {part} {'text' if fewest == 1 else 'texts'}"
            raise BadInput(f"{given.name} has {there} texts; {wanted} are needed: {_cure(given)}")
    return counts


def _cure(archive: Archive) -> str:
    if "" in archive.parts:
        return "give it more texts with pictures"
    named = ", ".join(sorted(set(archive.parts)))
    return (
        f"the archive names its parts itself ({named}); name texts of each part, or leave the "
        "parts empty for a random split"
    )


def open_backbone(out: Path, config: ReproduceConfig) -> Backbone:
    """The preset's backbone; the first call exports it into the folder."""
    folder = backbone_folder(out, config)
    if not folder.exists():
        Backbone(config.preset, weights=config.weights or None).save(folder)
    return Backbone.load(folder)


def backbone_folder(out: Path, config: ReproduceConfig) -> Path:
    """The exported backbone of a preset and, if one is named, of a file of weights."""
    named = f"-{Path(config.weights).stem}" if config.weights else ""
    return out / f"backbone-{config.preset}{named}"


def features_path(out: Path, spec: BackboneSpec) -> Path:
    """The feature store of a backbone with its weights and levels."""
    return out / f"features-{spec.fingerprint}.db"


def seed_data(
    prepared: Prepared, sets: tuple[CandidateSet, ...], config: ReproduceConfig, seed: int
) -> SeedData:
    """The data of one seed: splits off validation texts and fits LSA on the training texts."""
    divided = divide(prepared.ready, config, seed)
    encoder = LsaEncoder.fit(training_texts(divided), replace(config.lsa, seed=seed))
    vectors = encoder.encode(divided.whole_texts())
    return SeedData(divided, prepared.features, prepared.spec, vectors, sets)


def divide(ready: ReadableArchive, config: ReproduceConfig, seed: int) -> ReadableArchive:
    """Keeps the test part and splits the rest anew into training and validation texts."""
    parts = tuple("test" if part == "test" else "" for part in ready.archive.parts)
    open_parts = ReadableArchive(replace(ready.archive, parts=parts), ready.groups)
    return open_parts.split(SplitConfig(config.validate, 0.0, seed))


def training_texts(ready: ReadableArchive) -> list[str]:
    """The texts that the text encoder is fitted on."""
    whole = ready.whole_texts()
    return [whole[index] for index in ready.texts_of("train")]
