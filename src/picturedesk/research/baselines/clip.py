"""CLIP zero-shot, without training on the archive: open_clip with weights from this machine.

Reads texts and pictures themselves, not the vectors that the other baselines share. Never
downloads: weights come from a named file or folder, and a model is refused if open_clip would fetch
its tokenizer or text tower from a hub. Needs the extra "clip".
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from picturedesk.errors import BadInput, MissingExtra
from picturedesk.types import Floats, Json

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_Item = TypeVar("_Item")

CONFIG = "open_clip_config.json"  # in folders made by open_clip or a hub
BATCH = 64  # texts or pictures encoded at a time


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A pretrained pair of encoders; the cosine of their outputs is the score.

    The text encoder reads a text up to the model's limit (77 tokens for most).

    Attributes:
        name: name of the model, for tables.
        model: open_clip's model.
        tokenize: texts → tokens (B, length).
        preprocess: picture → pixels (3, S, S).
        device: device that it runs on.
    """

    name: str
    model: Any
    tokenize: Callable[[list[str]], Tensor]
    preprocess: Callable[[Image.Image], Tensor]
    device: torch.device

    def texts(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, S) of length one."""

        def encode(batch: list[str]) -> Tensor:
            tokens = self.tokenize(batch).to(self.device)
            encoded: Tensor = self.model.encode_text(tokens, normalize=True)
            return encoded

        return _encoded(texts, encode)

    def pictures(self, images: Iterable[Image.Image]) -> Floats:
        """N pictures, one batch at a time → (N, S) of length one."""
        import torch

        def encode(batch: list[Image.Image]) -> Tensor:
            pixels = torch.stack([self.preprocess(image) for image in batch]).to(self.device)
            encoded: Tensor = self.model.encode_image(pixels, normalize=True)
            return encoded

        return _encoded(images, encode)


def _encoded(items: Iterable[_Item], encode: Callable[[list[_Item]], Tensor]) -> Floats:
    """Vectors (N, S) of all items, one batch at a time."""
    import torch

    iterator = iter(items)
    rows: list[Floats] = []
    with torch.inference_mode():
        while batch := list(islice(iterator, BATCH)):
            rows.append(encode(batch).float().cpu().numpy())
    if not rows:
        raise BadInput("no texts or pictures were given to encode")
    return np.concatenate(rows)


def load(weights: Path, model: str = "ViT-B-32", device: str = "cpu") -> Clip:
    """Opens a model from weights on this machine.

    Args:
        weights: a file of open_clip weights (safetensors, or torch read with
            ``weights_only=True``), or a folder with ``open_clip_config.json`` beside them.
        model: open_clip's name of the architecture, e.g. "ViT-B-32" or "ViT-B-32-quickgelu"; not
            used for a folder, which names its own.
        device: "cpu", "cuda", "mps", or "auto".

    Raises:
        MissingExtra: open_clip is not installed.
        BadInput: the weights are missing or those of another model, or a part would have to be
            downloaded.
    """
    try:
        import open_clip
    except ModuleNotFoundError:
        raise MissingExtra("the CLIP baseline", "clip") from None
    from picturedesk.backbones.torch_runner import choose_device

    path = weights.expanduser().resolve()  # absolute, so that it cannot be a tag of open_clip
    if not path.exists():
        raise BadInput(
            f"CLIP weights {weights} do not exist: give a file or folder on this machine"
        )
    source = f"local-dir:{path}" if path.is_dir() else model
    _refuse_downloads(source, _model_config(path, model))
    where = choose_device(device)
    network, preprocess = _opened(source, path, where)
    name = path.name if path.is_dir() else model
    return Clip(name, network.eval(), open_clip.get_tokenizer(source), preprocess, where)


def _opened(
    source: str, path: Path, device: torch.device
) -> tuple[Any, Callable[[Image.Image], Tensor]]:
    """The network and its preprocessing."""
    import open_clip
    from safetensors import SafetensorError

    # Torch, safetensors and open_clip's checks raise these for files of other content.
    broken = (OSError, EOFError, pickle.UnpicklingError, SafetensorError)
    foreign = (RuntimeError, AssertionError, LookupError, AttributeError, TypeError, ValueError)
    file = None if path.is_dir() else str(path)
    try:
        network, preprocess = open_clip.create_model_from_pretrained(
            source, pretrained=file, device=device, weights_only=True
        )
    except (*broken, *foreign) as error:
        first = str(error).strip().partition("\n")[0]
        raise BadInput(f"{path} has no readable weights of {source}: {first}") from None
    return network, preprocess


def _model_config(path: Path, model: str) -> Json:
    """The configuration that open_clip builds: the folder's, or the architecture's."""
    import open_clip

    if path.is_dir():
        try:
            content = json.loads((path / CONFIG).read_text(encoding="utf-8"))
            config: Json = content["model_cfg"]
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInput(
                f"{path} has no {CONFIG} that can be read: give the weights file"
            ) from None
        return config
    known = open_clip.list_models()
    if model not in known:
        raise BadInput(
            f"open_clip does not know the model {model!r}: see open_clip.list_models(), e.g. "
            f"{', '.join(known[:3])}"
        )
    named: Json = open_clip.get_model_config(model)
    return named


def _refuse_downloads(source: str, config: Json) -> None:
    """Raises BadInput if open_clip would fetch a tokenizer or a text tower."""
    text = config.get("text_cfg", {})
    local = source.startswith("local-dir:")
    by_name = not local and ("siglip" in source.lower() or text.get("hf_tokenizer_name"))
    if by_name or text.get("hf_model_name"):
        cure = "" if local else ": give a folder that also has the tokenizer's files"
        raise BadInput(
            f"{source} needs parts that open_clip would download, which is not allowed{cure}"
        )
