"""How long the pieces of an experiment take on this machine, measured in short at their real sizes.

Arrays are random: times do not depend on what is in them. Work that runs side by side in the
experiment runs side by side here, so that cores, caches and other programs weigh the same. Knows
arrays and texts; reads no file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from picturedesk.heads.fusion import FusionMLP, length_one
from picturedesk.learning.training import RECALLS, TrainConfig, TrainingSet, train
from picturedesk.measuring.metrics import retrieval_scores
from picturedesk.measuring.significance import paired_difference
from picturedesk.research.baselines.closed_form import CcaConfig, RidgeConfig, cca, ridge
from picturedesk.research.baselines.vse import VseConfig, vse
from picturedesk.routes.archive import ArchiveVectors
from picturedesk.routes.transfer import transfer_scores
from picturedesk.texts.lsa import LsaConfig, LsaEncoder
from picturedesk.types import Floats

# The best epoch of a training is about BEST / √(steps in an epoch): measured 17 on average with 6
# steps (9 to 27, 1,500 news texts), 5 with 106 (2 to 7, 27,000 made-up captions).
BEST = 40
_STEPS = 6  # steps that are timed; smaller archives are timed whole
_TEXTS = 3200  # texts that LSA is timed on; above 3,000 its time grows with their number
_ROWS = 4096  # pictures that linear algebra is timed on
_QUERIES = 128  # texts that scoring is timed on
_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Part:
    """Number of texts and pictures of one part of the data."""

    texts: int
    pictures: int

    def at_most(self, texts: int, pictures: int) -> Part:
        """The same, cut down."""
        return Part(min(self.texts, texts), min(self.pictures, pictures))


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes that decide how long an experiment takes.

    Attributes:
        train: what is learned from.
        validate: what is ranked after each epoch.
        test: what every row is measured on.
        topics: width of the text vectors.
        workers: jobs that run side by side, each on one core.
    """

    train: Part
    validate: Part
    test: Part
    topics: int
    workers: int


class _Times:
    """A Progress that notes when it was called."""

    def __init__(self) -> None:
        self.at = [time.perf_counter()]

    def __call__(self, done: int, total: int, what: str) -> None:
        self.at.append(time.perf_counter())

    @property
    def laps(self) -> list[float]:
        """Seconds between calls; the first since it was made."""
        return [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]


def training_seconds(sizes: Sizes, width: int, config: TrainConfig) -> float:
    """One training of the paper's network on levels of this width, on one core of several."""
    texts = min(sizes.train.texts, _STEPS * config.batch)
    training = _made_up(sizes.train.at_most(texts, _ROWS), sizes.topics, width)
    validation = _made_up(sizes.validate, sizes.topics, width)
    short = replace(config, epochs=2, patience=2)

    def epoch() -> tuple[float, float]:
        trained = train(training, validation, short)
        return trained.history[-1].seconds, _timed(partial(_rank, trained.fusion, validation))

    whole, ranking = _side_by_side(epoch, sizes.workers)
    steps = max(0.0, whole - ranking) * sizes.train.texts / texts
    return (steps + ranking) * _epochs(sizes.train.texts, config)


def vse_seconds(sizes: Sizes, width: int, config: VseConfig) -> float:
    """One training of VSE++ on levels of this width, on one core of several."""
    texts = min(sizes.train.texts, 2 * _STEPS * config.batch)
    training = _made_up(sizes.train.at_most(texts, _ROWS), sizes.topics, width)
    validation = _made_up(sizes.validate, sizes.topics, width)
    short = replace(config, epochs=2, patience=2)

    def epoch() -> tuple[float, float]:
        times = _Times()
        towers = vse(training, validation, config=short, progress=times)

        def rank() -> None:
            asked, shown = towers.texts(validation.texts), towers.pictures(validation.pictures)
            retrieval_scores(length_one(asked) @ length_one(shown).T, validation.links)

        return times.laps[1], _timed(rank)

    whole, ranking = _side_by_side(epoch, sizes.workers)
    steps = max(0.0, whole - ranking) * sizes.train.texts / texts
    return (steps + ranking) * _epochs(sizes.train.texts, config)


def closed_form_seconds(sizes: Sizes, width: int, ridges: RidgeConfig, pairs: CcaConfig) -> float:
    """Ridge regression and CCA on levels of this width, tuned."""
    some = sizes.train.at_most(_ROWS, _ROWS)
    training = _made_up(some, sizes.topics, width)
    validation = _made_up(sizes.validate, sizes.topics, width)
    more = sizes.train.pictures / some.pictures  # moments grow with the number of pictures
    one = replace(pairs, text_penalties=(1.0,), picture_penalties=(1.0,))
    times = _Times()
    ridge(training, validation, RidgeConfig((1.0,)), times)
    moments, penalty = times.laps[:2]
    times = _Times()
    cca(training, validation, one, times)
    began = time.perf_counter()
    rest = began - times.at[-1]  # dimensions and powers
    count = len(pairs.text_penalties) * len(pairs.picture_penalties)
    canonical = times.laps[0] * more + times.laps[1] * count + rest
    return moments * more + penalty * len(ridges.penalties) + canonical


def text_seconds(texts: Sequence[str], sizes: Sizes, config: LsaConfig) -> float:
    """Fitting LSA on the training texts and encoding all texts, for one seed.

    Args:
        texts: all texts of the archive.
        sizes: how many are for training.
        config: of LSA.
    """
    step = max(1, len(texts) // min(sizes.train.texts, _TEXTS))
    some = texts[::step][: min(sizes.train.texts, _TEXTS)]
    began = time.perf_counter()
    encoder = LsaEncoder.fit(some, config)
    fitted = time.perf_counter()
    encoder.encode(some)
    encoded = time.perf_counter()
    fitting = (fitted - began) * sizes.train.texts / len(some)
    return fitting + (encoded - fitted) * len(texts) / len(some)


def scoring_seconds(sizes: Sizes, width: int) -> float:
    """Scoring the test texts by the transfer route with raw levels, the dearest row, once."""
    archive = sizes.train.at_most(_ROWS, _ROWS)
    asked = sizes.test.at_most(_QUERIES, _ROWS)
    made = _made_up(archive, sizes.topics, width)
    memory = ArchiveVectors(made.texts, made.pictures, made.links)
    queries, candidates = _random(asked.texts, sizes.topics), _random(asked.pictures, width)
    seconds = _timed(lambda: transfer_scores(queries, memory, candidates))
    more = max(sizes.train.texts / archive.texts, sizes.test.pictures / asked.pictures)
    return seconds * more * sizes.test.texts / asked.texts


def comparison_seconds(sizes: Sizes, resamples: int) -> float:
    """One paired bootstrap over the test texts."""
    values = np.random.default_rng(0).random(sizes.test.texts)
    few = min(_RESAMPLES, resamples)
    groups = np.arange(len(values), dtype=np.int64)
    seconds = _timed(lambda: paired_difference(values, values[::-1], groups, 0, few))
    return seconds * resamples / few


def _epochs(texts: int, config: TrainConfig | VseConfig) -> int:
    """Expected number of epochs: those until the best one, and those without a better one."""
    steps = -(-texts // config.batch)
    return min(config.epochs, math.ceil(BEST / math.sqrt(steps)) + config.patience)


def _side_by_side(work: Callable[[], tuple[float, float]], workers: int) -> tuple[float, float]:
    """Means of what ``work`` measures in several threads at once, each with one core for torch."""
    import torch

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(workers, initializer=partial(torch.set_num_threads, 1)) as pool:
            running = [pool.submit(work) for _ in range(workers)]
            found = np.array([each.result() for each in running])  # (W, 2)
    finally:
        torch.set_num_threads(before)
    first, second = found.mean(axis=0)
    return float(first), float(second)


def _rank(fusion: FusionMLP, validation: TrainingSet) -> None:
    scores = length_one(validation.texts) @ length_one(fusion(validation.pictures)).T
    retrieval_scores(scores, validation.links, RECALLS)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _made_up(part: Part, topics: int, width: int) -> TrainingSet:
    numbers = np.arange(part.texts, dtype=np.int64)
    return TrainingSet(
        _random(part.texts, topics),
        _random(part.pictures, width),
        np.stack([numbers, numbers % part.pictures], axis=1),
        np.arange(part.pictures, dtype=np.int64),
    )


def _random(rows: int, columns: int) -> Floats:
    return np.random.default_rng(0).standard_normal((rows, columns), dtype=np.float32)
