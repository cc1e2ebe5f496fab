"""Vectors and queries like those of a fitted desk, as many as wanted; sizes of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from picturedesk import Desk
from picturedesk.store.catalogue import rounded

_PART = 20_000  # vectors that are made at once
_NOISE = 0.35  # of the deviation of each number


@dataclass(frozen=True)
class Like:
    """What a desk's vectors look like.

    Each made vector mixes two of the desk's, the first for more than half, and adds noise; then
    each block gets the length that it has in the first one.

    Attributes:
        vectors: (P, W) of a desk's catalogue, or of its texts.
        queries: (Q, W) of texts of its archive, of length one.
        blocks: widths of the blocks that vectors consist of.
    """

    vectors: np.ndarray
    queries: np.ndarray
    blocks: tuple[int, ...]

    @classmethod
    def desk(cls, folder: str, queries: int) -> Like:
        """Reads a desk; its queries are the beginnings of archive texts, at random."""
        with Desk(folder) as desk:
            blend, catalogue, suggester = desk.blend, desk.catalogue, desk.suggester
            vectors = catalogue.fetch(catalogue.keys(limit=catalogue.count())).vectors
            chosen = np.random.default_rng(0).permutation(len(desk.memory))[:queries]
            texts = [text.excerpt for text in desk.memory.texts(np.sort(chosen))]
            weights = blend.weights_of(blend.default)
            asked = blend.ask(suggester.queries([t for t in texts if suggester.knows(t)]), weights)
            rows = [
                blend.combined(asked.of(query), weights)[0] for query in range(len(asked.texts))
            ]
            widths = [block.width for block in blend.layout.blocks]
        towards = np.array(rows)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        rest = vectors.shape[1] - sum(widths)  # the number that fills vectors to length one
        return cls(vectors, towards.astype(np.float32), (*widths, *([rest] if rest else [])))

    @classmethod
    def texts(cls, folder: str) -> Like:
        """Reads the texts of a desk's archive, in the shared space; no queries."""
        with Desk(folder) as desk:
            vectors = desk.memory.text_vectors[:]
        return cls(vectors, vectors[:0], (vectors.shape[1],))

    def made(self, count: int) -> Iterator[np.ndarray]:
        """So many vectors (n, W), in half precision, in parts; the same in every run."""
        deviation = self.vectors.std(axis=0) * _NOISE
        for start in range(0, count, _PART):
            random = np.random.default_rng([7, start])
            size = min(_PART, count - start)
            one, other = random.integers(0, len(self.vectors), (2, size))
            share = random.uniform(0.5, 1, (size, 1)).astype(np.float32)
            mixed = share * self.vectors[one] + (1 - share) * self.vectors[other]
            noise = random.standard_normal(mixed.shape, dtype=np.float32)
            mixed += noise * deviation
            begin = 0
            for width in self.blocks:
                block = slice(begin, begin + width)
                wanted = np.linalg.norm(self.vectors[one, block], axis=1, keepdims=True)
                found = np.linalg.norm(mixed[:, block], axis=1, keepdims=True)
                mixed[:, block] *= wanted / np.maximum(found, 1e-9)
                begin += width
            yield rounded(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))


def size_of(path: Path) -> int:
    """Bytes of a file, or of a folder's files."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file())
