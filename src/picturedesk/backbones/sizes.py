"""Which input sizes a timm network accepts, without reading weights. Imports torch.

Convolutional networks accept any size. Networks with position embeddings accept other sizes if timm
can resize these; mixers with a fixed number of tokens do not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from picturedesk.backbones.weights import bare_network, converted, fits, size_option
from picturedesk.disk.hub import one_line
from picturedesk.errors import BadInput

# Errors of timm's networks that are built for, or given, an input size that they do not accept.
UNFIT = (AssertionError, AttributeError, RuntimeError, TypeError, ValueError, ZeroDivisionError)


def blank_network(model: str, size: int = 0) -> nn.Module:
    """The network on torch's meta device (without numbers) for an input size; 0: its own.

    Raises:
        BadInput: its weights do not fit this size.
    """
    if not size_option(model, size):
        with torch.device("meta"):
            return bare_network(model).eval()
    with torch.device("meta"):
        usual = bare_network(model)
        own = int(usual.pretrained_cfg["input_size"][-1])  # type: ignore[index]
        try:
            network = bare_network(model, size).eval()
        except (BadInput, *UNFIT) as error:
            raise cannot_take(model, size, own, error) from error
    _check_weights(model, usual, network, (size, own))
    return network


def cannot_take(model: str, size: int, own: int, error: Exception) -> BadInput:
    """The error for a size that a network does not accept."""
    return BadInput(
        f"'{model}' cannot take pictures of {size} px ({one_line(error)}): leave size out for its "
        f"own {own} px, or try another"
    )


def _check_weights(
    model: str, usual: nn.Module, network: nn.Module, sizes: tuple[int, int]
) -> None:
    """Raises BadInput if the weights of the usual size cannot be resized to this one."""
    there = {
        name: torch.zeros((), dtype=one.dtype, device="cpu").expand(one.shape)  # takes no memory
        for name, one in usual.state_dict().items()
    }
    wanted: dict[str, Tensor] = network.state_dict()
    if fits(wanted, there) or fits(wanted, converted(network, there)):
        return
    odd = [name for name in wanted if name not in there or wanted[name].shape != there[name].shape]
    raise cannot_take(model, *sizes, ValueError(f"{odd[0]} cannot be resized"))
