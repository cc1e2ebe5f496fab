"""Ways to score pictures for a text, one file each, and their blend.

Used when suggesting; NumPy alone. Choosing weights is ``learning``'s affair.
"""

from __future__ import annotations

from picturedesk.routes.archive import ArchiveVectors
from picturedesk.routes.blend import BLEND, Blend
from picturedesk.routes.confidence import Confidence, Pool
from picturedesk.routes.layout import Layout
from picturedesk.routes.route import (
    Block,
    BlockRoute,
    Fold,
    Pictures,
    Queries,
    Route,
    RoutePlan,
    Rows,
    WordRoute,
)
from picturedesk.routes.search import search

__all__ = [
    "BLEND",
    "ArchiveVectors",
    "Blend",
    "Block",
    "BlockRoute",
    "Confidence",
    "Fold",
    "Layout",
    "Pictures",
    "Pool",
    "Queries",
    "Route",
    "RoutePlan",
    "Rows",
    "WordRoute",
    "search",
]
