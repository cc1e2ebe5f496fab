"""Keeps the index of a desk's catalogue up to date, and tells how good it is."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picturedesk.errors import MissingExtra

if TYPE_CHECKING:
    from picturedesk.desk.facade.parts import DeskParts
    from picturedesk.routes import Blend
    from picturedesk.types import Catalogue, Floats

_QUERIES = 200
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Optimized:
    """The state of a catalogue's index; the result of ``Desk.optimize``.

    Attributes:
        catalogue: pictures in the catalogue.
        indexed: those that the index has; 0 without one, which small catalogues need not have.
        recall: the share of the ten nearest pictures of typical queries that searches find; 1
            without an index.
    """

    catalogue: int
    indexed: int
    recall: float


def optimized(desk: DeskParts) -> Optimized:
    """See ``Desk.optimize``."""
    desk.catalogue.optimize(_typical(desk.blend))
    return state(desk)


def state(desk: DeskParts) -> Optimized:
    """The state of the index as it is."""
    typical, catalogue = _typical(desk.blend), desk.catalogue
    recall = 1.0 if typical is None else catalogue.recall(typical)
    return Optimized(catalogue.count(), catalogue.indexed, recall)


def keep_fast(catalogue: Catalogue, blend: Blend) -> None:
    """Brings the index up to date if much has changed; says so if that needs an extra."""
    try:
        catalogue.optimize(_typical(blend), only_if_needed=True)
    except MissingExtra as error:
        _LOG.warning("searches of so many pictures are slow without an index: %s", error)


def _typical(blend: Blend) -> Floats | None:
    """Queries of archive texts (Q, W), which the confidence has anyway; None without one."""
    return None if blend.references is None else blend.references[:_QUERIES]
