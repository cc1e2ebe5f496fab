"""Latent semantic analysis: tf-idf and a truncated SVD turn texts into topics.

Fitted with scikit-learn on the archive's training texts; encoding needs NumPy only. Knows nothing
of pictures. Source: Deerwester et al. 1990, "Indexing by latent semantic analysis"; 500 topics as
in the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.texts.counted import CountedTexts, counted_texts
from picturedesk.texts.stored import (
    StoredEncoder,
    encoder_fingerprint,
    load_encoder,
    save_encoder,
)
from picturedesk.texts.topics import TopicsConfig, topics_of, topics_of_parts
from picturedesk.texts.vocabulary import SMALL_CORPUS, Vocabulary
from picturedesk.types import Floats, Ints

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

KIND = "lsa"


@dataclass(frozen=True, slots=True)
class LsaConfig:
    """How an LsaEncoder is fitted. A corpus of under 100 texts keeps all its words.

    A word in df of T texts has the weight ln((1 + T) / df): a word in nearly every text has nearly
    no weight, so that no list of stop words is needed.

    Attributes:
        topics: maximum width of the vectors; a small corpus gives fewer.
        min_count: minimum number of texts that a word must occur in.
        max_share: words in a larger share of the texts are dropped, 0 to 1.
        max_words: maximum number of words, the most widespread ones; each takes 4 · topics bytes.
        sublinear: whether a word that occurs n times counts 1 + ln n instead of n.
        iterations: power iterations of the randomised SVD (for over 3,000 texts); more are more
            exact and slower. Over 50,000 texts, they are made on a sample.
        seed: equal seeds give equal arrays.
    """

    topics: int = 500
    min_count: int = 2
    max_share: float = 1.0
    max_words: int = 50_000
    sublinear: bool = True
    iterations: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.seed(self.seed)
        if min(self.topics, self.min_count, self.max_words) < 1 or self.iterations < 0:
            raise BadInput(
                f"{self}: topics, min_count and max_words must be 1 or more, iterations 0 or more"
            )
        if not 0 < self.max_share <= 1:
            raise BadInput(f"max_share is {self.max_share}: it must be a share, 0 to 1")


class LsaEncoder:
    """Texts → topics, as vectors of length one; see ``types.TextEncoder``.

    Attributes:
        config: settings of the fit.
        fingerprint: hash of everything that determines the output.
    """

    def __init__(self, stored: StoredEncoder) -> None:
        """Takes what ``fit`` or ``load`` made: "vocabulary", "idf" (V,), "components" (V, D)."""
        checks.instance("stored", stored, StoredEncoder)
        self.config = LsaConfig(**stored.config)
        self.fingerprint = stored.fingerprint
        self._stored = stored
        self._vocabulary = Vocabulary.from_array(stored.arrays["vocabulary"])
        self._idf: Floats = stored.arrays["idf"]
        self._components = stored.arrays["components"]

    @classmethod
    def fit(cls, texts: Iterable[str], config: LsaConfig | None = None) -> Self:
        """Fits words, weights and topics on the training texts.

        Reads the texts once and does not keep them. Up to 50,000 texts of n distinct words take
        24 T n bytes while they are counted, then 8 T n + 12 (T + V) · topics. From there on memory
        does not grow with T: counts lie in a temporary file of 8 T n bytes, and topics are those of
        a sample, made more exact by two rounds over all texts (``texts.topics``).

        Args:
            texts: T texts of any length and language; may be a generator.
            config: settings; None for the defaults.

        Raises:
            BadInput: there are no texts, or no word is left.
        """
        config = checks.optional("config", config, LsaConfig) or LsaConfig()
        with counted_texts(checks.each_text("texts", texts)) as counted:
            kept, numbers = _keep(counted, config)
            idf = np.log((1 + counted.texts) / counted.spread()[numbers]).astype(np.float32)
            arrays: dict[str, npt.NDArray[Any]] = {
                "components": _components(counted, numbers, idf, config),
                "idf": idf,
                "vocabulary": Vocabulary(kept).as_array(),
            }
        known = encoder_fingerprint(KIND, config, arrays)
        return cls(StoredEncoder(asdict(config), arrays, known))

    @property
    def width(self) -> int:
        """D: the number of topics."""
        return int(self._components.shape[1])

    @property
    def topics(self) -> int:
        """The number of topics; the same as ``width``."""
        return self.width

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, D) vectors of length one; zeros if no word of a text is known."""
        texts = checks.texts("texts", texts)
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            rows, weights = self._weights(text)
            # einsum, not @: starting BLAS threads can take longer than this small sum
            vector[:] = np.einsum("w,wd->d", weights, self._components[rows])
            vector /= np.linalg.norm(vector) or 1.0
        return vectors

    @property
    def vocabulary(self) -> list[str]:
        """The V known words, most widespread first."""
        return list(self._vocabulary)

    def knows(self, word: str) -> bool:
        """Whether a normalised word is in its vocabulary."""
        return word in self._vocabulary

    def word_shares(self, text: str, direction: Floats) -> list[tuple[str, float]]:
        """The contribution of each known word to the dot product of a text and a direction.

        Contributions are exact: their sum is ``encode([text])[0] @ direction``.

        Args:
            text: any text.
            direction: (D,).

        Returns:
            Normalised words with their contributions, the largest absolute value first.

        Raises:
            BadInput: the direction does not have D numbers.
        """
        checks.text("text", text)
        checks.array("direction", direction)
        if direction.shape != (self.width,):
            raise BadInput(f"direction has shape {direction.shape}, vectors have ({self.width},)")
        rows, weights = self._weights(text)
        components = self._components[rows]  # (n, D)
        norm = float(np.linalg.norm(np.einsum("w,wd->d", weights, components))) or 1.0
        shares = weights * np.einsum("wd,d->w", components, direction) / norm
        known = self.vocabulary
        strongest = np.argsort(-np.abs(shares), kind="stable")
        return [(known[rows[place]], float(shares[place])) for place in strongest]

    def _weights(self, text: str) -> tuple[Ints, Floats]:
        """Rows (n,) of a text's known words and their weights (n,)."""
        rows, often = self._vocabulary.counts(text)
        return rows, self._idf[rows] * _dampen(often, self.config)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learned: "vocabulary" (UTF-8), "idf" (V,), "components" (V, D)."""
        return {name: np.asarray(array[:]) for name, array in self._stored.arrays.items()}

    def save(self, folder: Path) -> None:
        """Writes arrays and JSON into a folder."""
        save_encoder(folder, KIND, self._stored)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what ``save`` wrote; rows of the components are read and checked when used."""
        return cls(load_encoder(folder, KIND, by_rows=("components",)))


def _keep(counted: CountedTexts, config: LsaConfig) -> tuple[list[str], Ints]:
    """Words to keep and their numbers (V,), most widespread first: their rows are adjacent."""
    if not counted.texts:
        raise BadInput("there are no texts to fit LSA on: give it the archive's training texts")
    spread, least, most = counted.spread().tolist(), 1, float(counted.texts)
    if counted.texts >= SMALL_CORPUS:
        least, most = config.min_count, config.max_share * counted.texts
    usable = ((w, n) for w, n in counted.numbers.items() if least <= spread[n] <= most)
    ranked = sorted(usable, key=lambda one: (-spread[one[1]], one[0]))[: config.max_words]
    if not ranked:
        raise BadInput(
            f"no word is left of {len(counted.numbers)} different ones in {counted.texts} texts: "
            f"lower min_count ({config.min_count}) or raise max_share ({config.max_share})"
        )
    return [word for word, _ in ranked], np.array([n for _, n in ranked], dtype=np.int64)


def _dampen(often: Floats, config: LsaConfig) -> Floats:
    dampened: Floats = 1 + np.log(often) if config.sublinear else often
    return dampened


def _weigh(counts: csr_matrix, idf: Floats, config: LsaConfig) -> csr_matrix:
    """Counts (T, V) → tf-idf (T, V) in rows of length one; overwrites the counts."""
    from sklearn.preprocessing import normalize

    counts.data = _dampen(counts.data, config)
    counts.data *= idf[counts.indices]
    return normalize(counts, copy=False)


def _components(counted: CountedTexts, numbers: Ints, idf: Floats, config: LsaConfig) -> Floats:
    """Directions of topics (V, D) for the words with these numbers."""
    how = TopicsConfig(config.topics, config.iterations, config.seed)
    if counted.few:
        counts = counted.all_counts()[:, numbers]
        counts = counts.sorted_indices()  # makes sums independent of the order of words
        return topics_of(_weigh(counts, idf, config), how)

    def parts() -> Iterator[csr_matrix]:
        return (_weigh(counts, idf, config) for counts in counted.parts(numbers))

    return topics_of_parts(parts, counted.texts, len(numbers), how)
