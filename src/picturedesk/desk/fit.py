"""From an archive to a desk: read once, learn, store, measure.

Every step passes one record to the next. The results are written to a new folder, which becomes the
current fit in one step at the end: until then, or if the fit is killed, the desk uses the fit
before. To continue a killed fit, start the same command again: pictures are not read twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets.split import PARTS
from picturedesk.desk.added import Added
from picturedesk.desk.deciding import follow_choices
from picturedesk.desk.folder import DeskFolder, FitFolder
from picturedesk.desk.levels import LevelChoice
from picturedesk.desk.measure import Measured, measure
from picturedesk.desk.optimizing import keep_fast, keep_hashes_near, keep_texts_fast
from picturedesk.desk.reporting import write_report
from picturedesk.desk.text_tower import open_tower, write_tower
from picturedesk.disk.artifacts import (
    atomic_folder,
    plain,
    write_json,
)
from picturedesk.errors import Mismatch, MissingArtefact, PicturedeskError
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, prepare
from picturedesk.learning.recipes import Learned, learn
from picturedesk.measuring.ranking import row_blocks
from picturedesk.parallel import one_blas_thread
from picturedesk.store.archive_memory import ArchiveMemory, ArchiveText, excerpt
from picturedesk.store.catalogue import open_catalogue, remove_catalogue
from picturedesk.store.features import FeatureStore
from picturedesk.store.held_out import TRAIN, HeldOutTexts
from picturedesk.store.rejected import write_rejections
from picturedesk.types import (
    Archive,
    Floats,
    Json,
    Progress,
    Rejection,
    RowSource,
    silent,
    step,
)

ALL_LEVELS = LevelChoice()
_AT_ONCE = 16_384  # texts or pictures whose features are in memory together
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FitReport:
    """The result of a fit.

    Attributes:
        texts: archive texts used, per part.
        pictures: pictures in the archive, each content counted once.
        rejections: rows, files and links that were left out.
        seconds: wall time of each step.
        chosen: choices of the recipe: an epoch, or ridges and weights.
        measured: on the test texts; None if there are none.
        fitted: the folder of the fit.
    """

    texts: dict[str, int]
    pictures: int
    rejections: tuple[Rejection, ...]
    seconds: dict[str, float]
    chosen: Json
    measured: Measured | None
    fitted: FitFolder


def fit_desk(
    archive: Archive,
    root: Path,
    config: DeskConfig,
    progress: Progress = silent,
    levels: LevelChoice = ALL_LEVELS,
    source: Json | None = None,
) -> FitReport:
    """Runs all steps from an archive to a desk that can suggest.

    Args:
        archive: texts and pictures; texts whose part is given keep it.
        root: the desk folder; made if missing. A killed fit is continued.
        config: all settings.
        levels: the levels to read, if other than those of the settings.
        progress: called as pictures are read and folds or epochs are finished.
        source: where the archive was read from and with which columns, for the next fit.

    Returns:
        What was used, what was left out, and the time of each step.

    Raises:
        BadInput: too little is left to learn from.
        Mismatch: the desk was fitted with another backbone.
        PicturedeskError: another fit of this desk is running.
    """
    folder, steps, reads = DeskFolder(root), _Steps(), how_pictures_are_read(config)
    with folder.fitting(), one_blas_thread():  # equal seeds give equal desks
        check_settings(folder, config)
        before = folder.begin(reads)
        reading = replace(config, levels=levels.read or config.levels)
        with steps.step("backbone"):
            backbone = open_backbone(folder, reading, progress)
        with FeatureStore.open(folder.features, backbone.spec) as store:
            with steps.step("extract"):
                prepared = prepare(archive, backbone, store, config, progress)
                prepared = replace(prepared, text_tower=open_tower(folder, config.backbone))
                added = Added.of(before, backbone, store, config.extract)
            with steps.step("learn"):
                learned = learn(prepared, config, progress, levels.active)
            rejections = prepared.rejections + added.rejections
            with folder.new_fit(before) as made:
                with steps.step("index"), step(progress, "filling the catalogue"):
                    _store(made, prepared, learned, store, added)
                facts = {"archive": archive.name, "source": source, "config": config}
                _describe(made, facts, prepared.ready.archive, learned, len(rejections))
                _list_rejected(made, before, rejections, archive)
                with steps.step("evaluate"), step(progress, "measuring on the test texts"):
                    measured = _measure(made, prepared, learned)
                with folder.changing():
                    added.catch_up(made, learned.blend, store)
                    follow_choices(folder, made, learned.matcher)
                    fitted = _made_current(folder, made, before, reads)
    return FitReport(
        texts={part: len(prepared.ready.texts_of(part)) for part in PARTS},
        pictures=len(prepared.ready.keys),
        rejections=rejections,
        seconds=steps.seconds,
        chosen=learned.facts,
        measured=measured,
        fitted=fitted,
    )


def _made_current(
    folder: DeskFolder, made: FitFolder, before: FitFolder | None, reads: Json
) -> FitFolder:
    """Makes a fit current; removes catalogues on servers of fits that are not kept any more."""
    there = {fit.at for fit in folder.all_fits() if fit.at}
    fitted = folder.make_current(made, before, reads)
    for address in there - {fit.at for fit in folder.all_fits()}:
        try:
            remove_catalogue(address)
        except PicturedeskError as error:
            _LOG.warning("an old catalogue could not be removed: %s", error)
    return fitted


def open_backbone(folder: DeskFolder, config: DeskConfig, progress: Progress = silent) -> Backbone:
    """The desk's backbone: exported once, then run by ONNX Runtime; torch runs it on a GPU."""
    if config.device != "cpu":
        with step(progress, "loading the network"):
            backbone = _torch_backbone(config)
        write_tower(folder, backbone, progress)
        return backbone
    if not folder.backbone.exists():
        with step(progress, "loading the network"):
            backbone = _torch_backbone(config)
        write_tower(folder, backbone, progress)
        with step(progress, "exporting the network, or taking it from the cache"):
            backbone.save(folder.backbone)
    with step(progress, "opening the exported network"):
        return Backbone.load(folder.backbone)


def _torch_backbone(config: DeskConfig) -> Backbone:
    return Backbone(
        config.backbone,
        config.levels or None,
        weights=config.weights or None,
        device=config.device,
    )


def check_settings(folder: DeskFolder, config: DeskConfig) -> None:
    """Raises Mismatch if the backbone differs from that of the desk's features."""
    now = how_pictures_are_read(config)
    different = [
        f"{name} {kept!r} (now {now[name]!r})"
        for name, kept in folder.reads().items()
        if kept != now[name]
    ]
    if different:
        raise Mismatch(
            f"{folder.root} was fitted with {', '.join(different)}: use the same, or another --desk"
        )


def how_pictures_are_read(config: DeskConfig) -> Json:
    """The settings that all fits of a desk share, as JSON."""
    settings: Json = plain(config)
    return {name: settings[name] for name in ("backbone", "levels", "weights")}


class _Steps:
    """Wall time of each step, in the order in which they ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def _describe(
    made: FitFolder, facts: Json, archive: Archive, learned: Learned, rejections: int
) -> None:
    """Writes archive, settings and outcome of the fit."""
    counts = {
        "texts": len(archive.texts),
        "pictures": len(archive.pictures),
        "choices": sum(text.decided for text in archive.texts),
    }
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = {"learned": learned.facts, "rejections": rejections}
    made.write_settings({**facts, "made": moment, "counts": counts, **outcome})


def _list_rejected(
    made: FitFolder,
    before: FitFolder | None,
    rejections: tuple[Rejection, ...],
    archive: Archive,
) -> None:
    """Lists what this fit left out, and what additions to the fit before left out."""
    if before is not None and before.rejected.is_file():
        copyfile(before.rejected, made.rejected)
    tried = [picture.uri for picture in archive.pictures]
    try:
        write_rejections(made.rejected, rejections, "fit", tried)
    except MissingArtefact:  # a fit mends a damaged desk: the list begins anew
        made.rejected.unlink()
        write_rejections(made.rejected, rejections, "fit", tried)


def _store(
    made: FitFolder, prepared: Prepared, learned: Learned, store: FeatureStore, added: Added
) -> None:
    """Writes matcher, blend, archive memory, held-out texts and catalogue."""
    learned.matcher.save(made.matcher)
    learned.blend.save(made.blend)
    remember(made.memory, prepared, learned)
    hold_out(prepared, learned).save(made.held_out)
    with closing(open_catalogue(made.catalogue)) as catalogue:
        added.fill(catalogue, prepared.ready.archive.pictures, learned.blend, store)
        keep_fast(catalogue, learned.blend)
        keep_hashes_near(made.hashes, catalogue, store)


def remember(folder: Path, prepared: Prepared, learned: Learned) -> None:
    """Writes the archive memory, atomically; some texts and pictures in memory at a time."""
    archive, matcher = prepared.ready.archive, learned.matcher
    links = archive.links[np.lexsort((archive.links[:, 1], archive.links[:, 0]))]
    with (
        atomic_folder(folder) as temporary,
        ArchiveMemory.create(
            temporary, matcher.fingerprint, matcher.width, len(archive.texts)
        ) as memory,
    ):
        for rows in row_blocks(len(archive.pictures), 1, _AT_ONCE):
            memory.add_pictures(archive.pictures[rows], matcher.pictures(prepared.features[rows]))
        for rows in row_blocks(len(archive.texts), 1, _AT_ONCE):
            first, last = np.searchsorted(links[:, 0], (rows.start, rows.stop))
            memory.add_texts(
                [
                    ArchiveText(text.id, excerpt(text.whole), text.title, text.date, text.link)
                    for text in archive.texts[rows]
                ],
                matcher.placed(learned.text_features[rows]),
                learned.duplicate_groups[rows],
                links[first:last] - [rows.start, 0],
            )
        keep_texts_fast(memory)


def hold_out(prepared: Prepared, learned: Learned) -> HeldOutTexts:
    """The held-out texts of an archive."""
    archive = prepared.ready.archive
    rows = np.flatnonzero(np.asarray(archive.parts) != TRAIN).astype(np.int64)
    captions = learned.captions if any(learned.captions) else ()
    return HeldOutTexts(
        matcher=learned.matcher.fingerprint,
        rows=rows,
        parts=tuple(archive.parts[row] for row in rows),
        features=learned.text_features[rows],
        texts=tuple(archive.texts[row].whole for row in rows),
        captions=captions,
        picture_groups=prepared.ready.groups,
        typical=_mean(prepared.features),
    )


def _mean(features: RowSource) -> Floats:
    """Mean (w,) of rows (N, w)."""
    total = np.zeros(features.shape[1])
    for rows in row_blocks(len(features), 1, _AT_ONCE):
        total += features[rows].sum(axis=0, dtype=np.float64)
    return (total / len(features)).astype(np.float32)


def measure_learned(prepared: Prepared, learned: Learned, part: str = "test") -> Measured:
    """Measures what was learned, without making a desk."""
    with TemporaryDirectory() as folder:
        home = Path(folder) / "memory"
        remember(home, prepared, learned)
        with ArchiveMemory.open(home) as memory:
            held_out = hold_out(prepared, learned)
            return measure(memory, held_out, prepared.features, part, learned.blend)


def _measure(made: FitFolder, prepared: Prepared, learned: Learned) -> Measured | None:
    """Measures the test texts and writes evaluation and report; None without test texts."""
    held_out = HeldOutTexts.load(made.held_out, learned.matcher.fingerprint)
    if not len(held_out.of("test")):
        return None
    with ArchiveMemory.open(made.memory, learned.matcher.fingerprint) as memory:
        measured = measure(memory, held_out, prepared.features, "test", learned.blend)
        write_json(made.evaluation, measured.as_json())
        write_report(made.report, made.read_settings(), memory, held_out, measured)
    return measured
