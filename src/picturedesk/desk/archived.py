"""The archive of a desk as routes see it. Reads; never writes."""

from __future__ import annotations

from picturedesk.routes import ArchiveVectors
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Ints


def archive_vectors(memory: ArchiveMemory, links: Ints | None = None) -> ArchiveVectors:
    """One generation of an archive memory, with its index.

    Args:
        memory: open.
        links: (M, 2) those of its links that count; None for all.
    """
    return ArchiveVectors(
        memory.text_vectors,
        memory.picture_vectors,
        memory.links if links is None else links,
        memory.groups,
        memory.index,
    )
