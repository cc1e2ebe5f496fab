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
    rows_on,
    steps_of,
)
from picturedesk.heads.fusion import FusionMLP
from picturedesk.types import Ints, RowSource, SomeRows

_RAREST = 1e-4  # share of the pictures, below which a word's first guess does not go


def train_detectors(
    pictures: RowSource, shares: RowSource, config: DropoutConfig, chosen: Ints | None = None
) -> FusionMLP:
    """Level features → the logit of each word's share of a picture's texts.

    On one machine's CPU, equal seeds give equal weights.

    Args:
        pictures: (N, ΣD_l) level features.
        shares: (N, V) share of a picture's texts that have each word, 0 to 1.
        config: shape and training.
        chosen: (n,) the pictures that are learned from, at least two; None for all.

    Raises:
        BadInput: there are too few pictures, or the device is not there.
        MissingExtra: torch is not installed.
    """
    rows = np.arange(len(pictures), dtype=np.int64) if chosen is None else chosen
    if len(rows) < 2 or len(shares) != len(pictures):
        raise BadInput(
            f"{len(rows)} pictures of {len(pictures)} and {len(shares)} rows of words: at least "
            "two pictures are needed, each with a row"
        )
    device = device_of(config.device, "training word detectors")
    import torch

    random = torch.Generator().manual_seed(config.seed)
    measured = Standard.of(SomeRows(pictures, rows))
    standard = measured.on(device)
    given, wanted = rows_on(pictures, device), rows_on(shares, device)
    learned_from = torch.from_numpy(np.ascontiguousarray(rows))
    network = Perceptron(pictures.shape[1], shares.shape[1], config, random, device)
    usual = np.clip(Standard.of(SomeRows(shares, rows)).mean, _RAREST, 1 - _RAREST)
    with torch.no_grad():
        network.biases[-1].copy_(torch.from_numpy(np.log(usual / (1 - usual))))
    down = OneCycle(list(network.parameters()), [], config, steps_of(len(rows), config))
    with torch_threads(1):
        for batch in batches(len(rows), config, random):
            at = learned_from[batch]
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = network(standard(given(at)))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits.float(), wanted(at), reduction="sum"
            )
            down.step(loss / len(at))
    return network.fusion(measured)
