"""Which archive texts and pictures speak for a suggestion. Takes arrays; knows no files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes.archive import ArchiveVectors, Neighbours
from picturedesk.types import Floats

NEAR = 50  # most similar archive texts among which evidence is looked for


class Witness(NamedTuple):
    """An archive text and one of its pictures that speak for a suggestion.

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


def evidence(
    near: Neighbours, pictures: Floats, archive: ArchiveVectors, n: int = 3
) -> list[list[Witness]]:
    """The archive pairs that speak most strongly for K pictures as answers to one text.

    Among the links of the archive texts nearest to the query, those with the highest product of
    text and picture similarity, each clipped at zero: a pair counts only if both are alike. Each
    archive text and each archive picture counts once for a suggestion.

    Args:
        near: of the one query; evidence comes from these texts only.
        pictures: (K, D) the suggested pictures, of length one, in the space of the archive's.
        archive: texts and pictures.
        n: how many pairs a suggestion has, at most.

    Returns:
        (K) strongest first; fewer than n, or none, where fewer pairs are alike.

    Raises:
        BadInput: if the pictures are of another width than the archive's.
    """
    if pictures.ndim != 2 or pictures.shape[1] != archive.pictures.shape[1]:
        raise BadInput(
            f"pictures of shape {pictures.shape} cannot be compared with the archive's of width "
            f"{archive.pictures.shape[1]}: were they made by the same matcher?"
        )
    texts, to_texts = near.rows[0], near.cosines[0]
    own, counts = archive.links_of(texts)
    of_link = np.repeat(np.arange(len(texts)), counts)  # (m,) place of each link's text
    to_pictures = archive.pictures[own] @ pictures.T  # (m, K)
    strength = np.maximum(to_texts[of_link], 0)[:, None] * np.maximum(to_pictures, 0)
    found = []
    for column, values in enumerate(strength.T):
        order = np.lexsort((own, texts[of_link], -values))
        witnesses: list[Witness] = []
        for link in order[values[order] > 0]:
            text, picture = int(texts[of_link[link]]), int(own[link])
            if all(text != known.text and picture != known.picture for known in witnesses):
                witnesses.append(
                    Witness(
                        text,
                        float(to_texts[of_link[link]]),
                        picture,
                        float(to_pictures[link, column]),
                    )
                )
            if len(witnesses) == n:
                break
        found.append(witnesses)
    return found
