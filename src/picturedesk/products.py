"""Inner products of queries with many rows. Knows only numbers."""

from __future__ import annotations

import numpy as np

from picturedesk.types import Floats


def products(queries: Floats, rows: Floats) -> Floats:
    """Queries (Q, D) and rows (N, D) → inner products (Q, N), in single precision.

    A single query is computed without BLAS, which would start threads: on a busy machine they wait
    for each other longer than the sum takes.
    """
    if len(queries) != 1:
        return queries @ rows.T
    single: Floats = np.einsum("d,nd->n", queries[0], rows)[None]
    return single
