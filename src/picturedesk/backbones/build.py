"""From a name to a backbone in torch: network, weights, levels, preprocessing. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from picturedesk.backbones.classes import class_names
from picturedesk.backbones.families import family_of
from picturedesk.backbones.level_reader import LevelReader
from picturedesk.backbones.levels import PROBS
from picturedesk.backbones.presets import Preset
from picturedesk.backbones.spec import BackboneSpec, Origin
from picturedesk.backbones.survey import place, survey
from picturedesk.backbones.torch_runner import TorchRunner, choose_device

if TYPE_CHECKING:
    from picturedesk.backbones.text_tower import TextTower


@dataclass(frozen=True, slots=True)
class Built:
    """The parts of a backbone; ``classes`` are the names of the columns of ``probs``.

    ``text_tower`` is that of a dual encoder, else None.
    """

    spec: BackboneSpec
    runner: TorchRunner
    origin: Origin
    classes: tuple[str, ...]
    text_tower: TextTower | None


def build(
    chosen: Preset, levels: Sequence[str] | None, weights: str | Path | None, device: str
) -> Built:
    """Builds a network, loads its weights and moves it to its device; checks arguments first.

    Raises:
        BadInput: a model, size, framing, level, file or device cannot be used.
        MissingArtefact: the package with the preset's weights is not installed.
        PicturedeskError: the hub could not be reached.
    """
    choose_device(device)
    found = survey(chosen.model, chosen.size)
    placed = [place(found, level) for level in (chosen.levels if levels is None else levels)]
    network = family_of(chosen.model).load_network(chosen, weights)
    spec = BackboneSpec(
        name=network.name,
        weights=network.origin.source,
        weights_sha256=network.sha256,
        levels=tuple(level.level for level in placed),
        preprocessing=network.preprocessing,
    )
    reader = LevelReader(network.module, placed)
    runner = TorchRunner(reader, network.preprocessing.size, device, spec.fingerprint)
    read = any(level.level.name == PROBS for level in placed)
    classes = class_names(network.module) if read else ()
    return Built(spec, runner, network.origin, classes, network.text_tower)
