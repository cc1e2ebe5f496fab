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


class ReadText:
    """One text, every sentence of it encoded once.

    Attributes:
        text: as it was given.
        features: (I,) output of the text encoder.
        sentences: S sentences; none if no part encodes sentences.
    """

    def __init__(self, encoder: TextEncoder, text: str) -> None:
        self.text = text
        self.sentences: list[str] = []
        self.features = np.zeros(encoder.width, dtype=np.float32)
        self._bags: list[tuple[LsaEncoder, Part]] = []
        self._others: list[Part] = []
        self._reader: tuple[SentenceEncoder, Part] | None = None
        for part in parts_of(encoder):
            self.features[part.columns] = part.scale * self._read(part)

    def _read(self, part: Part) -> Floats:
        """Encodes the text with one part → (D,), and stores what its shares need."""
        encoder = part.encoder
        if isinstance(encoder, SentenceEncoder) and self._reader is None:
            self._reader = encoder, part
            self.sentences = encoder.sentences(self.text)
            self._rows = encoder.sentence_vectors(self.text)  # (S, D)
            self._weights = encoder.weights(len(self.sentences))  # (S,)
            self._pooled: Floats = self._weights @ self._rows
            pooled: Floats = length_one(self._pooled[None])[0]
            return pooled
        if isinstance(encoder, LsaEncoder):
            self._bags.append((encoder, part))
        else:
            self._others.append(part)
        vector: Floats = encoder.encode([self.text])[0]
        return vector

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
        if self._reader is None:
            return np.zeros(0)
        part = self._reader[1]
        scale = part.scale * float(inverse(np.linalg.norm(self._pooled)))
        each = (self._rows @ slope[part.columns]).astype(np.float64)
        return each * self._weights * scale

    def unshared(self, slope: Floats) -> float:
        """Share of encoders that cannot be divided in ``features @ slope``."""
        spans = [part.columns for part in self._others]
        return float(sum(self.features[span] @ slope[span] for span in spans))

    def changed(self, variants: Sequence[Variant]) -> Floats:
        """Text features (n, I) without one word in one sentence; bags of words do not change."""
        found = np.tile(self.features, (len(variants), 1))
        if self._reader is None or not variants:
            return found
        encoder, part = self._reader
        shorter = [without(self.sentences[place], word) for place, word in variants]
        rows = length_one(encoder.engine.encode(shorter))  # (n, D)
        rows[[not any(map(str.isalnum, sentence)) for sentence in shorter]] = 0
        places = [place for place, _ in variants]
        moved = self._weights[places, None] * (rows - self._rows[places])
        found[:, part.columns] = part.scale * length_one(self._pooled + moved)
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
