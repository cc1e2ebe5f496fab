"""Queries with known right pictures, against all pictures of the archive, for calibration.

Everything is as it will be on the desk: pictures that a fold was fitted on are placed by
cross-fitted heads, those of its held-out texts by its own, like pictures that are added later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from picturedesk.learning.calibration import Case, case_of
from picturedesk.learning.training_pairs import TrainingPairs
from picturedesk.routes import ArchiveVectors, Blend, Pictures, Queries
from picturedesk.routes.archive import top
from picturedesk.routes.blend import WordScores, total
from picturedesk.routes.confidence import TEN, signals_of
from picturedesk.spacing import evenly_spaced
from picturedesk.texts.known import known_share
from picturedesk.texts.splitting import sentences_of
from picturedesk.texts.words import words
from picturedesk.types import Floats, Ints

REFERENCES = 256  # archive texts that matches are measured against
_SHORT = (1, 2, 3)  # words of a short query; or the first sentence of a text
_SHORTEST_TEXT = 0.1  # quantile of the texts' lengths, of which a short query has less than half
_WIDESPREAD = 0.1  # share of the texts that hold a word above which it says nothing
_CELLS = 1 << 22  # scores held at a time: 16 MB for each route


@dataclass(frozen=True, slots=True, eq=False)
class KnownQueries:
    """Q queries and their right pictures.

    Attributes:
        texts: of the queries.
        features: (Q, I) from the text encoder.
        relevant: (m, 2) indices (query, picture of the archive).
    """

    texts: Sequence[str]
    features: Floats
    relevant: Ints


def reference_rows(blend: Blend, learned: Queries) -> Floats:
    """Query vectors (R, W) of evenly spaced texts of the archive, routes weighted as blended."""
    count = len(learned)
    rows = evenly_spaced(count, REFERENCES)
    texts = [learned.texts[row] for row in rows]
    vectors = blend.ask(Queries(blend.matcher, texts, learned.features[rows], learned.archive))
    weights = blend.weights_of(blend.default)
    each = [blend.combined(vectors.of(place), weights) for place in range(len(rows))]
    return np.concatenate(each).astype(np.float32)


def cases(
    blend: Blend,
    archive: ArchiveVectors,
    pictures: Pictures,
    queries: KnownQueries,
    captions: WordScores | None,
    seed: int,
) -> list[Case]:
    """One case for each query that has a right picture.

    Args:
        blend: fitted without the queries' texts; has reference rows.
        archive: that it was fitted on.
        pictures: all pictures of the archive.
        queries: with their right pictures.
        captions: BM25 of the pictures' captions; None where they play no part.
        seed: of the scores that are kept as a sample.
    """
    if not len(queries.relevant):
        return []
    random = np.random.default_rng(seed)
    parts = blend.store(pictures)
    weights = blend.weights_of(blend.default)
    asked, suiting = queries.relevant.T
    known = np.unique(asked)  # queries with a right picture
    step = max(1, _CELLS // max(len(pictures), 1))
    made: list[Case] = []
    for start in range(0, len(known), step):
        block = known[start : start + step].tolist()
        texts = [queries.texts[place] for place in block]
        some = Queries(blend.matcher, texts, queries.features[block], archive)
        query_vectors = blend.ask(some)
        blended = total(blend.scores(query_vectors, parts, captions), weights)
        scores = np.asarray(blended, dtype=np.float32)
        best = top(scores, TEN)
        for row, place in enumerate(block):
            is_right = np.zeros(len(pictures), dtype=bool)
            is_right[suiting[asked == place]] = True
            shown = scores[row, best[row]].astype(np.float64)
            vectors = blend.layout.join({name: part[best[row]] for name, part in parts.items()})
            matches = blend.matches(vectors, shown)
            share = known_share(blend.matcher.text_encoder, words(texts[row]))
            signals = signals_of(shown, float(query_vectors.nearest[row]), share)
            made.append(case_of(scores[row], is_right, matches, signals, random))
    return made


class ShortQueries:
    """Makes queries of a few words from texts, and knows which pictures suit them.

    A picture suits a query if it ran with a text that holds all words of the query.

    Args:
        pairs: the whole training part of the archive.

    Attributes:
        below: words from which on a query is no longer short.
    """

    def __init__(self, pairs: TrainingPairs) -> None:
        self._pairs = pairs
        self._words = [words(text) for text in pairs.texts]
        lengths = [len(found) for found in self._words]
        self.below = 1 + int(np.quantile(lengths, _SHORTEST_TEXT) / 2)
        holders: defaultdict[str, list[int]] = defaultdict(list)
        for text, found in enumerate(self._words):
            for word in set(found):
                holders[word].append(text)
        self._holders = {word: np.array(texts) for word, texts in holders.items()}
        self._pictures: defaultdict[int, list[int]] = defaultdict(list)
        for text, picture in pairs.links.tolist():
            self._pictures[text].append(picture)

    def of(self, texts: Ints, seed: int) -> tuple[list[str], Ints]:
        """A short query from each of some texts, where it has telling words.

        Returns:
            Q queries, and pairs (m, 2) of query and picture that suits it.
        """
        random = np.random.default_rng(seed)
        made: list[str] = []
        relevant: list[tuple[int, int]] = []
        for text in texts.tolist():
            query, chosen = self._query(text, random)
            if not chosen:
                continue
            holders = self._holders[chosen[0]]
            for word in chosen[1:]:
                holders = np.intersect1d(holders, self._holders[word])
            suiting = {picture for one in holders.tolist() for picture in self._pictures[one]}
            relevant += [(len(made), picture) for picture in sorted(suiting)]
            made.append(query)
        return made, np.array(relevant, dtype=np.int64).reshape(-1, 2)

    def _query(self, text: int, random: np.random.Generator) -> tuple[str, list[str]]:
        """A query and its words; no words where the text has no such query."""
        sizes = [count for count in _SHORT if count < self.below]
        kind = int(random.integers(len(sizes) + 1))
        if kind == len(sizes):
            first = next(islice(sentences_of(self._pairs.texts[text]), 1), "")
            own = list(dict.fromkeys(words(first)))
            return (first, own) if 0 < len(own) < self.below else ("", [])
        most = max(2, _WIDESPREAD * len(self._words))
        telling = [
            word
            for word in dict.fromkeys(self._words[text])
            if 1 < len(self._holders[word]) <= most
        ]
        if len(telling) < sizes[kind]:
            return "", []
        chosen = random.choice(len(telling), size=sizes[kind], replace=False)
        drawn = [telling[place] for place in np.sort(chosen)]
        return " ".join(drawn), drawn
