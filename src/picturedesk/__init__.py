"""Picturedesk picks pictures for texts.

This face only names what is public; each name is imported from its module when it is first
used, so that ``import picturedesk`` costs nothing and never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.backbones.backbone import Backbone as Backbone
    from picturedesk.blend import Blend as Blend
    from picturedesk.catalogue.exact import ExactCatalogue as ExactCatalogue
    from picturedesk.datasets import open_archive as open_archive
    from picturedesk.desk import Desk as Desk
    from picturedesk.desk import DeskConfig as DeskConfig
    from picturedesk.errors import PicturedeskError as PicturedeskError
    from picturedesk.evaluation import evaluate as evaluate
    from picturedesk.extraction import extract as extract
    from picturedesk.features import FeatureStore as FeatureStore
    from picturedesk.fusion import FusionMLP as FusionMLP
    from picturedesk.heads import LinearHead as LinearHead
    from picturedesk.matcher import Matcher as Matcher
    from picturedesk.recipe import fit_best as fit_best
    from picturedesk.texts.doc2vec import Doc2VecEncoder as Doc2VecEncoder
    from picturedesk.texts.joined import JoinedEncoder as JoinedEncoder
    from picturedesk.texts.lsa import LsaEncoder as LsaEncoder
    from picturedesk.texts.sentences import SentenceEncoder as SentenceEncoder
    from picturedesk.training import train as train
    from picturedesk.types import Archive as Archive
    from picturedesk.types import Picture as Picture
    from picturedesk.types import Suggestion as Suggestion
    from picturedesk.types import Text as Text

_HOMES = {
    "Archive": "types",
    "Backbone": "backbones.backbone",
    "Blend": "blend",
    "Desk": "desk",
    "DeskConfig": "desk",
    "Doc2VecEncoder": "texts.doc2vec",
    "ExactCatalogue": "catalogue.exact",
    "FeatureStore": "features",
    "FusionMLP": "fusion",
    "JoinedEncoder": "texts.joined",
    "LinearHead": "heads",
    "LsaEncoder": "texts.lsa",
    "Matcher": "matcher",
    "Picture": "types",
    "PicturedeskError": "errors",
    "SentenceEncoder": "texts.sentences",
    "Suggestion": "types",
    "Text": "types",
    "evaluate": "evaluation",
    "extract": "extraction",
    "fit_best": "recipe",
    "open_archive": "datasets",
    "train": "training",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("picturedesk")
    if name not in _HOMES:
        raise AttributeError(f"module 'picturedesk' has no attribute {name!r}")
    found: object = getattr(import_module(f"picturedesk.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
