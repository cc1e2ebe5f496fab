"""Sentence encoding: a text's vector is the weighted sum of its sentences' vectors.

Needs no fit. Knows nothing of pictures, and not how an engine encodes sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.disk.arrays import map_arrays, write_arrays
from picturedesk.disk.artifacts import atomic_folder, fingerprint, read_manifest, write_manifest
from picturedesk.errors import BadInput, Mismatch
from picturedesk.texts.splitting import SENTENCES_VERSION, sentences_of
from picturedesk.types import Floats, Json

KIND = "sentences"
_BLOCK = 256  # texts encoded together: at most 25 MB of sentence vectors with 512 numbers
_LARGEST = 1_000_000  # sentences


@dataclass(frozen=True, slots=True)
class SentenceConfig:
    """How the vectors of sentences are combined.

    Attributes:
        longest: characters; a longer sentence is cut into pieces.
        lead: sentence p (from 0) has the weight (1 + p) ** -lead; 0 gives all the same weight.
        most: maximum number of sentences of a text, the first ones. With a lead of 1, each later
            one would have less than 1/48 of the first one's weight.
    """

    longest: int = 600
    lead: float = 1.0
    most: int = 48

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.longest < 1 or self.most < 1 or self.lead < 0:
            raise BadInput(f"{self}: longest and most must be 1 or more, lead 0 or more")


@runtime_checkable
class SentenceEngine(Protocol):
    """Sentences → vectors; the engine of a SentenceEncoder."""

    @property
    def name(self) -> str:
        """Its name in manifests."""

    @property
    def facts(self) -> Json:
        """What is needed to open the same engine again, as JSON."""

    @property
    def fingerprint(self) -> str:
        """Identifies everything that determines the output."""

    @property
    def width(self) -> int:
        """Numbers per sentence."""

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Tables that let it open quickly; may be empty."""

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, D), of any length."""


@runtime_checkable
class EngineOfFiles(Protocol):
    """An engine that has files of its own, which are saved with the encoder."""

    def write(self, folder: Path) -> None:
        """Copies them into an existing folder."""


class SentenceEncoder:
    """Texts → weighted sums of their sentences' vectors, of length one; see ``types.TextEncoder``.

    The vector of a text is ``normalise(weights(S) @ sentence_vectors(text))``.

    Attributes:
        config: how the vectors of sentences are combined.
        engine: encodes sentences.
    """

    def __init__(
        self, config: SentenceConfig | None = None, engine: SentenceEngine | None = None
    ) -> None:
        """Makes an encoder that needs no fit.

        Args:
            config: settings; None for the defaults.
            engine: None for the Universal Sentence Encoder (16 languages).
        """
        if engine is None:
            from picturedesk.texts.use import UseEngine

            engine = UseEngine.installed()
        checks.optional("config", config, SentenceConfig)
        self.config = config or SentenceConfig()
        self.engine = checks.instance("engine", engine, SentenceEngine)

    @property
    def width(self) -> int:
        """D: the width of the engine."""
        return self.engine.width

    @property
    def fingerprint(self) -> str:
        """Hash of settings, engine (with its weights) and the rules for splitting sentences."""
        parts = {"kind": KIND, "sentences": SENTENCES_VERSION, "config": self.config}
        return fingerprint({**parts, "engine": self.engine.fingerprint})

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros for a text without letters or digits.

        Encodes texts in blocks, so that only the result takes memory that grows with Q. Encodes
        repeated sentences of a block once. A row depends on the other texts only by rounding
        (under 1e-6).
        """
        texts = checks.texts("texts", texts)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [self.sentences(text) for text in texts[start : start + _BLOCK]]
            known = {sentence: row for row, sentence in enumerate(_distinct(block))}
            rows = self._unit_rows(list(known))  # (n, D)
            for vector, found in zip(vectors[start:], block, strict=False):
                places = [known[sentence] for sentence in found]
                vector[:] = self._pool(rows[places])[0]
        return vectors

    def sentences(self, text: str) -> list[str]:
        """The first S sentences of a text; S is at most ``config.most``. Reads no further."""
        checks.text("text", text)
        return list(islice(sentences_of(text, self.config.longest), self.config.most))

    def sentence_vectors(self, text: str) -> Floats:
        """Vectors (S, D), of length one, of a text's ``sentences``."""
        return self._unit_rows(self.sentences(text))

    def weights(self, count: int) -> Floats:
        """Weights (S,) of ``count`` sentences; the first has the largest."""
        count = checks.whole_number("count", count, 0, _LARGEST)
        weights: Floats = (1 + np.arange(count, dtype=np.float32)) ** -self.config.lead
        return weights.astype(np.float32)

    def sentence_shares(self, text: str, direction: Floats) -> list[tuple[str, float]]:
        """The contribution of each sentence to the dot product of a text and a direction.

        Contributions are exact: their sum is ``encode([text])[0] @ direction``.

        Args:
            text: any text.
            direction: (D,).

        Returns:
            Sentences with their contributions, in the order of the text.

        Raises:
            BadInput: the direction does not have D numbers.
        """
        checks.array("direction", direction)
        if direction.shape != (self.width,):
            raise BadInput(f"direction has shape {direction.shape}, vectors have ({self.width},)")
        found = self.sentences(text)
        rows = self._unit_rows(found)  # (S, D)
        _, norm = self._pool(rows)
        shares = self.weights(len(found)) * np.einsum("sd,d->s", rows, direction) / norm
        return list(zip(found, shares.tolist(), strict=True))

    def _unit_rows(self, sentences: Sequence[str]) -> Floats:
        """Vectors (n, D) of length one."""
        if not sentences:
            return np.zeros((0, self.width), dtype=np.float32)
        rows = self.engine.encode(sentences)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(norms > 0, norms, 1), dtype=np.float32)

    def _pool(self, rows: Floats) -> tuple[Floats, float]:
        """Sentence vectors (S, D) → the text's vector (D,), and its length before scaling."""
        pooled: Floats = np.einsum("s,sd->d", self.weights(len(rows)), rows)
        norm = float(np.linalg.norm(pooled)) or 1.0
        return pooled / norm, norm

    def save(self, folder: Path) -> None:
        """Writes a manifest, and the engine's tables and files if it has any."""
        arrays = self.engine.arrays()
        content = {
            "sentences": SENTENCES_VERSION,
            "engine": {"name": self.engine.name, "tables": bool(arrays), **self.engine.facts},
            "config": asdict(self.config),
        }
        with atomic_folder(folder) as temporary:
            if arrays:
                write_arrays(temporary, arrays)
            if isinstance(self.engine, EngineOfFiles):
                self.engine.write(temporary)
            write_manifest(temporary, KIND, {"fingerprint": self.fingerprint, **content})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; returns the same output.

        Raises:
            MissingArtefact: a file is missing, damaged or truncated.
            MissingExtra: the engine's library is not installed.
            Mismatch: the folder has another kind, format, splitting rules or engine.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND)
        if manifest["sentences"] != SENTENCES_VERSION:
            raise Mismatch(
                f"{folder} was made with splitting rules {manifest['sentences']}, this "
                f"picturedesk has rules {SENTENCES_VERSION}: make it again"
            )
        try:
            engine = _open_engine(manifest, folder)
        except Mismatch as error:
            raise Mismatch(f"{folder} was {error}") from None
        encoder = cls(SentenceConfig(**manifest["config"]), engine)
        if encoder.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} has the fingerprint {manifest['fingerprint']}, this picturedesk would "
                f"encode with {encoder.fingerprint}: make it again"
            )
        return encoder


def _distinct(block: Sequence[Sequence[str]]) -> dict[str, None]:
    """Distinct sentences of some texts, sorted by length, which makes batches cheap."""
    return dict.fromkeys(sorted((s for found in block for s in found), key=len))


def _open_engine(manifest: Json, folder: Path) -> SentenceEngine:
    """The engine named in a manifest."""
    facts = dict(manifest["engine"])
    name, tables = facts.pop("name"), facts.pop("tables")
    if name == "use":
        from picturedesk.texts.use import BY_ROWS, UseEngine

        arrays = map_arrays(folder, manifest, BY_ROWS) if tables else {}
        return UseEngine.restored(facts, arrays)
    if name == "sentence-transformers":
        from picturedesk.texts.transformer import TransformerEngine

        return TransformerEngine.restored(facts)
    if name == "openclip":
        from picturedesk.texts.tower import TowerEngine

        return TowerEngine.restored(facts, folder, manifest)
    if name == "e5":
        from picturedesk.texts.e5 import E5Engine

        return E5Engine.restored(facts)
    known = "'use', 'e5', 'sentence-transformers', 'openclip'"
    raise Mismatch(f"made with unknown engine {name!r}: there are {known}")
