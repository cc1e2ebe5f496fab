"""Inner products of queries with many rows. Knows only numbers."""

from __future__ import annotations

import numpy as np

from picturedesk.types import Floats

_SMALL = 1 << 20  # multiplications


def products(queries: Floats, rows: Floats) -> Floats:
    """Queries (Q, D) and rows (N, D) → inner products (Q, N), in single precision.

    A single query and small products are computed without BLAS, which would start threads: on a
    busy machine they wait for each other longer than the sum takes.
    """
    if len(queries) == 1:
        single: Floats = np.einsum("d,nd->n", queries[0], rows)[None]
        return single
    if queries.size * len(rows) > _SMALL:
        return queries @ rows.T
    small: Floats = np.einsum("qd,nd->qn", queries, rows)
    return small
