"""How fast a desk answers: 30,000 made-up archive texts, 8,000 pictures, the default recipe.

    python benchmarks/suggest.py DESK                               # build once, then measure
    python benchmarks/suggest.py DESK --texts 3000 --pictures 800   # a smaller one
    python benchmarks/suggest.py DESK --only ask --json FILE        # build, ask, cold

* build: a desk fitted on made-up texts and level features. The features are put into the desk's
  store beforehand, so that no picture is decoded; an existing desk is kept as it is.
* ask: one process with the desk open. Milliseconds of ``suggest`` for 1, 5, 10 and 30 pictures,
  texts per second one by one and in one call, peak memory.
* cold: whole processes of ``picturedesk suggest``, their wall and CPU time and peak memory.

Texts have 20 to 200 words, of which the n-th most frequent is as frequent as 1 / n. A picture shows
a few of 600 things; its texts name some of them among other words, its features are a noisy
mixture of what the things look like. Only times and memory mean anything here. Building needs
the extra 'train', which exports the backbone.

Minimum and median of several runs are printed; CPU time depends less on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from measured import peak_mb

STEPS = ("build", "ask", "cold")
SHOWN = (1, 5, 10, 30)  # how many pictures are asked for
ASKED = 20  # texts per number of pictures
MANY = 200  # texts for the rate
THINGS = 600
WORDS = 40_000
LENGTHS = (20, 200)  # words of a text, from and to
FUNCTION_WORDS = """
    the of and to a in is it that was for on are as with his they at be this from have or by one
    had not but what all were when we there can an your which their said if do will each about
    how up out them then she many some so these would other into has more her two like him see
"""
ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sh st t th tr v w"
VOWELS = "a e i o u ea ee ai ou oo ie"
CODAS = "- - - - - - b ck d g ll m n nd ng nt p r rd rn s ss st t th x"


class Writer:
    """Writes texts about things; the same seed, the same words and texts."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        vocabulary = _vocabulary(np.random.default_rng(0))
        self._words = np.array(vocabulary[THINGS:])
        self._things = np.array(vocabulary[:THINGS])
        share = 1 / (np.arange(len(self._words)) + 2.7)
        self._share = np.cumsum(share / share.sum())

    def text(self, things: Sequence[int], length: int = 0) -> str:
        """Sentences of Zipfian words, every tenth of them the name of one of the things."""
        random = self._random
        length = length or int(random.integers(LENGTHS[0], LENGTHS[1] + 1))
        places = np.searchsorted(self._share, random.random(length))
        words = self._words[np.minimum(places, len(self._words) - 1)].tolist()
        told = random.choice(length, size=max(2, length // 10), replace=False)
        for place, thing in zip(told, random.choice(things, size=len(told)), strict=True):
            words[place] = str(self._things[thing])
        sentences, start = [], 0
        while start < length:
            end = start + int(random.integers(8, 25))
            sentences.append(" ".join(words[start:end]).capitalize() + ".")
            start = end
        return " ".join(sentences)


def _vocabulary(random: np.random.Generator) -> list[str]:
    """Distinct words that look like English; after those of the things, the common ones first."""
    onsets, vowels, codas = (part.split() for part in (ONSETS, VOWELS, CODAS))
    made: dict[str, None] = {}
    while len(made) < WORDS:
        parts = [
            random.choice(onsets) + random.choice(vowels) + random.choice(codas).strip("-")
            for _ in range(int(random.integers(1, 4)))
        ]
        made["".join(parts)] = None
    common = FUNCTION_WORDS.split()
    named = [word for word in made if len(word) > 5][:THINGS]
    taken = {*common, *named}
    others = [word for word in made if word not in taken]
    return [*named, *common, *sorted(others, key=len)]  # short words are the frequent ones


def shown_things(pictures: int, seed: int = 0) -> np.ndarray:
    """Six things a picture (N, 6); some are everywhere, most are rare."""
    often = 1 / np.arange(3, THINGS + 3)
    random = np.random.default_rng([seed, 1])
    return random.choice(THINGS, size=(pictures, 6), p=often / often.sum())


def made_up_features(levels: Sequence[Any], things: np.ndarray) -> np.ndarray:
    """Level features (N, ΣD_l); the level "probs" sums to one."""
    random = np.random.default_rng(2)
    blocks = []
    for level in levels:
        looks = random.normal(size=(THINGS, level.width)).astype(np.float32)
        noise = random.normal(size=(len(things), level.width)).astype(np.float32)
        blocks.append(seen(level, looks[things].mean(axis=1) + np.float32(1.2) * noise))
    return np.concatenate(blocks, axis=1)


def seen(level: Any, values: np.ndarray) -> np.ndarray:
    """Features (N, D_l) of a level from any numbers; class probabilities sum to one."""
    if level.name != "probs":
        return values
    values = np.exp(3 * values)
    return values / values.sum(axis=1, keepdims=True)


def fill_store(desk: Path, things: np.ndarray) -> list[str]:
    """Puts features of tiny files into the desk's store; returns the files."""
    from PIL import Image

    from picturedesk import Backbone, FeatureStore

    records = sys.modules[FeatureStore.__module__]  # FeatureRow and Source live with the store
    (desk / "pictures").mkdir(parents=True, exist_ok=True)
    backbone = Backbone("default")
    features = made_up_features(backbone.spec.levels, things)
    hashes = np.random.default_rng(3).integers(1 << 63, size=len(things), dtype=np.uint64)
    rows, sources = [], []
    for number, row in enumerate(features):
        file = (desk / "pictures" / f"{number:06}.png").absolute()
        colour = (number & 255, number >> 8 & 255, number >> 16)
        Image.new("RGB", (2, 2), colour).save(file)
        key = f"{number:032x}"
        rows.append(records.FeatureRow(key, row, int(hashes[number]), 640, 480))
        status = file.stat()
        sources.append(records.Source(str(file), status.st_size, status.st_mtime_ns, key))
    with FeatureStore.open(desk / "features.db", backbone.spec) as store:
        store.add(rows, sources)
    return [source.path for source in sources]


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Fits the desk, unless it is there."""
    from picturedesk import Archive, Desk, Picture, PicturedeskError, Text

    desk = options.desk
    try:
        Desk(desk)
        return {"kept": True}
    except PicturedeskError:
        pass
    things, writer = shown_things(options.pictures), Writer()
    files = fill_store(desk, things)
    links = np.stack([np.arange(options.texts)] * 2, axis=1) % [options.texts, options.pictures]
    texts = [Text(str(text), writer.text(things[picture])) for text, picture in links.tolist()]
    archive = Archive(
        "made up",
        tuple(texts),
        tuple(Picture(file) for file in files),
        links.astype(np.int64),
        ("",) * len(texts),
    )
    clock = Clock()
    report = Desk.fit_report(archive, desk)
    wall, cpu = clock.seconds()
    return {"fit_s": wall, "cpu_s": cpu, "steps_s": report.seconds, "peak_mb": peak_mb()}


@dataclass
class Clock:
    """Wall and CPU seconds of this process since it was made."""

    def __post_init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> tuple[float, float]:
        """(wall, CPU)."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def figures(taken: Sequence[tuple[float, float]], unit: float = 1000.0) -> dict[str, float]:
    """Minimum and median of wall and CPU times."""
    wall, cpu = ([unit * value for value in values] for values in zip(*taken, strict=True))
    return {
        "min": min(wall),
        "median": statistics.median(wall),
        "cpu_min": min(cpu),
        "cpu_median": statistics.median(cpu),
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds of a call."""
    clock = Clock()
    work()
    return clock.seconds()


def questions(options: argparse.Namespace, count: int, seed: int) -> list[str]:
    """Texts that the desk has not seen, about what its pictures show, from short to long."""
    things, writer = shown_things(options.pictures), Writer(seed)
    lengths = np.linspace(*LENGTHS, count + 2).astype(int)[1:-1].tolist()
    return [writer.text(things[n % len(things)], length) for n, length in enumerate(lengths)]


def ask(options: argparse.Namespace) -> dict[str, Any]:
    """Times ``suggest`` in one process."""
    from picturedesk import Desk

    found: dict[str, Any] = {}
    desk = Desk(options.desk)
    first, second = questions(options, 2, seed=100)
    found["first_ms"] = 1000 * timed(lambda: desk.suggest(first, k=10))[0]
    desk.suggest(second, k=max(SHOWN))
    taken: dict[int, list[tuple[float, float]]] = {k: [] for k in SHOWN}
    texts = questions(options, ASKED * len(SHOWN), seed=101)
    for number, text in enumerate(texts):  # in turns: noise and lengths are the same for all
        k = SHOWN[number % len(SHOWN)]
        taken[k].append(timed(lambda text=text, k=k: desk.suggest(text, k=k)))
    found["suggest_ms"] = {str(k): figures(times) for k, times in taken.items()}
    many = questions(options, MANY, seed=200)
    found["peak_mb_one_by_one"] = peak_mb()
    rounds = [timed(lambda: [desk.suggest(text, k=10) for text in many]) for _ in range(3)]
    found["one_by_one_per_s"] = rates(rounds)
    if takes_lists(desk, many[:2]):
        rounds = [timed(lambda: desk.suggest(many, k=10)) for _ in range(3)]
        found["in_one_call_per_s"] = rates(rounds)
    found["peak_mb"] = peak_mb()
    return found


def takes_lists(desk: Any, texts: list[str]) -> bool:
    """Whether ``suggest`` answers several texts at once."""
    try:
        answers = list(desk.suggest(texts, k=3))
    except Exception:  # an older one fails somewhere in its text encoder
        return False
    return len(answers) == len(texts) and all(len(answer) == 3 for answer in answers)


def rates(rounds: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Texts per second, best and median round, and CPU milliseconds a text."""
    wall = [taken[0] for taken in rounds]
    return {
        "best": MANY / min(wall),
        "median": MANY / statistics.median(wall),
        "cpu_ms_each": 1000 * statistics.median(taken[1] for taken in rounds) / MANY,
    }


def cold(options: argparse.Namespace) -> dict[str, Any]:
    """Times whole processes of the command line; the first, uncounted, warms the disk's cache."""
    text = questions(options, 1, seed=300)[0]
    command = [sys.executable, "-m", "picturedesk", "suggest", text, "--desk", str(options.desk)]
    taken, peaks = [], []
    for _ in range(options.runs + 1):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"picturedesk suggest ended with {process.returncode}")
        taken.append((time.perf_counter() - started, usage.ru_utime + usage.ru_stime))
        peaks.append(usage.ru_maxrss / 1024)
    return {"s": figures(taken[1:], unit=1.0), "peak_mb": statistics.median(peaks[1:])}


def parsed() -> tuple[argparse.Namespace, bool]:
    """The command line, and whether this process is a child that does one step."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("desk", type=Path, help="a folder; made, and kept for the next time")
    parser.add_argument("--texts", type=int, default=30_000)
    parser.add_argument("--pictures", type=int, default=8_000)
    parser.add_argument("--runs", type=int, default=7, help="of the command line")
    parser.add_argument("--only", default=",".join(STEPS), help="of build, ask, cold")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    return options, options.child


def in_child(step: str, options: argparse.Namespace) -> dict[str, Any]:
    """Runs one step in a process of its own, so that its peak memory is its own."""
    command = [sys.executable, __file__, str(options.desk), "--only", step, "--child"]
    for name in ("texts", "pictures", "runs"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def show(step: str, found: dict[str, Any]) -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            for inner, one in value.items():
                print(f"{step:6}{name + ' ' + inner:36}{shown(one)}")
        else:
            print(f"{step:6}{name:36}{shown(value)}")


def shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Prints what was measured."""
    options, child = parsed()
    steps = {"build": build, "ask": ask, "cold": cold}
    if child:
        print(json.dumps(steps[options.only](options)))
        return
    report: dict[str, Any] = {"texts": options.texts, "pictures": options.pictures}
    report["load_before"] = os.getloadavg()[0]
    for step in options.only.split(","):
        report[step] = in_child(step, options)
        show(step, report[step])
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
