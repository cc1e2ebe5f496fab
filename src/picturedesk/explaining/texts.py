"""Shares of a text's words and sentences, for encoders whose vector is a sum over them.

Knows bags of words and sums of sentences, alone or joined; another encoder's share is not divided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.explaining.explanation import ExplainConfig, Share, WordShare
from picturedesk.explaining.leaving_out import without
from picturedesk.explaining.views import Views
from picturedesk.heads.fusion import length_one
from picturedesk.heads.shares import inverse
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.texts.words import words
from picturedesk.types import Doubles, Floats, TextEncoder

Variant = tuple[int, str]  # a sentence by its place, and the word that it is without


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of several joined encoders, and its columns.

    Attributes:
        encoder: the encoder alone.
        columns: its columns of the text features.
        scale: factor of its vector in these columns.
    """

    encoder: TextEncoder
    columns: slice
    scale: float


def parts_of(encoder: TextEncoder) -> list[Part]:
    """The parts of a joined encoder; any other encoder is its only part."""
    if not isinstance(encoder, JoinedEncoder):
        return [Part(encoder, slice(0, encoder.width), 1.0)]
    found = zip(encoder.parts, encoder.spans, strict=True)
    return [Part(part, columns, encoder.scale) for part, columns in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """What one encoder of sentences makes of a text: a weighted sum of the first S sentences.

    Attributes:
        part: the encoder, and its columns.
        rows: (S, D) their vectors, of length one.
        weights: (S,) of the sentences.
        pooled: (D,) the sum, before it is scaled to length one.
    """

    part: Part
    rows: Floats
    weights: Floats
    pooled: Floats

    @classmethod
    def of(cls, part: Part, encoder: SentenceEncoder, text: str) -> _Reading:
        rows = encoder.sentence_vectors(text)
        weights = encoder.weights(len(rows))
        return cls(part, rows, weights, weights @ rows)

    def vector(self) -> Floats:
        """(D,) of length one, as the encoder gives it."""
        vector: Floats = length_one(self.pooled[None])[0]
        return vector

    def shares(self, slope: Floats) -> Doubles:
        """Share of each sentence (S,) in ``features @ slope``."""
        scale = self.part.scale * float(inverse(np.linalg.norm(self.pooled)))
        each = (self.rows @ slope[self.part.columns]).astype(np.float64)
        return each * self.weights * scale

    def changed(self, places: Sequence[int], shorter: Sequence[str]) -> Floats:
        """Its columns of the features (n, D), each with one sentence replaced."""
        encoder = self.part.encoder
        assert isinstance(encoder, SentenceEncoder)
        rows = length_one(encoder.engine.encode(shorter))  # (n, D)
        rows[[not any(map(str.isalnum, sentence)) for sentence in shorter]] = 0
        moved = self.weights[places, None] * (rows - self.rows[places])
        found: Floats = self.part.scale * length_one(self.pooled + moved)
        return found


class ReadText:
    """One text, every sentence of it encoded once by each encoder of sentences.

    Encoders of sentences may read different numbers of them, the first ones; one that divides the
    text otherwise than the others is not divided.

    Attributes:
        text: as it was given.
        features: (I,) output of the text encoder.
        sentences: S sentences that at least one part reads; none if no part encodes sentences.
    """

    def __init__(self, encoder: TextEncoder, text: str) -> None:
        self.text = text
        self.sentences: list[str] = []
        self.features = np.zeros(encoder.width, dtype=np.float32)
        self._bags: list[tuple[LsaEncoder, Part]] = []
        self._others: list[Part] = []
        self._readings: list[_Reading] = []
        for part in parts_of(encoder):
            self.features[part.columns] = part.scale * self._read(part)

    def _read(self, part: Part) -> Floats:
        """Encodes the text with one part → (D,), and stores what its shares need."""
        encoder = part.encoder
        if isinstance(encoder, SentenceEncoder) and self._shares_sentences(encoder):
            reading = _Reading.of(part, encoder, self.text)
            self._readings.append(reading)
            return reading.vector()
        if isinstance(encoder, LsaEncoder):
            self._bags.append((encoder, part))
        else:
            self._others.append(part)
        vector: Floats = encoder.encode([self.text])[0]
        return vector

    def _shares_sentences(self, encoder: SentenceEncoder) -> bool:
        """Whether an encoder reads the first of the same sentences; keeps the most of them."""
        read = encoder.sentences(self.text)
        longer, shorter = sorted((self.sentences, read), key=len, reverse=True)
        same = longer[: len(shorter)] == shorter
        if same:
            self.sentences = longer
        return same

    def word_shares(self, slope: Floats) -> dict[str, float]:
        """Share of each word that a bag of words knows in ``features @ slope``."""
        found: dict[str, float] = {}
        for encoder, part in self._bags:
            toward = slope[part.columns] * np.float32(part.scale)
            for word, share in encoder.word_shares(self.text, toward):
                found[word] = found.get(word, 0.0) + share
        return found

    def sentence_shares(self, slope: Floats) -> Doubles:
        """Share of each sentence (S,) in ``features @ slope``."""
        found = np.zeros(len(self.sentences))
        for reading in self._readings:
            found[: len(reading.rows)] += reading.shares(slope)
        return found

    def unshared(self, slope: Floats) -> float:
        """Share of encoders that cannot be divided in ``features @ slope``."""
        spans = [part.columns for part in self._others]
        return float(sum(self.features[span] @ slope[span] for span in spans))

    def changed(self, variants: Sequence[Variant]) -> Floats:
        """Text features (n, I) without one word in one sentence; bags of words do not change."""
        found = np.tile(self.features, (len(variants), 1))
        for reading in self._readings:
            read = [n for n, (place, _) in enumerate(variants) if place < len(reading.rows)]
            if read:
                places = [variants[n][0] for n in read]
                shorter = [without(self.sentences[variants[n][0]], variants[n][1]) for n in read]
                found[read, reading.part.columns] = reading.changed(places, shorter)
        return found


def shared_out(
    read: ReadText, views: Views, config: ExplainConfig
) -> list[tuple[tuple[WordShare, ...], tuple[Share, ...], float]]:
    """Words, sentences and offset of each picture; see ``Explanation``."""
    slopes, offsets = views.slopes()
    exact = [read.word_shares(slope) for slope in slopes]
    by_sentence = [read.sentence_shares(slope) for slope in slopes]
    unknown = _unknown(read, set(exact[0]) if exact else set())
    chosen = [_chosen(shares, unknown, config) for shares in by_sentence]
    drops = _drops(read, views, list(dict.fromkeys(v for some in chosen for v in some)))
    found = []
    for row, slope in enumerate(slopes):
        shares = [WordShare(word, share, True) for word, share in exact[row].items()]
        shares += _left_out(chosen[row], drops, row)
        shares.sort(key=lambda known: -known.share)
        pairs = zip(read.sentences, by_sentence[row].tolist(), strict=True)
        offset = float(offsets[row]) + read.unshared(slope)
        found.append((tuple(shares), tuple(Share(*pair) for pair in pairs), offset))
    return found


def _unknown(read: ReadText, known: set[str]) -> list[list[str]]:
    """Per sentence its words, each once, that are in no bag of words."""
    return [
        [word for word in dict.fromkeys(words(sentence)) if word not in known]
        for sentence in read.sentences
    ]


def _chosen(
    shares: Doubles, unknown: Sequence[Sequence[str]], config: ExplainConfig
) -> list[Variant]:
    """The words to leave out for one picture: those of the sentences that add most."""
    strongest = np.argsort(-shares, kind="stable")[: config.sentences].tolist()
    every = [(place, word) for place in strongest for word in unknown[place]]
    return every[: config.left_out]


def _drops(read: ReadText, views: Views, variants: list[Variant]) -> dict[Variant, Doubles]:
    """The fall of each picture's (K,) score when each word is left out."""
    if not variants:
        return {}
    scores = views.scores(np.concatenate([read.features[None], read.changed(variants)]))
    return dict(zip(variants, scores[0] - scores[1:], strict=True))


def _left_out(
    chosen: Sequence[Variant], drops: dict[Variant, Doubles], row: int
) -> Iterator[WordShare]:
    together: dict[str, float] = {}
    for variant in chosen:
        together[variant[1]] = together.get(variant[1], 0.0) + float(drops[variant][row])
    return (WordShare(word, share, False) for word, share in together.items())
