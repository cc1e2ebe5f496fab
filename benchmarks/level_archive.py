"""An archive for the study of levels: split, with the recipe's choices and held-out folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from level_heads import Pairs
from level_regions import CELLS
from picturedesk.backbones.backbone import Backbone
from picturedesk.cli import show
from picturedesk.datasets import open_archive, stamps
from picturedesk.datasets.split import components
from picturedesk.heads.linear import signed_power
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.cross_validation import divide
from picturedesk.learning.folds import Choices, ChosenFold, chosen_folds
from picturedesk.learning.preparation import readable
from picturedesk.learning.projections import Projections
from picturedesk.learning.recipes import fit_texts, open_sentences
from picturedesk.learning.training_pairs import (
    TextFeatures,
    TrainingPairs,
    level_blocks,
    renumber,
)
from picturedesk.measuring.metrics import ranks
from picturedesk.routes.detectors import POWER
from picturedesk.store.extraction import extract
from picturedesk.store.features import FeatureStore
from picturedesk.texts.shingles import duplicate_groups
from picturedesk.types import Archive, Floats, Ints, silent


@dataclass(frozen=True)
class Part:
    """A part of the archive that heads learn from, and held-out texts with their candidates.

    Attributes:
        projections: of what is learned from.
        queries: (Q, I) features of the held-out texts.
        texts: their texts.
        candidates: (n, ΣD_l) levels of the pictures that are ranked.
        relevant: (m, 2) of text and candidate.
        keys: of the candidates.
    """

    projections: Projections
    queries: Floats
    texts: list[str]
    candidates: Floats
    relevant: Ints
    keys: list[str]

    @classmethod
    def of(cls, fold: ChosenFold, pairs: TrainingPairs) -> Part:
        held = fold.held_out
        texts = [pairs.texts[text] for text in held.texts]
        rows = pairs.features[held.candidates]
        keys = [pairs.keys[row] for row in held.candidates]
        return cls(fold.projections, fold.features, texts, rows, held.relevant, keys)

    def values(self, scores: Floats) -> Floats:
        """Reciprocal ranks (Q,)."""
        return 1 / ranks(scores, self.relevant)

    def pairs(self, levels: Sequence[str]) -> Pairs:
        known = self.projections
        spans = [known.pairs.spec.columns(level) for level in levels]

        def raised(rows: Floats) -> Floats:
            joined = np.concatenate([rows[:, span] for span in spans], axis=1)
            return signed_power(joined.astype(np.float32), POWER)

        return Pairs(
            known.text_features,
            raised(known.pairs.features[known.pictures]),
            tuple(span.stop - span.start for span in spans),
            known.links,
            self.queries,
            raised(self.candidates),
        )


class Bench:
    """An archive whose pictures and texts have been read.

    Args:
        spec: the archive, as for ``picturedesk fit``.
        cache: folder for features and text vectors.
        config: split and recipe.
    """

    def __init__(self, spec: str, cache: Path, config: DeskConfig) -> None:
        archive = _opened(spec)
        self.backbone = Backbone(config.backbone, device=config.device)
        self.uris = [picture.uri for picture in archive.pictures]
        self.config, self.cache = config, cache
        cache.mkdir(parents=True, exist_ok=True)
        place = cache / f"{self.backbone.fingerprint}.db"
        with show.progress() as progress, FeatureStore.open(place, self.backbone.spec) as store:
            keys = extract(self.uris, self.backbone, store, config.extract, progress).keys
            self.read = readable(archive, keys, store)
            self.features = store.read(self.read.keys)
        self.texts = self.read.whole_texts()
        self._sentences = open_sentences(config)
        digest = hashlib.sha256("\0".join(self.texts).encode()).hexdigest()[:16]
        self._known = {}
        for name, encoder in self._sentences.items():
            file = cache / f"{name}-{digest}.npy"
            if not file.exists():
                np.save(file, encoder.encode(self.texts))
            self._known[name] = np.load(file)
        self._groups = duplicate_groups(self.texts)

    def cells(self, keys: Sequence[str]) -> Floats:
        """All cells of the last map of some pictures."""
        backbone = Backbone(self.config.backbone, (CELLS,), device=self.config.device)
        place = self.cache / f"{backbone.fingerprint}.db"
        with show.progress() as progress, FeatureStore.open(place, backbone.spec) as store:
            extract(self.uris, backbone, store, self.config.extract, progress)
            return store.read(keys)

    def run(self, seed: int) -> Run:
        """The archive, split with one seed, with the recipe's choices."""
        config = self.config.with_seed(seed)
        ready = self.read.split(config.split)
        every = TextFeatures(self.texts, fit_texts(config), self._sentences, self._known)
        training, test = ready.texts_of("train"), ready.texts_of("test")
        groups = components(ready.archive, ready.groups)
        shown, links = renumber(training, ready.archive.links)
        pairs = TrainingPairs(
            texts=tuple(self.texts[text] for text in training),
            keys=tuple(ready.keys[picture] for picture in shown),
            features=self.features[shown],
            links=links,
            split_groups=groups[training],
            duplicate_groups=self._groups[training],
            captions=("",) * len(shown),
            spec=self.backbone.spec,
            blocks=tuple(level_blocks(self.backbone.spec)),
            classes=self.backbone.classes,
        )
        features, best = every.of(training), config.best
        parts = divide(pairs.split_groups, best)
        choices, folds = chosen_folds(pairs, features, parts, best, silent)
        features = features.only(choices.encoders)
        everything = np.arange(len(training), dtype=np.int64)
        projections = Projections.of(pairs, features, everything, best.alignment)
        candidates, relevant = renumber(test, ready.archive.links)
        part = Part(
            projections,
            every.only(choices.encoders).features(projections.encoder, test),
            [self.texts[text] for text in test],
            self.features[candidates],
            relevant,
            [ready.keys[row] for row in candidates],
        )
        return Run(config, choices, [Part.of(fold, pairs) for fold in folds], part, test, groups)


@dataclass(frozen=True)
class Run:
    """One seed: held-out folds of the training part, and the test part."""

    config: DeskConfig
    choices: Choices
    folds: list[Part]
    test: Part
    texts: Ints  # of the test part
    groups: Ints  # of all texts

    @property
    def ridges(self) -> tuple[float, float]:
        """Of pictures and of texts, as the recipe chose them."""
        chosen = self.choices.alignment
        return chosen.picture_ridge, chosen.text_ridge

    @property
    def levels(self) -> list[str]:
        return [str(level) for level in self.test.projections.pairs.spec.levels]

    @property
    def chosen(self) -> list[str]:
        pairs = zip(self.levels, self.choices.blocks, strict=True)
        return [level for level, block in pairs if block.weight > 0]


def _opened(spec: str) -> Archive:
    kind, _, path = spec.partition(":")
    if kind == "stamps":
        folder = stamps.fetch_stamps(Path(path))
        return stamps.read(folder, stamps.StampsConfig(languages=("en",)))
    return open_archive(spec)
