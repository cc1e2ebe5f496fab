"""How far two representations of the same items agree, without a fit. Arrays only.

Mutual nearest neighbours: Huh et al. 2024, "The Platonic Representation Hypothesis". Linear CKA:
Kornblith et al. 2019; with the unbiased estimate of HSIC by Song et al. 2012, without which wide
levels look better than they are.
"""

from __future__ import annotations

import numpy as np

from picturedesk.heads.fusion import length_one
from picturedesk.types import Bools, Floats, Ints

NEIGHBOURS = 10


def first_links(links: Ints) -> Ints:
    """Links (M, 2) → each text with its first picture, (T, 2)."""
    ordered = links[np.lexsort((links[:, 1], links[:, 0]))]
    return ordered[np.unique(ordered[:, 0], return_index=True)[1]]


def neighbourhood(rows: Floats, shared: Bools, k: int = NEIGHBOURS) -> Bools:
    """The k nearest neighbours of each row (n, D) by cosine: (n, n), k of each row are true.

    Args:
        rows: vectors of any length.
        shared: (n, n) pairs to leave out: those of the same text or the same picture.
        k: how many; all others if there are fewer.
    """
    unit = length_one(rows)
    cosines = unit @ unit.T
    cosines[shared] = -np.inf
    k = max(1, min(k, len(rows) - 1))
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    near = np.zeros(cosines.shape, dtype=np.bool_)
    np.put_along_axis(near, nearest, True, axis=1)
    return near & ~shared


def overlap(near: Bools, others: Bools) -> float:
    """Share of neighbours (n, n) that two representations have in common, 0 to 1."""
    return float((near & others).sum() / max(int(near.sum()), 1))


def gram(rows: Floats) -> Floats:
    """Centred rows (n, D) → their inner products (n, n), without the diagonal."""
    centred = rows - rows.mean(axis=0)
    products = centred @ centred.T
    np.fill_diagonal(products, 0)
    return np.asarray(products, dtype=np.float32)


def cka(one: Floats, other: Floats) -> float:
    """Debiased linear CKA of two ``gram`` matrices (n, n): about 0 if unrelated, 1 if equal.

    0 if there are fewer than four rows or one side does not vary.
    """
    own = _hsic(one, one) * _hsic(other, other)
    return _hsic(one, other) / float(np.sqrt(own)) if own > 0 else 0.0


def _hsic(one: Floats, other: Floats) -> float:
    """The unbiased estimate of HSIC from matrices without their diagonals."""
    n = len(one)
    if n < 4:
        return 0.0
    first, second = one.sum(axis=0, dtype=np.float64), other.sum(axis=0, dtype=np.float64)
    trace = float(np.einsum("ij,ij->", one, other, dtype=np.float64))
    apart = float(first.sum() * second.sum()) / ((n - 1) * (n - 2))
    return (trace + apart - 2 * float(first @ second) / (n - 2)) / (n * (n - 3))
