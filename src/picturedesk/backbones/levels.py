"""The syntax of levels, and which pooling fits which output. Knows no network and no torch.

A level is written ``<where>:<pooling>``. ``where`` is a timm feature index ("3", or "-1" from the
end), a module path ("Mixed_7b", "blocks.11"), ``final`` (the network's own pooled output before its
classifier or projection), ``probs`` (its class probabilities) or ``projected`` (a dual encoder's
vector that is compared with texts). Outputs that are vectors have no pooling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from picturedesk.errors import BadInput

FINAL = "final"
PROBS = "probs"
PROJECTED = "projected"
HEAD = (FINAL, PROBS, PROJECTED)  # outputs of the network's head, not of a module
NO_POOLING = "none"
GEM_POWER = 3.0  # generalised mean (Radenović et al. 2018): 1 is the average, infinity the maximum
POOLINGS = "max, avg, gem, cls or gridN (N x N cells, as in grid2)"


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed level; ``where`` is not yet looked up in a network."""

    where: str
    pooling: str

    def __str__(self) -> str:
        return self.where if self.pooling == NO_POOLING else f"{self.where}:{self.pooling}"


@dataclass(frozen=True, slots=True)
class Output:
    """The output of one module of a network for a picture.

    Attributes:
        module: its path.
        kind: "map" (cells in rows and columns), "tokens" (a sequence) or "vector".
        channels: numbers per cell, per token, or of the vector.
        rows: rows of cells; the number of patch tokens if they form no grid; 1 for a vector.
        columns: columns of cells.
        channels_last: whether a map has the shape (B, H, W, C) instead of (B, C, H, W).
        prefix: tokens before the first patch token (class, distillation, registers).
        has_class_token: whether the first token is a class token.
        ordered: whether cells have the order of the picture, as grid pooling needs.
    """

    module: str
    kind: str
    channels: int
    rows: int = 1
    columns: int = 1
    channels_last: bool = False
    prefix: int = 0
    has_class_token: bool = False
    ordered: bool = True

    def width(self, pooling: str) -> int:
        """Numbers per picture after ``pooling`` (D_l); raises BadInput if it does not fit."""
        self._check(pooling)
        cells = grid_side(pooling)
        return self.channels * cells * cells if cells else self.channels

    def _check(self, pooling: str) -> None:
        given = f"level '{self.module}:{pooling}'"
        if self.kind == "vector":
            if pooling != NO_POOLING:
                raise BadInput(f"{given} is a vector already: write '{self.module}'")
            return
        if pooling == NO_POOLING:
            fitting = "max, avg, gem, gridN" + (", cls" if self.has_class_token else "")
            raise BadInput(
                f"level '{self.module}' is {self._shape()}: add a pooling, as in "
                f"'{self.module}:avg' (there are {fitting})"
            )
        if pooling == "cls" and not self.has_class_token:
            raise BadInput(f"{given}: {self._shape()} has no class token: pool with avg or max")
        side = grid_side(pooling)
        if side and not self.ordered:
            raise BadInput(f"{given}: {self._shape()} has no grid: pool with avg or max")
        if side > min(self.rows, self.columns):
            raise BadInput(f"{given} needs more cells than {self._shape()} has: use a smaller grid")

    def _shape(self) -> str:
        if self.kind == "map":
            return f"a map of {self.rows}x{self.columns} cells"
        return f"a sequence of {self.prefix + self.rows * self.columns} tokens"


@dataclass(frozen=True, slots=True)
class ReadableLevel:
    """A readable level of a network.

    Attributes:
        index: timm's feature index; None if timm lists none.
        module: module path, "final", "probs" or "projected".
        kind: "map", "tokens" or "vector".
        channels: width of the level when pooled by max, avg, gem or cls.
        side: cells along one side of the map or token grid; 0 for a vector or unordered tokens.
        reduction: input pixels per cell side; 0 like ``side``.
        poolings: possible poolings; () for a vector.
    """

    index: int | None
    module: str
    kind: str
    channels: int
    side: int
    reduction: int
    poolings: tuple[str, ...]


def parse(level: str) -> Request:
    """Parses ``"<where>:<pooling>"``; raises BadInput for any other form."""
    where, colon, pooling = level.strip().partition(":")
    where = where.strip()
    pooling = pooling.strip() if colon else NO_POOLING
    if not where:
        raise BadInput(f"level '{level}' names no module: write it as in 'blocks.3:avg'")
    if where == FINAL and pooling != NO_POOLING:
        raise BadInput(f"level '{level}': the network pools final itself: write 'final'")
    if where in (PROBS, PROJECTED) and pooling != NO_POOLING:
        raise BadInput(f"level '{level}': {where} is a vector already: write '{where}'")
    if pooling not in {"max", "avg", "gem", "cls", NO_POOLING} and not grid_side(pooling):
        raise BadInput(f"level '{level}': unknown pooling '{pooling}': there are {POOLINGS}")
    return Request(where, pooling)


def feature_index(where: str, count: int, name: str) -> int | None:
    """The feature index, from 0, that ``where`` means; None if it is a path.

    Raises:
        BadInput: the index is not one of the ``count`` features of the network ``name``.
    """
    if not re.fullmatch(r"-?\d+", where):
        return None
    index = int(where)
    if not -count <= index < count:
        there = f"it has 0 to {count - 1}, or -{count} to -1" if count else "it has none"
        raise BadInput(f"feature index {where} is not in {name}: {there}")
    return index % count


def grid_side(pooling: str) -> int:
    """The N of "gridN"; 0 for any other pooling."""
    found = re.fullmatch(r"grid([1-9]\d?)", pooling)
    return int(found[1]) if found else 0


def grid_bounds(length: int, cells: int) -> list[tuple[int, int]]:
    """Start and stop of each of ``cells`` non-empty spans over ``length``.

    Spans overlap by one if the length is not divisible, as in adaptive average pooling.
    """
    return [(i * length // cells, -(-(i + 1) * length // cells)) for i in range(cells)]
