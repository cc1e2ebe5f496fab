"""The settings of the recipe. Knows what they mean, not what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.learning.alignment import AlignmentConfig, Block
from picturedesk.types import Level

PROBABILITIES = "probs"
FINAL = "final"


@dataclass(frozen=True, slots=True)
class BestConfig:
    """How the recipe works. Defaults were chosen on training folds of one archive.

    Attributes:
        alignment: of texts and pictures; its ridges are the first of those tried.
        ridges: (picture, text) in percent, tried in the rehearsals.
        folds: into how many parts the archive is divided; each is asked once.
        rehearse_all: an archive of more texts than this is rehearsed with one part only.
        most_asked: texts that are asked in a rehearsal, at most.
        hubs: how much of the hubness is taken off, tried.
        names: weights of the class-name route, tried, in deviations of the direct route.
        transfer: weights of the transfer route, tried.
        words: weights of the captions' BM25, tried where archive pictures have captions.
        gain: mean reciprocal rank, 0 to 1, that each route must add to be let in.
        hub_temperature: cosine; see ``blend.hubness``.
        nearest: archive texts that speak in the transfer route.
        temperature: cosine; how much more the nearest ones are heard.
        default_words: weight of BM25 where no archive picture has a caption to learn it from.
        seed: of the division into parts.
    """

    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    ridges: tuple[tuple[float, float], ...] = ((0.3, 0.5), (1.0, 1.0), (3.0, 3.0))
    folds: int = 5
    rehearse_all: int = 5000
    most_asked: int = 2000
    hubs: tuple[float, ...] = (0.0, 0.25, 0.5)
    names: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 8.0)
    transfer: tuple[float, ...] = (0.0, 0.15, 0.3, 0.6, 1.2, 8.0)
    words: tuple[float, ...] = (0.0, 0.15, 0.3, 0.6, 1.2, 2.4)
    gain: float = 0.002
    hub_temperature: float = 0.1
    nearest: int = 20
    temperature: float = 0.1
    default_words: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        # JSON gives lists
        object.__setattr__(self, "ridges", tuple((a, b) for a, b in self.ridges))
        if self.folds < 2 or not self.ridges:
            raise BadInput(f"{self.folds} folds, ridges {self.ridges}: at least 2 and 1 are needed")

    def with_ridges(self, ridges: tuple[float, float]) -> AlignmentConfig:
        """The alignment with these (picture, text) ridges."""
        return replace(self.alignment, picture_ridge=ridges[0], text_ridge=ridges[1])


def level_blocks(spec: BackboneSpec, levels: Sequence[str] = ()) -> list[Block]:
    """How much each level weighs: the final pool most, then what is as deep, then the others.

    Args:
        spec: which columns are which level.
        levels: those that are read, () for all.
    """
    named = set(levels) or {str(level) for level in spec.levels}
    return [
        Block(
            spec.columns(str(level)),
            _weight(level) if str(level) in named else 0.0,
            scaled=level.name != PROBABILITIES,
        )
        for level in spec.levels
    ]


def _weight(level: Level) -> float:
    if level.name == FINAL:
        return 1.0
    if level.name == PROBABILITIES or level.pooling == "max":
        return 0.5
    return 0.3
