"""A folder → the text encoder in it, whichever kind it is. Knows only what they are called."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from picturedesk.disk.artifacts import read_manifest
from picturedesk.errors import Mismatch
from picturedesk.types import TextEncoder

_KINDS = {  # module and class, imported when one is loaded
    "lsa": ("lsa", "LsaEncoder"),
    "doc2vec": ("doc2vec", "Doc2VecEncoder"),
    "sentences": ("sentences", "SentenceEncoder"),
    "joined": ("joined", "JoinedEncoder"),
}


def load_text_encoder(folder: Path) -> TextEncoder:
    """The encoder that a folder holds, whichever kind it is.

    Raises:
        MissingArtefact: there is no manifest, or a file is broken.
        MissingExtra: it needs a library that is not installed.
        Mismatch: it is of another kind or format, or was made by other rules than today's.
    """
    kind = read_manifest(folder).get("kind")
    if kind not in _KINDS:
        known = ", ".join(f"'{name}'" for name in _KINDS)
        raise Mismatch(f"{folder} holds {kind!r}, not a text encoder: these are {known}")
    module, name = _KINDS[kind]
    kind_of_encoder: type[TextEncoder] = getattr(import_module(f"picturedesk.texts.{module}"), name)
    return kind_of_encoder.load(folder)
