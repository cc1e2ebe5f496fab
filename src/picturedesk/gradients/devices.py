"""Devices, threads and precision of torch. Imports torch when called."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from picturedesk.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    import torch


def torch_installed() -> bool:
    """Whether networks can be trained here; imports nothing."""
    return importlib.util.find_spec("torch") is not None


def device_of(name: str, purpose: str) -> torch.device:
    """The torch device of this name.

    Args:
        name: "cpu", "cuda", "cuda:N", "mps", or "auto" for the fastest.
        purpose: for the message where torch is missing.

    Raises:
        BadInput: this machine does not have it.
        MissingExtra: torch is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingExtra(purpose, "train") from None
    there = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    there = ["cuda", *there] if there else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    there += ["cpu"]
    if name == "auto":
        return torch.device(there[0])
    if name not in there:
        raise BadInput(f"device '{name}' is not there: this machine has {', '.join(there)}")
    return torch.device(name)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Sets the number of torch's threads for the block, then restores it; 0 changes nothing."""
    import torch

    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
