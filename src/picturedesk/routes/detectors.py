"""Word detectors: the probability of each word of a vocabulary for a picture, calibrated.

Serves without torch. Knows no route.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.heads.fusion import FusionMLP
from picturedesk.heads.half import from_half, half_arrays
from picturedesk.heads.linear import RaisedRows
from picturedesk.routes.parted import Members
from picturedesk.routes.route import Arrays, Pictures
from picturedesk.routes.vocabulary import Vocabulary
from picturedesk.types import Bools, Floats, Ints, Json

POWER = 0.5  # of the magnitude of level features
_VALUES = 2_000_000  # that a calibration uses at most, or that are ranked together
_ROWS = 2048  # pictures whose level features are read together
_NEWTON = 8  # steps
_PRIOR = 4.0  # precision of the prior: a deviation of a half
_FARTHEST = 4.0  # that a word's offset and slope go


@dataclass(frozen=True, slots=True, eq=False)
class Detectors:
    """Level features → the probability of each word.

    Attributes:
        networks: of K members, logits of V words.
        members: which of them reads an archive picture.
        columns: (c,) of the level features that they read.
        vocabulary: the V words.
        offset: of the calibrated logit.
        slope: the calibrated logit is offset + slope · logit (Platt 1999).
    """

    networks: tuple[FusionMLP, ...]
    members: Members
    columns: Ints
    vocabulary: Vocabulary
    offset: float
    slope: float

    def logits(self, pictures: Pictures) -> Floats:
        """(N, V) calibrated: by one member for pictures that the others learned from."""
        if self in pictures.computed:
            return pictures.computed[self]
        rows = RaisedRows(pictures.features, self.columns, POWER)
        found = np.zeros((len(pictures), len(self.vocabulary.words)), dtype=np.float32)
        weights = self.members.shares(pictures.keys, 1.0)
        for start in range(0, len(pictures), _ROWS):
            some = slice(start, start + _ROWS)
            raised, block = rows[some], found[some]
            for network, share in zip(self.networks, weights[:, some], strict=True):
                own = np.flatnonzero(share)
                block[own] += network(raised[own]) * share[own, None]
        logits = np.float32(self.offset) + np.float32(self.slope) * found
        if len(pictures) <= _ROWS:
            pictures.computed[self] = logits
        return logits

    def calibrated(self, logits: Floats, shares: Floats) -> Detectors:
        """The same, calibrated: ``logits`` (N, V) of these, and the ``shares`` that came true."""
        offset, slope = calibration(logits, shares)
        return replace(self, offset=offset, slope=slope)

    def settings(self) -> Json:
        """Keys of the archive pictures, words and calibration."""
        return {
            "keys": list(self.members.keys),
            "members": self.members.count,
            "words": list(self.vocabulary.words),
            "offset": self.offset,
            "slope": self.slope,
        }

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The networks, in half precision, and which reads what."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "columns": self.columns,
            "parts": self.members.parts,
        }
        for number, network in enumerate(self.networks):
            arrays |= half_arrays(f"network.{number}", network)
        return arrays

    @classmethod
    def restore(cls, settings: Json, arrays: Arrays) -> Detectors:
        """Those of ``settings`` and ``arrays``."""
        count = settings["members"]
        return cls(
            tuple(from_half(f"network.{number}", arrays) for number in range(count)),
            Members(tuple(settings["keys"]), np.asarray(arrays["parts"]), count),
            np.asarray(arrays["columns"]),
            Vocabulary(tuple(settings["words"])),
            settings["offset"],
            settings["slope"],
        )


def log_sigmoid(logits: Floats) -> Floats:
    """Logits → log probabilities."""
    logs: Floats = np.minimum(logits, 0) - np.log1p(np.exp(-np.abs(logits)))
    return logs


def calibration(logits: Floats, shares: Floats) -> tuple[float, float]:
    """Offset and slope under which the shares (N, V) of words are likeliest."""
    from scipy.optimize import minimize

    random = np.random.default_rng(0)
    rows = random.permutation(len(logits))[: max(1, _VALUES // max(logits.shape[1], 1))]
    values, wanted = logits[rows].astype(np.float64), shares[rows].astype(np.float64)

    def surprise(pair: Floats) -> float:
        calibrated = pair[0] + pair[1] * values
        return float((np.logaddexp(0, calibrated) - wanted * calibrated).mean())

    found = minimize(surprise, np.array([0.0, 1.0]), method="Nelder-Mead", options={"maxiter": 80})
    return float(found.x[0]), float(max(found.x[1], 1e-3))


def calibration_of_each(logits: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """Offset and slope (V,) of each word, under which its shares (N, V) are likeliest.

    Logits that were calibrated for all words together state too much of words that pictures do not
    show, and too little of those that they do. Few examples change little: a normal prior expects
    offset 0 and slope 1.
    """
    from scipy.special import expit

    offsets, slopes = np.zeros(logits.shape[1]), np.ones(logits.shape[1])
    step = max(1, _VALUES // max(len(logits), 1))
    for start in range(0, logits.shape[1], step):
        some = slice(start, start + step)
        given, wanted = logits[:, some].astype(np.float64), shares[:, some]
        for _ in range(_NEWTON):
            stated = expit(offsets[some] + slopes[some] * given)
            error, weight = stated - wanted, stated * (1 - stated)
            down = error.sum(axis=0) + _PRIOR * offsets[some]
            across = (error * given).sum(axis=0) + _PRIOR * (slopes[some] - 1)
            curve = weight.sum(axis=0) + _PRIOR
            both = (weight * given).sum(axis=0)
            steep = (weight * given**2).sum(axis=0) + _PRIOR
            area = curve * steep - both**2  # above 0: the prior sees to that
            offsets[some] -= (steep * down - both * across) / area
            slopes[some] -= (curve * across - both * down) / area
            offsets[some] = np.clip(offsets[some], -_FARTHEST, _FARTHEST)
            slopes[some] = np.clip(slopes[some], 0, _FARTHEST)
    return offsets.astype(np.float32), slopes.astype(np.float32)


def areas(values: Floats, right: Bools) -> Floats:
    """Area under the curve of each column of values (N, V); .5 where nothing is right."""
    from scipy.stats import rankdata

    hits = right.sum(axis=0)
    above = np.zeros(len(hits))
    step = max(1, _VALUES // max(len(values), 1))
    for start in range(0, len(hits), step):
        some = slice(start, start + step)
        above[some] = (rankdata(values[:, some], axis=0) * right[:, some]).sum(axis=0)
    above -= hits * (hits + 1) / 2
    pairs = hits * (len(values) - hits)
    return np.where(pairs > 0, above / np.maximum(pairs, 1), 0.5).astype(np.float32)
