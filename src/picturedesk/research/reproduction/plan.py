"""Plans a reproduction: its work and its expected time. Leaves nothing in the output folder.

Times are measured on this machine, in half a minute or so: a few pictures of the archive are read,
a few steps of each training and each of the other pieces run at their real sizes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.datasets import Columns, open_archive
from picturedesk.learning.preparation import final_level
from picturedesk.parallel import cpus
from picturedesk.research.baselines.vse import LOSSES
from picturedesk.research.reproduction import pace
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.data import backbone_folder, check_parts, features_path
from picturedesk.research.reproduction.jobs import BARS
from picturedesk.research.reproduction.notes import small_sample
from picturedesk.store.extraction import extract
from picturedesk.store.features import FeatureStore
from picturedesk.store.sources import is_stored
from picturedesk.types import Archive, Progress, silent

_TIMING = "pieces timed"
_PICTURES = 48  # that are read for the estimate
_TRANSFER_ROWS = 7  # three of the tables, four bars
_COMPARISONS = 10  # for each candidate set


@dataclass(frozen=True, slots=True)
class Times:
    """Expected wall time of each part of a reproduction, seconds.

    Attributes:
        extraction: reading pictures.
        texts: fitting LSA and encoding, all seeds.
        networks: training the paper's networks and single levels.
        baselines: ridge, CCA and VSE++, tuned; 0 without baselines.
        measuring: scoring rows and comparing them.
    """

    extraction: float
    texts: float
    networks: float
    baselines: float
    measuring: float

    @property
    def total(self) -> float:
        """All parts, one after the other."""
        return self.extraction + self.texts + self.networks + self.baselines + self.measuring


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of a reproduction.

    Attributes:
        data: name of the archive.
        texts: number of texts in each part, before any are left out.
        pictures: number of pictures, before any are left out.
        known: pictures whose features are already stored.
        rejected: rows and files that the reader left out.
        backbone: architecture and levels.
        trainings: networks to train, all seeds together, without VSE++.
        tunings: trainings of VSE++, all seeds together.
        small: why there is no small sample; "" if there is one.
        seconds: expected times; finished rows of an earlier run are not subtracted.
    """

    data: str
    texts: dict[str, int]
    pictures: int
    known: int
    rejected: int
    backbone: str
    trainings: int
    tunings: int
    small: str
    seconds: Times


def plan(
    data: str,
    out: Path,
    config: ReproduceConfig,
    progress: Progress = silent,
    columns: Columns | None = None,
) -> Plan:
    """Reads the data set, and measures this machine at its sizes.

    Args:
        data: what ``open_archive`` takes.
        out: folder of the reproduction; is only read.
        config: settings.
        progress: receives the pieces that are measured.
        columns: names of a table's columns, if they are not the usual ones.

    Raises:
        BadInput: the data set is too small to train or to test.
    """
    archive = open_archive(data, columns)
    counts = check_parts(archive, config)
    progress(0, 1, "opening the backbone")
    folder = backbone_folder(out, config)
    backbone = (
        Backbone.load(folder)
        if folder.exists()
        else Backbone(config.preset, weights=config.weights or None, runner="onnx")
    )
    progress(1, 1, "opening the backbone")
    unread = _unread(archive, out, backbone)
    widths = {str(level): level.width for level in backbone.levels}
    tunings = len(LOSSES) * config.vse.trainings if config.baselines else 0
    seeds = len(config.seeds)
    return Plan(
        data=archive.name,
        texts=counts,
        pictures=len(archive.pictures),
        known=len(archive.pictures) - len(unread),
        rejected=len(archive.rejections),
        backbone=f"{backbone.spec.name}: {', '.join(widths)}",
        trainings=seeds * _networks(widths, config),
        tunings=seeds * tunings,
        small=small_sample(config, counts["test"]),
        seconds=_times(archive, counts, backbone, unread, config, progress),
    )


def _networks(widths: dict[str, int], config: ReproduceConfig) -> int:
    """Networks of one seed: all levels, three more bars, and the single levels or fc alone."""
    return 1 + len(BARS) + (len(widths) if config.baselines else 1)


def _unread(archive: Archive, out: Path, backbone: Backbone) -> list[str]:
    uris = [picture.uri for picture in archive.pictures]
    path = features_path(out, backbone.spec)
    if not path.exists():
        return uris
    with FeatureStore.open(path) as store:
        return [uri for uri in uris if not is_stored(uri, store)]


def _times(
    archive: Archive,
    counts: dict[str, int],
    backbone: Backbone,
    unread: Sequence[str],
    config: ReproduceConfig,
    progress: Progress,
) -> Times:
    """Measures every piece; jobs that run side by side share their time between workers."""
    sizes = _sizes(archive, counts, config)
    seeds, share = len(config.seeds), len(config.seeds) / sizes.workers
    width = backbone.width
    progress(0, 5, _TIMING)
    extraction = len(unread) * _seconds_per_picture(unread, backbone, config)
    progress(1, 5, _TIMING)
    texts = pace.text_seconds([text.whole for text in archive.texts], sizes, config.lsa)
    progress(2, 5, _TIMING)
    networks = _network_seconds(sizes, backbone, config)
    progress(3, 5, _TIMING)
    baselines = _baseline_seconds(sizes, width, config) if config.baselines else 0.0
    progress(4, 5, _TIMING)
    sets = 1 if small_sample(config, counts["test"]) else 2
    compared = sets * _COMPARISONS * pace.comparison_seconds(sizes, config.resamples)
    scored = _TRANSFER_ROWS * pace.scoring_seconds(sizes, width)
    progress(5, 5, _TIMING)
    return Times(
        extraction=extraction,
        texts=(seeds + 1) * texts,  # once more for the checks
        networks=share * networks,
        baselines=share * baselines,
        measuring=share * scored + compared,
    )


def _sizes(archive: Archive, counts: dict[str, int], config: ReproduceConfig) -> pace.Sizes:
    """Pictures are shared out like texts."""
    per_text = len(archive.pictures) / len(archive.texts)
    parts = {
        part: pace.Part(texts, max(2, min(texts, round(texts * per_text))))
        for part, texts in counts.items()
    }
    topics = min(config.lsa.topics, counts["train"])
    return pace.Sizes(
        parts["train"], parts["validate"], parts["test"], topics, config.workers or cpus()
    )


def _network_seconds(sizes: pace.Sizes, backbone: Backbone, config: ReproduceConfig) -> float:
    """All networks of one seed."""
    fc = final_level(backbone.spec)
    widths = [level.width for level in backbone.levels if config.baselines or str(level) == fc]
    widths += [backbone.width] * (1 + len(BARS))
    train = config.training(config.seeds[0])
    each = {width: pace.training_seconds(sizes, width, train) for width in sorted(set(widths))}
    return sum(each[width] for width in widths)


def _baseline_seconds(sizes: pace.Sizes, width: int, config: ReproduceConfig) -> float:
    """Ridge, CCA and VSE++ of one seed; CLIP is not counted."""
    first, *others = config.vse.widths
    each = {
        wide: pace.vse_seconds(sizes, width, replace(config.vse.base, width=wide))
        for wide in config.vse.widths
    }
    tuned = each[first] * len(config.vse.first()) + sum(each[wide] for wide in others)
    closed = pace.closed_form_seconds(sizes, width, config.ridge, config.cca)
    return len(LOSSES) * tuned + closed


def _seconds_per_picture(uris: Sequence[str], backbone: Backbone, config: ReproduceConfig) -> float:
    """Reads a few pictures from all over the archive into a store that is thrown away."""
    if not uris:
        return 0.0
    chosen = list(uris[:: max(1, len(uris) // _PICTURES)])[:_PICTURES]
    side = backbone.spec.preprocessing.size
    backbone.features(np.zeros((1, 3, side, side), dtype=np.float32))  # warm-up
    with (
        tempfile.TemporaryDirectory() as folder,
        FeatureStore.open(Path(folder) / "features.db", backbone.spec) as store,
    ):
        return extract(chosen, backbone, store, config.extract).seconds / len(chosen)
