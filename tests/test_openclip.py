"""Dual encoders of open_clip: small random ones of every class, against its own encoders."""

from __future__ import annotations

import json
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("timm", reason="needs the extra 'train'")
open_clip = pytest.importorskip("open_clip", reason="dual encoders need the extra 'clip'")
tokenizers = pytest.importorskip("tokenizers", reason="dual encoders need the extra 'clip'")

from safetensors.torch import save_file  # noqa: E402

from picturedesk.backbones.backbone import Backbone, readable_levels  # noqa: E402
from picturedesk.backbones.export import probe_pixels  # noqa: E402
from picturedesk.backbones.text_tokens import written  # noqa: E402
from picturedesk.errors import (  # noqa: E402
    BadInput,
    Mismatch,
    MissingArtefact,
    MissingExtra,
    PicturedeskError,
)
from picturedesk.images.pixels import to_pixels  # noqa: E402
from picturedesk.texts.cleaning import cleaned  # noqa: E402
from picturedesk.texts.loading import load_text_encoder  # noqa: E402
from picturedesk.texts.sentences import SentenceEncoder  # noqa: E402
from picturedesk.texts.tower import TowerEngine  # noqa: E402
from planted import register  # noqa: E402

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}
TOKENS = {"clean": "canonicalize"}
BOTH_WAYS = {"context_length": 16, "no_causal_mask": True, "pool_type": "last", "proj_bias": True}
ALL_TOKENS = {"output_tokens": True}
VIT = {"image_size": 32, "layers": 3, "width": 32, "head_width": 16, "patch_size": 16}
MODELS = {
    "tiny-vit": {"embed_dim": 12, "vision_cfg": VIT, "text_cfg": TEXT},
    "tiny-resnet": {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "head_width": 8},
        "text_cfg": TEXT,
    },
    "tiny-timm": {
        "embed_dim": 12,
        "vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "", "image_size": 160},
        "text_cfg": TEXT,
    },
    "tiny-sigmoid": {  # as SigLIP: attention pool, tokens that see each other, last token
        "embed_dim": 96,
        "custom_text": True,
        "init_logit_bias": -10,
        "vision_cfg": {
            "timm_model_name": "test_vit3",
            "timm_pool": "map",
            "timm_proj": "none",
            "image_size": 160,
        },
        "text_cfg": {**TEXT, **BOTH_WAYS, "tokenizer_kwargs": TOKENS},
    },
    "tiny-coca": {
        "embed_dim": 32,
        "custom_text": True,
        "vision_cfg": {**VIT, "attentional_pool": True, "attn_pooler_heads": 4, **ALL_TOKENS},
        "text_cfg": {**TEXT, "width": 32, "context_length": 76, "embed_cls": True, **ALL_TOKENS},
        "multimodal_cfg": {**TEXT, "width": 32, "context_length": 76, "layers": 1},
    },
}
TEXTS = ["a red boat", "", "Two DOGS & 3 cats don’t run; “quoted”", "word " * 300, "河水 été 😀"]


@pytest.fixture(scope="module", autouse=True)
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, config in MODELS.items():
        register(folder, name, config)


def made(name):
    """open_clip's own model with the weights random:3."""
    kind = open_clip.model.CustomTextCLIP if "custom_text" in MODELS[name] else open_clip.model.CLIP
    kind = open_clip.coca_model.CoCa if "multimodal_cfg" in MODELS[name] else kind
    config = {key: value for key, value in MODELS[name].items() if key != "custom_text"}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return kind(**config).eval()


def encoded(model, name, texts):
    with torch.inference_mode():
        return model.encode_text(open_clip.get_tokenizer(name)(texts)).numpy()


@pytest.fixture(scope="module", params=MODELS)
def both(request):
    name = request.param
    return name, made(name), Backbone(f"openclip:{name}", weights="random:3")


def test_the_projected_level_is_what_encode_image_gives(both):
    _, model, backbone = both
    pixels = probe_pixels(backbone.spec.preprocessing.size, 3)
    with torch.inference_mode():
        expected = model.encode_image(torch.from_numpy(pixels), normalize=False).numpy()
    found = backbone.features(pixels)[:, backbone.spec.columns("projected")]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_default_levels_are_two_blocks_and_both_sides_of_the_projection(both):
    name, _, backbone = both
    levels = [str(level) for level in backbone.levels]
    assert len(levels) == 4
    assert all(level.startswith("visual.") and level.endswith(":avg") for level in levels[:2])
    assert levels[2:] == ["final", "projected"]
    assert {level.module for level in readable_levels(f"openclip:{name}")} >= {"final", "projected"}


def test_preprocessing_is_that_of_open_clip(both):
    _, _, backbone = both
    size = backbone.spec.preprocessing.size
    noise = np.random.default_rng(0).integers(0, 256, (2 * size + 30, 3 * size, 3), np.uint8)
    picture = Image.fromarray(noise).resize((3 * size, 2 * size + 30))
    transform = open_clip.transform.image_transform(size, is_train=False)
    expected = transform(picture).numpy()
    found = to_pixels(picture, backbone.spec.preprocessing)
    assert np.abs(found - expected).max() < 0.03  # two levels in 255
    assert np.abs(found - expected).mean() < 1e-3


@pytest.mark.parametrize("name", ["tiny-vit", "tiny-sigmoid"])
def test_exported_towers_give_what_open_clip_gives(name, tmp_path, monkeypatch):
    model, backbone = made(name), Backbone(f"openclip:{name}", weights="random:3")
    backbone.save(tmp_path / "pictures")
    pixels = probe_pixels(backbone.spec.preprocessing.size, 3)
    with torch.inference_mode():
        expected = model.encode_image(torch.from_numpy(pixels)).numpy()
    loaded = Backbone.load(tmp_path / "pictures")
    assert loaded.fingerprint == backbone.fingerprint
    found = loaded.features(pixels)[:, loaded.spec.columns("projected")]
    np.testing.assert_allclose(found, expected, atol=1e-4)

    backbone.text_tower.write(tmp_path / "texts")
    engine = TowerEngine.open(tmp_path / "texts")
    np.testing.assert_allclose(engine.encode(TEXTS), encoded(model, name, TEXTS), atol=1e-4)
    check_lengths(engine, short=name == "tiny-vit")
    check_saved_encoder(engine, tmp_path)
    check_missing_libraries(tmp_path, monkeypatch)
    check_damage(tmp_path)


def check_lengths(engine, short):
    """Where tokens see only earlier ones, short texts take few, and batches change nothing."""
    assert engine.settings.short == short
    assert engine.tokens(["a red boat"]).shape == (1, 5 if short else engine.settings.context)
    assert engine.tokens(["word " * 300]).shape == (1, engine.settings.context)
    alone = np.concatenate([engine.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(engine.encode(TEXTS), alone, atol=1e-5)


def check_saved_encoder(engine, folder):
    """The encoder of one sentence is the engine's vector, scaled; it can be saved and loaded."""
    encoder = SentenceEncoder(engine=engine)
    vectors = engine.encode(["a red boat"])
    expected = vectors / np.linalg.norm(vectors)
    np.testing.assert_allclose(encoder.encode(["a red boat"]), expected, atol=1e-6)
    encoder.save(folder / "encoder")
    loaded = load_text_encoder(folder / "encoder")
    assert loaded.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(loaded.encode(TEXTS), encoder.encode(TEXTS))


def check_missing_libraries(folder, monkeypatch):
    for library in ("tokenizers", "ftfy"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, library, None)
            with pytest.raises(MissingExtra, match=rf"with {library}\) needs the extra 'dual'"):
                TowerEngine.open(folder / "texts").encode(TEXTS)


def check_damage(folder):
    with pytest.raises(Mismatch, match="not a text tower"):
        TowerEngine.open(folder / "encoder")
    graph = folder / "encoder" / "text.onnx"
    graph.write_bytes(graph.read_bytes()[:-100] + bytes(100))
    with pytest.raises(MissingArtefact, match="damaged"):
        load_text_encoder(folder / "encoder")
    (folder / "texts" / "tokenizer.json").unlink()
    with pytest.raises(MissingArtefact, match=r"tokenizer\.json"):
        TowerEngine.open(folder / "texts")


def clip_tokens(texts):
    """Tokens by the file that replaces open_clip's tokenizer."""
    tokens = written(open_clip.get_tokenizer("ViT-B-32"), "ViT-B-32")
    tokenizer = tokenizers.Tokenizer.from_str(tokens.content)
    found = tokenizer.encode_batch([cleaned(text, tokens.cleaning) for text in texts])
    return [encoding.ids for encoding in found]


def filled(ids, context=77):
    return [*ids, *[0] * (context - len(ids))]


def test_clips_tokens_are_those_of_open_clip_for_texts_of_any_script():
    assigned = [
        chr(code)
        for code in range(32, 0x30000)
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    random = np.random.default_rng(0)
    drawn = [
        "".join(random.choice(assigned, 6)) + "".join(random.choice(list("abc '.,!<>&;12 s\n"), 12))
        for _ in range(400)
    ]
    texts = [
        *TEXTS,
        "don't we'll I'D they've 'S",
        "<b>bold</b> &amp;amp; &lt;x&gt; &#39;",
        "été naïve Ωμέγα İstanbul ǅ straße",
        "北京 مرحبا हिन्दी ไทย 한국어",
        "👩‍👩‍👧 🏳️‍🌈 ①²½Ⅷ",
        "ﬁne ｆｕｌｌ “curly” ‘quotes’ a\u200bb\u00adc\u2028d\x85e",
        "schÃ¶n mojibake \x1b[31mred",
        "<start_of_text> in <end_of_text>",
        "x" * 90,
        *drawn,
        *("".join(assigned[start : start + 12]) for start in range(0, len(assigned), 400)),
    ]
    texts = [text for text in texts if "\u0345" not in text]
    expected = open_clip.get_tokenizer("ViT-B-32")(texts).tolist()
    found = [filled(ids) for ids in clip_tokens(texts)]
    assert [t for t, a, b in zip(texts, found, expected, strict=True) if a != b] == []


@pytest.mark.parametrize("how", ["lower", "whitespace", "canonicalize"])
def test_texts_are_cleaned_as_open_clip_cleans_them(how):
    clean = open_clip.tokenizer.get_clean_fn(how)
    texts = [*TEXTS, "A_b-c: (D)!\n\n e\tf", "&amp;lt; “x” ﬁ", "  ", "I'm İ ẞ"]
    assert [cleaned(text, how) for text in texts] == [clean(text) for text in texts]


def test_tokenizers_of_the_hub_lie_beside_the_weights(tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs the extra 'clip'")
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in "abcdefghijklmnopqrstuvwxyz"] + [("▁red", -1.0)]
    inner = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=2))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    inner.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="</s>", eos_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(tmp_path)
    config = json.loads(json.dumps(MODELS["tiny-sigmoid"]))
    config["text_cfg"] |= {"hf_tokenizer_name": "nobody/nothing", "vocab_size": 64}
    name = register(tmp_path, "tiny-hub", config)
    model = open_clip.model.CustomTextCLIP(
        **{key: value for key, value in config.items() if key != "custom_text"}
    ).eval()
    save_file(model.state_dict(), tmp_path / "w.safetensors")

    Backbone(name, weights=tmp_path / "w.safetensors").text_tower.write(tmp_path / "texts")
    engine = TowerEngine.open(tmp_path / "texts")
    theirs = open_clip.tokenizer.HFTokenizer(str(tmp_path), context_length=16, **TOKENS)
    texts = ["A red, RED boat!", "", "red " * 60]
    assert engine.tokens(texts).tolist() == theirs(texts).tolist()
    with torch.inference_mode():
        expected = model.encode_text(theirs(texts)).numpy()
    np.testing.assert_allclose(engine.encode(texts), expected, atol=1e-4)


def test_a_file_of_weights_gives_the_same_as_the_model_it_came_from(tmp_path):
    model = made("tiny-vit")
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    torch.save({"state_dict": model.state_dict()}, tmp_path / "w.pt")
    seeded = Backbone("openclip:tiny-vit", weights="random:3")
    for name in ("w.safetensors", "w.pt"):
        read = Backbone("openclip:tiny-vit", weights=tmp_path / name)
        assert read.fingerprint == seeded.fingerprint
        assert read.spec.weights == f"file:{name}"
    other = {key: value for key, value in model.state_dict().items() if key != "visual.proj"}
    save_file(other, tmp_path / "other.safetensors")
    (tmp_path / "none.pt").write_bytes(b"nothing")
    for name in ("other.safetensors", "none.pt", "absent.pt"):
        with pytest.raises(BadInput, match=name) as refusal:
            Backbone("openclip:tiny-vit", weights=tmp_path / name)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["tiny-vit", "tiny-timm"])
def test_another_size_moves_the_position_embeddings(name, tmp_path):
    save_file(made(name).state_dict(), tmp_path / "w.safetensors")
    wide = Backbone(f"openclip:{name}", weights=tmp_path / "w.safetensors", size=192)
    assert wide.spec.preprocessing.size == 192
    assert wide.features(probe_pixels(192)).shape == (2, wide.width)


@pytest.mark.parametrize(
    ("name", "size", "framing", "mean"),
    [
        ("ViT-B-16/laion2b_s34b_b88k", 224, "centre", 0.48145466),  # CLIP: its central square
        ("ViT-B-16-SigLIP/webli", 224, "whole", 0.5),  # SigLIP: the whole picture, squashed
    ],
)
def test_published_weights_say_how_pictures_are_read(name, size, framing, mean):
    from picturedesk.backbones.openclip import DualName, published_how

    how = published_how(DualName.of(f"openclip:{name}"), True)
    assert {"shortest": "centre", "squash": "whole"}[how["resize_mode"]] == framing
    assert how["mean"][0] == mean
    listed = readable_levels(f"openclip:{name}")  # of the whole network, without weights
    assert [level.module for level in listed[-2:]] == ["final", "projected"]
    assert listed[-1].channels == {"centre": 512, "whole": 768}[framing]


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("openclip:ViT-B-33/x", None, "has no model 'ViT-B-33': did you mean"),
        (
            "openclip:ViT-B-32/nosuch",
            None,
            "knows no weights 'nosuch' of 'ViT-B-32': it knows .*openai",
        ),
        ("openclip:ViT-B-32", None, "names no weights: write openclip:ViT-B-32/TAG"),
        ("openclip:tiny-vit", "random:x", "write a whole number as the seed"),
    ],
)
def test_names_that_cannot_be_used_are_refused_in_one_line(name, weights, message):
    with pytest.raises(BadInput, match=message) as refusal:
        Backbone(name, weights=weights)
    assert "\n" not in str(refusal.value)


def test_a_hub_that_cannot_be_reached_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PicturedeskError, match="pass weights=FILE") as refusal:
        Backbone("openclip:ViT-B-32/openai")
    assert "\n" not in str(refusal.value)
    assert "'openclip:ViT-B-32/openai'" in str(refusal.value)


@pytest.mark.parametrize("library", ["open_clip", "tokenizers"])
def test_a_missing_library_is_named_with_its_extra(library, monkeypatch):
    for module in ("openclip", "text_tower", "text_tokens"):
        monkeypatch.delitem(sys.modules, f"picturedesk.backbones.{module}")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"with {library}\) needs the extra 'clip'"):
        Backbone("openclip:tiny-vit", weights="random")


def test_other_networks_have_no_projected_level():
    with pytest.raises(BadInput, match="has no text tower"):
        Backbone("test_vit", ["projected"], weights="random")
