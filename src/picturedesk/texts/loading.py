"""Loads a text encoder of any kind from a folder. Knows only their names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.disk.artifacts import read_manifest
from picturedesk.errors import Mismatch
from picturedesk.types import TextEncoder

_KINDS = {  # kind → module and class, imported when one is loaded
    "lsa": ("lsa", "LsaEncoder"),
    "doc2vec": ("doc2vec", "Doc2VecEncoder"),
    "sentences": ("sentences", "SentenceEncoder"),
    "joined": ("joined", "JoinedEncoder"),
}


def load_text_encoder(folder: Path) -> TextEncoder:
    """Loads the encoder in a folder, of any kind.

    Raises:
        MissingArtefact: the manifest is missing, or a file is damaged.
        MissingExtra: it needs a library that is not installed.
        Mismatch: it has another kind or format, or another version's rules for words or sentences.
    """
    folder = checks.path("folder", folder)
    kind = read_manifest(folder).get("kind")
    if kind not in _KINDS:
        known = ", ".join(f"'{name}'" for name in _KINDS)
        raise Mismatch(f"{folder} holds {kind!r}, not a text encoder: the kinds are {known}")
    module, name = _KINDS[kind]
    kind_of_encoder: type[TextEncoder] = getattr(import_module(f"picturedesk.texts.{module}"), name)
    return kind_of_encoder.load(folder)
