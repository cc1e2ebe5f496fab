"""Finds the outputs of a network's modules, without weights. Imports torch.

Builds the network on torch's meta device, where tensors have shapes but no numbers, and runs it
once. Infers layouts from the shapes (and the network's feature list), since no attribute gives them
for all architectures.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from picturedesk.backbones.families import family_of
from picturedesk.backbones.levels import (
    FINAL,
    HEAD,
    NO_POOLING,
    PROBS,
    PROJECTED,
    Output,
    ReadableLevel,
    feature_index,
    parse,
)
from picturedesk.backbones.sizes import UNFIT, cannot_take
from picturedesk.disk.hub import one_line
from picturedesk.errors import BadInput
from picturedesk.types import Level

PICTURES = 2  # more than one, to detect outputs that mix or split pictures


@dataclass(frozen=True, slots=True)
class Sighting:
    """One module during a forward pass.

    Attributes:
        shape: of its output; () if it is not a tensor.
        calls: number of calls.
        order: position in the order in which modules finished, from 0.
    """

    shape: tuple[int, ...]
    calls: int
    order: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A level of a network.

    Attributes:
        level: its name, width and pooling.
        output: the output that is pooled.
        order: position in the order in which modules finish; those of the head are last.
    """

    level: Level
    output: Output
    order: int


@dataclass(frozen=True, slots=True)
class Survey:
    """The outputs of all modules of a network.

    Attributes:
        name: of the network, for messages.
        sightings: by module path.
        features: timm's feature list: module path and channels.
        final_width: width of the pooled output before the classifier.
        classes: number of classes; 0 if it has no classifier.
        projected: width of the vector that is compared with texts; 0 if it is no dual encoder.
        size: side of the input, pixels.
        prefix: number of tokens before the patches that the network declares; None if it does not.
        has_class_token: whether the network has a class token.
        channels_last: whether the network declares maps of (B, H, W, C).
        ordered: whether its tokens have the order of the picture.
    """

    name: str
    sightings: Mapping[str, Sighting]
    features: tuple[tuple[str, int], ...]
    final_width: int
    classes: int
    projected: int
    size: int
    prefix: int | None
    has_class_token: bool
    channels_last: bool
    ordered: bool


def survey(model: str, size: int = 0) -> Survey:
    """Runs the network once and records every module's output; reads and downloads no weights.

    Args:
        model: name of it, as ``families`` knows it.
        size: side of the input, pixels; 0 for the network's own.

    Raises:
        BadInput: there is no such model, it does not accept this size, or it cannot run in two
            steps, features and head.
    """
    family = family_of(model)
    family.check_name(model)
    network: Any = family.blank_network(model, size)
    own = family.own_size(network, model)
    size = size or own
    seen: dict[str, Sighting] = {}
    for path, module in network.named_modules():
        if path:
            module.register_forward_hook(_watch(path, seen))
    try:
        with torch.no_grad():
            pixels = torch.zeros(PICTURES, 3, size, size, device="meta")
            features = network.forward_features(pixels)
            final = network.forward_head(features, pre_logits=True)
            final_width = int(final.flatten(1).shape[1])
            sightings = dict(seen)  # the classifier's output is the level ``probs``
            classes = _classes(network, features)
            projected = _projected(network, features, final)
    except UNFIT as error:
        if size != own:
            raise cannot_take(model, size, own, error) from error
        raise BadInput(f"'{model}' cannot be read level by level ({one_line(error)})") from error
    return Survey(
        name=model,
        sightings=sightings,
        features=tuple(
            (str(row["module"]), int(row["num_chs"]))
            for row in getattr(network, "feature_info", None) or ()
        ),
        final_width=final_width,
        classes=classes,
        projected=projected,
        size=size,
        prefix=getattr(network, "num_prefix_tokens", None),
        has_class_token=getattr(network, "cls_token", None) is not None,
        channels_last=str(getattr(network, "output_fmt", "")).endswith("NHWC"),
        ordered=not hasattr(network, "reroll"),  # Hiera keeps its tokens in another order
    )


def _classes(network: Any, features: object) -> int:  # noqa: ANN401 - timm has no type for them
    """Columns of the classifier's output; 0 if the network has no classifier."""
    count = int(getattr(network, "num_classes", 0) or 0)
    if not count:
        return 0
    logits = first_tensor(network.forward_head(features, pre_logits=False))
    return count if logits is not None and logits.shape == (PICTURES, count) else 0


def _projected(network: Any, features: object, final: object) -> int:  # noqa: ANN401
    """Width of the vector that is compared with texts; 0 if the network has none."""
    project = getattr(network, "project", None)
    return 0 if project is None else int(project(features, final).shape[1])


def first_tensor(output: object) -> Tensor | None:
    """A module's output; the first one if there are several; None if it is not a tensor."""
    while isinstance(output, list | tuple) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


def _watch(path: str, seen: dict[str, Sighting]) -> Callable[[nn.Module, object, object], None]:
    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        tensor = first_tensor(output)
        shape = () if tensor is None else tuple(tensor.shape)
        before = seen.get(path)
        if before is None:
            seen[path] = Sighting(shape, 1, len(seen))
        else:
            seen[path] = Sighting(shape, before.calls + 1, before.order)

    return hook


def place(found: Survey, level: str) -> Placed:
    """Looks up a level; raises BadInput if it does not exist or cannot be pooled that way."""
    request = parse(level)
    if request.where in HEAD:
        return _place_head(found, request.where)
    index = feature_index(request.where, len(found.features), found.name)
    path = request.where if index is None else found.features[index][0]
    output = read_output(found, path)
    width = output.width(request.pooling)
    return Placed(Level(path, width, request.pooling), output, found.sightings[path].order)


def _place_head(found: Survey, where: str) -> Placed:
    widths = {FINAL: found.final_width, PROBS: found.classes, PROJECTED: found.projected}
    width = widths[where]
    if not width:
        lacks = "text tower" if where == PROJECTED else "classifier"
        raise BadInput(
            f"level '{where}' is not in {found.name}, which has no {lacks}: {_there(found)}"
        )
    order = len(found.sightings) + HEAD.index(where)
    return Placed(Level(where, width, NO_POOLING), Output(where, "vector", width), order)


def read_output(found: Survey, path: str) -> Output:
    """The output of the module at ``path``; raises BadInput if it cannot be read."""
    sighting = found.sightings.get(path)
    if sighting is None:
        raise BadInput(_unknown(found, path))
    if sighting.calls > 1:
        raise BadInput(
            f"level '{path}' of {found.name} runs {sighting.calls} times in one pass: choose a "
            "module that runs once"
        )
    shape = sighting.shape
    if len(shape) not in (2, 3, 4) or shape[0] != PICTURES:
        fault = f"has shape {shape} for {PICTURES} pictures" if shape else "is not a tensor"
        raise BadInput(f"level '{path}' of {found.name} cannot be read: its output {fault}")
    if len(shape) == 2:
        return Output(path, "vector", shape[1])
    if len(shape) == 3:
        return _tokens(found, path, shape[1], shape[2])
    return _map(found, path, shape[1:])


def readable(found: Survey) -> list[ReadableLevel]:
    """The table of levels: timm's features, stages and their blocks, and the head's outputs.

    Deeper modules can be read, too, but are too many to list.
    """
    indices = {path: index for index, (path, _) in enumerate(found.features)}
    rows = []
    for path in sorted(found.sightings, key=lambda path: found.sightings[path].order):
        if path not in indices and not re.fullmatch(r"\w+(\.\d+)?", path):
            continue
        try:
            output = read_output(found, path)
        except BadInput:
            continue
        rows.append(_row(found, output, indices.get(path)))
    rows.append(ReadableLevel(None, FINAL, "vector", found.final_width, 0, 0, ()))
    for where, width in ((PROBS, found.classes), (PROJECTED, found.projected)):
        if width:
            rows.append(ReadableLevel(None, where, "vector", width, 0, 0, ()))
    return rows


def _row(found: Survey, output: Output, index: int | None) -> ReadableLevel:
    poolings: list[str] = []
    side = 0
    if output.kind != "vector":
        poolings += ["max", "avg", "gem"]
        if output.ordered:
            poolings.append("gridN")
            side = output.rows
        if output.has_class_token:
            poolings.append("cls")
    return ReadableLevel(
        index=index,
        module=output.module,
        kind=output.kind,
        channels=output.channels,
        side=side,
        reduction=_reduction(found.size, side) if side else 0,
        poolings=tuple(poolings),
    )


def _reduction(size: int, side: int) -> int:
    """Pixels per cell: exact if divisible, else the nearest power of two."""
    return size // side if size % side == 0 else int(2 ** round(math.log2(size / side)))


def _map(found: Survey, path: str, shape: tuple[int, ...]) -> Output:
    """(B, C, H, W) or (B, H, W, C): maps are square, since the input is."""
    first, second, third = shape
    hint = dict(found.features).get(path)
    if hint in (first, third) and first != third:
        last = hint == third
    elif first != third:
        last = first == second
    else:
        last = found.channels_last
    channels, rows, columns = (third, first, second) if last else (first, second, third)
    return Output(path, "map", channels, rows, columns, channels_last=last)


def _tokens(found: Survey, path: str, tokens: int, channels: int) -> Output:
    """(B, tokens, C): the prefix is the declared one, or the one that leaves a square of patches.

    Some networks declare a class token that they add late (CaiT, XCiT).
    """
    candidates = [0, 1, 2] if found.prefix is None else [found.prefix, 0]
    for prefix in candidates:
        side = math.isqrt(max(tokens - prefix, 0))
        if side and side * side == tokens - prefix:
            return Output(
                path,
                "tokens",
                channels,
                side,
                side,
                prefix=prefix,
                has_class_token=found.has_class_token and prefix > 0,
                ordered=found.ordered,
            )
    prefix = min(candidates[0], tokens - 1)
    has_class_token = found.has_class_token and prefix > 0
    return Output(
        path,
        "tokens",
        channels,
        tokens - prefix,
        1,
        prefix=prefix,
        has_class_token=has_class_token,
        ordered=False,
    )


def _unknown(found: Survey, path: str) -> str:
    return f"level '{path}' is not in {found.name}: {_there(found, near=path)}"


def _there(found: Survey, near: str = "") -> str:
    """The levels of a network for messages: those with a similar name, or the first and last."""
    there = [row.module for row in readable(found)]
    alike = difflib.get_close_matches(near, there, n=3)
    shown = ", ".join(alike) if alike else f"{', '.join(there[:4])} … {', '.join(there[-3:])}"
    return f"it has {shown}; 'picturedesk levels {found.name}' lists all"
