"""Keeps what makes large desks fast up to date: indexes and hashes; tells how good they are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.errors import MissingExtra
from picturedesk.store.index_folder import INDEX_FROM

if TYPE_CHECKING:
    from picturedesk.desk.facade.parts import DeskParts
    from picturedesk.routes import Blend
    from picturedesk.store.archive_memory import ArchiveMemory
    from picturedesk.store.features import FeatureStore
    from picturedesk.types import Catalogue, Floats

_QUERIES = 200
_AT_ONCE = 20_000  # keys
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Optimized:
    """The state of a desk's indexes; the result of ``Desk.optimize``.

    Attributes:
        catalogue: pictures in the catalogue.
        indexed: those that the index has; 0 without one, which small catalogues need not have.
        recall: the share of the ten nearest pictures of typical queries that searches find; 1
            without an index.
        texts: texts in the archive memory.
        indexed_texts: those that the index of texts has; 0 without one.
        text_recall: the share of the 50 nearest texts that are found for some of the texts; 1
            without an index.
    """

    catalogue: int
    indexed: int
    recall: float
    texts: int
    indexed_texts: int
    text_recall: float


def optimized(desk: DeskParts) -> Optimized:
    """See ``Desk.optimize``."""
    from picturedesk.store.features import FeatureStore

    desk.catalogue.optimize(_typical(desk.blend))
    desk.memory.optimize()
    with FeatureStore.open(desk.folder.features) as store:
        keep_hashes_near(desk.fitted.hashes, desk.catalogue, store)
    return state(desk)


def state(desk: DeskParts) -> Optimized:
    """The state of the index as it is."""
    typical, catalogue, memory = _typical(desk.blend), desk.catalogue, desk.memory
    recall = 1.0 if typical is None else catalogue.recall(typical)
    texts = 0 if memory.index is None else memory.index.count
    return Optimized(
        catalogue=catalogue.count(),
        indexed=catalogue.indexed,
        recall=recall,
        texts=len(memory),
        indexed_texts=texts,
        text_recall=memory.recall(),
    )


def keep_fast(catalogue: Catalogue, blend: Blend) -> None:
    """Brings the index of pictures up to date if much has changed; says if it needs an extra."""
    try:
        catalogue.optimize(_typical(blend), only_if_needed=True)
    except MissingExtra as error:
        _LOG.warning("searches of so many pictures are slow without an index: %s", error)


def keep_texts_fast(memory: ArchiveMemory) -> None:
    """The same for the index of the archive's texts."""
    try:
        memory.optimize(only_if_needed=True)
    except MissingExtra as error:
        _LOG.warning("comparing so many archive texts is slow without an index: %s", error)


def keep_hashes_near(folder: Path, catalogue: Catalogue, store: FeatureStore) -> None:
    """Writes the perceptual hashes of very many pictures side by side, unless all are there."""
    from picturedesk.store.known_hashes import KnownHashes

    count = catalogue.count()
    if count >= INDEX_FROM and len(KnownHashes.open(folder)) != count:
        KnownHashes.write(folder, _keys(catalogue), store)


def _keys(catalogue: Catalogue) -> Iterator[Sequence[str]]:
    """All keys, some at a time."""
    some = catalogue.keys(limit=_AT_ONCE)
    while some:
        yield some
        some = catalogue.keys(some[-1], _AT_ONCE)


def _typical(blend: Blend) -> Floats | None:
    """Queries of archive texts (Q, W), which the confidence has anyway; None without one."""
    return None if blend.references is None else blend.references[:_QUERIES]
