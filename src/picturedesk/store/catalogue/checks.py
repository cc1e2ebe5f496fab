"""Checks of a catalogue's input: pictures, vectors, queries. Knows no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput, UnknownPicture
from picturedesk.own_columns import FIXED
from picturedesk.types import Doubles, Floats, Picture

UNIT = 1e-3  # how far a vector's length may be from one
_LARGEST = 2**63 - 1  # of SQLite's whole numbers


def storable(name: str, pictures: Sequence[Picture], vectors: Floats, width: int) -> Floats:
    """The vectors (N, W), if they and the pictures can be stored.

    Args:
        name: of the catalogue.
        pictures: N, with their keys.
        vectors: (N, W), each of length one or zero.
        width: W of the catalogue, 0 if it is empty.

    Raises:
        BadInput: if a key is missing, or a vector cannot be used.
    """
    if not width:
        raise BadInput(f"{name} has no fingerprint yet: name the one of these vectors")
    vectors = checks.floats("vectors", vectors)
    pictures = storable_records(pictures)
    if vectors.shape != (len(pictures), width):
        raise BadInput(
            f"vectors are of shape {vectors.shape}, {name} takes "
            f"({len(pictures)}, {width}) for {len(pictures)} pictures"
        )
    if wrong := not_of_length_one(vectors):
        length = np.linalg.norm(vectors[wrong[0]].astype(np.float64))
        raise BadInput(
            f"{len(wrong)} vectors are not of length one, the first with {length:g} "
            f"({pictures[wrong[0]].uri}): divide each by its length"
        )
    return vectors


def storable_records(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures, if their records can be stored; raises BadInput."""
    found = checks.several_of("pictures", pictures, Picture)
    for picture in found:
        _check_picture(picture)
    return found


def fields_by_key(named: object) -> dict[str, list[str]]:
    """Names of fields by the keys of pictures; raises BadInput for anything else."""
    if not isinstance(named, Mapping):
        raise checks.refusal("named", named, "names of fields by the keys of pictures")
    keys = checks.texts("the keys of named", list(named))
    return {
        key: [checks.encodable("the name of a field", one) for one in checks.texts("named", fields)]
        for key, fields in zip(keys, named.values(), strict=True)
    }


def not_of_length_one(vectors: Floats) -> list[int]:
    """Rows of the vectors (N, W) whose length is neither one nor zero, or is not finite."""
    with np.errstate(all="ignore"):
        squares = np.einsum("nd,nd->n", vectors, vectors)  # (N,)
        right = np.abs(np.sqrt(squares) - 1) <= UNIT
    short = squares < 1e-6
    right[short] = ~vectors[short].any(axis=1)
    return np.flatnonzero(~right).tolist()


def directions(name: str, queries: Floats | Doubles, width: int) -> Doubles:
    """Queries (Q, W) scaled to length one, each by itself; zeros stay zeros.

    Args:
        name: of the catalogue.
        queries: (Q, W) of any length.
        width: W of the catalogue.

    Raises:
        BadInput: if their shape is another one, or they hold numbers that are not finite.
    """
    found = checks.array("queries", queries).astype(np.float64, copy=False)
    if found.ndim != 2 or found.shape[1] != width:
        raise BadInput(f"queries are of shape {found.shape}, {name} takes (Q, {width})")
    largest = np.abs(found).max(axis=1, keepdims=True, initial=0)  # (Q, 1)
    if not np.isfinite(largest).all():
        raise BadInput("the queries hold numbers that are not finite")
    # Divided by the largest number first, so that squares neither overflow nor vanish.
    found = found / np.where(largest > 0, largest, 1)
    lengths = np.sqrt((found * found).sum(axis=1, keepdims=True))
    return np.asarray(found / np.where(lengths > 0, lengths, 1))


def check_amount(name: str, amount: int) -> int:
    """An amount of pictures, 0 or more, at most the largest whole number of SQLite."""
    return min(checks.whole_number(name, amount), _LARGEST)


def unknown_key(name: str, key: str) -> UnknownPicture:
    """The error for a key that a catalogue does not hold."""
    return UnknownPicture(f"{name} has no picture with the key {key!r}: add it first")


def _check_picture(picture: Picture) -> None:
    if not picture.key or "\0" in picture.key:
        raise BadInput(f"{picture.uri} has no key that can be used: read its bytes first")
    try:
        "".join(_said(picture)).encode()
    except UnicodeEncodeError:
        raise BadInput(f"{picture.uri!r} or what is said of it is not UTF-8: rename it") from None
    if max(picture.uses, picture.max_uses) > _LARGEST:
        raise BadInput(f"{picture.uri} has run more often than can be stored: correct its uses")


def _said(picture: Picture) -> Iterator[str]:
    """All texts of a picture."""
    for name in FIXED:
        value = getattr(picture, name)
        if isinstance(value, str | tuple):
            yield from (value,) if isinstance(value, str) else value
    for name, cell in picture.columns.items():
        yield name
        if isinstance(cell, str | tuple):
            yield from (cell,) if isinstance(cell, str) else cell
