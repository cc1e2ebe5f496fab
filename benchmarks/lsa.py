"""LSA: time, memory and quality of a fit, beside scikit-learn and gensim as their docs show them.

    python benchmarks/lsa.py --count 100000                   # made-up texts
    python benchmarks/lsa.py --texts FILE --count 60000       # one text a line
    python benchmarks/lsa.py --count 1000000 --only picturedesk,gensim

Each reads the same file of texts in a process of its own, from raw text to 500 topics of at most
50,000 words that two texts have:

* picturedesk: ``LsaEncoder.fit``;
* scikit-learn: ``TfidfVectorizer`` (sublinear, float32) and ``TruncatedSVD`` with five iterations;
* gensim: ``Dictionary``, ``TfidfModel``, ``LsiModel``, streamed, words split at spaces.

Quality: of texts that no fit has seen, one has the even words and the other the odd ones; recall is
the share of the former whose other half is the nearest, or among the ten nearest.

Made-up texts have 20 to 100 words. Three in ten are of the text's topics, of which there are 2,000
with 40 words each; the others follow Zipf's law. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from measured import peak_mb

TOPICS = 500
WORDS = 50_000
HELD_OUT = 2_000
VOCABULARY = 300_000  # of made-up texts
PLANTED = 2_000  # topics of made-up texts
EACH = 40  # words of a planted topic
BLOCK = 10_000
ENGINES = ("picturedesk", "scikit-learn", "gensim")


def made_up(count: int, seed: int = 0) -> Iterator[str]:
    """Texts about one to three topics; the same in every run."""
    random = np.random.default_rng(seed)
    share = 1 / (np.arange(VOCABULARY) + 2.7)
    share = np.cumsum(share / share.sum())
    topics = np.random.default_rng(1).integers(200, VOCABULARY // 4, (PLANTED, EACH))
    often = 1 / (np.arange(PLANTED) + 20)
    often /= often.sum()
    for start in range(0, count, BLOCK):
        texts = min(BLOCK, count - start)
        lengths = random.integers(20, 101, texts)
        words = np.searchsorted(share, random.random(lengths.sum()))
        about = random.choice(PLANTED, (texts, 3), p=often)
        of = np.repeat(np.arange(texts), lengths)
        told = topics[about[of, random.integers(0, 3, len(of))], random.integers(0, EACH, len(of))]
        words = np.where(random.random(len(of)) < 0.3, told, words)
        for one in np.split(words, np.cumsum(lengths)[:-1]):
            yield " ".join([f"w{word}" for word in one.tolist()])


@dataclass(frozen=True)
class Lines:
    """Texts of a file, one a line; each iteration reads it anew."""

    file: Path
    count: int

    def __iter__(self) -> Iterator[str]:
        with self.file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                if number == self.count:
                    return
                yield line.rstrip("\n")


def fit_picturedesk(texts: Lines) -> Any:
    from picturedesk.texts.lsa import LsaConfig, LsaEncoder

    encoder = LsaEncoder.fit(texts, LsaConfig(topics=TOPICS, max_words=WORDS))
    return encoder.encode


def fit_scikit_learn(texts: Lines) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    weights = TfidfVectorizer(min_df=2, max_features=WORDS, sublinear_tf=True, dtype=np.float32)
    steps = make_pipeline(weights, TruncatedSVD(TOPICS, random_state=0), Normalizer(copy=False))
    steps.fit(texts)
    return steps.transform


def fit_gensim(texts: Lines) -> Any:
    from gensim.corpora import Dictionary
    from gensim.matutils import corpus2dense
    from gensim.models import LsiModel, TfidfModel

    known = Dictionary(text.lower().split() for text in texts)
    known.filter_extremes(no_below=2, no_above=1.0, keep_n=WORDS)

    class Bags:
        def __iter__(self) -> Iterator[list[tuple[int, int]]]:
            return (known.doc2bow(text.lower().split()) for text in texts)

    weights = TfidfModel(dictionary=known)
    lsi = LsiModel(weights[Bags()], id2word=known, num_topics=TOPICS, random_seed=0)

    def encode(asked: list[str]) -> np.ndarray:
        bags = [known.doc2bow(text.lower().split()) for text in asked]
        vectors = corpus2dense(lsi[weights[bags]], TOPICS, len(asked)).T
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    return encode


FITS = dict(zip(ENGINES, (fit_picturedesk, fit_scikit_learn, fit_gensim), strict=True))


def one_fit(engine: str, file: Path, count: int) -> dict[str, Any]:
    """Fits on a file and finds halves of the texts behind those of the fit."""
    wall, cpu = time.perf_counter(), time.process_time()
    encode = FITS[engine](Lines(file, count))
    report = {"s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    report["peak_mb"] = peak_mb()
    held_out = [text.split() for text in list(Lines(file, count + HELD_OUT))[count:]]
    asked, wanted = (encode([" ".join(words[half::2]) for words in held_out]) for half in range(2))
    scores = np.asarray(asked) @ np.asarray(wanted).T
    ranks = (scores > np.diag(scores)[:, None]).sum(axis=1)
    return report | {f"recall@{k}": float((ranks < k).mean()) for k in (1, 10)}


@contextmanager
def corpus(given: Path | None, count: int) -> Iterator[Path]:
    """A file of ``count`` texts and those that are held out."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts"
        with file.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{text}\n" for text in made_up(count + HELD_OUT))
        yield file


def main() -> None:
    """Fits one engine after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000, help="texts that are fitted on")
    parser.add_argument("--texts", type=Path, help="a file of texts, one a line")
    parser.add_argument("--only", default=",".join(ENGINES))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(one_fit(asked.child, asked.texts, asked.count)))
        return
    report: dict[str, Any] = {"texts": asked.count, "load_before": os.getloadavg()[0]}
    with corpus(asked.texts, asked.count) as file:
        for engine in asked.only.split(","):
            command = [sys.executable, __file__, "--child", engine, "--texts", str(file)]
            command += ["--count", str(asked.count)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            report[engine] = json.loads(done.stdout.splitlines()[-1])
            shown = ", ".join(f"{name} {value:.3g}" for name, value in report[engine].items())
            print(f"{engine:14}{shown}", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
