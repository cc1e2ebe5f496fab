"""English names of the classes that a timm network tells apart. Imports timm; knows no pictures."""

from __future__ import annotations

from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from torch import nn


def class_names(network: nn.Module) -> tuple[str, ...]:
    """Names ("tench", "goldfish", …) in the order of its classifier's columns; () where unknown.

    timm tells by their number which list of ImageNet they are (1k, 12k, 21k, 22k). Of a class's
    synonyms the first is taken, so that a few names stand twice (crane, the bird and the machine).
    """
    subset = infer_imagenet_subset(network)
    if subset is None:
        return ()
    descriptions = ImageNetInfo(subset).label_descriptions()
    return tuple(str(synonyms).partition(",")[0].strip() for synonyms in descriptions)
