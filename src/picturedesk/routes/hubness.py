"""Hubness: how close a picture is to all texts; it is subtracted from the score.

In spaces of many dimensions, some pictures are close to far too many texts (hubs: Radovanović et
al. 2010) and rank above the right ones. A picture's soft maximum of scores with the archive's texts
is subtracted (inverted softmax: Smith et al. 2017). This corrects the direct route, or the sum of
several; it cannot suggest alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.direct import DIRECT, FUSED
from picturedesk.routes.route import (
    Arrays,
    Block,
    BlockRoute,
    Fold,
    Pictures,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextSlopes,
)
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Floats, Ints, Json

HUBNESS = "hubness"
JOINT_HUBNESS = "joint_hubness"
MOST_TEXTS = 5000  # reference texts; more do not change the numbers noticeably
_BLOCK = 4096  # pictures at a time
_SAMPLE = 500  # texts and pictures on which the deviations of scores are measured


@dataclass(frozen=True, slots=True)
class HubnessPlan:
    """Plan of the correction.

    Attributes:
        temperature: in deviations of the summed scores, above 0; see ``hubness``.
        mix: route → its weight, above 0, in deviations of its scores; the first one is the unit.
    """

    name: str = HUBNESS
    weights: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
    unit: str = DIRECT
    default_weight: float = 0.0
    temperature: float = 0.5
    mix: tuple[tuple[str, float], ...] = ((DIRECT, 1.0),)

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.temperature <= 0 or not self.mix or min(weight for _, weight in self.mix) <= 0:
            raise BadInput(f"{self}: the temperature and all weights are above 0")

    def fit(self, fold: Fold) -> HubnessRoute | None:
        """Stores the query vectors of reference texts: evenly spaced ones if there are very many.

        None if one of the routes was not fitted before.
        """
        routes = [(fold.fitted.get(name), weight) for name, weight in self.mix]
        mixed = [(route, weight) for route, weight in routes if isinstance(route, BlockRoute)]
        if len(mixed) < len(self.mix):
            return None
        count = len(fold.queries)
        rows = evenly_spaced(count, MOST_TEXTS)
        texts = fold.queries.some(rows)
        units = [_deviation(route, texts, fold.pictures) for route, _ in mixed]
        # In units of the first route's scores, so that its own weight is 1.
        factors = [weight * units[0] / unit for (_, weight), unit in zip(mixed, units, strict=True)]
        scaled = [
            np.float32(factor) * route.ask(texts).vectors
            for (route, _), factor in zip(mixed, factors, strict=True)
        ]
        place = np.full(count, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        links = fold.archive.links[place[fold.archive.links[:, 0]] >= 0]
        return HubnessRoute(
            self.temperature * units[0],
            tuple(route.block.name for route, _ in mixed),
            np.concatenate(scaled, axis=1),
            place[links[:, 0]],
            tuple(fold.pictures.keys[row] for row in links[:, 1]),
            sum(weight for _, weight in self.mix),
            self.name,
        )

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> HubnessRoute:
        """The route as it was saved."""
        return HubnessRoute(
            settings["temperature"],
            tuple(settings["blocks"]),
            np.asarray(arrays["texts"], dtype=np.float32),
            np.asarray(arrays["own_texts"], dtype=np.int64),
            tuple(settings["own_keys"]),
            settings["most"],
            self.name,
        )


def _deviation(route: BlockRoute, texts: Queries, pictures: Pictures) -> float:
    """Standard deviation of the scores of some texts and pictures; above 0."""
    few = texts.some(evenly_spaced(len(texts), _SAMPLE))
    rows = evenly_spaced(len(pictures), _SAMPLE)
    keys = [pictures.keys[row] for row in rows.tolist()]
    stored = route.store(Pictures(pictures.matcher, keys, pictures.features[rows]))
    scores = route.ask(few).vectors @ stored.T
    return max(float(scores.std(axis=1).mean()), 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class HubnessRoute:
    """See the module. Stores one number per picture; the query is negative.

    Attributes:
        temperature: of the summed scores; see ``hubness``.
        blocks: names of the blocks whose scores are summed.
        texts: (T', Σw) query vectors of reference texts of the archive for these blocks.
        own_texts: (m,) the reference text that each of ``own_keys`` ran with.
        own_keys: (m) content keys of archive pictures.
        most: the number that is stored is the hubness over this, so that it is within -1 to 1.
    """

    temperature: float
    blocks: tuple[str, ...]
    texts: Floats
    own_texts: Ints
    own_keys: tuple[str, ...]
    most: float = 1.0
    name: str = HUBNESS
    standalone: bool = False

    @property
    def block(self) -> Block:
        """One number."""
        return Block(self.name, 1)

    def store(self, pictures: Pictures) -> Floats:
        """(N, 1) hubness of the pictures."""
        links = self._links(pictures.keys)
        stored = np.concatenate([self._stored(name, pictures) for name in self.blocks], axis=1)
        found = hubness(self.texts, stored, self.temperature, links, self.most)
        return (found / np.float32(self.most))[:, None]

    def _stored(self, name: str, pictures: Pictures) -> Floats:
        if name == FUSED:
            return pictures.vectors
        if name not in pictures.stored:
            raise BadInput(f"block {name!r} must be stored before its hubness")
        return pictures.stored[name]

    def _links(self, keys: Sequence[str]) -> Ints:
        """Links (m', 2) of reference texts and places in ``keys``."""
        place = {key: row for row, key in enumerate(keys)}
        columns = np.array([place.get(key, -1) for key in self.own_keys], dtype=np.int64)
        pairs = np.stack([self.own_texts, columns], axis=1)
        return pairs[columns >= 0]

    def ask(self, queries: Queries) -> Rows:
        """(Q, 1) of a negative number, which subtracts the hubness."""
        return Rows.one_each(np.full((len(queries), 1), -self.most, dtype=np.float32))

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares | None:
        """One number has no parts."""
        return None

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """The number is the same for every text."""
        return None

    def settings(self) -> Json:
        """Temperature, blocks and keys."""
        return {
            "temperature": self.temperature,
            "blocks": list(self.blocks),
            "own_keys": list(self.own_keys),
            "most": self.most,
        }

    def arrays(self) -> Arrays:
        """The reference texts and their links."""
        return {"texts": self.texts, "own_texts": self.own_texts}


def hubness(
    texts: Floats,
    pictures: Floats,
    temperature: float,
    links: Ints | None = None,
    most: float = 1.0,
) -> Floats:
    """The soft maximum of each picture's scores with reference texts.

    temperature · log mean exp(score / temperature): between mean and maximum, for any number of
    texts.

    Args:
        texts: (T, D) query vectors.
        pictures: (N, D) stored vectors; their inner products are the scores.
        temperature: of a score, above 0; lower values are closer to the maximum.
        links: (M, 2) indices (text, picture) that are left out: a picture's own texts do not make
            it a hub, and new pictures have none.
        most: magnitude of the scores; the result is cut to it.

    Returns:
        (N,), -most to most; zeros without texts.
    """
    found = np.zeros(len(pictures), dtype=np.float32)
    if not len(texts):
        return found
    own = np.zeros((0, 2), dtype=np.int64) if links is None else links
    for start in range(0, len(pictures), _BLOCK):
        exponents = pictures[start : start + _BLOCK] @ texts.T / np.float32(temperature)
        here = own[(own[:, 1] >= start) & (own[:, 1] < start + _BLOCK)]
        exponents[here[:, 1] - start, here[:, 0]] = -most / temperature
        highest = exponents.max(axis=1)  # (B,)
        mean = np.exp(exponents - highest[:, None]).mean(axis=1)
        found[start : start + _BLOCK] = temperature * (highest + np.log(mean))
    return np.clip(found, -most, most)
