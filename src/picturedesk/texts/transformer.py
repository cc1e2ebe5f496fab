"""Any sentence-transformers model as the engine of a SentenceEncoder (extra ``sentence``).

Knows nothing of texts, pooling or files. A saved encoder names the model and does not copy it: it
opens the model by its name or folder, and refuses it if its weights have changed.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from picturedesk.disk.artifacts import array_fingerprint, fingerprint
from picturedesk.disk.hub import from_hub
from picturedesk.errors import BadInput, Mismatch, MissingExtra
from picturedesk.types import Floats, Json

NAME = "sentence-transformers"
_BATCH = 32  # sentences


class TransformerEngine:
    """Sentences → vectors (n, D) of a transformer; see ``sentences.SentenceEngine``.

    Attributes:
        name: its name in manifests.
        facts: name or folder of the model, and hash of its weights.
    """

    name = NAME

    def __init__(self, model: str | Path, device: str = "cpu") -> None:
        """Opens a model; the library downloads it from the hub if this machine does not have it.

        Args:
            model: name on the Hugging Face hub, or a local folder.
            device: "cpu", "cuda", "cuda:N" or "mps".

        Raises:
            MissingExtra: sentence-transformers is not installed.
            BadInput: there is no such model or device.
            PicturedeskError: the hub cannot be reached, or has no such model.
        """
        if importlib.util.find_spec("sentence_transformers") is None:
            raise MissingExtra("sentence-transformers", "sentence")
        named = str(Path(model).resolve()) if Path(model).is_dir() else str(model)
        try:
            self._model = self._open(named, device)
        except (OSError, ValueError, RuntimeError, AssertionError) as error:
            raise BadInput(
                f"{model} cannot be opened on {device!r} ({str(error).splitlines()[0]}): give the "
                "name or folder of a sentence-transformers model, and a device of this machine"
            ) from None
        self._turn = threading.Lock()  # tokenizers refuse to be used by two threads at once
        self.facts: Json = {"model": named, "weights": _hash_weights(self._model)}
        self._width = int(self.encode(["a"]).shape[1])

    @staticmethod
    def _open(named: str, device: str) -> Any:  # noqa: ANN401 - a SentenceTransformer
        import torch
        from sentence_transformers import SentenceTransformer

        torch.zeros(1, device=device)  # raises for a device that is not there, before any download
        if Path(named).is_dir():
            return SentenceTransformer(named, device=device)
        return from_hub(
            lambda: SentenceTransformer(named, device=device),
            f"the files of the model '{named}'",
            "give the folder of a sentence-transformers model",
        )

    @classmethod
    def restored(cls, facts: Json) -> Self:
        """The engine that ``facts`` describe, on the CPU.

        Raises:
            MissingExtra: sentence-transformers is not installed.
            BadInput: the model does not exist any more.
            Mismatch: its weights have changed.
        """
        engine = cls(facts["model"])
        if engine.facts["weights"] != facts["weights"]:
            raise Mismatch(
                f"made with other weights of {facts['model']} ({facts['weights']}) than it has now "
                f"({engine.facts['weights']}): restore those, or make it again"
            )
        return engine

    @property
    def width(self) -> int:
        """Numbers per sentence (D)."""
        return self._width

    @property
    def fingerprint(self) -> str:
        """Identifies everything that determines the output: the weights."""
        return f"{NAME} {self.facts['weights']}"

    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Empty: the library opens the model by its name."""
        return {}

    def encode(self, sentences: Sequence[str]) -> Floats:
        """Sentences → (n, D); the model ignores what exceeds its maximum input."""
        with self._turn:
            rows = self._model.encode(
                list(sentences), batch_size=_BATCH, convert_to_numpy=True, show_progress_bar=False
            )
        return np.asarray(rows, dtype=np.float32)


def _hash_weights(model: Any) -> str:  # noqa: ANN401 - a SentenceTransformer
    """Hash of all weights and of the maximum number of tokens."""
    import torch

    arrays = {
        name: weights.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        for name, weights in model.state_dict().items()
    }
    return fingerprint((array_fingerprint(arrays), model.max_seq_length))
