"""Ranks texts for a picture: given ones by all routes, those of the archive by what is stored.

The archive memory has a vector of each text in the shared space, which is enough for the direct
route, and the beginning of each text. Where that is the whole text, as with captions, the best few
of the direct route are read again and scored by all routes. Reads; never writes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.desk.suggesting import BATCH, Suggester
from picturedesk.errors import BadInput
from picturedesk.routes import Pictures
from picturedesk.routes.archive import top
from picturedesk.routes.blend import BLEND, WordScores
from picturedesk.routes.text_ranking import TextRanking
from picturedesk.store.archive_memory import EXCERPT, ArchiveText
from picturedesk.types import Bools, Floats, Ints, RankedText

AGAIN = 200  # of the best texts by the direct route that all routes score again, at least
_BLOCK = 8192  # texts of the archive at a time


class TextRanker:
    """Ranks texts for one picture at a time.

    Args:
        suggester: blend, archive memory and catalogue.
    """

    def __init__(self, suggester: Suggester) -> None:
        self._suggester = suggester
        self.blend, self.memory = suggester.blend, suggester.memory

    def given(self, picture: Pictures, texts: Sequence[str], k: int) -> list[RankedText]:
        """The k best of some texts, by the desk's default route."""
        scores = self._scores(picture, texts)
        rows = _best(scores, k)
        return [
            RankedText(texts[row], float(scores[row]), self.blend.default, rank)
            for rank, row in enumerate(rows.tolist(), start=1)
        ]

    def of_archive(self, picture: Pictures, k: int) -> list[RankedText]:
        """The k best texts of the archive, by all routes or by the direct route."""
        direct = self._direct(picture)
        known = np.flatnonzero(np.isfinite(direct))
        rows = known[_best(direct[known], max(k, AGAIN))]
        texts = self.memory.texts(rows)
        if self.blend.default != BLEND or not all(map(_is_whole, texts)):
            return _ranked(texts[:k], direct[rows[:k]], self.blend.block_routes[0].name)
        scores = self._scores(picture, [text.excerpt for text in texts], rows)
        order = _best(scores, k)
        return _ranked([texts[place] for place in order.tolist()], scores[order], BLEND)

    def _scores(self, picture: Pictures, texts: Sequence[str], rows: Ints | None = None) -> Floats:
        """Scores (Q,) of texts by the desk's default route; rows (Q,) of those in the archive."""
        parts, captions = self.blend.store(picture), self._captions(picture.keys[0])
        ranking = self.blend.texts
        found: list[Floats] = []
        for start in range(0, len(texts), BATCH):
            queries = self._suggester.queries(texts[start : start + BATCH])
            asked = self.blend.ask(queries)
            scores = self.blend.scores(asked, parts, captions)
            own = None
            if rows is not None and ranking is not None:
                own = self._own(ranking, rows[start : start + BATCH])
            found.append(self.blend.text_scores(asked, scores, own)[:, 0])
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)

    def _captions(self, key: str) -> WordScores | None:
        """BM25 of the picture's caption in the catalogue; None if it has none."""
        catalogue = self._suggester.catalogue
        if not self.blend.word_routes or not catalogue.has_words:
            return None
        try:
            catalogue.fetch([key])
        except BadInput:
            return None
        return lambda words: catalogue.word_scores(words, [key])

    def _direct(self, picture: Pictures) -> Floats:
        """Scores (T,) of all texts of the archive by the direct route; -inf without known words."""
        block = self.blend.block_routes[0].block.name
        vectors, ranking = self.memory.text_vectors, self.blend.texts
        shown = self.blend.store(picture)[block]  # (1, D)
        scores = np.empty(len(vectors), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            some = np.asarray(vectors[start : start + _BLOCK])
            summed = some @ shown.T
            if ranking is not None:
                rows = np.arange(start, start + len(some), dtype=np.int64)
                references = self.blend.layout.split(ranking.pictures)[block]  # (R, D)
                own = self._own(ranking, rows)
                summed = ranking.direct.corrected(summed, some @ references.T, own)
            scores[start : start + _BLOCK] = np.where(some.any(axis=1), summed[:, 0], -np.inf)
        return scores

    def _own(self, ranking: TextRanking, rows: Ints) -> Bools:
        """Which reference pictures ran with texts of the archive: (Q, R) for their rows (Q,)."""
        references = self.memory.picture_rows(ranking.keys).tolist()
        column_of = {picture: column for column, picture in enumerate(references) if picture >= 0}
        place_of = {text: place for place, text in enumerate(rows.tolist())}
        ran = np.zeros((len(rows), len(references)), dtype=bool)
        for text, picture in self.memory.links_of(rows).tolist():
            if picture in column_of:
                ran[place_of[text], column_of[picture]] = True
        return ran


def _best(scores: Floats, k: int) -> Ints:
    """The k places with the highest scores, best first; equal ones in their order."""
    best: Ints = top(scores[None], k)[0]
    return best


def _is_whole(text: ArchiveText) -> bool:
    """Whether the excerpt is not cut."""
    return len(text.excerpt) < EXCERPT or not text.excerpt.endswith("…")


def _ranked(texts: Sequence[ArchiveText], scores: Floats, route: str) -> list[RankedText]:
    return [
        RankedText(text.excerpt, score, route, rank, text.id)
        for rank, (text, score) in enumerate(zip(texts, scores.tolist(), strict=True), start=1)
    ]
