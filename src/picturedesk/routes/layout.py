"""The layout of catalogue vectors: a blend of routes is one inner product.

A catalogue ranks by cosine. Every route with a block is linear in the stored numbers, so the
weighted sum of the routes is the inner product of one query with one catalogue vector. A last
number fills every vector up to the same length, so that cosine and inner product give the same
order (Bachrach et al. 2014). Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes.route import Block
from picturedesk.types import Doubles, Floats

_ROWS = 4096  # vectors that are joined in double precision together


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks side by side, then a filling; a single block has no filling.

    Attributes:
        blocks: in order, with different names. The rows of a block have length one at most; those
            of a single block have length one, or are zero.
    """

    blocks: tuple[Block, ...]

    @property
    def width(self) -> int:
        """Width W of a catalogue vector."""
        return sum(block.width for block in self.blocks) + (len(self.blocks) > 1)

    @property
    def radius(self) -> float:
        """Length of a vector before it is scaled to one."""
        return float(np.sqrt(len(self.blocks)))

    def columns(self) -> Iterator[tuple[Block, slice]]:
        """Each block with its columns."""
        start = 0
        for block in self.blocks:
            yield block, slice(start, start + block.width)
            start += block.width

    def join(self, parts: Mapping[str, Floats]) -> Floats:
        """Block name → (N, w); returns catalogue vectors (N, W) of length one.

        Raises:
            BadInput: a block is missing or has another width.
        """
        for block in self.blocks:
            if block.name not in parts or parts[block.name].shape[1:] != (block.width,):
                raise BadInput(f"block {block.name!r} of {block.width} numbers a picture is needed")
        rows = [parts[block.name] for block in self.blocks]
        if len(rows) == 1:
            return rows[0]
        vectors = np.empty((len(rows[0]), self.width), dtype=np.float32)
        for start in range(0, len(vectors), _ROWS):
            some = slice(start, start + _ROWS)
            joined = np.concatenate([part[some] for part in rows], axis=1).astype(np.float64)
            missing = self.radius**2 - np.einsum("nd,nd->n", joined, joined)
            filling = np.sqrt(np.maximum(missing, 0))[:, None]
            vectors[some] = np.concatenate([joined, filling], axis=1) / self.radius
        return vectors

    def split(self, vectors: Floats) -> dict[str, Floats]:
        """Catalogue vectors (N, W); returns block name → (N, w).

        Raises:
            BadInput: they have another width.
        """
        return {block.name: self.part(vectors, block.name) for block in self.blocks}

    def part(self, vectors: Floats, name: str) -> Floats:
        """One block (N, w) of catalogue vectors (N, W).

        Raises:
            BadInput: they have another width.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.width:
            raise BadInput(
                f"catalogue vectors of shape {vectors.shape}, these routes store {self.width} "
                "numbers a picture: were they made by the same fit?"
            )
        columns = next(columns for block, columns in self.columns() if block.name == name)
        return vectors[:, columns] * np.float32(self.radius)

    def query(self, parts: Mapping[str, Floats | Doubles]) -> Doubles:
        """The query (R, W) whose inner product with a vector is the sum over blocks.

        Args:
            parts: block name → its query (R, w), with weights; missing blocks are zero.
        """
        rows = len(next(iter(parts.values()))) if parts else 1
        query = np.zeros((rows, self.width))
        for block, columns in self.columns():
            if block.name in parts:
                query[:, columns] = parts[block.name]
        return query

    def products(self, cosines: Doubles, query: Doubles) -> Doubles:
        """Cosines (N,) of catalogue vectors with a query (W,) → sums over blocks."""
        return cosines * (self.radius * float(np.linalg.norm(query)))
