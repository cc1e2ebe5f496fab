"""Text encoders: time to fit, to load in a fresh process, and to encode one text.

    python benchmarks/text_encoders.py                      # a synthetic corpus, 50,000 words
    python benchmarks/text_encoders.py --texts FOLDER       # every .txt in a folder
    python benchmarks/text_encoders.py --doc2vec            # doc2vec as well (extra doc2vec)

Prints one JSON object per encoder; seconds are wall time, milliseconds the median of many runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from picturedesk.texts.doc2vec import Doc2VecEncoder
from picturedesk.texts.lsa import LsaEncoder

LOADING = """
import json, sys, time
from pathlib import Path
from picturedesk.texts import load_text_encoder
from picturedesk.texts import doc2vec, lsa
folder, text = Path(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="utf-8")
started = time.perf_counter()
encoder = load_text_encoder(folder)
loaded = time.perf_counter()
encoder.encode([text])
done = time.perf_counter()
print(json.dumps({"load_s": loaded - started, "first_encode_s": done - loaded}))
"""


def made_up_texts(texts: int, words: int, length: int, seed: int = 0) -> Iterator[str]:
    """Texts of ``length`` words; the frequency of the n-th word is proportional to 1 / n."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(1, words + 1)
    share /= share.sum()
    for _ in range(texts):
        drawn = random.choice(words, size=length, p=share)
        yield " ".join(f"w{number}" for number in drawn)


def median_ms(encoder: LsaEncoder | Doc2VecEncoder, text: str, times: int = 50) -> float:
    """Median milliseconds to encode one text."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        encoder.encode([text])
        took.append(time.perf_counter() - started)
    return 1000 * statistics.median(took)


def measure(kind: str, texts: list[str], asked: dict[str, str]) -> dict[str, object]:
    """Fits, saves, loads in another process, encodes."""
    started = time.perf_counter()
    encoder = {"lsa": LsaEncoder, "doc2vec": Doc2VecEncoder}[kind].fit(texts)
    fitted = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name) / "encoder", Path(name) / "text"
        encoder.save(folder)
        file.write_text(asked["long"], encoding="utf-8")
        program = [sys.executable, "-c", LOADING, str(folder), str(file)]
        fresh = json.loads(subprocess.run(program, capture_output=True, check=True).stdout)
        loaded = type(encoder).load(folder)
        size = sum(part.stat().st_size for part in folder.iterdir())
        encoded = {name: median_ms(loaded, text) for name, text in asked.items()}
    return {
        "encoder": kind,
        "texts": len(texts),
        "width": encoder.width,
        "folder_mb": size / 1e6,
        "fit_s": fitted,
        **fresh,
        **{f"encode_{name}_ms": value for name, value in encoded.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Runs the measurements of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--texts", type=Path, help="folder of .txt files")
    parser.add_argument("--count", type=int, default=3000, help="number of synthetic texts")
    parser.add_argument("--doc2vec", action="store_true")
    settings = parser.parse_args()
    if settings.texts:
        texts = [file.read_text(encoding="utf-8") for file in sorted(settings.texts.glob("*.txt"))]
    else:
        texts = list(made_up_texts(settings.count, words=120_000, length=600))
    whole = " ".join(texts)
    asked = {"typical": sorted(texts, key=len)[len(texts) // 2], "long": whole[:4000]}
    for kind in ("lsa", "doc2vec") if settings.doc2vec else ("lsa",):
        print(json.dumps(measure(kind, texts, asked)), flush=True)


if __name__ == "__main__":
    main()
