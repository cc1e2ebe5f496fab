"""What may be suggested now: vectors with metadata, behind the Protocol ``types.Catalogue``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.types import Catalogue


def open_catalogue(
    path: Path | str, fingerprint: str = "", width: int = 0, make: bool = True
) -> Catalogue:
    """Opens a catalogue, or makes an empty one. The one place where an engine is chosen.

    A new engine is one file with a class that keeps the Protocol, one line here that tells its
    paths from others, and one line in ``tests/catalogues.py``, which runs the contract suite.

    Args:
        path: of the file.
        fingerprint: hash of all that decides the vectors; "" to open whatever is there, to look
            at it or to replace it all.
        width: W of the vectors.
        make: whether to make one where there is none.

    Raises:
        Mismatch: it holds vectors with another fingerprint or width.
        MissingArtefact: the file is something else, or damaged, or there is none to open.
    """
    from picturedesk.store.catalogue.exact import ExactCatalogue

    return ExactCatalogue.open(path, fingerprint, width, make)
