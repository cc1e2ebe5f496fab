"""What every public function is called with to see how it takes bad input: things that it works on.

Makes small objects of every kind in a folder of its own; knows no test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.desk import Desk
from picturedesk.heads.fusion import FusionConfig, FusionMLP
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.training import TrainingSet
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs, level_blocks
from picturedesk.store.catalogue.sqlite import SqliteCatalogue
from picturedesk.store.features import FeatureRow, FeatureStore, Source
from picturedesk.testing import TinyTextEncoder, tiny_backbone
from picturedesk.texts.doc2vec import Doc2VecConfig, Doc2VecEncoder
from picturedesk.texts.lsa import LsaEncoder
from picturedesk.texts.sentences import SentenceEncoder
from picturedesk.types import Archive, Picture, Text
from small_routes import SPEC, head, make_features, unit


@dataclass(frozen=True)
class Call:
    """One function, and arguments that it takes."""

    function: Callable[..., object]
    good: dict[str, object] = field(default_factory=dict)
    refused: bool = False  # whether even these are refused, so that nothing slow begins


class World:
    """What calls need, made in a folder of its own."""

    def __init__(self, folder: Path, desk: Path) -> None:
        self.folder = folder
        self.desk_path = desk
        self._names = iter(range(10**6))

    def path(self, suffix: str = "") -> Path:
        return self.folder / f"{next(self._names)}{suffix}"

    def table(self) -> Path:
        path = self.path(".csv")
        path.write_text("text,picture\nA story.,absent.jpg\n")
        return path

    def desk(self) -> Desk:
        return Desk(self.desk_path)

    def catalogue(self) -> SqliteCatalogue:
        catalogue = SqliteCatalogue.open(self.path(".db"), "f", 4)
        catalogue.add(pictures(), np.eye(4, dtype=np.float32))
        return catalogue

    def store(self) -> FeatureStore:
        store = FeatureStore.open(self.path(".db"), tiny_backbone().spec)
        store.add([feature_row()], [Source("/a.jpg", 5, 6, "k0")])
        return store

    def saved(self, thing: Any) -> Path:
        path = self.path()
        thing.save(path)
        return path


def pictures() -> list[Picture]:
    return [Picture(f"{n}.jpg", f"k{n}", caption=f"word{n}") for n in range(4)]


def feature_row() -> FeatureRow:
    return FeatureRow("k0", np.zeros(48, dtype=np.float32), 5, 10, 20)


def texts() -> list[str]:
    return [f"A story of number {n} and of the sea." for n in range(12)]


def archive() -> Archive:
    return Archive(
        "small", (Text("1", "A story."),), (Picture("a.jpg"),), np.zeros((1, 2), int), ("",)
    )


def perceptron() -> FusionMLP:
    return FusionMLP.initial(FusionConfig((3,)), 4, 2, np.random.default_rng(0))


def training_set() -> TrainingSet:
    links = np.stack([np.arange(8)] * 2, axis=1)
    return TrainingSet(unit(8, 4, 0), unit(8, 6, 1), links, np.arange(8))


def pairs() -> TrainingPairs:
    return TrainingPairs(
        texts=tuple(texts()),
        keys=tuple(f"k{n}" for n in range(12)),
        features=make_features(12, 0),
        links=np.stack([np.arange(12)] * 2, axis=1),
        split_groups=np.arange(12),
        duplicate_groups=np.arange(12),
        captions=("",) * 12,
        spec=SPEC,
        blocks=tuple(level_blocks(SPEC)),
    )


def text_features() -> TextFeatures:
    return TextFeatures(texts(), None, {"tiny": TinyTextEncoder(8)})


def lsa() -> LsaEncoder:
    return LsaEncoder.fit(texts())


def sentences() -> SentenceEncoder:
    class Engine:
        name = fingerprint = "lengths"
        facts: dict[str, str] = {}  # noqa: RUF012 - the Protocol's attribute
        width = 1

        def arrays(self):
            return {}

        def encode(self, sentences):
            return np.array([[len(sentence)] for sentence in sentences], dtype=np.float32)

    return SentenceEncoder(engine=Engine())


def own(count: int) -> np.ndarray:
    return np.stack([np.arange(count)] * 2, axis=1)


def doc2vec() -> Doc2VecEncoder:
    return Doc2VecEncoder.fit(texts(), Doc2VecConfig(width=2, epochs=1))


def matcher_of_lsa():
    encoder = lsa()
    return Matcher(encoder, head(25, 1), SPEC, text_head=head(encoder.width, 2))
