"""Runs a network in torch, on any device. Knows no files and no names of levels."""

from __future__ import annotations

from pathlib import Path

import torch

from picturedesk.backbones.export import write_graph
from picturedesk.backbones.export_cache import export
from picturedesk.backbones.level_reader import LevelReader
from picturedesk.errors import BadInput
from picturedesk.types import Floats

HALF = torch.float16


class TorchRunner:
    """NumPy in, NumPy out, torch between. Computes in half precision on CUDA, in float32 elsewhere.

    Half precision is float16, which stays within 1e-2 of float32; bfloat16 does not, and ranks
    worse (docs/recipes.md). Pictures whose features are too large for it are computed in float32.

    Args:
        reader: moved to the device.
        size: side of the square input, pixels.
        device: "cpu", "cuda", "cuda:N", "mps" or "auto" (the first available of cuda, mps, cpu).
        spec: fingerprint of the backbone, by which its exported graph is cached; "" for no cache.
    """

    def __init__(self, reader: LevelReader, size: int, device: str = "cpu", spec: str = "") -> None:
        self.size = size
        self._spec = spec
        self.device = choose_device(device)
        self.half = self.device.type == "cuda"
        self.reader = reader.to(self.device).eval()
        # 1.3 to 1.6 times as fast for a CNN on a CPU, no slower for a ViT.
        self.reader.to(memory_format=torch.channels_last)

    def __call__(self, pixels: Floats) -> Floats:
        """Pixels (B, 3, S, S), normalised → (B, ΣD_l)."""
        batch = torch.from_numpy(pixels).to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode():
            features = self._read(batch, self.half)
            overflown = ~features.isfinite().all(dim=1)
            if self.half and overflown.any():
                features[overflown] = self._read(batch[overflown], half=False)
        found: Floats = features.cpu().numpy()
        return found

    def _read(self, batch: torch.Tensor, half: bool) -> torch.Tensor:
        with torch.autocast(self.device.type, HALF, enabled=half):
            found: torch.Tensor = self.reader(batch)
        return found

    def write_graph(self, folder: Path) -> None:
        """Leaves ``backbone.onnx`` in ``folder``: from the cache, or exported and then cached."""

        def write(into: Path) -> None:
            write_graph(self.reader, self.size, into)

        if self._spec:
            export(self._spec, write, folder)
        else:
            write(folder)


def choose_device(device: str) -> torch.device:
    """The device of this name; raises BadInput if this machine does not have it."""
    there = devices()
    if device == "auto":
        return torch.device(there[0])
    if device not in there and f"{device}:0" not in there:
        raise BadInput(
            f"there is no device '{device}': this machine has {', '.join(reversed(there))}; "
            "choose one of these, or 'auto'"
        )
    return torch.device(device)


def devices() -> list[str]:
    """Devices of this machine, fastest first: cuda:0 …, mps, cpu."""
    there = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        there.append("mps")
    return [*there, "cpu"]
