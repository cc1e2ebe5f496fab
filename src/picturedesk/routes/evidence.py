"""Archive texts and pictures that support a suggestion. Takes arrays; knows no files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.products import products
from picturedesk.routes.archive import ArchiveVectors, Neighbours
from picturedesk.types import Floats

NEAR = 50  # most similar archive texts that evidence is taken from


class SupportingPair(NamedTuple):
    """An archive text and one of its pictures that support a suggestion.

    Attributes:
        text: row of the archive text.
        text_similarity: cosine with the query, -1 to 1.
        picture: row of the archive picture.
        picture_similarity: cosine with the suggested picture, -1 to 1.
    """

    text: int
    text_similarity: float
    picture: int
    picture_similarity: float


def supporting_pairs(
    near: Neighbours, pictures: Floats, archive: ArchiveVectors, n: int = 3
) -> list[list[SupportingPair]]:
    """The archive pairs that support K suggested pictures for one text most strongly.

    These are the links of the nearest archive texts with the highest product of text similarity and
    picture similarity, each clipped at zero, so that both must be similar. Each archive text and
    each archive picture is used once per suggestion.

    Args:
        near: neighbours of one query; only these texts are used.
        pictures: (K, D) the suggested pictures, of length one, in the space of the archive's.
        archive: texts and pictures.
        n: maximum number of pairs per suggestion.

    Returns:
        (K) strongest first; fewer than n, or none, if fewer pairs are similar.

    Raises:
        BadInput: the pictures have another width than the archive's.
    """
    if pictures.ndim != 2 or pictures.shape[1] != archive.pictures.shape[1]:
        raise BadInput(
            f"pictures of shape {pictures.shape} cannot be compared with the archive's of width "
            f"{archive.pictures.shape[1]}: were they made by the same matcher?"
        )
    own, counts = archive.links_of(near.rows[0])
    texts, to_texts = np.repeat(near.rows[0], counts), np.repeat(near.cosines[0], counts)  # (m,)
    order = np.lexsort((own, texts))  # of equal pairs, the lower rows come first
    texts, to_texts, own = texts[order], to_texts[order], own[order]
    to_pictures = products(pictures, archive.pictures[own])  # (K, m)
    strength = np.maximum(to_texts, 0) * np.maximum(to_pictures, 0)
    found = []
    for values, cosines in zip(strength, to_pictures, strict=True):
        pairs: list[SupportingPair] = []
        for link in np.argsort(-values, kind="stable").tolist():
            if not values[link] > 0:
                break
            text, picture = int(texts[link]), int(own[link])
            if all(text != known.text and picture != known.picture for known in pairs):
                pairs.append(
                    SupportingPair(text, float(to_texts[link]), picture, float(cosines[link]))
                )
            if len(pairs) == n:
                break
        found.append(pairs)
    return found
