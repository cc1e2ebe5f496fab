"""English names of the classes of a timm network. Imports timm; knows no pictures."""

from __future__ import annotations

from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
from torch import nn


def class_names(network: nn.Module) -> tuple[str, ...]:
    """Names ("tench", "goldfish", …) in the order of the classifier's columns; () if unknown.

    timm finds the list of ImageNet (1k, 12k, 21k, 22k) by the number of classes. The name is the
    first synonym of a class, so that a few names occur twice (crane: the bird and the machine).
    """
    subset = infer_imagenet_subset(network)
    if subset is None:
        return ()
    descriptions = ImageNetInfo(subset).label_descriptions()
    return tuple(str(synonyms).partition(",")[0].strip() for synonyms in descriptions)
