"""Sentence encoding: every sentence of a text is a vector, and the text is their weighted sum.

Nothing is fitted. Knows nothing of pictures, nor how an engine turns sentences into vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import (
    atomic_folder,
    fingerprint,
    read_manifest,
    write_arrays,
    write_manifest,
)
from picturedesk.errors import BadInput, Mismatch
from picturedesk.texts.splitting import SENTENCES_VERSION, split_sentences
from picturedesk.texts.stored import map_arrays
from picturedesk.types import Floats, Json

KIND = "sentences"
_BLOCK = 256  # texts whose sentences are in memory at once: at most 25 MB of 512 numbers each


@dataclass(frozen=True, slots=True)
class SentenceConfig:
    """How a text is made of its sentences.

    Attributes:
        longest: characters; a longer sentence is cut into pieces.
        lead: sentence p (from 0) weighs (1 + p) to the power of -lead; 0 weighs all the same.
        most: sentences of a text that are read. With a lead of 1 each later one weighs less
            than 1/48 of the first; of a text of 100 sentences all those weigh 14 % together.
    """

    longest: int = 600
    lead: float = 1.0
    most: int = 48

    def __post_init__(self) -> None:
        if self.longest < 1 or self.most < 1 or self.lead < 0:
            raise BadInput(f"{self}: longest and most start at 1, lead at 0")


class SentenceEngine(Protocol):
    """Sentences → vectors; what a SentenceEncoder runs on."""

    @property
    def name(self) -> str:
        """How manifests call it."""

    @property
    def facts(self) -> Json:
        """What opens the same engine again, as JSON."""

    @property
    def fingerprint(self) -> str:
        """What decides the output."""

    @property
    def width(self) -> int:
        """Numbers per sentence."""

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Tables to keep so that it opens quickly; may be empty."""

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, D), of any length."""


class SentenceEncoder:
    """Texts → weighted sums of their sentences' vectors, of length one; see ``types.TextEncoder``.

    The vector of a text is ``normalise(weights(S) @ sentence_vectors(text))``.

    Attributes:
        config: how a text is made of its sentences.
        engine: what turns sentences into vectors.
    """

    def __init__(
        self, config: SentenceConfig | None = None, engine: SentenceEngine | None = None
    ) -> None:
        """Ready to use.

        Args:
            config: settings; None for the defaults.
            engine: None for the Universal Sentence Encoder, of sixteen languages.
        """
        if engine is None:
            from picturedesk.texts.use import UseEngine

            engine = UseEngine.installed()
        self.config = config or SentenceConfig()
        self.engine = engine

    @property
    def width(self) -> int:
        """D: the width of the engine."""
        return self.engine.width

    @property
    def fingerprint(self) -> str:
        """Hash of settings, engine (its weights among it) and the way sentences are split."""
        parts = {"kind": KIND, "sentences": SENTENCES_VERSION, "config": self.config}
        return fingerprint({**parts, "engine": self.engine.fingerprint})

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros for a text without letters or digits.

        Texts are read in blocks, so that memory does not grow with Q but for the result; a
        sentence that occurs again in its block is encoded once. A row is the same alone and in
        company but for rounding (under 1e-6).
        """
        if isinstance(texts, str):
            raise BadInput("encode takes a list of texts, not one text: put it into a list")
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
        """The S sentences of a text that are read, in their order; S is at most config.most."""
        return split_sentences(text, self.config.longest)[: self.config.most]

    def sentence_vectors(self, text: str) -> Floats:
        """Vectors (S, D), of length one, of the sentences that ``sentences`` gives."""
        return self._unit_rows(self.sentences(text))

    def weights(self, count: int) -> Floats:
        """What each of so many sentences weighs (S,): the lead most."""
        weights: Floats = (1 + np.arange(count, dtype=np.float32)) ** -self.config.lead
        return weights.astype(np.float32)

    def sentence_shares(self, text: str, direction: Floats) -> list[tuple[str, float]]:
        """What each sentence adds to the dot product of the text's vector and a direction.

        The shares are exact: their sum is ``encode([text])[0] @ direction``.

        Args:
            text: any text.
            direction: (D,).

        Returns:
            Sentences with their shares, in the order of the text.

        Raises:
            BadInput: the direction is not D numbers.
        """
        if direction.shape != (self.width,):
            raise BadInput(
                f"direction of shape {direction.shape}: this encoder's vectors are ({self.width},)"
            )
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
        """Sentences (S, D) → the text (D,), and its length before it was scaled to one."""
        pooled: Floats = np.einsum("s,sd->d", self.weights(len(rows)), rows)
        norm = float(np.linalg.norm(pooled)) or 1.0
        return pooled / norm, norm

    def save(self, folder: Path) -> None:
        """Writes a manifest, and the engine's tables where that lets it open quickly."""
        arrays = self.engine.arrays()
        content = {
            "sentences": SENTENCES_VERSION,
            "engine": {"name": self.engine.name, "tables": bool(arrays), **self.engine.facts},
            "config": asdict(self.config),
        }
        with atomic_folder(folder) as temporary:
            if arrays:
                write_arrays(temporary, arrays)
            write_manifest(temporary, KIND, {"fingerprint": self.fingerprint, **content})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; gives the same output.

        Raises:
            MissingArtefact: a file is not there, broken or cut short.
            MissingExtra: the engine's library is not installed.
            Mismatch: of another kind or format, or made with other rules or another engine.
        """
        manifest = read_manifest(folder, KIND)
        if manifest["sentences"] != SENTENCES_VERSION:
            raise Mismatch(
                f"{folder} was made with sentences split by rules {manifest['sentences']}, this "
                f"picturedesk splits them by rules {SENTENCES_VERSION}: make it again"
            )
        try:
            engine = _open_engine(manifest["engine"], folder)
        except Mismatch as error:
            raise Mismatch(f"{folder} was {error}") from None
        encoder = cls(SentenceConfig(**manifest["config"]), engine)
        if encoder.fingerprint != manifest["fingerprint"]:
            raise Mismatch(
                f"{folder} was made as {manifest['fingerprint']}, this picturedesk would encode "
                f"as {encoder.fingerprint}: make it again"
            )
        return encoder


def _distinct(block: Sequence[Sequence[str]]) -> dict[str, None]:
    """Every sentence of some texts once, short ones first: batches of one length take least."""
    return dict.fromkeys(sorted((s for found in block for s in found), key=len))


def _open_engine(facts: Json, folder: Path) -> SentenceEngine:
    """The engine that a manifest names."""
    facts = dict(facts)
    name, tables = facts.pop("name"), facts.pop("tables")
    if name == "use":
        from picturedesk.texts.use import UseEngine

        return UseEngine.restored(facts, map_arrays(folder) if tables else {})
    if name == "sentence-transformers":
        from picturedesk.texts.transformer import TransformerEngine

        return TransformerEngine.restored(facts)
    raise Mismatch(f"made with engine {name!r}: these are 'use' and 'sentence-transformers'")
