"""The pictures that may be suggested: vectors with metadata, behind ``types.Catalogue``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from picturedesk.types import Catalogue, Floats

MILVUS = "milvus://"  # begins the addresses of catalogues on a Milvus server


def open_catalogue(
    path: Path | str, fingerprint: str = "", width: int = 0, make: bool = True
) -> Catalogue:
    """Opens a catalogue, or makes an empty one. The only place that chooses an engine.

    A new engine is one file with a class that implements the Protocol, one line here that
    recognises its paths, and one line in ``tests/catalogues.py``, which runs the contract suite.

    Args:
        path: of the file; or an address, ``milvus://HOST:PORT/NAME`` for a Milvus server or
            ``milvus:///FOLDER/FILE.db/NAME`` for a file of milvus-lite.
        fingerprint: hash of everything that determines the vectors; "" accepts any, to inspect
            the catalogue or to replace all of it.
        width: W of the vectors.
        make: whether to make a missing one.

    Raises:
        Mismatch: it holds vectors with another fingerprint or width.
        MissingArtefact: the file is something else, or damaged, or there is none.
        MissingExtra: an engine is not installed.
    """
    if isinstance(path, str) and path.startswith(MILVUS):
        from picturedesk.store.catalogue.milvus import MilvusCatalogue

        return MilvusCatalogue.open_at(path, fingerprint, width, make)
    from picturedesk.store.catalogue.sqlite import SqliteCatalogue

    return SqliteCatalogue.open(path, fingerprint, width, make)


def remove_catalogue(address: str) -> None:
    """Removes a catalogue from a server, if it is there.

    Raises:
        BadInput: it is no address.
        MissingExtra: the engine is not installed.
        PicturedeskError: the server does not answer.
    """
    from picturedesk.store.catalogue.milvus import remove_from_milvus

    remove_from_milvus(address)


def rounded(vectors: Floats) -> Floats:
    """Vectors (N, W) as the nearest that take half the room in a catalogue: of half precision."""
    return vectors.astype(np.float16).astype(np.float32)
