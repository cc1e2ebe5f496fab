"""Topics of an archive: clusters of its texts, named by their most telling words.

Takes vectors and the beginnings of texts; knows neither desk nor pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints

_TEXTS_OF_A_TOPIC = 50  # on average
_MOST_TOPICS = 40
_NAMING = 4  # words
_SHORTEST = 2  # characters of a naming word in scripts with spaces
_SEED = 0


def cluster(vectors: Floats) -> Ints:
    """The topic (T,) of each text, from vectors (T, D) of length one: k-means."""
    from sklearn.cluster import MiniBatchKMeans

    count = min(_MOST_TOPICS, len(vectors) // _TEXTS_OF_A_TOPIC)
    if count < 2:
        return np.zeros(len(vectors), dtype=np.int64)
    model = MiniBatchKMeans(count, random_state=_SEED, n_init=3, batch_size=2048)
    found: Ints = model.fit_predict(np.asarray(vectors, dtype=np.float32)).astype(np.int64)
    return found


class Naming:
    """Names topics by the words that are much more frequent in them than elsewhere.

    Args:
        texts: T texts, or their beginnings.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = [frozenset(filter(_tells, words(text))) for text in texts]
        self._everywhere = Counter(word for found in self._words for word in found)

    def name(self, texts: Ints) -> tuple[str, ...]:
        """The most telling words of some texts, in rows (t,); each is in two of them or more."""
        here = Counter(word for row in texts.tolist() for word in self._words[row])
        shared = [word for word, count in here.items() if count > 1]

        def telling(word: str) -> tuple[float, str]:
            share = here[word] / len(texts)
            usual = self._everywhere[word] / len(self._words)
            return (-share * np.log(share / usual), word)

        return tuple(sorted(shared, key=telling)[:_NAMING])


def _tells(word: str) -> bool:
    """Whether a word can name a topic: numbers and single letters cannot."""
    return not word[0].isdigit() and (len(word) >= _SHORTEST or not word.isascii())
