"""How a catalogue vector is put together, so that a blend of routes is one inner product.

A catalogue ranks by cosine. Every route with a block is linear in what is stored of a picture:
their weighted sum is the inner product of one long query with one long vector. A last number fills
every vector up to one length, so that cosine and inner product order alike (Bachrach et al. 2014).
Knows arrays only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.routes.route import Block
from picturedesk.types import Doubles, Floats


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks side by side, and a filling; a single block stands alone, as it is.

    Attributes:
        blocks: in their order, of different names. Each row of a block is of length one at most;
            of a single block exactly one, or zero: nothing fills it up.
    """

    blocks: tuple[Block, ...]

    @property
    def width(self) -> int:
        """Numbers in a catalogue vector, W."""
        return sum(block.width for block in self.blocks) + (len(self.blocks) > 1)

    @property
    def radius(self) -> float:
        """Length of a vector before it is brought to one."""
        return float(np.sqrt(len(self.blocks)))

    def columns(self) -> Iterator[tuple[Block, slice]]:
        """Where each block lies."""
        start = 0
        for block in self.blocks:
            yield block, slice(start, start + block.width)
            start += block.width

    def join(self, parts: Mapping[str, Floats]) -> Floats:
        """Blocks by name, each (N, w) → catalogue vectors (N, W) of length one.

        Raises:
            BadInput: if a block is missing or of another width.
        """
        for block in self.blocks:
            if block.name not in parts or parts[block.name].shape[1:] != (block.width,):
                raise BadInput(f"block {block.name!r} of {block.width} numbers a picture is needed")
        rows = [parts[block.name] for block in self.blocks]
        if len(rows) == 1:
            return rows[0]
        joined = np.concatenate(rows, axis=1).astype(np.float64)
        missing = self.radius**2 - np.einsum("nd,nd->n", joined, joined)
        filling = np.sqrt(np.maximum(missing, 0))[:, None]
        vectors: Floats = (np.concatenate([joined, filling], axis=1) / self.radius).astype(
            np.float32
        )
        return vectors

    def split(self, vectors: Floats) -> dict[str, Floats]:
        """Catalogue vectors (N, W) → blocks by name, each (N, w).

        Raises:
            BadInput: if they are of another width.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.width:
            raise BadInput(
                f"catalogue vectors of shape {vectors.shape}, these routes store {self.width} "
                "numbers a picture: were they made by the same fit?"
            )
        scale = np.float32(self.radius)
        return {block.name: vectors[:, columns] * scale for block, columns in self.columns()}

    def query(self, parts: Mapping[str, Floats | Doubles]) -> Doubles:
        """The query (R, W) whose inner product with a vector is the sum over blocks.

        Args:
            parts: what some of the blocks are multiplied with, each (R, w), weights in them.
        """
        rows = len(next(iter(parts.values()))) if parts else 1
        query = np.zeros((rows, self.width))
        for block, columns in self.columns():
            if block.name in parts:
                query[:, columns] = parts[block.name]
        return query

    def products(self, cosines: Doubles, query: Doubles) -> Doubles:
        """Cosines (N,) with a query (W,), as a catalogue gives them → sums over blocks."""
        return cosines * (self.radius * float(np.linalg.norm(query)))
