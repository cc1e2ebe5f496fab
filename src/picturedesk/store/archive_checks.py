"""Checks of an archive memory's input. Knows no files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Floats, Ints, Picture

_SLACK = 1e-3  # how far from one the length of a vector may be


def rows_within(rows: Ints | Sequence[int], count: int, what: str) -> Ints:
    """The rows as an array; raises BadInput for one outside 0 to ``count`` - 1."""
    wanted = np.asarray(rows, dtype=np.int64)
    outside = wanted[(wanted < 0) | (wanted >= count)]
    if len(outside):
        raise BadInput(f"there is no {what} {outside[0]}: the archive memory holds {count}")
    return wanted


def check_vectors(what: str, vectors: Floats, count: int, width: int) -> None:
    """Raises BadInput unless they are (count, width) of finite float32, of length one or zero."""
    if vectors.shape != (count, width) or vectors.dtype != np.float32:
        raise BadInput(
            f"{what} vectors of shape {vectors.shape} and type {vectors.dtype}: they must be "
            f"({count}, {width}) of float32"
        )
    if wrong := complaint(vectors):
        raise BadInput(f"{what} {wrong}: make it 1, or 0 where there is no direction")


def complaint(vectors: Floats) -> str:
    """The first vector (N, D) that is neither of length one nor zero, in words; "" for none."""
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    wrong = np.flatnonzero(~((np.abs(lengths - 1) <= _SLACK) | (lengths == 0)))
    return f"vector {wrong[0]} has length {lengths[wrong[0]]:.4g}" if len(wrong) else ""


def check_pictures(pictures: Sequence[Picture]) -> None:
    """Raises BadInput for a picture without a key."""
    for picture in pictures:
        if not picture.key:
            raise BadInput(f"picture {picture.uri} has no key: read its bytes first")


def check_links(links: Ints, texts: int, pictures: int) -> None:
    """Raises BadInput unless they are (M, 2) indices into so many texts and pictures."""
    if links.ndim != 2 or links.shape[1] != 2 or links.dtype.kind not in "iu":
        raise BadInput(
            f"links of shape {links.shape} and type {links.dtype}: they must be (M, 2) integers"
        )
    if ((links < 0) | (links >= np.array([texts, pictures]))).any():
        raise BadInput(f"a link points outside: there are {texts} texts and {pictures} pictures")


def check_groups(groups: Ints, texts: int) -> None:
    """Raises BadInput unless they are (texts,) integers, 0 or more."""
    if groups.shape != (texts,) or groups.dtype.kind not in "iu" or (groups < 0).any():
        raise BadInput(
            f"groups of shape {groups.shape} and type {groups.dtype}: they must be ({texts},) "
            "integers, 0 or more"
        )
