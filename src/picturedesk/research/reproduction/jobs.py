"""The jobs of an experiment: one or a few rows of one seed each, independent of each other.

Runs them side by side and keeps each result as soon as it is there; reads and writes no picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from picturedesk.images import decode, read_picture
from picturedesk.learning.training import TrainingSet
from picturedesk.parallel import cpus
from picturedesk.research.baselines import TwoTowers, clip, closed_form, vse
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import (
    CandidateSet,
    Measured,
    Row,
    SeedData,
    figure_name,
    figure_row,
    fused_rows,
    level_row,
    measure,
    tower_row,
)
from picturedesk.research.reproduction.kept_rows import Finished, KeptRows
from picturedesk.routes.direct import direct_scores
from picturedesk.types import Floats, Progress

BARS = ((True, False), (True, True), (False, False))  # (linear, l2) of Figure 3's other bars


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work.

    Attributes:
        name: unique within a seed.
        seed: of the experiment.
        settings: everything beside the data that decides its result.
        run: does it.
    """

    name: str
    seed: int
    settings: object
    run: Callable[[], list[Measured]]


def jobs_of(data: SeedData, config: ReproduceConfig, seed: int, fc: str) -> list[Job]:
    """The jobs of one seed, in the order of the tables."""
    jobs = [_level_job(data, config, seed, fc, "paper")]
    for linear, l2 in BARS:
        run = partial(figure_row, data, config, seed, linear=linear, l2=l2)
        settings = config.training(seed, linear=linear, l2=l2)
        jobs.append(Job(figure_name(linear=linear, l2=l2), seed, settings, run))
    fused = partial(fused_rows, data, config, seed, fc)
    jobs.append(Job("fused", seed, [config.training(seed), fc], fused))
    return [*jobs, *_baselines(data, config, seed, fc)] if config.baselines else jobs


def _level_job(data: SeedData, config: ReproduceConfig, seed: int, level: str, kind: str) -> Job:
    run = partial(level_row, data, config, seed, level, kind)
    return Job(f"level {level}", seed, [config.training(seed), kind], run)


def _baselines(data: SeedData, config: ReproduceConfig, seed: int, fc: str) -> list[Job]:
    levels = [str(level) for level in data.spec.levels if str(level) != fc]

    def tower(
        name: str, settings: object, fit: Callable[[TrainingSet, TrainingSet], TwoTowers]
    ) -> Job:
        def run() -> list[Measured]:
            return tower_row(data, name, fit(data.part("train"), data.part("validate")))

        return Job(name, seed, settings, run)

    jobs = [_level_job(data, config, seed, level, "baseline") for level in levels]
    jobs.append(tower("ridge", config.ridge, partial(closed_form.ridge, config=config.ridge)))
    jobs.append(tower("CCA", config.cca, partial(closed_form.cca, config=config.cca)))
    for loss in vse.LOSSES:
        fit = partial(vse.tuned, loss=loss, seed=seed, grid=config.vse)
        jobs.append(tower(f"VSE++ ({loss})", config.vse, fit))
    if config.clip:
        weights = Path(config.clip).stat()
        settings = [config.clip, weights.st_size, weights.st_mtime_ns, config.clip_model]
        settings.append(config.extract.decode)
        jobs.append(Job("CLIP", seed, settings, partial(_clip_row, data, config)))
    return jobs


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


@dataclass(frozen=True, slots=True)
class Ran:
    """What all jobs gave.

    Attributes:
        seeds: the rows of each seed, in the order of its jobs.
        kept: how many jobs an earlier run had finished.
        kept_seconds: how long these took then, on one core.
    """

    seeds: tuple[tuple[Measured, ...], ...]
    kept: int
    kept_seconds: float


def run_side_by_side(
    seeds: Sequence[Sequence[Job]], kept: KeptRows, workers: int, progress: Progress
) -> Ran:
    """Runs all jobs that are not kept yet, each on one core, several at a time.

    Two trainings side by side finish sooner than one after the other on two cores: their steps are
    too small to share between cores.

    Args:
        seeds: the jobs of each seed.
        kept: has the results of finished jobs, and receives each new one.
        workers: how many run at a time; 0 for one per core.
        progress: receives the number of finished jobs.
    """
    import torch

    jobs = list(chain.from_iterable(seeds))
    done = {_key(job): kept.read(job.name, job.seed, job.settings) for job in jobs}
    found = {key: finished for key, finished in done.items() if finished is not None}
    before = len(found), sum(finished.seconds for finished in found.values())
    progress(len(found), len(jobs), "rows")
    threads = torch.get_num_threads()
    start = partial(torch.set_num_threads, 1)
    with ThreadPoolExecutor(workers or cpus(), initializer=start) as pool:
        waiting: dict[Future[Finished], Job] = {
            pool.submit(_finish, job, kept): job for job in jobs if _key(job) not in found
        }
        try:
            for future in as_completed(waiting):
                found[_key(waiting[future])] = future.result()
                progress(len(found), len(jobs), "rows")
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)
    rows = tuple(
        tuple(chain.from_iterable(found[_key(job)].rows for job in jobs)) for jobs in seeds
    )
    return Ran(rows, *before)


def _key(job: Job) -> tuple[int, str]:
    return job.seed, job.name


def _finish(job: Job, kept: KeptRows) -> Finished:
    began = time.monotonic()
    finished = Finished(tuple(job.run()), time.monotonic() - began)
    kept.write(job.name, job.seed, job.settings, finished)
    return finished
