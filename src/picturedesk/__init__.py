"""Picturedesk suggests pictures for texts.

This module names everything that is public. Each name is imported from its module on first use, so
that ``import picturedesk`` is fast and never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picturedesk.backbones.backbone import Backbone as Backbone
    from picturedesk.backbones.backbone import readable_levels as readable_levels
    from picturedesk.backbones.levels import ReadableLevel as ReadableLevel
    from picturedesk.backbones.spec import BackboneSpec as BackboneSpec
    from picturedesk.backbones.spec import Origin as Origin
    from picturedesk.datasets import open_archive as open_archive
    from picturedesk.datasets import open_pictures as open_pictures
    from picturedesk.datasets.columns import Columns as Columns
    from picturedesk.datasets.split import SplitConfig as SplitConfig
    from picturedesk.desk import Addition as Addition
    from picturedesk.desk import Desk as Desk
    from picturedesk.desk import DeskConfig as DeskConfig
    from picturedesk.desk import Hit as Hit
    from picturedesk.desk import Migration as Migration
    from picturedesk.desk import Optimized as Optimized
    from picturedesk.desk import Removal as Removal
    from picturedesk.desk import Sync as Sync
    from picturedesk.desk.asking import Asked as Asked
    from picturedesk.desk.auditing import AuditConfig as AuditConfig
    from picturedesk.desk.exporting import Export as Export
    from picturedesk.desk.fit import FitReport as FitReport
    from picturedesk.desk.inspect import Check as Check
    from picturedesk.desk.inspect import describe as describe
    from picturedesk.desk.inspect import diagnose as diagnose
    from picturedesk.desk.measure import Measured as Measured
    from picturedesk.desk.slots import Slot as Slot
    from picturedesk.errors import BadInput as BadInput
    from picturedesk.errors import BadPicture as BadPicture
    from picturedesk.errors import Closed as Closed
    from picturedesk.errors import Mismatch as Mismatch
    from picturedesk.errors import MissingArtefact as MissingArtefact
    from picturedesk.errors import MissingExtra as MissingExtra
    from picturedesk.errors import PicturedeskError as PicturedeskError
    from picturedesk.errors import UnknownPicture as UnknownPicture
    from picturedesk.explaining import Explanation as Explanation
    from picturedesk.explaining import Share as Share
    from picturedesk.explaining import WordShare as WordShare
    from picturedesk.gradients.perceptron import DropoutConfig as DropoutConfig
    from picturedesk.gradients.towers import TowersConfig as TowersConfig
    from picturedesk.heads.fusion import FusionConfig as FusionConfig
    from picturedesk.heads.fusion import FusionMLP as FusionMLP
    from picturedesk.heads.linear import LinearHead as LinearHead
    from picturedesk.heads.matcher import Matcher as Matcher
    from picturedesk.images import DecodePolicy as DecodePolicy
    from picturedesk.learning.alignment import AlignmentConfig as AlignmentConfig
    from picturedesk.learning.best import Fitted as Fitted
    from picturedesk.learning.best import fit_best as fit_best
    from picturedesk.learning.best_config import BestConfig as BestConfig
    from picturedesk.learning.training import Epoch as Epoch
    from picturedesk.learning.training import TrainConfig as TrainConfig
    from picturedesk.learning.training import Trained as Trained
    from picturedesk.learning.training import TrainingSet as TrainingSet
    from picturedesk.learning.training import train as train
    from picturedesk.learning.training_pairs import TextFeatures as TextFeatures
    from picturedesk.learning.training_pairs import TrainingPairs as TrainingPairs
    from picturedesk.learning.training_pairs import level_blocks as level_blocks
    from picturedesk.measuring.evaluation import Evaluation as Evaluation
    from picturedesk.measuring.evaluation import EvaluationRow as EvaluationRow
    from picturedesk.measuring.evaluation import evaluate as evaluate
    from picturedesk.measuring.metrics import RetrievalScores as RetrievalScores
    from picturedesk.measuring.reliability import Reliability as Reliability
    from picturedesk.measuring.significance import Difference as Difference
    from picturedesk.measuring.significance import paired_difference as paired_difference
    from picturedesk.measuring.trec import TrecScores as TrecScores
    from picturedesk.measuring.trec import score_run as score_run
    from picturedesk.report.audit_records import Audit as Audit
    from picturedesk.report.audit_records import Exposure as Exposure
    from picturedesk.report.audit_records import RightsConflict as RightsConflict
    from picturedesk.report.audit_records import SuspectPair as SuspectPair
    from picturedesk.report.audit_records import Topic as Topic
    from picturedesk.research.adviser import Advice as Advice
    from picturedesk.research.adviser import AdviceConfig as AdviceConfig
    from picturedesk.research.adviser import ChoiceConfig as ChoiceConfig
    from picturedesk.research.adviser import LevelDataConfig as LevelDataConfig
    from picturedesk.research.adviser import NetworkAdvice as NetworkAdvice
    from picturedesk.research.adviser import NetworkConfig as NetworkConfig
    from picturedesk.research.adviser import NetworkScore as NetworkScore
    from picturedesk.research.adviser import TextEncoders as TextEncoders
    from picturedesk.research.adviser import advise_on as advise_on
    from picturedesk.research.adviser import advise_on_networks as advise_on_networks
    from picturedesk.research.reproduction.config import ReproduceConfig as ReproduceConfig
    from picturedesk.research.reproduction.run import reproduce as reproduce
    from picturedesk.routes import ArchiveVectors as ArchiveVectors
    from picturedesk.routes import Blend as Blend
    from picturedesk.routes import Block as Block
    from picturedesk.routes import BlockRoute as BlockRoute
    from picturedesk.routes import Confidence as Confidence
    from picturedesk.routes import Fold as Fold
    from picturedesk.routes import Pictures as Pictures
    from picturedesk.routes import Pool as Pool
    from picturedesk.routes import Queries as Queries
    from picturedesk.routes import Route as Route
    from picturedesk.routes import RoutePlan as RoutePlan
    from picturedesk.routes import Rows as Rows
    from picturedesk.routes import WordRoute as WordRoute
    from picturedesk.routes.blend import QueryVectors as QueryVectors
    from picturedesk.routes.captions import CaptionsPlan as CaptionsPlan
    from picturedesk.routes.class_names import ClassNamesPlan as ClassNamesPlan
    from picturedesk.routes.direct import DirectPlan as DirectPlan
    from picturedesk.routes.diversity import OrderConfig as OrderConfig
    from picturedesk.routes.hubness import HubnessPlan as HubnessPlan
    from picturedesk.routes.route import Classes as Classes
    from picturedesk.routes.route import Dual as Dual
    from picturedesk.routes.route import PictureShare as PictureShare
    from picturedesk.routes.route import PictureShares as PictureShares
    from picturedesk.routes.route import ShareConfig as ShareConfig
    from picturedesk.routes.route import TextSlopes as TextSlopes
    from picturedesk.routes.search import Ranking as Ranking
    from picturedesk.routes.search import SearchConfig as SearchConfig
    from picturedesk.routes.search import search as search
    from picturedesk.routes.seen_words import SeenWordsPlan as SeenWordsPlan
    from picturedesk.routes.towers import TowersPlan as TowersPlan
    from picturedesk.routes.transfer import NearestTextPlan as NearestTextPlan
    from picturedesk.routes.transfer import TransferPlan as TransferPlan
    from picturedesk.routes.zero_shot import ZeroShotPlan as ZeroShotPlan
    from picturedesk.store.catalogue import open_catalogue as open_catalogue
    from picturedesk.store.catalogue.sqlite import SqliteCatalogue as SqliteCatalogue
    from picturedesk.store.extraction import ExtractConfig as ExtractConfig
    from picturedesk.store.extraction import Extraction as Extraction
    from picturedesk.store.extraction import extract as extract
    from picturedesk.store.features import FeatureRow as FeatureRow
    from picturedesk.store.features import FeatureStore as FeatureStore
    from picturedesk.store.features import Source as Source
    from picturedesk.texts.doc2vec import Doc2VecConfig as Doc2VecConfig
    from picturedesk.texts.doc2vec import Doc2VecEncoder as Doc2VecEncoder
    from picturedesk.texts.joined import JoinedEncoder as JoinedEncoder
    from picturedesk.texts.loading import load_text_encoder as load_text_encoder
    from picturedesk.texts.lsa import LsaConfig as LsaConfig
    from picturedesk.texts.lsa import LsaEncoder as LsaEncoder
    from picturedesk.texts.sentences import SentenceConfig as SentenceConfig
    from picturedesk.texts.sentences import SentenceEncoder as SentenceEncoder
    from picturedesk.texts.sentences import SentenceEngine as SentenceEngine
    from picturedesk.texts.transformer import TransformerEngine as TransformerEngine
    from picturedesk.types import Archive as Archive
    from picturedesk.types import Catalogue as Catalogue
    from picturedesk.types import Changes as Changes
    from picturedesk.types import Column as Column
    from picturedesk.types import Entries as Entries
    from picturedesk.types import Evidence as Evidence
    from picturedesk.types import Found as Found
    from picturedesk.types import Level as Level
    from picturedesk.types import Picture as Picture
    from picturedesk.types import Preprocessing as Preprocessing
    from picturedesk.types import Progress as Progress
    from picturedesk.types import RankedText as RankedText
    from picturedesk.types import Rejection as Rejection
    from picturedesk.types import Runner as Runner
    from picturedesk.types import Suggestion as Suggestion
    from picturedesk.types import Suggestions as Suggestions
    from picturedesk.types import Tag as Tag
    from picturedesk.types import Text as Text
    from picturedesk.types import TextEncoder as TextEncoder

_PUBLIC = {  # topic → module → names; docs/api.md has the same order
    "The desk: fit, suggest, add, measure, inspect": {
        "desk": "Addition Desk DeskConfig Hit Migration Optimized Removal Sync",
        "desk.asking": "Asked",
        "desk.auditing": "AuditConfig",
        "desk.exporting": "Export",
        "desk.fit": "FitReport",
        "desk.inspect": "Check describe diagnose",
        "desk.measure": "Measured",
        "desk.slots": "Slot",
        "explaining": "Explanation Share WordShare",
        "report.audit_records": "Audit Exposure RightsConflict SuspectPair Topic",
    },
    "Records, Protocols and errors": {
        "errors": (
            "BadInput BadPicture Closed Mismatch MissingArtefact MissingExtra PicturedeskError "
            "UnknownPicture"
        ),
        "types": (
            "Archive Catalogue Changes Column Entries Evidence Found Level Picture "
            "Preprocessing Progress RankedText Rejection Runner Suggestion Suggestions Tag Text "
            "TextEncoder"
        ),
    },
    "Reading archives and pictures": {
        "datasets": "open_archive open_pictures",
        "datasets.columns": "Columns",
        "datasets.split": "SplitConfig",
        "images": "DecodePolicy",
    },
    "Backbones and their features": {
        "backbones.backbone": "Backbone readable_levels",
        "backbones.levels": "ReadableLevel",
        "backbones.spec": "BackboneSpec Origin",
        "store.extraction": "ExtractConfig Extraction extract",
        "store.features": "FeatureRow FeatureStore Source",
    },
    "Text encoders": {
        "texts.doc2vec": "Doc2VecConfig Doc2VecEncoder",
        "texts.joined": "JoinedEncoder",
        "texts.loading": "load_text_encoder",
        "texts.lsa": "LsaConfig LsaEncoder",
        "texts.sentences": "SentenceConfig SentenceEncoder SentenceEngine",
        "texts.transformer": "TransformerEngine",
    },
    "Heads, and how they are fitted": {
        "heads.fusion": "FusionConfig FusionMLP",
        "heads.linear": "LinearHead",
        "heads.matcher": "Matcher",
        "gradients.perceptron": "DropoutConfig",
        "gradients.towers": "TowersConfig",
        "learning.alignment": "AlignmentConfig",
        "learning.best": "Fitted fit_best",
        "learning.best_config": "BestConfig",
        "learning.training": "Epoch TrainConfig Trained TrainingSet train",
        "learning.training_pairs": "TextFeatures TrainingPairs level_blocks",
    },
    "Routes, their blend and the search": {
        "routes": (
            "ArchiveVectors Blend Block BlockRoute Confidence Fold Pictures Pool "
            "Queries Route RoutePlan Rows WordRoute"
        ),
        "routes.blend": "QueryVectors",
        "routes.captions": "CaptionsPlan",
        "routes.class_names": "ClassNamesPlan",
        "routes.direct": "DirectPlan",
        "routes.diversity": "OrderConfig",
        "routes.hubness": "HubnessPlan",
        "routes.route": "Classes Dual PictureShare PictureShares ShareConfig TextSlopes",
        "routes.search": "Ranking SearchConfig search",
        "routes.seen_words": "SeenWordsPlan",
        "routes.towers": "TowersPlan",
        "routes.transfer": "NearestTextPlan TransferPlan",
        "routes.zero_shot": "ZeroShotPlan",
        "store.catalogue": "open_catalogue",
        "store.catalogue.sqlite": "SqliteCatalogue",
    },
    "Measuring and research": {
        "measuring.evaluation": "Evaluation EvaluationRow evaluate",
        "measuring.metrics": "RetrievalScores",
        "measuring.reliability": "Reliability",
        "measuring.significance": "Difference paired_difference",
        "measuring.trec": "TrecScores score_run",
        "research.adviser": (
            "Advice AdviceConfig ChoiceConfig LevelDataConfig NetworkAdvice NetworkConfig "
            "NetworkScore TextEncoders advise_on advise_on_networks"
        ),
        "research.reproduction.config": "ReproduceConfig",
        "research.reproduction.run": "reproduce",
    },
}
_HOMES = {
    name: home
    for modules in _PUBLIC.values()
    for home, names in modules.items()
    for name in names.split()
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
