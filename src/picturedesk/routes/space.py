"""How a catalogue vector is put together, so that a blend of routes is one inner product.

A catalogue ranks by cosine. The routes that look at a picture's vector (direct, transfer), at what
the network says it shows (class names), and at its hubness are each linear in what is stored of it:
their weighted sum is the inner product of one long query with one long vector. A last number fills
every vector up to one length, so that cosine and inner product order alike (Bachrach et al. 2014).
Knows arrays only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.types import Doubles, Floats


@dataclass(frozen=True, slots=True)
class CatalogueSpace:
    """The layout of catalogue vectors: fused vector, named vector, hubness, filling.

    Attributes:
        fused: width D of the shared space.
        named: width R of the class-name space, 0 where there is none.
        hubs: whether hubness is stored.
    """

    fused: int
    named: int = 0
    hubs: bool = False

    @property
    def plain(self) -> bool:
        """Whether catalogue vectors are fused vectors and nothing else."""
        return not self.named and not self.hubs

    @property
    def width(self) -> int:
        """Numbers in a catalogue vector, W."""
        return self.fused if self.plain else self.fused + self.named + self.hubs + 1

    @property
    def radius(self) -> float:
        """Length of a vector before it is brought to one."""
        return float(np.sqrt(1 + bool(self.named) + self.hubs))

    @property
    def scale(self) -> float:
        """What an inner product with a stored vector is multiplied by to be the weighted sum."""
        return 1.0 if self.plain else self.radius

    def pictures(self, fused: Floats, named: Floats | None, hubness: Floats | None) -> Floats:
        """Catalogue vectors (N, W) of length one (or zero, if plain).

        Args:
            fused: (N, D) of length one or zero.
            named: (N, R) likewise; None where the space has no names.
            hubness: (N,) -1 to 1; None where it is not stored.
        """
        if self.plain:
            return fused
        parts = [fused]
        if self.named:
            if named is None or named.shape != (len(fused), self.named):
                raise BadInput(f"named vectors of shape ({len(fused)}, {self.named}) are needed")
            parts.append(named)
        if self.hubs:
            if hubness is None or hubness.shape != (len(fused),):
                raise BadInput(f"hubness of shape ({len(fused)},) is needed")
            parts.append(hubness[:, None])
        joined = np.concatenate(parts, axis=1).astype(np.float64)
        missing = self.radius**2 - np.einsum("nd,nd->n", joined, joined)
        filling = np.sqrt(np.maximum(missing, 0))[:, None]
        vectors = np.concatenate([joined, filling], axis=1) / self.radius
        return vectors.astype(np.float32)

    def query(self, fused: Floats, named: Floats | None = None, hubs: float = 0.0) -> Doubles:
        """The query (W,) whose inner product with a picture is the weighted sum of routes.

        Args:
            fused: (D,) weights in.
            named: (R,) weights in; None for no names.
            hubs: how much of the hubness is taken off.
        """
        if self.plain:
            return fused.astype(np.float64)
        query = np.zeros(self.width)
        query[: self.fused] = fused
        if self.named and named is not None:
            query[self.fused : self.fused + self.named] = named
        if self.hubs:
            query[-2] = -hubs
        return query

    def scores(self, cosines: Doubles, query: Doubles) -> Doubles:
        """Cosines (N,) with a query, as a catalogue gives them → the weighted sums."""
        return cosines * (self.scale * float(np.linalg.norm(query)))

    def fused_of(self, vectors: Floats) -> Floats:
        """The fused vectors (N, D) within catalogue vectors (N, W)."""
        return vectors if self.plain else vectors[:, : self.fused] * np.float32(self.radius)

    def named_of(self, vectors: Floats) -> Floats:
        """The named vectors (N, R) within catalogue vectors (N, W)."""
        return vectors[:, self.fused : self.fused + self.named] * np.float32(self.radius)

    def hubness_of(self, vectors: Floats) -> Floats:
        """The hubness (N,) within catalogue vectors (N, W); zeros where it is not stored."""
        if not self.hubs:
            return np.zeros(len(vectors), dtype=np.float32)
        hubs: Floats = vectors[:, -2] * np.float32(self.radius)
        return hubs
