"""From the name of a data set to a report: extract once, run every seed, check, write.

Everything is written into one folder. It keeps the features and every finished row: the same
command continues where an earlier run was stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.datasets import Columns, open_archive
from picturedesk.datasets.split import PARTS
from picturedesk.disk.artifacts import write_json
from picturedesk.learning.preparation import ReadableArchive, final_level
from picturedesk.measuring.metrics import chance_scores
from picturedesk.report.plots import require_matplotlib
from picturedesk.report.records import Check, Example, ReproductionReport
from picturedesk.report.reproduction_page import write_markdown, write_page
from picturedesk.research.reproduction.checks import (
    leak_checks,
    rejection_check,
    tie_check,
    vocabulary_check,
)
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.data import (
    Prepared,
    divide,
    prepare,
    seed_data,
    training_texts,
)
from picturedesk.research.reproduction.experiment import (
    DEPTHS,
    SHOWN,
    CandidateSet,
    Shown,
    candidate_sets,
)
from picturedesk.research.reproduction.jobs import Ran, jobs_of, run_side_by_side
from picturedesk.research.reproduction.kept_rows import KeptRows, data_fingerprint
from picturedesk.research.reproduction.notes import notes
from picturedesk.research.reproduction.study import (
    Study,
    bars,
    comparisons,
    curves,
    paper_tables,
)
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.types import Progress, silent

_VERSIONS = ("picturedesk", "numpy", "scikit-learn", "torch", "timm", "onnxruntime", "pillow")


def reproduce(
    data: str,
    out: Path,
    config: ReproduceConfig | None = None,
    progress: Progress = silent,
    columns: Columns | None = None,
) -> ReproductionReport:
    """Runs the paper's tables and figure on a data set, and writes the report.

    Args:
        data: what ``open_archive`` takes, e.g. "sohu:PATH" or "archive.csv".
        out: folder for backbone, features, finished rows, rejected.csv, report.html, report.md,
            report.json.
        config: settings.
        progress: receives the numbers of pictures read, texts encoded and rows finished.
        columns: names of a table's columns, if they are not the usual ones.

    Raises:
        BadInput: the data set is too small to train or to test.
    """
    out = checks.path("out", out)
    config = checks.optional("config", config, ReproduceConfig) or ReproduceConfig()
    checks.function("progress", progress)
    require_matplotlib()
    began = time.monotonic()
    prepared = prepare(open_archive(data, columns), out, config, progress)
    sets = candidate_sets(prepared.ready, config.small)
    fc = final_level(prepared.spec)
    jobs = []
    for done, seed in enumerate(config.seeds):
        progress(done, len(config.seeds), "text encoders")
        jobs.append(jobs_of(seed_data(prepared, sets, config, seed), config, seed, fc))
    progress(len(config.seeds), len(config.seeds), "text encoders")
    kept = KeptRows(out / "rows", data_fingerprint(prepared, sets, config))
    ran = run_side_by_side(jobs, kept, config.workers, progress)
    chance = {one.name: chance_scores(one.relevant, len(one.pictures), DEPTHS) for one in sets}
    groups = {one.name: one.picture_of_text() for one in sets}
    study = Study(fc, ran.seeds, chance, groups, config)
    report = _report(prepared, study, sets, ran, time.monotonic() - began)
    write_json(out / "report.json", report)
    write_markdown(out / "report.md", report)
    write_page(out / "report.html", report)
    return report


def _report(
    prepared: Prepared,
    study: Study,
    sets: tuple[CandidateSet, ...],
    ran: Ran,
    seconds: float,
) -> ReproductionReport:
    config = study.config
    # Checks and examples use the first seed, with the split of its training.
    seed = config.seeds[0]
    ready = divide(prepared.ready, config, seed)
    training = training_texts(ready)
    encoder = LsaEncoder.fit(training, replace(config.lsa, seed=seed))
    whole = sets[-1]
    shown = next(one.shown for one in ran.seeds[0] if one.shown is not None)
    checks: list[Check] = [
        *leak_checks(study, ready),
        vocabulary_check(encoder, training),
        tie_check(SHOWN, shown.tied, len(whole.texts)),
        rejection_check(prepared.rejections, len(ready.archive.texts)),
    ]
    spec, archive = prepared.spec, ready.archive
    compared = tuple(comparisons(study))
    return ReproductionReport(
        title=f"The paper's tables on {archive.name}",
        data=_data(ready, sets),
        backbone=spec.name,
        levels=tuple(f"{level} ({level.width})" for level in spec.levels),
        seeds=config.seeds,
        seconds=seconds,
        tables=tuple(paper_tables(study)),
        comparisons=compared,
        curves=tuple(curves(study)),
        bars=tuple(bars(study)),
        checks=tuple(checks),
        examples=tuple(_examples(ready, whole, shown)),
        notes=tuple(notes(study, compared, sets, ran)),
        versions={name: metadata.version(name) for name in _VERSIONS},
    )


def _data(ready: ReadableArchive, sets: tuple[CandidateSet, ...]) -> str:
    parts = ", ".join(f"{len(ready.texts_of(part))} {part}" for part in PARTS)
    described = ", ".join(
        f"{one.name}: {len(one.texts)} texts and {len(one.pictures)} candidates" for one in sets
    )
    pictures = len(ready.archive.pictures)
    return f"{pictures} pictures; texts: {parts}; candidates: {described}"


def _examples(ready: ReadableArchive, candidates: CandidateSet, shown: Shown) -> Iterator[Example]:
    """The texts with the best ranks, then those with the worst."""
    from picturedesk.store.archive_memory import excerpt

    archive = ready.archive
    pictures = [archive.pictures[index] for index in candidates.pictures]
    for place, query in enumerate(shown.queries):
        right = candidates.relevant[candidates.relevant[:, 0] == query, 1]
        first = zip(shown.first[place], shown.scores[place], strict=True)
        yield Example(
            text=excerpt(archive.texts[candidates.texts[query]].whole),
            right=tuple(pictures[index] for index in right),
            suggested=tuple(
                (pictures[index], float(score), bool(index in right)) for index, score in first
            ),
            rank=int(shown.ranks[place]),
        )
