"""Hubness: how close a picture is to all texts; it is subtracted from the score.

In spaces of many dimensions, some pictures are close to far too many texts (hubs: Radovanović et
al. 2010) and rank above the right ones. A picture's soft maximum of cosines with the archive's
texts is subtracted (inverted softmax: Smith et al. 2017). This corrects the direct route; it cannot
suggest alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.direct import DIRECT
from picturedesk.routes.route import (
    Arrays,
    Block,
    Fold,
    Pictures,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextSlopes,
)
from picturedesk.types import Floats, Ints, Json

HUBNESS = "hubness"
MOST_TEXTS = 5000  # reference texts; more do not change the numbers noticeably
_BLOCK = 4096  # pictures at a time


@dataclass(frozen=True, slots=True)
class HubnessPlan:
    """Plan of the correction.

    Attributes:
        temperature: cosine, above 0; see ``hubness``.
    """

    name: str = HUBNESS
    weights: tuple[float, ...] = (0.0, 0.25, 0.5)
    unit: str = DIRECT
    default_weight: float = 0.0
    temperature: float = 0.1

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.temperature <= 0:
            raise BadInput(f"{self}: the temperature is above 0")

    def fit(self, fold: Fold) -> HubnessRoute:
        """Stores the reference texts: evenly spaced ones if there are very many."""
        texts = fold.queries.vectors
        rows = np.linspace(0, len(texts) - 1, min(len(texts), MOST_TEXTS), dtype=np.int64)
        place = np.full(len(texts), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        links = fold.archive.links[place[fold.archive.links[:, 0]] >= 0]
        return HubnessRoute(
            self.temperature,
            texts[rows],
            place[links[:, 0]],
            tuple(fold.pictures.keys[row] for row in links[:, 1]),
        )

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> HubnessRoute:
        """The route as it was saved."""
        return HubnessRoute(
            settings["temperature"],
            np.asarray(arrays["texts"], dtype=np.float32),
            np.asarray(arrays["own_texts"], dtype=np.int64),
            tuple(settings["own_keys"]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class HubnessRoute:
    """See the module. Stores one number per picture; the query is -1.

    Attributes:
        temperature: cosine; see ``hubness``.
        texts: (T', D) reference texts of the archive, of length one.
        own_texts: (m,) the reference text that each of ``own_keys`` ran with.
        own_keys: (m) content keys of archive pictures.
    """

    temperature: float
    texts: Floats
    own_texts: Ints
    own_keys: tuple[str, ...]
    name: str = HUBNESS
    standalone: bool = False

    @property
    def block(self) -> Block:
        """One number."""
        return Block(HUBNESS, 1)

    def store(self, pictures: Pictures) -> Floats:
        """(N, 1) hubness of the pictures."""
        links = self._links(pictures.keys)
        return hubness(self.texts, pictures.vectors, self.temperature, links)[:, None]

    def _links(self, keys: Sequence[str]) -> Ints:
        """Links (m', 2) of reference texts and places in ``keys``."""
        place = {key: row for row, key in enumerate(keys)}
        columns = np.array([place.get(key, -1) for key in self.own_keys], dtype=np.int64)
        pairs = np.stack([self.own_texts, columns], axis=1)
        return pairs[columns >= 0]

    def ask(self, queries: Queries) -> Rows:
        """(Q, 1) of -1, which subtracts the hubness."""
        return Rows.one_each(np.full((len(queries), 1), -1, dtype=np.float32))

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """One number has no parts."""
        return None

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """The number is the same for every text."""
        return None

    def settings(self) -> Json:
        """Temperature and keys."""
        return {"temperature": self.temperature, "own_keys": list(self.own_keys)}

    def arrays(self) -> Arrays:
        """The reference texts and their links."""
        return {"texts": self.texts, "own_texts": self.own_texts}


def hubness(
    texts: Floats, pictures: Floats, temperature: float, links: Ints | None = None
) -> Floats:
    """The soft maximum of each picture's cosines with reference texts.

    temperature · log mean exp(cosine / temperature): between mean and maximum, for any number of
    texts.

    Args:
        texts: (T, D) of length one.
        pictures: (N, D) of length one.
        temperature: cosine, above 0; lower values are closer to the maximum.
        links: (M, 2) indices (text, picture) that are left out: a picture's own texts do not make
            it a hub, and new pictures have none.

    Returns:
        (N,), -1 to 1; zeros without texts.
    """
    found = np.zeros(len(pictures), dtype=np.float32)
    if not len(texts):
        return found
    own = np.zeros((0, 2), dtype=np.int64) if links is None else links
    for start in range(0, len(pictures), _BLOCK):
        exponents = pictures[start : start + _BLOCK] @ texts.T / np.float32(temperature)
        here = own[(own[:, 1] >= start) & (own[:, 1] < start + _BLOCK)]
        exponents[here[:, 1] - start, here[:, 0]] = -1 / temperature
        most = exponents.max(axis=1)  # (B,)
        mean = np.exp(exponents - most[:, None]).mean(axis=1)
        found[start : start + _BLOCK] = temperature * (most + np.log(mean))
    return np.clip(found, -1, 1)
