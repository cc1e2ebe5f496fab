"""Plans a reproduction: its work and its expected time. Reads no picture and writes nothing.

Times are measured on this machine: a few random pictures through the backbone, and matrix products.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets import open_archive
from picturedesk.learning.preparation import final_level
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.run import features_path
from picturedesk.store.extraction import is_stored
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive

EPOCHS = 25  # early stopping usually ends a training by then
_PROBE_PICTURES = 8
_PROBE_SIDE = 1500  # rows of the square matrices that are multiplied


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of a reproduction.

    Attributes:
        data: name of the archive.
        texts: number of texts, before any are left out.
        pictures: number of pictures, before any are left out.
        known: pictures whose features are already stored.
        rejected: rows and files that the reader left out.
        backbone: architecture and levels.
        trainings: networks to train, all seeds together.
        extraction_seconds: expected time for the other pictures.
        training_seconds: expected time of all trainings, at ``EPOCHS`` epochs each.
    """

    data: str
    texts: int
    pictures: int
    known: int
    rejected: int
    backbone: str
    trainings: int
    extraction_seconds: float
    training_seconds: float


def plan(data: str, out: Path, config: ReproduceConfig) -> Plan:
    """Reads the data set and the folder, and measures this machine for a few seconds."""
    archive = open_archive(data)
    folder = out / f"backbone-{config.preset}"
    backbone = (
        Backbone.load(folder)
        if folder.exists()
        else Backbone(config.preset, weights=config.weights or None)
    )
    known = _known(archive, out, backbone)
    levels = [str(level) for level in backbone.levels]
    networks = _networks(levels, final_level(backbone.spec), config)
    width = sum(level.width for level in backbone.levels)
    return Plan(
        data=archive.name,
        texts=len(archive.texts),
        pictures=len(archive.pictures),
        known=known,
        rejected=len(archive.rejections),
        backbone=f"{backbone.spec.name}: {', '.join(levels)}",
        trainings=networks * len(config.seeds),
        extraction_seconds=(len(archive.pictures) - known) * _seconds_per_picture(backbone),
        training_seconds=networks
        * len(config.seeds)
        * _seconds_per_training(_learning(archive, config), width, config),
    )


def _networks(levels: list[str], fc: str, config: ReproduceConfig) -> int:
    """Networks to train for one seed: levels, fc, three more bars; and the baselines'."""
    single = [level for level in levels if level != fc]
    return 5 + ((len(single) + 2) if config.baselines else 0)


def _known(archive: Archive, out: Path, backbone: Backbone) -> int:
    path = features_path(out, backbone.spec)
    if not path.exists():
        return 0
    with FeatureStore.open(path) as store:
        return sum(is_stored(picture.uri, store) for picture in archive.pictures)


def _learning(archive: Archive, config: ReproduceConfig) -> int:
    """Approximate number of training texts."""
    given = archive.parts.count("test")
    rest = len(archive.texts) - given
    share = config.validate + (0.0 if given else config.test)
    return int(rest * (1 - share))


def _seconds_per_picture(backbone: Backbone) -> float:
    side = backbone.spec.preprocessing.size
    pixels = np.random.default_rng(0).normal(size=(_PROBE_PICTURES, 3, side, side))
    batch = pixels.astype(np.float32)
    backbone.features(batch[:1])  # warm-up
    began = time.perf_counter()
    backbone.features(batch)
    return (time.perf_counter() - began) / _PROBE_PICTURES


def _seconds_per_training(texts: int, width: int, config: ReproduceConfig) -> float:
    """For every text, two pictures go forward and back: three matrix products per layer each."""
    layers = [width, *config.train.fusion.hidden, config.lsa.topics]
    weights = sum(a * b for a, b in pairwise(layers))
    return EPOCHS * texts * 2 * 3 * 2 * weights / _flops()


def _flops() -> float:
    """Floating-point operations per second of a matrix product on this machine."""
    matrix = np.random.default_rng(0).normal(size=(_PROBE_SIDE, _PROBE_SIDE)).astype(np.float32)
    matrix @ matrix
    began = time.perf_counter()
    for _ in range(5):
        matrix @ matrix
    return 5 * 2 * _PROBE_SIDE**3 / (time.perf_counter() - began)
