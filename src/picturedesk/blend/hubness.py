"""How much a picture suits everything: a number to take off. Knows arrays only.

In spaces of many dimensions some pictures lie near far too many texts (hubs: Radovanović et al.
2010), and crowd out the one that is meant. What a picture gets from the archive's texts on average
says how much of a new text's cosine is deserved (inverted softmax: Smith et al. 2017).
"""

from __future__ import annotations

import numpy as np

from picturedesk.types import Floats

MOST_TEXTS = 5000  # that are asked; more move the number by less than it matters
_BLOCK = 4096  # pictures at a time


def hubness(texts: Floats, pictures: Floats, temperature: float) -> Floats:
    """The soft maximum of each picture's cosines with the archive's texts.

    temperature · log mean exp(cosine / temperature): between mean and maximum, whatever the
    number of texts.

    Args:
        texts: (T, D) of length one; evenly spaced ones are asked if there are very many.
        pictures: (N, D) of length one.
        temperature: cosine, above 0; the lower, the nearer to the maximum.

    Returns:
        (N,), -1 to 1; zeros where there are no texts.
    """
    asked = texts[np.linspace(0, len(texts) - 1, min(len(texts), MOST_TEXTS), dtype=np.int64)]
    found = np.zeros(len(pictures), dtype=np.float32)
    if not len(asked):
        return found
    for start in range(0, len(pictures), _BLOCK):
        exponents = pictures[start : start + _BLOCK] @ asked.T / np.float32(temperature)  # (B, T)
        most = exponents.max(axis=1)
        mean = np.exp(exponents - most[:, None]).mean(axis=1)
        found[start : start + _BLOCK] = temperature * (most + np.log(mean))
    return np.clip(found, -1, 1)
