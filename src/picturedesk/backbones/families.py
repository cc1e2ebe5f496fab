"""The families of networks: timm's, and open_clip's dual encoders. Imports torch and timm.

A family builds networks that levels are read from: modules with ``forward_features`` and
``forward_head``, as timm has them. A new family is one module and one line in ``family_of``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from torch import nn

from picturedesk.backbones import sizes, weights
from picturedesk.backbones.presets import Preset, is_dual
from picturedesk.backbones.weights import Network


class Family(Protocol):
    """How the networks of one library are named, built and loaded."""

    def check_name(self, model: str) -> None:
        """Raises BadInput, with similar names, if there is no such model."""

    def blank_network(self, model: str, size: int = 0) -> nn.Module:
        """The network on torch's meta device for an input size; 0: its own.

        Raises:
            BadInput: it does not accept this size.
        """

    def own_size(self, network: nn.Module, model: str) -> int:
        """Side of the input that a network was made for, pixels."""

    def load_network(self, preset: Preset, source: str | Path | None = None) -> Network:
        """The network with its weights; see ``weights.load_network``."""


class TimmFamily:
    """timm's networks."""

    def check_name(self, model: str) -> None:
        """See ``Family``."""
        weights.check_name(model)

    def blank_network(self, model: str, size: int = 0) -> nn.Module:
        """See ``Family``."""
        return sizes.blank_network(model, size)

    def own_size(self, network: nn.Module, model: str) -> int:
        """See ``Family``."""
        return weights.resolve_preprocessing(network, model).size

    def load_network(self, preset: Preset, source: str | Path | None = None) -> Network:
        """See ``Family``."""
        return weights.load_network(preset, source)


def family_of(model: str) -> Family:
    """The family of a model's name.

    Raises:
        ModuleNotFoundError: its library is not installed.
    """
    if is_dual(model):
        from picturedesk.backbones.openclip import OpenClipFamily

        return OpenClipFamily()
    return TimmFamily()
