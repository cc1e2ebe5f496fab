"""Dual encoders through open_clip: CLIP, SigLIP and their like. Imports torch and open_clip.

A name is "openclip:MODEL/TAG" (open_clip's architecture and its published weights) or
"openclip:MODEL" with weights from a file. Knows nothing of levels.
"""

from __future__ import annotations

import difflib
import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import open_clip
import torch
from safetensors import SafetensorError
from torch import nn

from picturedesk.backbones.picture_tower import PictureTower
from picturedesk.backbones.presets import OPENCLIP, OWN, Preset
from picturedesk.backbones.sizes import UNFIT, cannot_take
from picturedesk.backbones.spec import Origin
from picturedesk.backbones.text_tower import TextTower
from picturedesk.backbones.weights import Network, hash_state
from picturedesk.disk.hub import from_hub, one_line
from picturedesk.errors import BadInput, MissingExtra
from picturedesk.types import Preprocessing

Config = Mapping[str, Any]

_FRAMINGS = {"shortest": "centre", "squash": "whole"}  # open_clip's resize modes
_HOW = ("mean", "std", "interpolation", "resize_mode")  # what published weights say of pictures
# What torch, safetensors and open_clip raise for files of other content.
_BROKEN = (OSError, EOFError, UnpicklingError, SafetensorError)
_FOREIGN = (RuntimeError, AssertionError, LookupError, AttributeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class DualName:
    """The parts of a name.

    Attributes:
        model: open_clip's name of the architecture.
        tag: of published weights; "" for none.
    """

    model: str
    tag: str

    @classmethod
    def of(cls, name: str) -> DualName:
        """The parts of "openclip:MODEL/TAG"."""
        model, _, tag = name.removeprefix(OPENCLIP).partition("/")
        return cls(model, tag)

    def published(self) -> Config:
        """What open_clip knows of the tag's weights; {} for an unknown tag or none."""
        found: Config = open_clip.get_pretrained_cfg(self.model, self.tag) if self.tag else {}
        return found


class OpenClipFamily:
    """open_clip's models; see ``families.Family``."""

    def check_name(self, model: str) -> None:
        """Raises BadInput, with similar names, if open_clip has no such model or weights."""
        name = DualName.of(model)
        known = open_clip.list_models()
        if name.model not in known:
            near = difflib.get_close_matches(name.model, known, n=4, cutoff=0.5) or known[:3]
            raise BadInput(
                f"open_clip has no model '{name.model}': did you mean {', '.join(near)}?"
            )
        if name.tag and not name.published():
            tags = open_clip.list_pretrained_tags_by_model(name.model)
            raise BadInput(
                f"open_clip knows no weights '{name.tag}' of '{name.model}': it knows "
                f"{', '.join(tags) or 'none'}"
            )

    def blank_network(self, model: str, size: int = 0) -> PictureTower:
        """The picture tower on torch's meta device; see ``families.Family``."""
        name = DualName.of(model)
        try:
            with torch.device("meta"):
                made = _created(name, size, "meta")
                return PictureTower(made.visual, name.model).eval()
        except UNFIT as error:
            own = int(open_clip.get_model_config(name.model)["vision_cfg"].get("image_size", 224))
            raise cannot_take(model, size or own, own, error) from error

    def own_size(self, network: nn.Module, model: str) -> int:
        """Side of the input, pixels."""
        assert isinstance(network, PictureTower)
        return _side(network, model)

    def load_network(self, preset: Preset, source: str | Path | None = None) -> Network:
        """The picture tower with its weights, and the text tower.

        Raises:
            BadInput: model, file, size or preprocessing cannot be used.
            PicturedeskError: the hub could not be reached.
        """
        self.check_name(preset.model)
        name = DualName.of(preset.model)
        where = preset.weights if source is None else str(source)
        where = "random:0" if where == "random" else where
        model = _weighted(name, where, preset.size).eval().requires_grad_(False)
        tower = PictureTower(model.visual, name.model).eval()
        file = None if where == "hub" or where.startswith("random:") else Path(where)
        return Network(
            name=f"{OPENCLIP}{name.model}",
            module=tower,
            preprocessing=_preprocessing(name, tower, file is not None, preset.framing),
            sha256=hash_state(tower.state_dict()),
            origin=_origin(name, where),
            text_tower=TextTower(model, _tokenizer(name, file), name.model),
        )


def _weighted(name: DualName, where: str, size: int) -> Any:  # noqa: ANN401 - open_clip's model
    """The model with weights from the hub, from a seed or from a file."""
    if where == "hub":
        if not name.tag:
            tags = open_clip.list_pretrained_tags_by_model(name.model)
            raise BadInput(
                f"'{OPENCLIP}{name.model}' names no weights: write {OPENCLIP}{name.model}/TAG "
                f"(open_clip knows {', '.join(tags) or 'none'}), or give a file of weights"
            )
        return from_hub(
            lambda: _created(name, size, "cpu", name.tag),
            f"the weights of '{OPENCLIP}{name.model}/{name.tag}'",
            "pass weights=FILE (.safetensors or .pt)",
        )
    if where.startswith("random:"):
        seed = where.partition(":")[2]
        if not seed.isdecimal():
            raise BadInput(f"weights 'random:{seed}': write a whole number as the seed")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(seed))
            return _created(name, size)
    return _from_file(name, Path(where), size)


def _created(name: DualName, size: int = 0, device: str = "cpu", tag: str = "") -> Any:  # noqa: ANN401
    """open_clip's model, with published weights of a tag or random ones."""

    def create() -> Any:  # noqa: ANN401
        with _quiet():
            return open_clip.create_model(
                name.model,
                tag or None,
                device=torch.device(device),
                force_image_size=size or None,
                force_quick_gelu=bool(name.published().get("quick_gelu", False)),
                pretrained_text=False,
            )

    if tag or "hf_model_name" not in open_clip.get_model_config(name.model)["text_cfg"]:
        return create()
    what = f"the settings of the text tower of '{name.model}'"
    return from_hub(create, what, "choose a model with a text tower of open_clip")


def _from_file(name: DualName, path: Path, size: int) -> Any:  # noqa: ANN401
    """The model with weights of a file; position embeddings follow the size."""
    if not path.is_file():
        raise BadInput(f"weights '{path}' is not a file: give a file, 'hub' or 'random'")
    resized_later = "timm_model_name" in open_clip.get_model_config(name.model)["vision_cfg"]
    model = _created(name, 0 if resized_later else size)
    try:
        with _quiet():
            open_clip.load_checkpoint(model, str(path), weights_only=True)
    except (*_BROKEN, *_FOREIGN) as error:
        raise BadInput(
            f"{path} has no readable weights of '{name.model}' ({one_line(error)}): give "
            ".safetensors, or a torch file of tensors only"
        ) from None
    if size and resized_later:
        model.visual.set_input_size(size)
    return model


def _preprocessing(
    name: DualName, tower: PictureTower, trained: bool, framing: str
) -> Preprocessing:
    """That of the weights' training; another framing if one is given.

    Args:
        name: model and tag.
        tower: has the size.
        trained: whether the weights come from a file, so that the preprocessing matters.
        framing: "" for the model's own.
    """
    how: Config = published_how(name, trained) or tower.visual.preprocess_cfg
    mode = str(how["resize_mode"])
    if not framing and mode not in _FRAMINGS:
        raise BadInput(
            f"'{name.model}' pads pictures (resize mode '{mode}'), which cannot be done here: give "
            "framing='whole' or 'centre'"
        )
    red, green, blue = (float(value) for value in how["mean"])
    red_std, green_std, blue_std = (float(value) for value in how["std"])
    side = _side(tower, name.model)
    return Preprocessing(
        size=side,
        resize=side,
        interpolation=str(how["interpolation"]),
        mean=(red, green, blue),
        std=(red_std, green_std, blue_std),
        framing=_FRAMINGS[mode] if framing == OWN else framing,
    )


def published_how(name: DualName, trained: bool) -> dict[str, Any]:
    """Preprocessing of the tag's weights, or that of all published ones if none is named.

    {} if nothing was published. Raises BadInput if trained weights of no tag leave a choice.
    """
    tags = [name.tag] if name.tag else open_clip.list_pretrained_tags_by_model(name.model)
    each = [DualName(name.model, tag).published() for tag in tags]
    known = [{key: one[key] for key in _HOW} for one in each if all(key in one for key in _HOW)]
    if trained and any(one != known[0] for one in known):
        raise BadInput(
            f"published weights of '{name.model}' differ in how they read pictures: write "
            f"{OPENCLIP}{name.model}/TAG with the tag of the file ({', '.join(tags)})"
        )
    return known[0] if known else {}


def _side(tower: PictureTower, model: str) -> int:
    height, width = tower.image_size
    if height != width:
        raise BadInput(f"'{model}' takes input of {height} x {width}: it must be square")
    return height


def _origin(name: DualName, where: str) -> Origin:
    if where == "hub":
        source = f"hub:open_clip/{name.model}/{name.tag}"
        return Origin(source, "unknown: see the page of the weights")
    if where.startswith("random:"):
        return Origin(where, "none: random numbers")
    return Origin(f"file:{Path(where).name}", "unknown: ask whoever made the file")


def _tokenizer(name: DualName, file: Path | None) -> Callable[[], Any]:
    """Opens the tokenizer: CLIP's own, one that lies beside the weights, or one of the hub."""

    def load() -> Any:  # noqa: ANN401 - open_clip's have no base
        with _quiet():
            return open_clip.get_tokenizer(name.model)

    def beside(folder: Path, text: dict[str, Any]) -> Any:  # noqa: ANN401
        from open_clip.tokenizer import HFTokenizer

        return HFTokenizer(
            str(folder),
            context_length=text.get("context_length", 77),
            tokenizer_mode=text.get("tokenizer_mode"),
            **(text.get("tokenizer_kwargs") or {}),
        )

    def opened() -> Any:  # noqa: ANN401
        text = open_clip.get_model_config(name.model)["text_cfg"]
        if not text.get("hf_tokenizer_name") and "siglip" not in name.model.lower():
            return load()
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtra(f"the tokenizer of '{name.model}' (with transformers)", "clip")
        if file is not None and (file.parent / "tokenizer.json").is_file():
            return beside(file.parent, text)
        cure = "put its tokenizer.json and tokenizer_config.json beside the weights"
        return from_hub(load, f"the files of the tokenizer of '{name.model}'", cure)

    return opened


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines of open_clip, which writes to the root logger and would set it up."""
    root, handler = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
