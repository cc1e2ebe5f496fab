"""Picturedesk picks pictures for texts.

This face only names what is public; each name is imported from its module when it is first
used, so that ``import picturedesk`` costs nothing and never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.backbones.backbone import Backbone as Backbone
    from picturedesk.datasets import open_archive as open_archive
    from picturedesk.desk import Desk as Desk
    from picturedesk.desk import DeskConfig as DeskConfig
    from picturedesk.errors import PicturedeskError as PicturedeskError
    from picturedesk.heads.fusion import FusionMLP as FusionMLP
    from picturedesk.heads.linear import LinearHead as LinearHead
    from picturedesk.heads.matcher import Matcher as Matcher
    from picturedesk.learning.best import fit_best as fit_best
    from picturedesk.learning.training import train as train
    from picturedesk.measuring.evaluation import evaluate as evaluate
    from picturedesk.routes import Blend as Blend
    from picturedesk.store.catalogue.exact import ExactCatalogue as ExactCatalogue
    from picturedesk.store.extraction import extract as extract
    from picturedesk.store.features import FeatureStore as FeatureStore
    from picturedesk.texts.doc2vec import Doc2VecEncoder as Doc2VecEncoder
    from picturedesk.texts.joined import JoinedEncoder as JoinedEncoder
    from picturedesk.texts.lsa import LsaEncoder as LsaEncoder
    from picturedesk.texts.sentences import SentenceEncoder as SentenceEncoder
    from picturedesk.types import Archive as Archive
    from picturedesk.types import Picture as Picture
    from picturedesk.types import Suggestion as Suggestion
    from picturedesk.types import Text as Text

_HOMES = {
    "Archive": "types",
    "Backbone": "backbones.backbone",
    "Blend": "routes",
    "Desk": "desk",
    "DeskConfig": "desk",
    "Doc2VecEncoder": "texts.doc2vec",
    "ExactCatalogue": "store.catalogue.exact",
    "FeatureStore": "store.features",
    "FusionMLP": "heads.fusion",
    "JoinedEncoder": "texts.joined",
    "LinearHead": "heads.linear",
    "LsaEncoder": "texts.lsa",
    "Matcher": "heads.matcher",
    "Picture": "types",
    "PicturedeskError": "errors",
    "SentenceEncoder": "texts.sentences",
    "Suggestion": "types",
    "Text": "types",
    "evaluate": "measuring.evaluation",
    "extract": "store.extraction",
    "fit_best": "learning.best",
    "open_archive": "datasets",
    "train": "learning.training",
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
