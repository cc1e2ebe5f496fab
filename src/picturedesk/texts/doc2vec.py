"""Paragraph vectors (doc2vec, PV-DBOW): the vector of a text is that which predicts its words best.

Fitted with gensim (extra ``doc2vec``) on the archive's training texts; encoding needs NumPy only.
Knows nothing of pictures. Source: Le and Mikolov 2014, "Distributed representations of sentences
and documents". PV-DM is not supported: slower, and not better (Lau and Baldwin 2016).

**Inference.** gensim finds the vector d of a new text by stochastic gradient steps on

    Σ_w log σ(d · s_w) + k Σ_w E_noise log σ(−d · s_noise)

over the words w of the text, with k random noise words each; the word outputs s are fixed. Steps of
total length τ from nearly zero end close to the only maximum of this sum minus |d|² / 2τ. This
module computes that maximum directly: without randomness, with each distinct word read once, and
with the expectation over a fixed even sample of the noise words.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.texts.stored import (
    StoredEncoder,
    encoder_fingerprint,
    load_encoder,
    save_encoder,
)
from picturedesk.texts.vocabulary import SMALL_CORPUS, Vocabulary
from picturedesk.texts.words import words
from picturedesk.types import Doubles, Floats

if TYPE_CHECKING:
    from gensim.models.doc2vec import Doc2Vec, TaggedDocument

KIND = "doc2vec"
_LAST_RATE = 1e-4  # learning rate at the end of training and inference, gensim's default
_PIECE = 10_000  # words; gensim ignores the rest of a longer document
_NOISE = 2_000  # points at which the noise distribution is sampled
_STEPS = 50  # at most; texts of one to 50,000 words took 2 to 20
_PRECISION = 0.01  # steps end when the gradient falls to this share of the first one
_CURVATURE = 0.1  # typical σ'(x) of a trained model's logits; at most 0.25


@dataclass(frozen=True, slots=True)
class Doc2VecConfig:
    """How a Doc2VecEncoder is fitted. A corpus of under 100 texts keeps all its words.

    Attributes:
        width: numbers per text.
        epochs: passes over the texts in training; also sets the total step length of inference.
        min_count: minimum number of occurrences of a word in the corpus.
        max_words: approximate number of words to keep, the most frequent ones.
        negative: noise words per word (k).
        sample: words with a larger share of the corpus are downsampled, 0 to 1.
        rate: learning rate at the start; it falls linearly to 0.0001.
        seed: equal seeds give equal arrays.
    """

    width: int = 200
    epochs: int = 30
    min_count: int = 2
    max_words: int = 50_000
    negative: int = 5
    sample: float = 1e-3
    rate: float = 0.025
    seed: int = 0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        if min(self.width, self.epochs, self.min_count, self.max_words, self.negative) < 1:
            raise BadInput(
                f"{self}: width, epochs, min_count, max_words and negative must be 1 or more"
            )
        if self.rate <= 0:
            raise BadInput(f"{self}: rate must be above 0")
        checks.share("sample", self.sample)

    @property
    def reach(self) -> float:
        """Total step length of training for each word of a text (τ)."""
        return self.epochs * (self.rate + _LAST_RATE) / 2


class Doc2VecEncoder:
    """Texts → paragraph vectors, of length one; see ``types.TextEncoder``.

    Attributes:
        config: settings of the fit.
        fingerprint: hash of everything that determines the output.
    """

    def __init__(self, stored: StoredEncoder) -> None:
        """Takes what ``fit`` or ``load`` made, as ``_arrays`` describes it."""
        checks.instance("stored", stored, StoredEncoder)
        self.config = Doc2VecConfig(**stored.config)
        self.fingerprint = stored.fingerprint
        self._stored = stored
        self._vocabulary = Vocabulary.from_array(stored.arrays["vocabulary"])
        self._outputs: Floats = stored.arrays["outputs"]
        self._kept: Floats = stored.arrays["kept"]
        self._spread: Floats = stored.arrays["spread"]
        self._noise_outputs: Floats = self._outputs[stored.arrays["noise"]]  # (n, D)
        self._noise_weights: Floats = stored.arrays["noise_weights"]

    @classmethod
    def fit(cls, texts: Iterable[str], config: Doc2VecConfig | None = None) -> Self:
        """Fits words and their outputs on the training texts.

        Reads the texts once and stores 4 bytes per word; gensim adds 4 · width bytes per text and
        8 · width per word. Runs in one thread, so that equal seeds give equal arrays for any
        PYTHONHASHSEED.

        Args:
            texts: T texts of any length and language; may be a generator.
            config: settings; None for the defaults.

        Raises:
            MissingExtra: gensim is not installed.
            BadInput: there are no texts, or no word is left.
        """
        try:
            from gensim.models.doc2vec import Doc2Vec
        except ImportError:
            raise MissingExtra("doc2vec", "doc2vec") from None
        config = checks.optional("config", config, Doc2VecConfig) or Doc2VecConfig()
        corpus = _Corpus(checks.each_text("texts", texts))
        if not len(corpus):
            raise BadInput("there are no texts to fit doc2vec on: give it training texts")
        model = Doc2Vec(
            dm=0,
            vector_size=config.width,
            epochs=config.epochs,
            min_count=config.min_count if len(corpus) >= SMALL_CORPUS else 1,
            max_final_vocab=config.max_words,
            negative=config.negative,
            sample=config.sample,
            alpha=config.rate,
            min_alpha=_LAST_RATE,
            seed=config.seed,
            workers=1,
            hashfxn=_stable_hash,
        )
        model.build_vocab(corpus)
        if not len(model.wv):
            raise BadInput(
                f"no word is left of {len(corpus)} texts: lower min_count ({config.min_count})"
            )
        model.train(corpus, total_examples=model.corpus_count, epochs=model.epochs)
        arrays = _arrays(model)
        known = encoder_fingerprint(KIND, config, arrays)
        return cls(StoredEncoder(asdict(config), arrays, known))

    @property
    def width(self) -> int:
        """D."""
        return int(self._outputs.shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros if no word of a text is known."""
        texts = checks.texts("texts", texts)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            vector[:] = self._infer(text)
            vector /= np.linalg.norm(vector) or 1.0
        return vectors

    def knows(self, word: str) -> bool:
        """Whether a normalised word is in its vocabulary."""
        return word in self._vocabulary

    def save(self, folder: Path) -> None:
        """Writes arrays and JSON into a folder."""
        save_encoder(folder, KIND, self._stored)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; rows of the outputs are read and checked when used."""
        return cls(load_encoder(folder, KIND, by_rows=("outputs",)))

    def _infer(self, text: str) -> Floats:
        """One text → (D,), not scaled to length one."""
        rows, often = self._vocabulary.counts(text)
        often = often * self._kept[rows]  # frequent words are downsampled, as in training
        noise = self.config.negative * often.sum()
        outputs = np.concatenate([self._outputs[rows], self._noise_outputs])  # (n, D)
        weights = np.concatenate([often, noise * self._noise_weights])  # (n,)
        wanted = np.zeros(len(outputs), dtype=np.float32)
        wanted[: len(rows)] = 1
        curvature = _CURVATURE * (noise + often.sum()) * self._spread
        return _most_likely(outputs, weights, wanted, 1 / self.config.reach, curvature)


def _most_likely(
    outputs: Floats, weights: Floats, wanted: Floats, shrinkage: float, curvature: Floats
) -> Floats:
    """The vector that maximises a weighted logistic likelihood with a penalty on its length.

    Gradient ascent, scaled by an estimate of the curvature, with the steps of Barzilai and
    Borwein 1988.

    Args:
        outputs: (n, D).
        weights: (n,).
        wanted: (n,) 1 for words, 0 for noise.
        shrinkage: the penalty is half of it times |d|².
        curvature: (D,) estimate of the likelihood's curvature along each axis.
    """
    scale = 1 / (shrinkage + curvature)
    vector: Floats = np.zeros(outputs.shape[1], dtype=np.float32)
    gradient = _weighted(weights * (wanted - np.float32(0.5)), outputs)
    enough = _PRECISION**2 * float(gradient @ (scale * gradient))
    step = 0.5
    for _ in range(_STEPS):
        if float(gradient @ (scale * gradient)) <= enough:
            break
        move = step * scale * gradient
        vector += move
        logits = np.einsum("nd,d->n", outputs, vector)
        likely = 0.5 + 0.5 * np.tanh(logits / 2)  # σ without overflow
        changed = _weighted(weights * (wanted - likely), outputs) - shrinkage * vector
        step = float(move @ (move / scale)) / float(move @ (gradient - changed))
        gradient = changed
    return vector


def _weighted(weights: Floats, outputs: Floats) -> Floats:
    # einsum, not @: starting BLAS threads can take longer than this small sum
    total: Floats = np.einsum("n,nd->d", weights, outputs)
    return total


class _Corpus:
    """Texts as word numbers, for gensim to read in every epoch."""

    def __init__(self, texts: Iterable[str]) -> None:
        seen: dict[str, int] = {}
        self._numbers = array("i")
        self._ends = array("q")
        for text in texts:
            self._numbers.extend([seen.setdefault(word, len(seen)) for word in words(text)])
            self._ends.append(len(self._numbers))
        self._words = list(seen)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[TaggedDocument]:
        from gensim.models.doc2vec import TaggedDocument

        start = 0
        for tag, end in enumerate(self._ends):
            for piece in range(start, end, _PIECE):
                numbers = self._numbers[piece : min(piece + _PIECE, end)]
                yield TaggedDocument([self._words[number] for number in numbers], [tag])
            start = end


def _stable_hash(text: str) -> int:
    return zlib.crc32(text.encode())


def _arrays(model: Doc2Vec) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a trained model that inference needs.

    The outputs (V, D) are rotated to the axes of the noise's second moment, with "spread" (D,)
    along each, so that curvatures are aligned with the axes; no cosine changes. "kept" (V,) is the
    share of each word's occurrences after downsampling; "noise" and "noise_weights" (n,) are words
    drawn from the noise distribution at even steps.
    """
    known = model.wv.index_to_key
    counts = np.array([model.wv.get_vecattr(word, "count") for word in known], dtype=np.float64)
    thinned = [model.wv.get_vecattr(word, "sample_int") for word in known]
    share = counts**model.ns_exponent / (counts**model.ns_exponent).sum()
    outputs = model.syn1neg.astype(np.float64)
    spread, axes = np.linalg.eigh((outputs * share[:, None]).T @ outputs)
    noise, weights = _even_sample(share)
    return {
        "outputs": (outputs @ axes).astype(np.float32),
        "spread": np.maximum(spread, 0).astype(np.float32),
        "kept": (np.array(thinned, dtype=np.float64) / (2**32 - 1)).astype(np.float32),
        "noise": noise,
        "noise_weights": weights.astype(np.float32),
        "vocabulary": Vocabulary(known).as_array(),
    }


def _even_sample(share: Doubles) -> tuple[npt.NDArray[np.int64], Doubles]:
    points = (np.arange(_NOISE) + 0.5) / _NOISE
    drawn = np.searchsorted(np.cumsum(share) / share.sum(), points)
    rows, times = np.unique(drawn, return_counts=True)
    return rows, times / _NOISE
