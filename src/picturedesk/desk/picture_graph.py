"""One ONNX graph from pixels to catalogue vectors: the backbone with all that follows it.

Computes what ``Blend.vectors`` gives for pictures that the desk did not learn from; archive
pictures have heads of their own, and their vectors are in the catalogue. Needs the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picturedesk.backbones.onnx_runner import FEATURES, GRAPH, PIXELS
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.heads.fusion import FusionMLP
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.routes import Blend
from picturedesk.routes.class_names import ClassNamesRoute
from picturedesk.routes.direct import FUSED
from picturedesk.routes.hubness import HubnessRoute
from picturedesk.routes.seen_words import SeenWordsRoute
from picturedesk.routes.towers import POWER, TowersRoute
from picturedesk.routes.zero_shot import ZeroShotRoute
from picturedesk.types import Ints, Preprocessing

INPUT, OUTPUT = "pictures", "vectors"
_OWN = "picturedesk."  # start of the names of all that is added to the backbone
_TINY = 1e-12  # added to no length; lengths below it count as this one
_UNITS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "linear": "Identity"}


def write_picture_graph(blend: Blend, backbone: Path, path: Path) -> None:
    """Writes the graph: input "pictures" (N, S, S, 3) uint8 RGB, output "vectors" (N, W) float32.

    Args:
        blend: of the desk.
        backbone: its folder.
        path: of the graph; weights over 2 GB are written beside it.

    Raises:
        BadInput: a route is not known here.
        MissingExtra: onnx is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtra("exporting a desk (with onnx)", "train") from None
    model = onnx.load(backbone / GRAPH)
    large = (backbone / f"{GRAPH}.data").exists()
    ops = _Ops()
    pixels = _pixels(ops, blend.matcher.backbone.preprocessing)
    before = ops.take()
    vectors = _vectors(ops, blend)
    ops.into("Identity", (vectors,), OUTPUT)
    graph = model.graph
    nodes = [*graph.node]
    del graph.node[:], graph.input[:], graph.output[:]
    before.append(onnx.helper.make_node("Identity", [pixels], [PIXELS]))
    graph.node.extend([*before, *nodes, *ops.take()])
    graph.initializer.extend(ops.constants)
    size = blend.matcher.backbone.preprocessing.size
    kinds = onnx.TensorProto
    shape: list[str | int | None] = ["N", size, size, 3]
    graph.input.append(onnx.helper.make_tensor_value_info(INPUT, kinds.UINT8, shape))
    out: list[str | int | None] = ["N", blend.layout.width]
    graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, kinds.FLOAT, out))
    del graph.value_info[:]
    onnx.save(model, path, save_as_external_data=large, location=f"{path.name}.data")


class _Ops:
    """Makes nodes and constants with names of their own; values are named by text."""

    def __init__(self) -> None:
        self.constants: list[Any] = []
        self._nodes: list[Any] = []
        self._count = 0

    def __call__(self, kind: str, *inputs: str | npt.NDArray[Any] | float, **how: Any) -> str:  # noqa: ANN401
        """A node with one output; arrays and numbers among its inputs become constants."""
        given = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        return self.into(kind, given, self._name(), **how)

    def into(self, kind: str, inputs: list[str] | tuple[str, ...], out: str, **how: Any) -> str:  # noqa: ANN401
        """A node whose output has this name."""
        import onnx

        self._nodes.append(onnx.helper.make_node(kind, list(inputs), [out], name=out, **how))
        return out

    def take(self) -> list[Any]:
        """The nodes since the last call."""
        taken, self._nodes = self._nodes, []
        return taken

    def _constant(self, value: npt.NDArray[Any] | float) -> str:
        import onnx

        name = self._name()
        array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _name(self) -> str:
        self._count += 1
        return f"{_OWN}{self._count}"


def _pixels(ops: _Ops, how: Preprocessing) -> str:
    """Bytes (N, S, S, 3) → normalised pixels (N, 3, S, S), as ``images.to_pixels`` makes them."""
    planes = ops("Cast", ops("Transpose", INPUT, perm=[0, 3, 1, 2]), to=1)
    mean, std = (np.asarray(one)[:, None, None] for one in (how.mean, how.std))
    scaled = ops("Mul", planes, (1 / (255 * std)).astype(np.float32))
    return ops("Sub", scaled, (mean / std).astype(np.float32))


def _vectors(ops: _Ops, blend: Blend) -> str:
    """The backbone's features → catalogue vectors (N, W)."""
    matcher = blend.matcher
    columns = np.concatenate(
        [np.arange(matcher.backbone.width)[matcher.backbone.columns(one)] for one in matcher.levels]
    )
    features = _columns(ops, FEATURES, columns)
    parts = {FUSED: _length_one(ops, _head(ops, features, matcher.fusion))}
    for route in blend.block_routes:
        if route.block.name not in parts:
            make = _BLOCKS.get(type(route))
            if make is None:
                raise BadInput(f"route {route.name!r} is not known to the export: leave it out")
            parts[route.block.name] = make(ops, route, features, matcher, parts)
    return _joined(ops, [parts[block.name] for block in blend.layout.blocks], blend.layout.radius)


def _joined(ops: _Ops, blocks: list[str], radius: float) -> str:
    """The blocks and their filling, of length one; see ``routes.layout``."""
    if len(blocks) == 1:
        return blocks[0]
    joined = ops("Cast", ops("Concat", *blocks, axis=1), to=11)  # double
    missing = ops("Sub", np.array(radius**2), _sum(ops, ops("Mul", joined, joined)))
    filling = ops("Sqrt", ops("Max", missing, np.array(0.0)))
    whole = ops("Concat", joined, filling, axis=1)
    return ops("Cast", ops("Div", whole, np.array(radius)), to=1)


def _class_names(
    ops: _Ops, route: ClassNamesRoute, features: str, matcher: Matcher, _: dict[str, str]
) -> str:
    roots = ops("Sqrt", ops("Relu", _level(ops, features, matcher, route.level)))
    share = ops("Div", roots, ops("Max", _sum(ops, roots), _TINY))
    placed = ops("MatMul", share, route.space.vectors)
    return _length_one(ops, ops("Sub", placed, route.space.picture_centre))


def _towers(ops: _Ops, route: TowersRoute, features: str, _: Matcher, __: dict[str, str]) -> str:
    raised = _power(ops, _columns(ops, features, route.columns), POWER)
    share = 1 / route.members.count
    placed = [
        ops("Mul", _length_one(ops, _perceptron(ops, raised, one.pictures)), share)
        for one in route.towers
    ]
    return ops("Concat", *placed, axis=1)


def _seen_words(
    ops: _Ops, route: SeenWordsRoute, features: str, _: Matcher, __: dict[str, str]
) -> str:
    detectors = route.detectors
    raised = _power(ops, _columns(ops, features, detectors.columns), POWER)
    each = [_perceptron(ops, raised, one) for one in detectors.networks]
    logits = ops("Mul", ops("Sum", *each), detectors.slope / detectors.members.count)
    logits = ops("Add", logits, detectors.offset)
    logs = ops("Neg", ops("Softplus", ops("Neg", logits)))
    placed = ops("MatMul", ops("Sub", logs, route.usual), route.basis)
    scaled = ops("Mul", placed, route.scale)
    return ops("Div", scaled, ops("Max", _length(ops, scaled), 1.0))


def _hubness(ops: _Ops, route: HubnessRoute, _: str, __: Matcher, parts: dict[str, str]) -> str:
    if not len(route.texts):
        raise BadInput(f"route {route.name!r} has no reference texts: fit again")
    stored = [parts[name] for name in route.blocks]
    joined = ops("Concat", *stored, axis=1)
    exponents = ops("MatMul", joined, (route.texts.T / np.float32(route.temperature)))
    total = ops("ReduceLogSumExp", exponents, _last(), keepdims=1)
    mean = ops("Mul", ops("Sub", total, float(np.log(len(route.texts)))), route.temperature)
    return ops("Div", ops("Clip", mean, -route.most, route.most), route.most)


def _zero_shot(
    ops: _Ops, route: ZeroShotRoute, features: str, matcher: Matcher, _: dict[str, str]
) -> str:
    level = _level(ops, features, matcher, route.level)
    return ops("MatMul", _length_one(ops, level), route.basis)


_BLOCKS: dict[type, Callable[..., str]] = {
    ClassNamesRoute: _class_names,
    TowersRoute: _towers,
    SeenWordsRoute: _seen_words,
    HubnessRoute: _hubness,
    ZeroShotRoute: _zero_shot,
}


def _level(ops: _Ops, features: str, matcher: Matcher, level: str) -> str:
    wanted = matcher.level_columns()[level]
    return _columns(ops, features, np.arange(wanted.start, wanted.stop))


def _columns(ops: _Ops, values: str, columns: Ints) -> str:
    return ops("Gather", values, columns.astype(np.int64), axis=1)


def _head(ops: _Ops, features: str, head: FusionMLP | LinearHead) -> str:
    if isinstance(head, FusionMLP):
        return _perceptron(ops, features, head)
    return ops("Add", ops("MatMul", _power(ops, features, head.power), head.weights), head.bias)


def _perceptron(ops: _Ops, values: str, network: FusionMLP) -> str:
    layers = zip(network.weights, network.biases, network.config.units(), strict=True)
    for weight, bias, unit in layers:
        values = ops(_UNITS[unit], ops("Add", ops("MatMul", values, weight), bias))
    return values


def _power(ops: _Ops, values: str, power: float) -> str:
    if power == 1:
        return values
    return ops("Mul", ops("Sign", values), ops("Pow", ops("Abs", values), power))


def _length_one(ops: _Ops, rows: str) -> str:
    return ops("Div", rows, ops("Max", _length(ops, rows), _TINY))


def _length(ops: _Ops, rows: str) -> str:
    return ops("Sqrt", _sum(ops, ops("Mul", rows, rows)))


def _sum(ops: _Ops, rows: str) -> str:
    return ops("ReduceSum", rows, _last(), keepdims=1)


def _last() -> npt.NDArray[np.int64]:
    return np.array([1], dtype=np.int64)
