"""How much a picture suits everything: a number to take off. Knows arrays only.

In spaces of many dimensions some pictures lie near far too many texts (hubs: Radovanović et al.
2010), and crowd out the one that is meant. What a picture gets from the archive's texts on average
says how much of a new text's cosine is deserved (inverted softmax: Smith et al. 2017).
"""

from __future__ import annotations

import numpy as np

from picturedesk.types import Floats, Ints

MOST_TEXTS = 5000  # that are asked; more move the number by less than it matters
_BLOCK = 4096  # pictures at a time


def hubness(
    texts: Floats, pictures: Floats, temperature: float, links: Ints | None = None
) -> Floats:
    """The soft maximum of each picture's cosines with the archive's texts.

    temperature · log mean exp(cosine / temperature): between mean and maximum, whatever the
    number of texts.

    Args:
        texts: (T, D) of length one; evenly spaced ones are asked if there are very many.
        pictures: (N, D) of length one.
        temperature: cosine, above 0; the lower, the nearer to the maximum.
        links: (M, 2) indices (text, picture) that ran together and do not count: a picture is no
            hub for being near to its own text, and one that has not been used yet has none.

    Returns:
        (N,), -1 to 1; zeros where there are no texts.
    """
    rows = np.linspace(0, len(texts) - 1, min(len(texts), MOST_TEXTS), dtype=np.int64)
    found = np.zeros(len(pictures), dtype=np.float32)
    if not len(rows):
        return found
    own_pictures, own_texts = _among(rows, links)
    for start in range(0, len(pictures), _BLOCK):
        exponents = pictures[start : start + _BLOCK] @ texts[rows].T / np.float32(temperature)
        here = (own_pictures >= start) & (own_pictures < start + _BLOCK)
        exponents[own_pictures[here] - start, own_texts[here]] = -1 / temperature
        most = exponents.max(axis=1)  # (B,)
        mean = np.exp(exponents - most[:, None]).mean(axis=1)
        found[start : start + _BLOCK] = temperature * (most + np.log(mean))
    return np.clip(found, -1, 1)


def _among(rows: Ints, links: Ints | None) -> tuple[Ints, Ints]:
    """Pictures (m,) and places among the asked texts (m,) of the links whose text is asked."""
    if links is None or not len(links):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing
    place = np.searchsorted(rows, links[:, 0])
    asked = (place < len(rows)) & (rows[np.minimum(place, len(rows) - 1)] == links[:, 0])
    return links[asked, 1], place[asked]
