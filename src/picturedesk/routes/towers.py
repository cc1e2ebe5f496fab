"""The towers route: cosines of trained towers of texts and pictures, for larger archives.

The towers see what a linear head cannot: which parts of texts and pictures go together only under
conditions. Several are trained, each without one part of the archive (``routes.parted``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.gradients.devices import torch_installed
from picturedesk.gradients.towers import Towers, TowersConfig, train_towers
from picturedesk.heads.fusion import length_one
from picturedesk.heads.half import from_half, half_arrays, rounded
from picturedesk.heads.linear import RaisedRows, signed_power
from picturedesk.heads.matcher import Matcher
from picturedesk.heads.shares import integrated, inverse
from picturedesk.routes.direct import ALWAYS, NOT_ATTRIBUTED
from picturedesk.routes.parted import Division, Members
from picturedesk.routes.route import (
    Arrays,
    Block,
    Fold,
    Pictures,
    PictureShare,
    PictureShares,
    Queries,
    Rows,
    ShareConfig,
    TextSlopes,
)
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Bools, Floats, Ints, Json

TOWERS = "towers"
POWER = 0.5  # of the magnitude of level features
_SAMPLE = 500  # texts and pictures whose scores are compared
_FEWEST_PARTS = 2


@dataclass(frozen=True, slots=True)
class TowersPlan:
    """Plan of the route.

    Attributes:
        config: of the towers.
        members: towers K, each trained without one part of the archive.
        fewest_texts: of the archive, below which towers do not pay.
    """

    name: str = TOWERS
    weights: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0, 2.0, 8.0)
    unit: str = TOWERS
    default_weight: float = 0.0
    config: TowersConfig = field(default_factory=TowersConfig)
    members: int = 3
    fewest_texts: int = 2500

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.members < _FEWEST_PARTS:
            raise BadInput(f"{self.members} members: at least {_FEWEST_PARTS} are needed")

    def on(self, device: str) -> TowersPlan:
        """The same plan, trained on this device."""
        network = replace(self.config.network, device=device)
        return replace(self, config=replace(self.config, network=network))

    def fit(self, fold: Fold) -> TowersRoute | None:
        """Trains the towers; None for a small archive, or without torch."""
        if len(fold.queries) < self.fewest_texts or not torch_installed():
            return None
        columns = fold.columns
        pictures = RaisedRows(fold.pictures.features, columns, POWER)
        texts, links = fold.queries.features, fold.archive.links
        owned = _spans(fold.queries.matcher, columns)
        levels = np.stack(list(owned.values())).argmax(axis=0)  # (c,)
        network = self.config.network
        division = Division.of(fold, self.members, network.seed)
        if division.count < self.members:
            return None

        def learn(part: int, others: Bools) -> Towers:
            seeded = replace(network, seed=network.seed + part)
            config = replace(self.config, network=seeded)
            return train_towers(texts, pictures, links[others], config, levels=levels)

        towers = division.members(learn)
        members = Members(tuple(fold.pictures.keys), division.of_picture, division.count)
        halved = tuple(Towers(rounded(one.texts), rounded(one.pictures)) for one in towers)
        route = TowersRoute(halved, members, columns, 1.0)
        return replace(route, alone=_alone(route, fold))

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> TowersRoute:
        """The route as it was saved."""
        members = Members(tuple(settings["keys"]), np.asarray(arrays["parts"]), settings["members"])
        towers = tuple(
            Towers(from_half(f"texts.{number}", arrays), from_half(f"pictures.{number}", arrays))
            for number in range(settings["members"])
        )
        return TowersRoute(towers, members, np.asarray(arrays["columns"]), settings["alone"])


@dataclass(frozen=True, slots=True, eq=False)
class TowersRoute:
    """See the module.

    Attributes:
        towers: of K members.
        members: which of them places an archive picture.
        columns: (c,) of the level features that the towers read.
        alone: weight of a member that places a picture alone, 1/√K to 1: the cosines of one member
            vary more than the mean of all, so that its pictures would fill the first ranks.
    """

    towers: tuple[Towers, ...]
    members: Members
    columns: Ints
    alone: float
    name: str = TOWERS
    standalone: bool = True

    @property
    def block(self) -> Block:
        """The outputs of all members side by side."""
        return Block(TOWERS, sum(one.pictures.width for one in self.towers))

    def store(self, pictures: Pictures) -> Floats:
        """(N, K · D) of length one at most."""
        shares = self.members.shares(pictures.keys, self.alone)
        raised = self._raised(pictures)
        return np.concatenate(
            [
                length_one(one.pictures(raised)) * weight[:, None]
                for one, weight in zip(self.towers, shares, strict=True)
            ],
            axis=1,
        )

    def ask(self, queries: Queries) -> Rows:
        """(Q, K · D): the towers' places of the texts; zeros for a text with no known word."""
        known = queries.features.any(axis=1, keepdims=True)
        placed = [length_one(one.texts(queries.features)) * known for one in self.towers]
        return Rows.one_each(np.concatenate(placed, axis=1))

    def _raised(self, pictures: Pictures) -> Floats:
        return RaisedRows(pictures.features, self.columns, POWER)[:]

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares:
        """The share of each level by integrated gradients, ``ALWAYS``, and their error.

        ``ALWAYS`` is the score of a picture with mean features. All shares sum to the product.
        """
        start = np.zeros(len(self.columns), dtype=np.float32)
        if config.typical is not None:
            typical = config.typical[self.columns].astype(np.float32)
            start = signed_power(typical, POWER)
        raised = self._raised(pictures)
        weights = self.members.shares(pictures.keys, self.alone)
        each = np.zeros(raised.shape)
        always, missed = np.zeros(len(pictures)), np.zeros(len(pictures))
        directions = np.split(toward, len(self.towers))
        for tower, weight, direction in zip(self.towers, weights, directions, strict=True):
            rows = np.flatnonzero(weight)
            if len(rows) and direction.any():
                found = integrated(tower.pictures, start, raised[rows], direction, config.steps)
                each[rows] += found.inputs * weight[rows, None]
                always[rows] += found.start * weight[rows]
                missed[rows] += found.missed * weight[rows]
        spans = _spans(pictures.matcher, self.columns)
        return PictureShares(
            "tower levels",
            tuple(
                (
                    *(PictureShare(name, float(row[span].sum())) for name, span in spans.items()),
                    PictureShare(ALWAYS, float(start_score)),
                    PictureShare(NOT_ATTRIBUTED, float(error)),
                )
                for row, start_score, error in zip(each, always, missed, strict=True)
            ),
        )

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes:
        """Linear while no hidden unit turns on or off, with the vectors' lengths held constant."""
        features = queries.features[0]
        slopes = np.zeros((len(stored), len(features)), dtype=np.float32)
        offsets = np.zeros(len(stored))
        if not features.any():
            return TextSlopes(slopes, offsets)
        blocks = np.split(stored, len(self.towers), axis=1)
        for tower, block in zip(self.towers, blocks, strict=True):
            (first, last), (begin, end) = tower.texts.weights, tower.texts.biases
            on = features @ first + begin > 0  # (H,)
            scale = float(inverse(np.linalg.norm(tower.texts(features[None])[0])))
            back = (block @ last.T) * on * np.float32(scale)  # (K, H)
            slopes += back @ first.T
            offsets += (back @ begin).astype(np.float64) + (block @ end) * scale
        return TextSlopes(slopes, offsets)

    def settings(self) -> Json:
        """Keys of the archive pictures, number of members, and the weight of one alone."""
        return {
            "keys": list(self.members.keys),
            "members": self.members.count,
            "alone": self.alone,
        }

    def arrays(self) -> Arrays:
        """Weights in half precision, which the route computes with."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "columns": self.columns,
            "parts": self.members.parts,
        }
        for number, one in enumerate(self.towers):
            arrays |= half_arrays(f"texts.{number}", one.texts)
            arrays |= half_arrays(f"pictures.{number}", one.pictures)
        return arrays


def _spans(matcher: Matcher, columns: Ints) -> dict[str, Bools]:
    """Level → which of the columns are its own (c,); only levels that are read."""
    found = {}
    for name, span in matcher.level_columns().items():
        own = (columns >= span.start) & (columns < span.stop)
        if own.any():
            found[name] = own
    return found


def _alone(route: TowersRoute, fold: Fold) -> float:
    """How much less the mean of all members varies than one member's cosines; 1/√K to 1."""
    texts = evenly_spaced(len(fold.queries), _SAMPLE)
    rows = evenly_spaced(len(fold.pictures), _SAMPLE)
    raised = RaisedRows(fold.pictures.features, route.columns, POWER)[rows]
    cosines = np.stack(
        [
            length_one(one.texts(fold.queries.features[texts])) @ length_one(one.pictures(raised)).T
            for one in route.towers
        ]
    )  # (K, Q, N)
    own = route.members.parts[rows]
    single = float(cosines[own, :, np.arange(len(rows))].std())
    together = float(cosines.mean(axis=0).std())
    return float(np.clip(together / max(single, 1e-9), len(route.towers) ** -0.5, 1.0))
