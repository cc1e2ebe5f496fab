"""Exact nearest vectors for some queries. Knows arrays, not their meaning."""

from __future__ import annotations

import numpy as np

from picturedesk.products import products
from picturedesk.types import Doubles, Floats, Ints

_BLOCK = 256  # vectors scored in double precision at once; they fit in the processor's cache
_ROUGH = 2**24  # scores in single precision at once; 64 MB
_TOGETHER = 64  # queries at once; more are not faster


def nearest(matrix: Floats, queries: Doubles, k: int, among: Ints) -> list[tuple[Ints, Doubles]]:
    """Per query the k rows of highest cosine, and their cosines, best first.

    A product in single precision finds the candidates for many queries at once. Its error is less
    than ``slack``, so every row that could be among the best is scored again, row by row in double
    precision. Equal vectors get equal scores, in any matrix and any batch; ties go to the lower
    index.

    Args:
        matrix: (N, W), each row of length one or zero.
        queries: (Q, W), of length one or zero.
        k: how many; the result has fewer if there are fewer.
        among: indices of the rows to rank, ascending.

    Returns:
        Q times indices and cosines, both (k,).
    """
    k = min(k, len(among))
    if k < 1:
        return [(among[:0], np.empty(0)) for _ in queries]
    few = 4 * len(among) < len(matrix)  # else scoring all rows is faster than copying some
    scored = matrix[among] if few else matrix
    slack = (matrix.shape[1] + 4) * 2.0**-23  # of a sum of W products of unit vectors, in float32
    step = min(_TOGETHER, max(1, _ROUGH // len(scored)))
    found = []
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        rough = products(block.astype(np.float32), scored)  # (q, n or N)
        for query, row in zip(block, rough if few else rough[:, among], strict=True):
            least = np.partition(row, -k)[-k] - 2 * slack
            candidates = among[row >= least]
            scores = cosines(matrix, query, candidates)
            order = np.argsort(-scores, kind="stable")[:k]
            found.append((candidates[order], scores[order]))
    return found


def cosines(matrix: Floats, query: Doubles, among: Ints) -> Doubles:
    """Cosines (n,) of some rows with a query, in double precision of the stored numbers.

    Args:
        matrix: (N, W), each row of length one or zero.
        query: (W,), of length one or zero.
        among: (n,) indices of the rows.
    """
    found = np.empty(len(among))
    for start in range(0, len(among), _BLOCK):
        block = slice(start, start + _BLOCK)
        # A matrix product would round a row depending on its neighbours.
        found[block] = (matrix[among[block]] * query).sum(axis=1)
    return found
