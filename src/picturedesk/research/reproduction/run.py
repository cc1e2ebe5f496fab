"""From the name of a data set to a report: extract once, run every seed, check, write.

Everything is written into one folder. It keeps the features, so that a second run only trains.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from itertools import chain
from pathlib import Path

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.datasets import open_archive
from picturedesk.datasets.split import PARTS, SplitConfig
from picturedesk.disk.artifacts import write_json
from picturedesk.errors import BadInput
from picturedesk.images import decode, read_picture
from picturedesk.learning.preparation import ReadableArchive, final_level, readable
from picturedesk.learning.training import TrainingSet
from picturedesk.measuring.metrics import chance_scores
from picturedesk.report.plots import require_matplotlib
from picturedesk.report.records import Check, Example, ReproductionReport
from picturedesk.report.reproduction_page import write_markdown, write_page
from picturedesk.research.baselines import TwoTowers, clip, closed_form, vse
from picturedesk.research.reproduction.checks import (
    leak_checks,
    rejection_check,
    tie_check,
    vocabulary_check,
)
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import (
    DEPTHS,
    SHOWN,
    CandidateSet,
    Measured,
    Row,
    SeedData,
    candidate_sets,
    figure_row,
    fused_rows,
    level_row,
    measure,
    tower_row,
)
from picturedesk.research.reproduction.study import (
    Study,
    bars,
    comparisons,
    curves,
    paper_tables,
    verdict,
)
from picturedesk.routes.archive import top
from picturedesk.routes.direct import direct_scores
from picturedesk.store.extraction import extract, write_rejections
from picturedesk.store.features import FeatureStore
from picturedesk.store.prefetch import cpus
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.types import Archive, Floats, Progress, Rejection, silent

EXAMPLES = 4  # successes, and as many failures
Job = Callable[[], list[Measured]]
_VERSIONS = ("picturedesk", "numpy", "scikit-learn", "torch", "timm", "onnxruntime", "pillow")


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


def reproduce(
    data: str, out: Path, config: ReproduceConfig | None = None, progress: Progress = silent
) -> ReproductionReport:
    """Runs the paper's tables and figure on a data set, and writes the report.

    Args:
        data: what ``open_archive`` takes, e.g. "sohu:PATH" or "archive.csv".
        out: folder for backbone, features, rejected.csv, report.html, report.md, report.json.
        config: settings.
        progress: receives the numbers of pictures read and rows finished.

    Raises:
        BadInput: the data set is too small to train or to test.
    """
    config = config or ReproduceConfig()
    require_matplotlib()
    began = time.monotonic()
    prepared = prepare(open_archive(data), out, config, progress)
    sets = candidate_sets(prepared.ready, config.small)
    fc = final_level(prepared.spec)
    jobs = [
        rows_of(seed_data(prepared, sets, config, seed), config, seed, fc) for seed in config.seeds
    ]
    seeds = run_side_by_side(jobs, config.workers, progress)
    shown = next(one.scores for one in seeds[0] if one.scores is not None)
    # The examples need the scores of one seed only.
    seeds = [tuple(replace(one, scores=None) for one in rows) for rows in seeds]
    chance = {one.name: chance_scores(one.relevant, len(one.pictures), DEPTHS) for one in sets}
    groups = {one.name: one.picture_of_text() for one in sets}
    study = Study(fc, tuple(seeds), chance, groups, config)
    report = _report(prepared, study, sets, shown, time.monotonic() - began)
    write_json(out / "report.json", report)
    write_markdown(out / "report.md", report)
    write_page(out / "report.html", report)
    return report


def prepare(archive: Archive, out: Path, config: ReproduceConfig, progress: Progress) -> Prepared:
    """Reads all pictures that the feature store does not have, and splits off the test part."""
    backbone = open_backbone(out, config)
    with FeatureStore.open(features_path(out, backbone.spec), backbone.spec) as store:
        uris = [picture.uri for picture in archive.pictures]
        extraction = extract(uris, backbone, store, config.extract, progress)
        rejections = archive.rejections + extraction.rejections
        write_rejections(out / "rejected.csv", rejections)
        ready = readable(archive, extraction.keys, store)
        ready = ready.split(SplitConfig(config.validate, config.test, seed=0))
        features = store.read(ready.keys)
    if len(ready.texts_of("test")) < 2:
        raise BadInput(f"{archive.name} has no test texts: raise the share of test texts")
    return Prepared(ready, features, backbone.spec, rejections)


def open_backbone(out: Path, config: ReproduceConfig) -> Backbone:
    """The preset's backbone; the first call exports it into the folder."""
    folder = out / f"backbone-{config.preset}"
    if not folder.exists():
        Backbone(config.preset, weights=config.weights or None).save(folder)
    return Backbone.load(folder)


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


def rows_of(data: SeedData, config: ReproduceConfig, seed: int, fc: str) -> list[Job]:
    """The jobs of one seed, in the order of the tables; they are independent of each other."""

    def tower(name: str, fit: Callable[[TrainingSet, TrainingSet], TwoTowers]) -> Job:
        def job() -> list[Measured]:
            towers = fit(data.part("train"), data.part("validate"))
            return tower_row(data, name, towers)

        return job

    levels = [str(level) for level in data.spec.levels if str(level) != fc]
    bars = [(True, False), (True, True), (False, False)]
    jobs: list[Job] = [
        partial(level_row, data, config, seed, fc, "paper"),
        *(partial(figure_row, data, config, seed, linear=a, l2=b) for a, b in bars),
        partial(fused_rows, data, config, seed, fc),
    ]
    if not config.baselines:
        return jobs
    jobs += [partial(level_row, data, config, seed, level, "baseline") for level in levels]
    jobs += [tower("ridge", closed_form.ridge), tower("CCA", closed_form.cca)]
    jobs += [
        tower(f"VSE++ ({loss})", partial(vse.vse, loss=loss, seed=seed)) for loss in vse.LOSSES
    ]
    if config.clip:
        jobs.append(partial(_clip_row, data, config))
    return jobs


def run_side_by_side(
    seeds: list[list[Job]], workers: int, progress: Progress
) -> list[tuple[Measured, ...]]:
    """Runs all jobs of all seeds, each on one core, several at a time; keeps their order.

    Two trainings side by side finish sooner than one after the other on two cores: their steps are
    too small to share between cores.
    """
    import torch

    before = torch.get_num_threads()
    with ThreadPoolExecutor(
        workers or cpus(), initializer=partial(torch.set_num_threads, 1)
    ) as pool:
        waiting = [[pool.submit(job) for job in jobs] for jobs in seeds]
        total = sum(len(jobs) for jobs in waiting)
        try:
            for done, _ in enumerate(as_completed(chain.from_iterable(waiting)), start=1):
                progress(done, total, "rows")
            return [tuple(chain.from_iterable(job.result() for job in jobs)) for jobs in waiting]
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)


def _clip_row(data: SeedData, config: ReproduceConfig) -> list[Measured]:
    """open_clip without training, on the test texts and their pictures."""
    encoder = clip.load(Path(config.clip), config.clip_model)
    whole, archive = data.ready.whole_texts(), data.ready.archive
    policy = config.extract.decode

    def score(candidates: CandidateSet) -> Floats:
        uris = [archive.pictures[index].uri for index in candidates.pictures]
        images = (decode(read_picture(uri, policy), uri, policy) for uri in uris)
        texts = encoder.texts([whole[index] for index in candidates.texts])
        return direct_scores(texts, encoder.pictures(images))

    row = Row(f"direct, {encoder.name} zero-shot", "direct", "baseline")
    return [measure(data, row, score)]


def _report(
    prepared: Prepared,
    study: Study,
    sets: tuple[CandidateSet, ...],
    shown: Floats,
    seconds: float,
) -> ReproductionReport:
    config = study.config
    # Checks and examples use the first seed, with the split of its training.
    seed = config.seeds[0]
    ready = divide(prepared.ready, config, seed)
    training = training_texts(ready)
    encoder = LsaEncoder.fit(training, replace(config.lsa, seed=seed))
    whole = sets[-1]
    checks: list[Check] = [
        *leak_checks(study, ready),
        vocabulary_check(encoder, training),
        tie_check(SHOWN, shown, whole.relevant),
        rejection_check(prepared.rejections, len(ready.archive.texts)),
    ]
    spec, archive = prepared.spec, ready.archive
    return ReproductionReport(
        title=f"The paper's tables on {archive.name}",
        data=_data(ready, sets),
        backbone=spec.name,
        levels=tuple(f"{level} ({level.width})" for level in spec.levels),
        seeds=config.seeds,
        seconds=seconds,
        tables=tuple(paper_tables(study)),
        comparisons=tuple(comparisons(study)),
        curves=tuple(curves(study)),
        bars=tuple(bars(study)),
        checks=tuple(checks),
        examples=tuple(_examples(ready, whole, shown)),
        notes=(verdict(study),),
        versions={name: metadata.version(name) for name in _VERSIONS},
    )


def _data(ready: ReadableArchive, sets: tuple[CandidateSet, ...]) -> str:
    parts = ", ".join(f"{len(ready.texts_of(part))} {part}" for part in PARTS)
    described = ", ".join(
        f"{one.name}: {len(one.texts)} texts and {len(one.pictures)} candidates" for one in sets
    )
    pictures = len(ready.archive.pictures)
    return f"{pictures} pictures; texts: {parts}; candidates: {described}"


def _examples(
    ready: ReadableArchive, candidates: CandidateSet, scores: Floats
) -> Iterator[Example]:
    """The texts with the best ranks, then those with the worst."""
    from picturedesk.measuring.metrics import ranks
    from picturedesk.store.archive_memory import excerpt

    found = ranks(scores, candidates.relevant)
    order = found.argsort(kind="stable")
    archive = ready.archive
    for query in [*order[:EXAMPLES], *order[-EXAMPLES:]]:
        right = candidates.relevant[candidates.relevant[:, 0] == query, 1]
        first = top(scores[query : query + 1], 5)[0]
        yield Example(
            text=excerpt(archive.texts[candidates.texts[query]].whole),
            right=tuple(archive.pictures[candidates.pictures[index]] for index in right),
            suggested=tuple(
                (
                    archive.pictures[candidates.pictures[index]],
                    float(scores[query, index]),
                    bool(index in right),
                )
                for index in first
            ),
            rank=int(found[query]),
        )
