"""The seen-words route: does the picture show the words of the text?

Word detectors give each picture a probability for each word of the archive's vocabulary: the share
of texts about it that would have the word (compare Fang et al. 2015). The score is the sum of the
log probabilities of the query's words. Principal components of the log probabilities are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.gradients.detectors import train_detectors
from picturedesk.gradients.devices import torch_installed
from picturedesk.gradients.perceptron import DropoutConfig
from picturedesk.heads.fusion import FusionMLP
from picturedesk.heads.half import rounded
from picturedesk.heads.linear import RaisedRows
from picturedesk.heads.matcher import Matcher
from picturedesk.routes.detectors import (
    POWER,
    Detectors,
    areas,
    calibration_of_each,
    log_sigmoid,
)
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
from picturedesk.routes.vocabulary import Vocabulary
from picturedesk.spacing import evenly_spaced
from picturedesk.types import Bools, Floats, Ints, Json, Tag

SEEN_WORDS = "seen_words"
OTHER_WORDS = "other words"
# A tag is a word that pictures show and that this one is likely to show: function words, whose
# detectors tell little, and mere traces are none.
_VISIBLE = 0.75  # area under the curve of a word's detector
_LIKELY = 0.05  # probability
_FEWEST_PARTS = 2
_MEASURED = 20_000  # pictures that the detectors are measured on, at most
_RAREST = 1e-6  # share of a picture's texts that have a word, at least
DETECTORS = DropoutConfig(
    hidden=512, input_dropout=0.2, epochs=15, batch=128, learning_rate=1e-3, weight_decay=0.02
)


@dataclass(frozen=True, slots=True)
class SeenWordsPlan:
    """Plan of the route.

    Attributes:
        config: of the detectors.
        members: networks K, each trained without one part of the archive.
        fewest_pictures: of the archive, below which detectors learn too little.
        fewest: pictures whose texts have a word of the vocabulary, at least.
        widest: share of the texts that have it, 0 to 1, at most.
        most_words: of the vocabulary.
        width: principal components that are stored for a picture.
    """

    name: str = SEEN_WORDS
    weights: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 8.0)
    unit: str = SEEN_WORDS
    default_weight: float = 0.0
    config: DropoutConfig = DETECTORS
    members: int = 3
    fewest_pictures: int = 200
    fewest: int = 8
    widest: float = 0.5
    most_words: int = 2000
    width: int = 128

    def __post_init__(self) -> None:
        checks.settings(self)
        if self.members < _FEWEST_PARTS or self.width < 1:
            raise BadInput(f"{self}: at least {_FEWEST_PARTS} members and a width of 1 are needed")

    def on(self, device: str) -> SeenWordsPlan:
        """The same plan, trained on this device."""
        return replace(self, config=replace(self.config, device=device))

    def fit(self, fold: Fold) -> SeenWordsRoute | None:
        """Trains the detectors; None for a small archive, or without torch."""
        if len(fold.pictures) < self.fewest_pictures or not torch_installed():
            return None
        texts, links = fold.queries.texts, fold.archive.links
        vocabulary = Vocabulary.of(texts, links, self.fewest, self.widest, self.most_words)
        division = Division.of(fold, self.members, self.config.seed)
        if not vocabulary.words or division.count < self.members:
            return None
        shares = vocabulary.shares(texts, links, len(fold.pictures))
        columns = fold.columns
        pictures = RaisedRows(fold.pictures.features, columns, POWER)

        def learn(part: int, others: Bools) -> FusionMLP:
            rows = np.unique(links[others, 1])
            seeded = replace(self.config, seed=self.config.seed + part)
            return train_detectors(pictures, shares, seeded, rows)

        networks = tuple(rounded(one) for one in division.members(learn))
        members = Members(tuple(fold.pictures.keys), division.of_picture, division.count)
        detectors = Detectors(networks, members, columns, vocabulary, 0.0, 1.0)
        linked = np.unique(links[:, 1])
        shown = fold.pictures
        if len(linked) <= _MEASURED:
            return SeenWordsRoute.of(detectors, shown, shares[:], linked, self.width)
        few = linked[evenly_spaced(len(linked), _MEASURED)]
        every = np.arange(len(few), dtype=np.int64)
        return SeenWordsRoute.of(detectors, shown.some(few), shares[few], every, self.width)

    def restore(self, matcher: Matcher, settings: Json, arrays: Arrays) -> SeenWordsRoute:
        """The route as it was saved."""
        usual, basis, areas, frequency, offsets, slopes = (
            np.asarray(arrays[name], dtype=np.float32)
            for name in ("usual", "basis", "areas", "frequency", "offsets", "slopes")
        )
        return SeenWordsRoute(
            Detectors.restore(settings, arrays),
            usual,
            basis,
            areas,
            frequency,
            offsets,
            slopes,
            settings["scale"],
            settings["alone"],
        )


@dataclass(frozen=True, slots=True, eq=False)
class SeenWordsRoute:
    """See the module.

    Attributes:
        detectors: of the words.
        usual: (V,) mean log probability of each word over the archive's pictures.
        basis: (V, w) principal directions of log probabilities.
        areas: (V,) area under the curve of each word's detector on pictures that it did not learn
            from, 0 to 1.
        frequency: (V,) mean share of a picture's texts that have the word.
        offsets: (V,) of the stated probability of each word.
        slopes: (V,) its logit is offset + slope · the detectors' logit.
        scale: factor of the stored components, so that the archive's have length one at most.
        alone: factor of the components of a picture that one member places alone: they vary more.
    """

    detectors: Detectors
    usual: Floats
    basis: Floats
    areas: Floats
    frequency: Floats
    offsets: Floats
    slopes: Floats
    scale: float
    alone: float
    name: str = SEEN_WORDS
    standalone: bool = True

    @classmethod
    def of(
        cls, detectors: Detectors, pictures: Pictures, shares: Floats, linked: Ints, width: int
    ) -> SeenWordsRoute:
        """Calibrates detectors on archive pictures that they did not learn from.

        Args:
            detectors: not calibrated.
            pictures: P of the archive.
            shares: (P, V) of each word in a picture's texts.
            linked: rows of the pictures that ran with a text.
            width: number of principal directions, at most.
        """
        raw = detectors.logits(pictures)
        detectors = detectors.calibrated(raw[linked], shares[linked])
        calibrated = np.float32(detectors.offset) + np.float32(detectors.slope) * raw
        logs = log_sigmoid(calibrated)
        usual = logs.mean(axis=0)
        basis = _directions(logs - usual, width)
        longest = float(np.linalg.norm((logs - usual) @ basis, axis=1).max())
        route = cls(
            detectors,
            usual,
            basis,
            areas(raw[linked], shares[linked] > 0),
            shares[linked].mean(axis=0),
            *calibration_of_each(calibrated[linked], shares[linked]),
            1 / max(longest, 1e-9),
            1.0,
        )
        return replace(route, alone=_alone(route, pictures, logs - usual))

    @property
    def block(self) -> Block:
        """Principal components of the log probabilities."""
        return Block(SEEN_WORDS, int(self.basis.shape[1]))

    def store(self, pictures: Pictures) -> Floats:
        """(N, w) of length one at most."""
        apart: Floats = log_sigmoid(self.detectors.logits(pictures)) - self.usual
        components: Floats = apart @ self.basis
        factors = self._factors(pictures, components)[:, None]
        return np.asarray(components * factors, dtype=np.float32)

    def _factors(self, pictures: Pictures, components: Floats) -> Floats:
        """Factor (N,) of each picture's components (N, w)."""
        lone = self.detectors.members.of(pictures.keys) >= 0
        factors = np.where(lone, self.alone, 1.0) * self.scale
        lengths = np.linalg.norm(components, axis=1) * factors
        shortened: Floats = (factors / np.maximum(lengths, 1.0)).astype(np.float32)
        return shortened

    def ask(self, queries: Queries) -> Rows:
        """(Q, w): the sum over the text's words, over the root of their number."""
        asked = np.zeros((len(queries), self.basis.shape[1]), dtype=np.float32)
        for row, text in zip(asked, queries.texts, strict=True):
            if places := self.detectors.vocabulary.places(text):
                row[:] = self.basis[places].sum(axis=0) / np.sqrt(len(places))
        return Rows.one_each(asked)

    def picture_shares(
        self, pictures: Pictures, toward: Floats, config: ShareConfig
    ) -> PictureShares:
        """The share of each word that the picture shows or lacks, then ``OTHER_WORDS``; exact."""
        logits = self.detectors.logits(pictures)
        apart: Floats = log_sigmoid(logits) - self.usual
        components: Floats = apart @ self.basis
        factors = self._factors(pictures, components).astype(np.float64)
        each = apart * (self.basis @ toward) * factors[:, None]  # (K, V)
        likely = np.exp(self._stated(logits))
        return PictureShares(
            "seen words",
            tuple(
                self._named(row, chances, config.most)
                for row, chances in zip(each, likely, strict=True)
            ),
        )

    def _stated(self, logits: Floats) -> Floats:
        """Log probabilities (N, V) from calibrated logits, as they are told to users."""
        return log_sigmoid(self.offsets + self.slopes * logits)

    def probabilities(self, pictures: Pictures) -> Floats:
        """(N, V): the share of texts about each picture that would have each word."""
        stated: Floats = np.exp(self._stated(self.detectors.logits(pictures)))
        return stated

    def _named(self, row: Floats, likely: Floats, most: int) -> tuple[PictureShare, ...]:
        order = np.argsort(-row, kind="stable")
        best, others = order[:most], order[most:]
        known = self.detectors.vocabulary.words
        return (
            *(PictureShare(known[w], float(row[w]), float(likely[w])) for w in best),
            PictureShare(OTHER_WORDS, float(row[others].sum())),
        )

    def tags(self, pictures: Pictures, most: int) -> list[list[Tag]]:
        """The words that each picture shows, the most telling first.

        Telling is a word that is far likelier than usual: p · log(p / frequency) is its summand of
        the Kullback-Leibler divergence. Words that no detector can tell are left out,
        and words below 5 %.

        Args:
            pictures: N pictures.
            most: words for each, at most.
        """
        logs = self._stated(self.detectors.logits(pictures))
        chances = np.exp(logs)
        surplus = logs - np.log(np.maximum(self.frequency, _RAREST))
        shown = (self.areas >= _VISIBLE) & (chances >= _LIKELY)
        telling = np.where(shown, chances * surplus, 0)
        known = self.detectors.vocabulary.words
        found = []
        for row, values in zip(telling, chances, strict=True):
            words_of = np.flatnonzero(row > 0)
            order = words_of[np.argsort(-row[words_of], kind="stable")[:most]]
            found.append([Tag(known[w], float(values[w])) for w in order.tolist()])
        return found

    def text_slopes(self, queries: Queries, stored: Floats) -> TextSlopes | None:
        """None: a word is in the vocabulary or not."""
        return None

    def settings(self) -> Json:
        """Those of the detectors, and the factors."""
        return {**self.detectors.settings(), "scale": self.scale, "alone": self.alone}

    def arrays(self) -> Arrays:
        """Those of the detectors, and what was measured of them."""
        return {
            **self.detectors.arrays(),
            "usual": self.usual,
            "basis": self.basis,
            "areas": self.areas,
            "frequency": self.frequency,
            "offsets": self.offsets,
            "slopes": self.slopes,
        }


def _directions(centred: Floats, most: int) -> Floats:
    """Principal directions (V, w) of rows (P, V)."""
    from scipy.linalg import eigh

    gram = centred.T @ centred
    size = len(gram)
    first = max(0, size - most)
    _, vectors = eigh(gram, subset_by_index=(first, size - 1), check_finite=False)
    return np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32)


def _alone(route: SeenWordsRoute, pictures: Pictures, alone: Floats) -> float:
    """How much less the mean of all members varies than one member's components, 0 to 1."""
    unknown = [f"new {row}" for row in range(len(pictures))]  # keys that no member has
    as_new = Pictures(pictures.matcher, unknown, pictures.features)
    together = log_sigmoid(route.detectors.logits(as_new)) - route.usual
    spread = float(np.linalg.norm((together - together.mean(axis=0)) @ route.basis))
    return float(np.clip(spread / max(float(np.linalg.norm(alone @ route.basis)), 1e-9), 0.1, 1.0))
