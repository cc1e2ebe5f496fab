"""Texts per second of the text encoders: LSA, the Universal Sentence Encoder, multilingual E5.

    python benchmarks/encoding.py                 # 300 texts of some four sentences, made up
    python benchmarks/encoding.py --texts FILE    # one text a line

Each encodes all texts in one call and, in turns, one by one; LSA is fitted on the same texts. Also
words per second of dividing texts into words. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.errors import MissingExtra
from picturedesk.parallel import cpus
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.pretrained import KNOWN, open_pretrained
from picturedesk.texts.words import words
from suggest import Writer, shown_things

SINGLE = 100  # texts that are encoded one by one
ROUNDS = 3


def made_up(count: int) -> list[str]:
    """Texts of some 60 words in sentences."""
    writer, things = Writer(0), shown_things(count)
    return [writer.text(thing, 60) for thing in things]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def rates(encoder: Any, texts: list[str]) -> dict[str, float]:
    """Of the median of some rounds."""
    encoder.encode(texts[:2])
    together = [timed(lambda: encoder.encode(texts)) for _ in range(ROUNDS)]
    single = [timed(lambda text=text: encoder.encode([text])) for text in texts[:SINGLE]]
    wall, cpu = np.median(together, axis=0)
    return {
        "texts_per_s": len(texts) / wall,
        "cpu_ms_each": 1000 * cpu / len(texts),
        "one_ms": 1000 * float(np.median([wall for wall, _ in single])),
        "one_cpu_ms": 1000 * float(np.mean([cpu for _, cpu in single])),
    }


def main() -> None:
    """Measures every encoder that is installed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--count", type=int, default=300)
    given = parser.parse_args()
    texts = made_up(given.count)
    if given.texts:
        texts = given.texts.read_text(encoding="utf-8").splitlines()[: given.count]
    length = sum(len(words(text)) for text in texts)
    report: dict[str, Any] = {"texts": len(texts), "words_each": length / len(texts)}
    report |= {"cpus": cpus(), "load_before": os.getloadavg()[0], "encoders": {}}
    _, cpu = timed(lambda: [words(text) for text in texts])
    report["words_per_cpu_s"] = length / cpu
    encoders = {"lsa": LsaEncoder.fit(texts)}
    for name in KNOWN:
        try:
            encoders[name] = open_pretrained(name)
        except MissingExtra as missing:
            print(f"{name}: {missing}")
    for name, encoder in encoders.items():
        report["encoders"][name] = found = rates(encoder, texts)
        print(f"{name:6}" + ", ".join(f"{key} {value:.2f}" for key, value in found.items()))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
