"""From an archive to a desk: extract, split, encode, train, evaluate, index.

Every step leaves an artefact that is there whole or not at all, and the costly one, extraction,
goes on where it was stopped: whatever is killed is started again with the same command.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.split import PARTS
from picturedesk.desk.config import DeskConfig
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.learning import Learned, learn_best, learn_paper, remember
from picturedesk.desk.levels import resolved
from picturedesk.desk.measure import Measured, measure
from picturedesk.desk.reporting import write_report
from picturedesk.desk.vectors import catalogue_fingerprint, catalogue_vectors
from picturedesk.disk.artifacts import plain, read_json, write_json
from picturedesk.errors import Mismatch
from picturedesk.learning.preparation import readable
from picturedesk.routes import Blend
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.catalogue.exact import ExactCatalogue
from picturedesk.store.extraction import extract, write_rejections
from picturedesk.store.features import FeatureStore
from picturedesk.types import Archive, Floats, Json, Picture, Progress, Rejection, silent


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit did.

    Attributes:
        texts: archive texts used, per part.
        pictures: pictures in the archive, each content counted once.
        rejections: what was left out.
        seconds: wall time of each step.
        chosen: what the recipe chose: an epoch, or ridges and weights.
        measured: on the test texts; None where there are none.
    """

    texts: dict[str, int]
    pictures: int
    rejections: tuple[Rejection, ...]
    seconds: dict[str, float]
    chosen: Json
    measured: Measured | None


def open_backbone(folder: DeskFolder, config: DeskConfig) -> Backbone:
    """The desk's backbone: exported once, then run by ONNX Runtime; on a GPU by torch."""
    if config.device != "cpu":
        return _torch_backbone(config)
    if not folder.backbone.exists():
        _torch_backbone(config).save(folder.backbone)
    return Backbone.load(folder.backbone)


def _torch_backbone(config: DeskConfig) -> Backbone:
    return Backbone(
        config.backbone,
        config.levels or None,
        weights=config.weights or None,
        device=config.device,
    )


def check_settings(folder: DeskFolder, config: DeskConfig) -> None:
    """Refuses a fit whose backbone differs from the one that the desk's features came from."""
    if not folder.settings.exists():
        return
    kept = read_json(folder.settings)["config"]
    asked = plain(config)
    different = [
        f"{name} {kept[name]!r} (now {asked[name]!r})"
        for name in ("backbone", "levels", "weights")
        if kept[name] != asked[name]
    ]
    if different:
        raise Mismatch(
            f"{folder.root} was fitted with {', '.join(different)}: use the same, or another --desk"
        )


class _Steps:
    """Wall time of each step, in the order in which they ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def fit_desk(
    archive: Archive, root: Path, config: DeskConfig, progress: Progress = silent
) -> FitReport:
    """Runs every step from an archive to a desk that can suggest.

    Args:
        archive: texts and pictures; texts whose part is given keep it.
        root: the desk folder; made if absent, gone on with if a fit was killed there.
        config: all settings.
        progress: told of pictures read and epochs trained.

    Returns:
        What was used, what was left out, and how long each step took.

    Raises:
        BadInput: if too little is left to learn from.
        Mismatch: if the desk was fitted with another backbone.
    """
    folder, steps = DeskFolder(root), _Steps()
    check_settings(folder, config)
    root.mkdir(parents=True, exist_ok=True)
    write_json(folder.settings, {"archive": archive.name, "config": config})
    with steps.step("levels"):
        reading, heard = resolved(archive, folder, config, progress)
    with steps.step("backbone"):
        backbone = open_backbone(folder, reading)
    with FeatureStore.open(folder.features, backbone.spec) as store:
        with steps.step("extract"):
            uris = [picture.uri for picture in archive.pictures]
            extraction = extract(uris, backbone, store, config.extract, progress)
        rejections = archive.rejections + extraction.rejections
        write_rejections(folder.rejected, rejections)
        ready = readable(archive, extraction.keys, store).split(config.split)
        features = store.read(ready.keys)
        with steps.step("learn"):
            if config.recipe == "best":
                learned = learn_best(
                    ready,
                    features,
                    backbone.spec,
                    backbone.classes,
                    config,
                    progress,
                    levels=heard,
                )
            else:
                learned = learn_paper(ready, features, backbone.spec, config, progress)
        memory = remember(ready, learned, features)
        learned.matcher.save(folder.matcher)
        _save_blend(folder, learned.blend)
        memory.save(folder.memory)
        with steps.step("index"):
            _index(folder, learned, memory, features, store)
        settings = {
            "archive": archive.name,
            "config": config,
            "learned": learned.facts,
            "rejections": len(rejections),
        }
        write_json(folder.settings, settings)
        measured = None
        with steps.step("evaluate"):
            if len(memory.texts_of("test")):
                measured = measure(memory, features, backbone.spec, "test", learned.blend)
                write_json(folder.evaluation, measured.as_json())
                write_report(folder.report, plain(settings), memory, learned.blend, measured)
    return FitReport(
        texts={part: len(ready.texts_of(part)) for part in PARTS},
        pictures=len(ready.keys),
        rejections=rejections,
        seconds=steps.seconds,
        chosen=learned.facts,
        measured=measured,
    )


def _save_blend(folder: DeskFolder, blend: Blend | None) -> None:
    if blend is not None:
        blend.save(folder.blend)
    else:
        shutil.rmtree(folder.blend, ignore_errors=True)


def _index(
    folder: DeskFolder,
    learned: Learned,
    memory: ArchiveMemory,
    features: Floats,
    store: FeatureStore,
) -> None:
    """Fills the catalogue anew: the archive's pictures, and whatever was added before.

    Args:
        folder: of the desk.
        learned: what makes catalogue vectors.
        memory: the archive.
        features: (N, ΣD_l) of its pictures.
        store: holds those of the pictures that were added.
    """
    extra: list[Picture] = []
    if folder.catalogue.exists():
        with ExactCatalogue.open(folder.catalogue) as old:
            ours = {picture.key for picture in memory.pictures}
            known = old.keys()
            extra = old.pictures([key for key in known if key not in ours])
    pictures = [*memory.pictures, *extra]
    keys = [picture.key for picture in pictures]
    every = np.concatenate([features, store.read([picture.key for picture in extra])])
    matcher, blend = learned.matcher, learned.blend
    with ExactCatalogue.open(folder.catalogue) as catalogue:
        catalogue.replace_all(
            pictures,
            catalogue_vectors(matcher, blend, memory, keys, every),
            catalogue_fingerprint(matcher, blend),
        )
