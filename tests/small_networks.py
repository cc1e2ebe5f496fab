"""A small network as a graph of ONNX, saved as desks save theirs; as slow as a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.onnx_runner import OnnxRunner
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import array_fingerprint
from picturedesk.testing import TINY_PREPROCESSING
from picturedesk.types import Level

WIDTH, HIDDEN = 8, 512


def write_network(folder: Path, layers: int = 1) -> Path:
    """Saves a backbone of one level ("final", 8 numbers); a layer takes some 0.1 ms a picture."""
    import onnx

    side = TINY_PREPROCESSING.size
    random = np.random.default_rng(0)
    shapes = {
        "first": (3 * side * side, HIDDEN),
        "layer": (HIDDEN, HIDDEN),
        "last": (HIDDEN, WIDTH),
    }
    weights = {
        name: (random.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
        for name, shape in shapes.items()
    }
    make, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [make("Flatten", ["pixels"], ["flat"]), make("MatMul", ["flat", "first"], ["x0"])]
    for number in range(layers):
        nodes.append(make("MatMul", [f"x{number}", "layer"], [f"y{number}"]))
        nodes.append(make("Tanh", [f"y{number}"], [f"x{number + 1}"]))
    nodes.append(make("MatMul", [f"x{layers}", "last"], ["features"]))
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [value("pixels", onnx.TensorProto.FLOAT, ["B", 3, side, side])],
        [value("features", onnx.TensorProto.FLOAT, ["B", WIDTH])],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10
    )
    path = folder.with_suffix(".onnx")
    onnx.save(model, path)
    spec = BackboneSpec(
        name="small",
        weights="random",
        weights_sha256=array_fingerprint(weights),
        levels=(Level("final", WIDTH, "none"),),
        preprocessing=TINY_PREPROCESSING,
    )
    Backbone.of(spec, OnnxRunner(path)).save(folder)
    return folder
