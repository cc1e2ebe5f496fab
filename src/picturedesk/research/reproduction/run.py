"""From a data set's name to a finished report: extract once, run every seed, check, write.

Everything lands in one folder; features are kept there, so that a second run only trains.
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
from picturedesk.research.reproduction import honesty
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import (
    DEPTHS,
    SHOWN,
    Material,
    Measured,
    Question,
    Row,
    figure_row,
    fused_rows,
    level_row,
    measure,
    questions,
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
        ready: with its test part fixed; the rest is divided anew for each seed.
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
        data: as ``open_archive`` takes it, e.g. "sohu:PATH" or "archive.csv".
        out: folder for backbone, features, rejected.csv, report.html, report.md, report.json.
        config: settings.
        progress: told of pictures read and rows finished.

    Raises:
        BadInput: if the data set has too little to train on or to test with.
    """
    config = config or ReproduceConfig()
    require_matplotlib()
    began = time.monotonic()
    prepared = prepare(open_archive(data), out, config, progress)
    asked = questions(prepared.ready, config.small)
    fc = final_level(prepared.spec)
    jobs = [
        rows_of(material_of(prepared, asked, config, seed), config, seed, fc)
        for seed in config.seeds
    ]
    seeds = run_side_by_side(jobs, config.workers, progress)
    shown = next(one.scores for one in seeds[0] if one.scores is not None)
    # One matrix of scores is enough to show examples by.
    seeds = [tuple(replace(one, scores=None) for one in rows) for rows in seeds]
    chance = {one.name: chance_scores(one.relevant, len(one.pictures), DEPTHS) for one in asked}
    groups = {one.name: one.picture_of_text() for one in asked}
    study = Study(fc, tuple(seeds), chance, groups, config)
    report = _report(prepared, study, asked, shown, time.monotonic() - began)
    write_json(out / "report.json", report)
    write_markdown(out / "report.md", report)
    write_page(out / "report.html", report)
    return report


def prepare(archive: Archive, out: Path, config: ReproduceConfig, progress: Progress) -> Prepared:
    """Reads all pictures that the feature store does not have, and fixes the test part."""
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
        raise BadInput(f"{archive.name} has no test texts: raise the share kept for testing")
    return Prepared(ready, features, backbone.spec, rejections)


def open_backbone(out: Path, config: ReproduceConfig) -> Backbone:
    """The preset's backbone, exported into the folder the first time."""
    folder = out / f"backbone-{config.preset}"
    if not folder.exists():
        Backbone(config.preset, weights=config.weights or None).save(folder)
    return Backbone.load(folder)


def features_path(out: Path, spec: BackboneSpec) -> Path:
    """One feature store for each backbone, weights and level set."""
    return out / f"features-{spec.fingerprint}.db"


def material_of(
    prepared: Prepared, asked: tuple[Question, ...], config: ReproduceConfig, seed: int
) -> Material:
    """One seed: validation texts carved out of the training texts, LSA fitted on the rest."""
    divided = divide(prepared.ready, config, seed)
    encoder = LsaEncoder.fit(training_texts(divided), replace(config.lsa, seed=seed))
    vectors = encoder.encode(divided.whole_texts())
    return Material(divided, prepared.features, prepared.spec, vectors, asked)


def divide(ready: ReadableArchive, config: ReproduceConfig, seed: int) -> ReadableArchive:
    """The same test part; the rest divided anew into training and validation texts."""
    parts = tuple("test" if part == "test" else "" for part in ready.archive.parts)
    open_parts = ReadableArchive(replace(ready.archive, parts=parts), ready.groups)
    return open_parts.split(SplitConfig(config.validate, 0.0, seed))


def training_texts(ready: ReadableArchive) -> list[str]:
    """What the text encoder may see."""
    whole = ready.whole_texts()
    return [whole[index] for index in ready.texts_of("train")]


def rows_of(material: Material, config: ReproduceConfig, seed: int, fc: str) -> list[Job]:
    """What one seed runs, in the order of the tables; each job is independent of the others."""

    def tower(name: str, fit: Callable[[TrainingSet, TrainingSet], TwoTowers]) -> Job:
        def job() -> list[Measured]:
            towers = fit(material.part("train"), material.part("validate"))
            return tower_row(material, name, towers)

        return job

    levels = [str(level) for level in material.spec.levels if str(level) != fc]
    bars = [(True, False), (True, True), (False, False)]
    jobs: list[Job] = [
        partial(level_row, material, config, seed, fc, "paper"),
        *(partial(figure_row, material, config, seed, linear=a, l2=b) for a, b in bars),
        partial(fused_rows, material, config, seed, fc),
    ]
    if not config.baselines:
        return jobs
    jobs += [partial(level_row, material, config, seed, level, "baseline") for level in levels]
    jobs += [tower("ridge", closed_form.ridge), tower("CCA", closed_form.cca)]
    jobs += [
        tower(f"VSE++ ({loss})", partial(vse.vse, loss=loss, seed=seed)) for loss in vse.LOSSES
    ]
    if config.clip:
        jobs.append(partial(_clip_row, material, config))
    return jobs


def run_side_by_side(
    seeds: list[list[Job]], workers: int, progress: Progress
) -> list[tuple[Measured, ...]]:
    """Runs all jobs of all seeds, several at a time on one core each; the order stays.

    Two trainings beside each other finish sooner than one after the other on two cores: the
    steps are too small for two cores to share well.
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


def _clip_row(material: Material, config: ReproduceConfig) -> list[Measured]:
    """open_clip as it comes, on the test texts and their pictures."""
    encoder = clip.load(Path(config.clip), config.clip_model)
    whole, archive = material.ready.whole_texts(), material.ready.archive
    policy = config.extract.decode

    def score(asked: Question) -> Floats:
        uris = [archive.pictures[index].uri for index in asked.pictures]
        images = (decode(read_picture(uri, policy), uri, policy) for uri in uris)
        texts = encoder.texts([whole[index] for index in asked.texts])
        return direct_scores(texts, encoder.pictures(images))

    row = Row(f"direct, {encoder.name} zero-shot", "direct", "baseline")
    return [measure(material, row, score)]


def _report(
    prepared: Prepared,
    study: Study,
    asked: tuple[Question, ...],
    shown: Floats,
    seconds: float,
) -> ReproductionReport:
    config = study.config
    # Checks and examples look at the first seed; its parts are those that it was trained on.
    seed = config.seeds[0]
    ready = divide(prepared.ready, config, seed)
    training = training_texts(ready)
    encoder = LsaEncoder.fit(training, replace(config.lsa, seed=seed))
    whole = asked[-1]
    checks: list[Check] = [
        *honesty.leak_checks(study, ready),
        honesty.vocabulary_check(encoder, training),
        honesty.tie_check(SHOWN, shown, whole.relevant),
        honesty.rejection_check(prepared.rejections, len(ready.archive.texts)),
    ]
    spec, archive = prepared.spec, ready.archive
    return ReproductionReport(
        title=f"The paper's tables on {archive.name}",
        data=_data(ready, asked),
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


def _data(ready: ReadableArchive, asked: tuple[Question, ...]) -> str:
    parts = ", ".join(f"{len(ready.texts_of(part))} {part}" for part in PARTS)
    sets = ", ".join(
        f"{one.name}: {len(one.texts)} texts and {len(one.pictures)} candidates" for one in asked
    )
    pictures = len(ready.archive.pictures)
    return f"{pictures} pictures; texts: {parts}; asked: {sets}"


def _examples(ready: ReadableArchive, asked: Question, scores: Floats) -> Iterator[Example]:
    """Texts whose picture came first, then texts whose picture came far down."""
    from picturedesk.measuring.metrics import ranks
    from picturedesk.store.archive_memory import excerpt

    found = ranks(scores, asked.relevant)
    order = found.argsort(kind="stable")
    archive = ready.archive
    for query in [*order[:EXAMPLES], *order[-EXAMPLES:]]:
        right = asked.relevant[asked.relevant[:, 0] == query, 1]
        first = top(scores[query : query + 1], 5)[0]
        yield Example(
            text=excerpt(archive.texts[asked.texts[query]].whole),
            right=tuple(archive.pictures[asked.pictures[index]] for index in right),
            suggested=tuple(
                (
                    archive.pictures[asked.pictures[index]],
                    float(scores[query, index]),
                    bool(index in right),
                )
                for index in first
            ),
            rank=int(found[query]),
        )
