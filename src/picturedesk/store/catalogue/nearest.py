"""The best of many vectors for one query, exactly. Knows arrays, not what they stand for."""

from __future__ import annotations

import numpy as np

from picturedesk.types import Doubles, Floats, Ints

_BLOCK = 256  # vectors scored in double precision at once; they stay in the processor's cache


def nearest(matrix: Floats, query: Doubles, k: int, among: Ints) -> tuple[Ints, Doubles]:
    """The k rows of highest cosine with a query, and their cosines, best first.

    Single precision finds the candidates. It errs by less than ``slack``, so all that could be
    among the best are scored again, row by row in double precision: equal vectors get equal
    scores, whatever stands beside them, and ties go to the lower index.

    Args:
        matrix: (N, D), each row of length one or zero.
        query: (D,), of length one or zero.
        k: how many; fewer come back where there are fewer.
        among: indices of the rows that may come back, ascending.
    """
    k = min(k, len(among))
    if k < 1:
        return among[:0], np.empty(0)
    rough = (matrix @ query.astype(np.float32))[among]
    slack = (len(query) + 4) * 2.0**-23  # of a sum of D products of unit vectors, in float32
    least = np.partition(rough, -k)[-k] - 2 * slack
    candidates = among[rough >= least]
    scores = cosines(matrix, query, candidates)
    order = np.argsort(-scores, kind="stable")[:k]
    return candidates[order], scores[order]


def cosines(matrix: Floats, query: Doubles, among: Ints) -> Doubles:
    """Cosines (n,) of some rows with a query, in double precision of the stored numbers.

    Args:
        matrix: (N, D), each row of length one or zero.
        query: (D,), of length one or zero.
        among: (n,) indices of the rows.
    """
    found = np.empty(len(among))
    for start in range(0, len(among), _BLOCK):
        block = slice(start, start + _BLOCK)
        # Not a matrix product: that rounds a row by what stands beside it.
        found[block] = (matrix[among[block]] * query).sum(axis=1)
    return found
