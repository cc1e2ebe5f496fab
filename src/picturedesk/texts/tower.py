"""The text tower of a dual encoder (CLIP, SigLIP) as the engine of a SentenceEncoder.

Runs an exported graph in ONNX Runtime with a tokenizer of Hugging Face's ``tokenizers`` (extra
``dual``); needs neither torch nor the library that the network comes from. Knows no pictures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.disk.artifacts import CURE, plain, read_manifest
from picturedesk.disk.text_tower import (
    GRAPH,
    KIND,
    NOTHING,
    TOKENIZER,
    TOKENS,
    VECTORS,
    TowerSettings,
    check_tower,
    copy_tower,
)
from picturedesk.errors import MissingArtefact, MissingExtra
from picturedesk.texts.cleaning import cleaned
from picturedesk.types import Floats, Ints, Json

NAME = "openclip"
_BATCH = 32  # texts
_ERRORS_ONLY = 3  # ONNX Runtime's scale: 0 verbose … 4 fatal


class TowerEngine:
    """Sentences → vectors (n, S) of a text tower; see ``sentences.SentenceEngine``.

    Attributes:
        name: its name in manifests.
        settings: how texts become tokens.
    """

    name = NAME

    def __init__(self, folder: Path, settings: TowerSettings) -> None:
        """Opens a graph and a tokenizer.

        Args:
            folder: has both.
            settings: how texts become tokens.

        Raises:
            MissingExtra: tokenizers is not installed.
            MissingArtefact: a file cannot be used.
        """
        self._folder = checks.path("folder", folder)
        self.settings = checks.instance("settings", settings, TowerSettings)
        self._tokenizer = _tokenizer(self._folder / TOKENIZER)
        self._session = _session(self._folder / GRAPH)

    @classmethod
    def open(cls, folder: Path, cure: str = CURE) -> Self:
        """Reads a folder that a backbone's text tower was written to.

        Args:
            folder: with the record, the graph and the tokenizer.
            cure: what a user can do about a missing or damaged file.

        Raises:
            MissingArtefact: a file is missing or damaged.
            MissingExtra: tokenizers is not installed.
            Mismatch: the folder holds something else.
        """
        folder = checks.path("folder", folder)
        manifest = read_manifest(folder, KIND, checks.text("cure", cure))
        return cls.restored(manifest["settings"], folder, manifest)

    @classmethod
    def restored(cls, facts: Json, folder: Path, manifest: Json) -> Self:
        """The engine that ``facts`` describe, from files that a manifest has the checksums of."""
        check_tower(folder, manifest, CURE)
        return cls(folder, TowerSettings.from_json(facts))

    @property
    def facts(self) -> Json:
        """The settings, as JSON."""
        settings: Json = plain(self.settings)
        return settings

    @property
    def fingerprint(self) -> str:
        """Identifies everything that determines the output."""
        return f"{NAME} {self.settings.fingerprint}"

    @property
    def width(self) -> int:
        """Numbers per sentence (S)."""
        return self.settings.width

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Empty: graph and tokenizer are files."""
        return {}

    def write(self, folder: Path) -> None:
        """Copies graph and tokenizer into an existing folder."""
        copy_tower(self._folder, folder)

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, S), not of length one; the network ignores what exceeds its context."""
        vectors = np.zeros((len(sentences), self.width), dtype=np.float32)
        for start in range(0, len(sentences), _BATCH):
            block = slice(start, start + _BATCH)
            tokens = self.tokens(sentences[block])
            vectors[block] = self._session.run([VECTORS], {TOKENS: tokens})[0]
        return vectors

    def tokens(self, sentences: Sequence[str]) -> Ints:
        """Sentences → tokens (n, length), filled up; ``context`` of them unless fewer will do."""
        settings = self.settings
        mended = [cleaned(one, settings.cleaning) for one in checks.texts("sentences", sentences)]
        found = [encoding.ids for encoding in self._tokenizer.encode_batch(mended)]
        length = max(map(len, found), default=0) if settings.short else settings.context
        tokens = np.full((len(found), length), settings.pad, dtype=np.int64)
        for row, ids in zip(tokens, found, strict=True):
            row[: len(ids)] = ids
        if settings.blanked != NOTHING:
            tokens[tokens == settings.blanked] = 0
        return tokens


def _tokenizer(path: Path) -> Any:  # noqa: ANN401 - the library is optional
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError:
        what = "the text tower of a dual encoder (with tokenizers)"
        raise MissingExtra(what, "dual") from None
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # its errors derive from Exception directly
        raise MissingArtefact(f"{path} is no tokenizer ({error}): {CURE}") from None


def _session(path: Path) -> Any:  # noqa: ANN401 - an InferenceSession
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    if hasattr(os, "sched_getaffinity"):
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors derive from Exception directly
        first = str(error).splitlines()[0]
        raise MissingArtefact(f"{path} cannot be run ({first}): {CURE}") from None
    return session
