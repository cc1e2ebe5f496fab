"""Trains word detectors: which words the texts of a picture have (compare Fang et al. 2015)."""

from __future__ import annotations

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.gradients.devices import device_of, torch_threads
from picturedesk.gradients.perceptron import (
    DropoutConfig,
    OneCycle,
    Perceptron,
    Standard,
    batches,
    steps_of,
)
from picturedesk.heads.fusion import FusionMLP
from picturedesk.types import Floats

_RAREST = 1e-4  # share of the pictures, below which a word's first guess does not go


def train_detectors(pictures: Floats, shares: Floats, config: DropoutConfig) -> FusionMLP:
    """Level features → the logit of each word's share of a picture's texts.

    On one machine's CPU, equal seeds give equal weights.

    Args:
        pictures: (N, ΣD_l) level features, at least two.
        shares: (N, V) share of a picture's texts that have each word, 0 to 1.
        config: shape and training.

    Raises:
        BadInput: there are too few pictures, or the device is not there.
        MissingExtra: torch is not installed.
    """
    if len(pictures) < 2 or len(shares) != len(pictures):
        raise BadInput(
            f"{len(pictures)} pictures and {len(shares)} rows of words: at least two pictures are "
            "needed, each with a row"
        )
    device = device_of(config.device, "training word detectors")
    import torch

    random = torch.Generator().manual_seed(config.seed)
    standard = Standard.of(pictures)
    rows = torch.from_numpy(np.ascontiguousarray(standard(pictures), dtype=np.float32)).to(device)
    wanted = torch.from_numpy(np.ascontiguousarray(shares, dtype=np.float32)).to(device)
    network = Perceptron(rows.shape[1], shares.shape[1], config, random, device)
    usual = np.clip(shares.mean(axis=0), _RAREST, 1 - _RAREST)
    with torch.no_grad():
        network.biases[-1].copy_(torch.from_numpy(np.log(usual / (1 - usual))))
    down = OneCycle(list(network.parameters()), [], config, steps_of(len(rows), config))
    with torch_threads(1):
        for chosen in batches(len(rows), config, random):
            at = chosen.to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(rows[at])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits.float(), wanted[at], reduction="sum"
            )
            down.step(loss / len(at))
    return network.fusion(standard)
