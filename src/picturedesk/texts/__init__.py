"""Text encoders: texts of any language → vectors of length one. Know nothing of pictures."""

from __future__ import annotations

from pathlib import Path

from picturedesk.artifacts import read_manifest
from picturedesk.errors import Mismatch
from picturedesk.types import TextEncoder


def load_text_encoder(folder: Path) -> TextEncoder:
    """The encoder that a folder holds, whichever kind it is.

    Raises:
        MissingArtefact: there is no manifest.
        Mismatch: it is of another kind, format or way of splitting words.
    """
    kind = read_manifest(folder).get("kind")
    if kind == "lsa":
        from picturedesk.texts.lsa import LsaEncoder

        return LsaEncoder.load(folder)
    if kind == "doc2vec":
        from picturedesk.texts.doc2vec import Doc2VecEncoder

        return Doc2VecEncoder.load(folder)
    raise Mismatch(f"{folder} holds {kind!r}, not a text encoder: these are 'lsa' and 'doc2vec'")
