"""Everything that determines a backbone's output, as one record. Knows no network and no runner."""

from __future__ import annotations

from dataclasses import dataclass

import picturedesk.checks as checks
from picturedesk.disk.artifacts import fingerprint, plain
from picturedesk.errors import BadInput, Mismatch
from picturedesk.types import Json, Level, Preprocessing


@dataclass(frozen=True, slots=True)
class Origin:
    """Source and licence of weights.

    Attributes:
        source: "hub:…", "package:…", "file:…" or "random:SEED".
        licence: as the publisher states it, or "unknown".
    """

    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """A frozen network with its levels and preprocessing.

    Attributes:
        name: architecture, as timm names it ("inception_v3").
        weights: source of the weights, for people ("hub:timm/inception_v3.tv_in1k").
        weights_sha256: hash (hex) of the loaded parameters; it does not depend on their file.
        levels: L levels, in the order of their columns.
        preprocessing: how a decoded picture becomes the input.
    """

    name: str
    weights: str
    weights_sha256: str
    levels: tuple[Level, ...]
    preprocessing: Preprocessing

    def __post_init__(self) -> None:
        """Raises BadInput if there is no level, or one occurs twice."""
        checks.settings(self)
        names = [str(level) for level in self.levels]
        if not names:
            raise BadInput(f"{self.name} has no levels: give at least one")
        for name in names:
            if names.count(name) > 1:
                raise BadInput(f"level '{name}' of {self.name} occurs twice: give it once")

    @property
    def fingerprint(self) -> str:
        """Hash (16 hex digits) of everything that determines the output; not of ``weights``."""
        how = plain(self.preprocessing)
        if how["framing"] == "centre":
            del how["framing"]  # keeps the fingerprint of records from before there was a choice
        return fingerprint((self.name, self.weights_sha256, self.levels, how))

    @property
    def width(self) -> int:
        """Numbers per picture, all levels together (ΣD_l)."""
        return sum(level.width for level in self.levels)

    def columns(self, level: str) -> slice:
        """The columns of a level among the ΣD_l; raises BadInput, with the levels, if unknown."""
        checks.text("level", level)
        start = 0
        for known in self.levels:
            if str(known) == level:
                return slice(start, start + known.width)
            start += known.width
        there = ", ".join(str(known) for known in self.levels)
        raise BadInput(f"level '{level}' is not among those of {self.name}: it has {there}")

    @classmethod
    def from_json(cls, content: Json) -> BackboneSpec:
        """Reads the JSON of ``artifacts.plain(spec)``; raises Mismatch if it is malformed."""
        try:
            how = content["preprocessing"]
            red, green, blue = (float(value) for value in how["mean"])
            red_std, green_std, blue_std = (float(value) for value in how["std"])
            return cls(
                name=str(content["name"]),
                weights=str(content["weights"]),
                weights_sha256=str(content["weights_sha256"]),
                levels=tuple(
                    Level(str(row["name"]), int(row["width"]), str(row["pooling"]))
                    for row in content["levels"]
                ),
                preprocessing=Preprocessing(
                    size=int(how["size"]),
                    resize=int(how["resize"]),
                    interpolation=str(how["interpolation"]),
                    mean=(red, green, blue),
                    std=(red_std, green_std, blue_std),
                    framing=str(how.get("framing", "centre")),
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Mismatch(
                f"a backbone's record cannot be read ({error!r}): make it again"
            ) from None
