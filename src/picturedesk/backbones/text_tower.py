"""The text tower of an open_clip model, to be written as ONNX with its tokenizer. Imports torch.

Towers whose tokens attend only to those before them (CLIP's) are written so that short texts take
few tokens; others (SigLIP's) always read their whole context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from picturedesk.backbones.export_cache import export
from picturedesk.backbones.graph import save_graph
from picturedesk.backbones.text_tokens import WrittenTokens, written
from picturedesk.backbones.weights import hash_state
from picturedesk.disk.artifacts import atomic_folder, fingerprint, plain, write_manifest, write_text
from picturedesk.disk.text_tower import GRAPH, KIND, TOKENIZER, TOKENS, VECTORS, TowerSettings
from picturedesk.errors import PicturedeskError
from picturedesk.types import Floats

PROBES = ("", "a red boat", "Two dogs run along the beach, after days of rain.", "word " * 200)
TOLERANCE = 1e-3  # largest difference of a vector, as a share of its length
_POOLS_OF_ONE = ("argmax", "eos")  # they take one token, which need not be the last
_BATCH = 64  # texts


class TextTower:
    """Texts → vectors, by open_clip on the CPU; can be written to a folder.

    Args:
        model: open_clip's model, in evaluation mode; its picture tower may be on another device.
        tokenizer: makes open_clip's tokenizer, called once when it is needed.
        name: of the model, for messages.
    """

    def __init__(self, model: nn.Module, tokenizer: Callable[[], Any], name: str) -> None:
        self._model: Any = model
        self._open = tokenizer
        self._name = name
        self._opened: Any = None

    def encode(self, texts: Sequence[str]) -> Floats:
        """Q texts → (Q, S) of ``encode_text``, not of length one.

        Raises:
            BadInput: the tokenizer cannot be opened.
            PicturedeskError: the hub cannot be reached.
        """
        rows = [
            self._vectors(self._tokenizer(list(texts[start : start + _BATCH])))
            for start in range(0, len(texts), _BATCH)
        ]
        return np.concatenate(rows)

    def write(self, folder: Path) -> None:
        """Writes graph, tokenizer and record atomically; the graph may come from the cache.

        Raises:
            BadInput: the tokenizer cannot be saved.
            MissingExtra: onnx or onnxscript is not installed.
            PicturedeskError: the tower cannot be exported, or its graph computes other vectors.
        """
        tokens = written(self._tokenizer, self._name)
        settings = self._settings(tokens)
        with atomic_folder(folder) as temporary:
            export(fingerprint([KIND, settings]), self._write_graph, temporary)
            write_text(temporary / TOKENIZER, tokens.content)
            write_manifest(temporary, KIND, {"settings": plain(settings)})

    @property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - open_clip's have no base
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _settings(self, tokens: WrittenTokens) -> TowerSettings:
        state = self._model.state_dict()
        own = {name: one for name, one in state.items() if not name.startswith("visual.")}
        return TowerSettings(
            width=self.encode(PROBES[:1]).shape[1],
            context=tokens.context,
            cleaning=tokens.cleaning,
            pad=tokens.pad,
            blanked=tokens.blanked,
            short=_reads_backwards(self._model) is not None,
            weights=hash_state(own),
            tokenizer=tokens.sha256,
        )

    def _vectors(self, tokens: Tensor) -> Floats:
        with torch.inference_mode():
            vectors: Floats = self._model.encode_text(tokens).numpy()
        return vectors

    def _write_graph(self, folder: Path) -> None:
        import onnxruntime

        tokens = self._tokenizer(list(PROBES)).long()
        backwards = _reads_backwards(self._model)
        sizes: dict[int, object] = {0: torch.export.Dim("batch")}
        if backwards is not None:
            sizes[1] = torch.export.Dim("length", min=2, max=tokens.shape[1])
        reader = _Whole(self._model) if backwards is None else _Backwards(backwards)
        save_graph(reader.eval(), tokens, folder / GRAPH, (TOKENS, VECTORS), sizes)
        expected = self._vectors(tokens)
        session = onnxruntime.InferenceSession(folder / GRAPH, providers=["CPUExecutionProvider"])
        given = session.run([VECTORS], {TOKENS: tokens.numpy()})[0]
        apart = np.linalg.norm(given - expected, axis=1) / np.linalg.norm(expected, axis=1)
        if not apart.max() <= TOLERANCE:
            raise PicturedeskError(
                f"the exported text tower of '{self._name}' differs from torch by "
                f"{apart.max():.1e}, more than {TOLERANCE:.0e}: it was discarded; use another model"
            )


def _reads_backwards(model: Any) -> Any | None:  # noqa: ANN401
    """The part of a model that holds a text transformer in which tokens see only earlier ones.

    None if the tower is of another kind.
    """
    text = getattr(model, "text", model)
    pool = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
    own = hasattr(text, "token_embedding") and hasattr(text, "text_projection")
    causal = getattr(text, "attn_mask", None) is not None
    appended = getattr(text, "cls_emb", None) is not None
    return text if own and causal and not appended and pool in _POOLS_OF_ONE else None


class _Whole(nn.Module):
    """Tokens (B, context) → vectors, by the model itself."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens → (B, S)."""
        vectors: Tensor = self.model.encode_text(tokens)
        return vectors


class _Backwards(nn.Module):
    """Tokens (B, length) → vectors, for any length up to the context.

    open_clip adds positions and mask of the whole context; this takes those of the length.
    """

    def __init__(self, text: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.text = text

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens → (B, S)."""
        text: Any = self.text
        length = tokens.shape[1]
        placed = text.token_embedding(tokens) + text.positional_embedding[torch.arange(length)]
        later = torch.full((length, length), float("-inf")).triu(1)
        seen = text.ln_final(text.transformer(placed, attn_mask=later))  # (B, length, W)
        pool = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
        end: int = getattr(text, "text_eos_id", getattr(text, "eos_id", 0))
        marks = tokens if pool == "argmax" else (tokens == end).int()
        vectors: Tensor = seen[torch.arange(tokens.shape[0]), marks.argmax(dim=-1)]
        if isinstance(text.text_projection, nn.Linear):
            vectors = text.text_projection(vectors)
        elif text.text_projection is not None:
            vectors = vectors @ text.text_projection
        return vectors
