"""From an archive to a desk: extract, split, encode, train, evaluate, index.

Every step leaves an artefact that is there whole or not at all, and the costly one, extraction,
goes on where it was stopped: whatever is killed is started again with the same command.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from picturedesk.artifacts import plain, read_json, write_json
from picturedesk.backbones.backbone import Backbone
from picturedesk.catalogue.exact import ExactCatalogue
from picturedesk.datasets.split import PARTS, SplitConfig
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.measure import measure
from picturedesk.errors import Mismatch
from picturedesk.extraction import ExtractConfig, extract, write_rejections
from picturedesk.features import FeatureStore
from picturedesk.matcher import Matcher
from picturedesk.memory import ArchiveMemory, excerpts
from picturedesk.preparation import (
    ReadableArchive,
    fit_text_encoder,
    readable,
    subset,
)
from picturedesk.texts.doc2vec import Doc2VecConfig
from picturedesk.texts.lsa import LsaConfig
from picturedesk.training import TrainConfig, Trained, TrainingSet, train
from picturedesk.types import Archive, Floats, Picture, Progress, Rejection, TextEncoder, silent


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """All that decides a fit; saved whole in the desk.

    Attributes:
        backbone: preset ("default", "paper") or any timm model name.
        levels: level strings, () for those of the preset.
        weights: file of weights, "" for those of the preset or the hub.
        device: "cpu", "cuda", "mps" or "auto"; where pictures are read and the fusion is trained.
        text_encoder: "lsa" or "doc2vec".
    """

    backbone: str = "default"
    levels: tuple[str, ...] = ()
    weights: str = ""
    device: str = "cpu"
    text_encoder: str = "lsa"
    lsa: LsaConfig = field(default_factory=LsaConfig)
    doc2vec: Doc2VecConfig = field(default_factory=Doc2VecConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def with_seed(self, seed: int) -> DeskConfig:
        """The same settings with another seed for the split, the text encoder and the training."""
        return replace(
            self,
            lsa=replace(self.lsa, seed=seed),
            doc2vec=replace(self.doc2vec, seed=seed),
            train=replace(self.train, seed=seed),
            split=replace(self.split, seed=seed),
        )


@dataclass(frozen=True, slots=True)
class FitReport:
    """What a fit did.

    Attributes:
        texts: archive texts used, per part.
        pictures: pictures in the archive, each content counted once.
        rejections: what was left out.
        seconds: wall time of each step.
        best_epoch: the epoch whose fusion was kept, from 1.
        epochs: how many were trained.
    """

    texts: dict[str, int]
    pictures: int
    rejections: tuple[Rejection, ...]
    seconds: dict[str, float]
    best_epoch: int
    epochs: int


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
    with steps.step("backbone"):
        backbone = open_backbone(folder, config)
    with FeatureStore.open(folder.features, backbone.spec) as store:
        with steps.step("extract"):
            uris = [picture.uri for picture in archive.pictures]
            extraction = extract(uris, backbone, store, config.extract, progress)
        rejections = archive.rejections + extraction.rejections
        write_rejections(folder.rejected, rejections)
        ready = readable(archive, extraction.keys, store).split(config.split)
        features = store.read(ready.keys)
        with steps.step("texts"):
            encoder, text_vectors = _encode(ready, config)
        with steps.step("train"):
            trained = _train(ready, text_vectors, features, config, progress)
        matcher = Matcher(encoder, trained.fusion, backbone.spec)
        memory = _remember(ready, matcher, text_vectors, features)
        matcher.save(folder.matcher)
        memory.save(folder.memory)
        with steps.step("evaluate"):
            if len(memory.texts_of("test")):
                write_json(folder.evaluation, measure(memory, features, backbone.spec).as_json())
        with steps.step("index"):
            _index(folder, matcher, memory, store)
    return FitReport(
        texts={part: len(ready.texts_of(part)) for part in PARTS},
        pictures=len(ready.keys),
        rejections=rejections,
        seconds=steps.seconds,
        best_epoch=trained.best_epoch,
        epochs=len(trained.history),
    )


def _encode(ready: ReadableArchive, config: DeskConfig) -> tuple[TextEncoder, Floats]:
    whole = ready.whole_texts()
    training = [whole[index] for index in ready.texts_of("train")]
    settings = {"lsa": config.lsa, "doc2vec": config.doc2vec}.get(config.text_encoder)
    encoder = fit_text_encoder(training, config.text_encoder, settings)
    return encoder, encoder.encode(whole)


def _train(
    ready: ReadableArchive,
    text_vectors: Floats,
    features: Floats,
    config: DeskConfig,
    progress: Progress,
) -> Trained:
    def part(name: str) -> TrainingSet:
        chosen = ready.texts_of(name)
        return subset(chosen, ready.archive.links, text_vectors, features, ready.groups)

    settings = replace(config.train, device=config.device)
    return train(part("train"), part("validate"), settings, progress)


def _remember(
    ready: ReadableArchive, matcher: Matcher, text_vectors: Floats, features: Floats
) -> ArchiveMemory:
    archive = ready.archive
    return ArchiveMemory(
        matcher=matcher.fingerprint,
        text_vectors=text_vectors,
        picture_vectors=matcher.pictures(features),
        links=archive.links,
        parts=archive.parts,
        text_ids=tuple(text.id for text in archive.texts),
        excerpts=excerpts(archive),
        pictures=archive.pictures,
        groups=ready.groups,
    )


def _index(
    folder: DeskFolder, matcher: Matcher, memory: ArchiveMemory, store: FeatureStore
) -> None:
    """Fills the catalogue anew: the archive's pictures, and whatever was added before."""
    extra: list[Picture] = []
    if folder.catalogue.exists():
        with ExactCatalogue.open(folder.catalogue) as old:
            ours = {picture.key for picture in memory.pictures}
            known = old.keys()
            extra = old.pictures([key for key in known if key not in ours])
    added = matcher.pictures(store.read([picture.key for picture in extra]))
    with ExactCatalogue.open(folder.catalogue) as catalogue:
        catalogue.replace_all(
            [*memory.pictures, *extra],
            np.concatenate([memory.picture_vectors, added]),
            matcher.fingerprint,
        )
