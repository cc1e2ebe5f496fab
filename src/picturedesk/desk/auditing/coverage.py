"""Whether the catalogue has a good picture for texts of the archive, besides their own.

Each text is asked as if it were new: neither it nor its pictures are in the archive then. What the
desk says of the best picture decides: a weak match or a doubt. Reads; never writes.
"""

from __future__ import annotations

import numpy as np

from picturedesk.desk.archived import archive_vectors
from picturedesk.routes import ArchiveVectors, Blend, Pool, Queries
from picturedesk.routes.archive import top
from picturedesk.routes.blend import total
from picturedesk.routes.confidence import TEN, WEAK
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.types import Bools, Entries, Floats, Ints, Progress

_PARTS = 5  # texts are asked in parts, at least this many, so that the archive has others
_TOGETHER = 256  # texts of a part, at most


class Coverage:
    """Asks with texts of an archive.

    Args:
        blend: has a confidence.
        memory: the archive in the shared space.
        entries: the pictures of the catalogue.
        links: (M, 2) rows (text, entry) of the pairs, by text.
    """

    def __init__(self, blend: Blend, memory: ArchiveMemory, entries: Entries, links: Ints) -> None:
        self._blend, self._memory, self._links = blend, memory, links
        self._vectors = entries.vectors
        self._parts = blend.layout.split(entries.vectors)

    def is_weak(self, rows: Ints, progress: Progress) -> Bools:
        """Whether no picture but their own is good for texts in these rows (q,)."""
        found = np.zeros(len(rows), dtype=bool)
        count = max(_PARTS, -(-len(rows) // _TOGETHER))
        for part in range(count):
            progress(part, count, "parts of the texts asked")
            found[part::count] = self._asked(rows[part::count])
        progress(count, count, "parts of the texts asked")
        return found

    def _asked(self, rows: Ints) -> Bools:
        blend = self._blend
        if not len(rows):
            return np.zeros(0, dtype=bool)
        texts = [text.excerpt for text in self._memory.texts(rows)]
        features = blend.matcher.text_encoder.encode(texts)
        asked = blend.ask(Queries(blend.matcher, texts, features, self._without(rows)))
        alone = blend.scores(asked, self._parts, None)
        scores = np.asarray(total(alone, blend.weights_of(blend.default)), dtype=np.float32)
        judged = [
            self._judged(text, self._others(row, values), float(nearest))
            for text, row, values, nearest in zip(
                texts, rows.tolist(), scores, asked.nearest, strict=True
            )
        ]
        return np.array(judged, dtype=bool)

    def _without(self, rows: Ints) -> ArchiveVectors:
        """The archive without the pairs of some texts."""
        memory = self._memory
        links = memory.links[np.isin(memory.links[:, 0], rows, invert=True)]
        return archive_vectors(memory, links)

    def _others(self, text: int, scores: Floats) -> Floats:
        """The scores (N,), without those of the text's own pictures."""
        first, last = (np.searchsorted(self._links[:, 0], text, s) for s in ("left", "right"))
        scores[self._links[first:last, 1]] = -np.inf
        return scores

    def _judged(self, text: str, scores: Floats, nearest: float) -> bool:
        """Whether the best picture is a weak match or in doubt."""
        best = top(scores[None], TEN)[0]
        best = best[np.isfinite(scores[best])]
        if not len(best):
            return True
        found = scores.astype(np.float64)
        pool = Pool.of(found[np.isfinite(found)])
        said = self._blend.judge(pool, found[best], self._vectors[best], text, nearest)
        return said is not None and (said.matches[0] == WEAK or bool(said.doubt))
