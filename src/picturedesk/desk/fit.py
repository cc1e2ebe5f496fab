"""From an archive to a desk: read once, learn, store, measure.

Every step hands one record to the next and leaves artefacts that are there whole or not at all. The
costly one, reading pictures, goes on where it stopped: start the same command again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.split import PARTS
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.levels import resolved
from picturedesk.desk.measure import Measured, measure
from picturedesk.desk.reporting import write_report
from picturedesk.disk.artifacts import FORMAT_VERSION, atomic_folder, plain, read_json, write_json
from picturedesk.errors import Mismatch
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, prepare
from picturedesk.learning.recipes import Learned, learn
from picturedesk.routes import Pictures
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText, excerpt
from picturedesk.store.catalogue import open_catalogue
from picturedesk.store.extraction import write_rejections
from picturedesk.store.features import FeatureStore
from picturedesk.store.held_out import TRAIN, HeldOutTexts
from picturedesk.types import Archive, Catalogue, Json, Picture, Progress, Rejection, silent


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


def fit_desk(
    archive: Archive, root: Path, config: DeskConfig, progress: Progress = silent
) -> FitReport:
    """Runs every step from an archive to a desk that can suggest.

    Args:
        archive: texts and pictures; texts whose part is given keep it.
        root: the desk folder; made if absent. A fit that was killed there goes on.
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
    _write_settings(folder, archive.name, config)
    with steps.step("levels"):
        reading, levels = resolved(archive, folder, config, progress)
    with steps.step("backbone"):
        backbone = open_backbone(folder, reading)
    with FeatureStore.open(folder.features, backbone.spec) as store:
        with steps.step("extract"):
            prepared = prepare(archive, backbone, store, config, progress)
            write_rejections(folder.rejected, prepared.rejections)
        with steps.step("learn"):
            learned = learn(prepared, config, progress, levels)
        with steps.step("index"):
            _store(folder, prepared, learned, store)
    _write_settings(
        folder,
        archive.name,
        config,
        {"learned": learned.facts, "rejections": len(prepared.rejections)},
    )
    with steps.step("evaluate"):
        measured = _measure(folder, prepared, learned)
    ready = prepared.ready
    return FitReport(
        texts={part: len(ready.texts_of(part)) for part in PARTS},
        pictures=len(ready.keys),
        rejections=prepared.rejections,
        seconds=steps.seconds,
        chosen=learned.facts,
        measured=measured,
    )


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
    """Refuses a fit whose backbone differs from the one that the desk's features came from.

    A fit that ended before it made anything binds nobody.
    """
    made = (folder.backbone, folder.levels, folder.adviser, folder.features)
    if not folder.settings.exists() or not any(path.exists() for path in made):
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


def _write_settings(
    folder: DeskFolder, archive: str, config: DeskConfig, outcome: Json | None = None
) -> None:
    content = {"format_version": FORMAT_VERSION, "archive": archive, "config": config}
    write_json(folder.settings, content | (outcome or {}))


def _store(folder: DeskFolder, prepared: Prepared, learned: Learned, store: FeatureStore) -> None:
    """Leaves matcher, blend, archive memory, held-out texts and catalogue in the desk."""
    learned.matcher.save(folder.matcher)
    learned.blend.save(folder.blend)
    pictures = Pictures(learned.matcher, prepared.ready.keys, prepared.features)
    remember(folder.memory, prepared, learned, pictures)
    hold_out(prepared, learned).save(folder.held_out)
    with closing(open_catalogue(folder.catalogue)) as catalogue:
        _index(catalogue, prepared, learned, pictures, store)


def remember(folder: Path, prepared: Prepared, learned: Learned, pictures: Pictures) -> None:
    """Writes the archive in the shared space that was learned; it is there whole or not at all."""
    archive, matcher = prepared.ready.archive, learned.matcher
    with (
        atomic_folder(folder) as temporary,
        ArchiveMemory.create(temporary, matcher.fingerprint, matcher.width) as memory,
    ):
        memory.add(
            [ArchiveText(text.id, excerpt(text.whole)) for text in archive.texts],
            matcher.placed(learned.text_features),
            learned.duplicate_groups,
            archive.pictures,
            pictures.vectors,
            archive.links,
        )


def hold_out(prepared: Prepared, learned: Learned) -> HeldOutTexts:
    """What measuring needs of an archive."""
    archive = prepared.ready.archive
    rows = np.flatnonzero(np.asarray(archive.parts) != TRAIN).astype(np.int64)
    captions = learned.captions if any(learned.captions) else ()
    return HeldOutTexts(
        matcher=learned.matcher.fingerprint,
        rows=rows,
        parts=tuple(archive.parts[row] for row in rows),
        features=learned.text_features[rows],
        texts=tuple(archive.texts[row].whole if captions else "" for row in rows),
        captions=captions,
        picture_groups=prepared.ready.groups,
        typical=prepared.features.mean(axis=0),
    )


def measure_learned(prepared: Prepared, learned: Learned, part: str = "test") -> Measured:
    """Measures what was learned without leaving a desk."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "memory"
        pictures = Pictures(learned.matcher, prepared.ready.keys, prepared.features)
        remember(home, prepared, learned, pictures)
        with ArchiveMemory.open(home) as memory:
            held_out = hold_out(prepared, learned)
            return measure(memory, held_out, prepared.features, part, learned.blend)


def _index(
    catalogue: Catalogue,
    prepared: Prepared,
    learned: Learned,
    pictures: Pictures,
    store: FeatureStore,
) -> None:
    """Fills the catalogue anew: the archive's pictures, and whatever was added before."""
    ours = set(prepared.ready.keys)
    added = [picture for picture in _every_picture(catalogue) if picture.key not in ours]
    keys = [picture.key for picture in added]
    blend = learned.blend
    vectors = blend.vectors(pictures)
    if added:
        others = Pictures(learned.matcher, keys, store.read(keys))
        vectors = np.concatenate([vectors, blend.vectors(others)])
    every: list[Picture] = [*prepared.ready.archive.pictures, *added]
    catalogue.replace_all(every, vectors, blend.fingerprint)


def _every_picture(catalogue: Catalogue) -> Iterator[Picture]:
    after = ""
    while keys := catalogue.keys(after):
        yield from catalogue.fetch(keys).pictures
        after = keys[-1]


def _measure(folder: DeskFolder, prepared: Prepared, learned: Learned) -> Measured | None:
    """Measures the test texts and writes evaluation and report; None where there are none."""
    held_out = HeldOutTexts.load(folder.held_out, learned.matcher.fingerprint)
    if not len(held_out.of("test")):
        return None
    with ArchiveMemory.open(folder.memory, learned.matcher.fingerprint) as memory:
        measured = measure(memory, held_out, prepared.features, "test", learned.blend)
        write_json(folder.evaluation, measured.as_json())
        write_report(folder.report, read_json(folder.settings), memory, held_out, measured)
    return measured
