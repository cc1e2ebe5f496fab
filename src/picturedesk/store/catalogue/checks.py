"""What may be put into a catalogue and asked of it: pictures, vectors, queries. Knows no file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Doubles, Floats, Picture

UNIT = 1e-3  # how far a vector's length may be from one


def storable(name: str, pictures: Sequence[Picture], vectors: Floats, width: int) -> Floats:
    """The vectors (N, D), if they and the pictures can be stored.

    Args:
        name: of the catalogue.
        pictures: N, with their keys.
        vectors: (N, D), each of length one or zero.
        width: D of the catalogue, 0 while it has none.

    Raises:
        BadInput: if a key is missing, or a vector cannot be used.
    """
    if not width:
        raise BadInput(f"{name} has no matcher yet: name the one of these vectors")
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.shape != (len(pictures), width):
        raise BadInput(
            f"vectors are of shape {vectors.shape}, {name} takes "
            f"({len(pictures)}, {width}) for {len(pictures)} pictures"
        )
    for picture in pictures:
        _check_picture(picture)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))  # (N,)
    wrong = np.flatnonzero(~((np.abs(lengths - 1) <= UNIT) | (lengths == 0)))
    if len(wrong):
        raise BadInput(
            f"{len(wrong)} vectors are not of length one, the first with {lengths[wrong[0]]:g} "
            f"({pictures[wrong[0]].uri}): divide each by its length"
        )
    return vectors


def direction(name: str, query: Floats | Doubles, width: int) -> Doubles:
    """A query (D,) at length one; zeros stay zeros.

    Args:
        name: of the catalogue.
        query: (D,) of any length.
        width: D of the catalogue.

    Raises:
        BadInput: if its shape is another one, or it holds numbers that are not finite.
    """
    found = np.asarray(query, dtype=np.float64)
    if found.shape != (width,):
        raise BadInput(f"the query is of shape {found.shape}, {name} takes ({width},)")
    length = np.linalg.norm(found)
    if not np.isfinite(length):
        raise BadInput("the query holds numbers that are not finite")
    return found / length if length else found


def _check_picture(picture: Picture) -> None:
    if not picture.key:
        raise BadInput(f"{picture.uri} has no key: read its bytes first")
    said = (picture.caption, picture.credit, picture.licence, picture.date, *picture.tags)
    try:
        "".join((picture.uri, picture.key, *said)).encode()
    except UnicodeEncodeError:
        raise BadInput(f"{picture.uri!r} or what is said of it is not UTF-8: rename it") from None
