"""Inner products of queries with many rows. Knows only numbers."""

from __future__ import annotations

from math import isqrt

import numpy as np

from picturedesk.types import Floats

_SMALL = 1 << 20  # multiplications
_ALONE = 1 << 18  # multiplications of one product for which OpenBLAS starts no threads


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


def products_alone(queries: Floats, rows: Floats) -> Floats:
    """The same by BLAS, in pieces so small that it starts no threads.

    For several queries and some thousand rows this is the fastest. The last digits of a product
    depend on its place in a piece.
    """
    side = max(1, isqrt(_ALONE // max(1, queries.shape[1])))
    found = np.empty((len(queries), len(rows)), dtype=np.float32)
    for first in range(0, len(queries), side):
        some = slice(first, first + side)
        for start in range(0, len(rows), side):
            piece = slice(start, start + side)
            found[some, piece] = queries[some] @ rows[piece].T
    return found
