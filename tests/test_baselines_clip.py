from __future__ import annotations

import builtins
import json
import socket

import numpy as np
import pytest
from PIL import Image

from picturedesk.errors import BadInput, MissingExtra
from picturedesk.research.baselines import clip

CONFIG = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def open_clip():
    pytest.importorskip("torch", reason="CLIP needs torch")
    return pytest.importorskip("open_clip", reason="open_clip is not installed")


@pytest.fixture
def offline(monkeypatch):
    """Any attempt to reach the network fails the test."""

    def refuse(*_args, **_named):
        pytest.fail("something reached for the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def tiny_clip(open_clip, tmp_path):
    """A folder as open_clip makes them, with random weights, and the same as name and file."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path / "tiny-clip"
    folder.mkdir()
    wider = CONFIG | {"embed_dim": 16, "text_cfg": CONFIG["text_cfg"] | {"width": 32}}
    for name, config in (("tiny-clip-test", CONFIG), ("tiny-clip-wider", wider)):
        named = tmp_path / f"{name}.json"
        named.write_text(json.dumps(config), encoding="utf-8")
        open_clip.add_model_config(named)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.create_model("tiny-clip-test")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    (folder / clip.CONFIG).write_text(json.dumps({"model_cfg": CONFIG}), encoding="utf-8")
    return folder


def pictures(count=3):
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 255, (40, 50, 3), np.uint8)) for _ in range(count)]


def test_a_folder_and_a_file_give_the_same_vectors_of_length_one(tiny_clip, offline):
    by_folder = clip.load(tiny_clip)
    by_file = clip.load(tiny_clip / "open_clip_model.safetensors", "tiny-clip-test")
    texts = by_folder.texts(["a red boat", "rain, for days"])
    assert texts.shape == (2, 12)
    assert np.linalg.norm(texts, axis=1) == pytest.approx(1, abs=1e-5)
    assert by_file.texts(["a red boat", "rain, for days"]) == pytest.approx(texts, abs=1e-6)
    seen = by_folder.pictures(pictures())
    assert seen.shape == (3, 12)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(1, abs=1e-5)
    assert by_file.pictures(pictures()) == pytest.approx(seen, abs=1e-6)
    assert (by_folder.name, by_file.name) == ("tiny-clip", "tiny-clip-test")


def test_batches_change_nothing_and_pictures_may_come_one_by_one(tiny_clip, monkeypatch):
    model = clip.load(tiny_clip)
    whole = model.pictures(pictures(5))
    monkeypatch.setattr(clip, "BATCH", 2)
    assert model.pictures(iter(pictures(5))) == pytest.approx(whole, abs=1e-5)


def test_long_texts_are_cut_and_not_refused(tiny_clip):
    assert clip.load(tiny_clip).texts(["word " * 5000]).shape == (1, 12)


def test_weights_of_another_model_are_refused(tiny_clip, tmp_path):
    with pytest.raises(BadInput, match="has no readable weights of tiny-clip-wider"):
        clip.load(tiny_clip / "open_clip_model.safetensors", "tiny-clip-wider")
    for name, content in (("a.safetensors", b"no weights"), ("a.pt", b"no weights"), ("b.pt", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput, match="has no readable weights of tiny-clip-test"):
            clip.load(tmp_path / name, "tiny-clip-test")


def test_what_is_not_on_this_machine_is_refused(open_clip, tmp_path, offline):
    with pytest.raises(BadInput, match="do not exist: give a file or folder"):
        clip.load(tmp_path / "absent.pt")
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"")
    for model in ("xlm-roberta-base-ViT-B-32", "ViT-B-16-SigLIP"):
        with pytest.raises(BadInput, match="would download, which is not allowed"):
            clip.load(weights, model)
    with pytest.raises(BadInput, match="open_clip does not know the model 'hf-hub:some/where'"):
        clip.load(weights, "hf-hub:some/where")
    with pytest.raises(BadInput, match=r"has no open_clip_config\.json"):
        clip.load(tmp_path)


def test_a_folder_whose_text_tower_lies_on_a_hub_is_refused(tiny_clip, offline):
    config = CONFIG | {"text_cfg": {"hf_model_name": "xlm-roberta-base"}}
    (tiny_clip / clip.CONFIG).write_text(json.dumps({"model_cfg": config}), encoding="utf-8")
    with pytest.raises(BadInput, match="would download"):
        clip.load(tiny_clip)


def test_nothing_to_encode_is_refused(tiny_clip):
    with pytest.raises(BadInput, match="no texts or pictures were given"):
        clip.load(tiny_clip).texts([])


def test_without_open_clip_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "open_clip":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"picturedesk\[clip\]"):
        clip.load(tmp_path)
