"""A small archive in which what texts name is what pictures show, as training pairs."""

from __future__ import annotations

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs, level_blocks
from picturedesk.testing import TinyTextEncoder
from picturedesk.types import Level, Preprocessing

LEVELS = (Level("patches", 16, "max"), Level("final", 24, "none"), Level("probs", 8, "none"))
CLASSES = ("boat", "tree", "house", "river", "hill", "horse", "bridge", "tower")
SPEC = BackboneSpec(
    "tiny", "none", "none", LEVELS, Preprocessing(8, 8, "bicubic", (0.5,) * 3, (0.5,) * 3)
)
QUICK = BestConfig(folds=3, ridges=((0.3, 0.5), (3.0, 3.0)))


def make_pairs(texts=120, noise=0.5, seed=0, captions=False):
    """Texts that name two of eight things, and pictures that show them."""
    random = np.random.default_rng(seed)
    shown = np.array([random.choice(8, size=2, replace=False) for _ in range(texts)])
    looks = random.normal(size=(8, 40)).astype(np.float32)
    features = looks[shown].mean(axis=1) + noise * random.normal(size=(texts, 40))
    probabilities = np.full((texts, 8), 0.02)
    for row, things in enumerate(shown):
        probabilities[row, things] += 0.42
    features = np.concatenate([features, probabilities], axis=1).astype(np.float32)
    named = [" ".join(CLASSES[thing] for thing in things) for things in shown]
    return TrainingPairs(
        texts=tuple(f"{words} {number}" for number, words in enumerate(named)),
        keys=tuple(f"{number:04d}" for number in range(texts)),
        features=features,
        links=np.stack([np.arange(texts)] * 2, axis=1),
        split_groups=np.arange(texts),
        duplicate_groups=np.arange(texts),
        captions=tuple(named) if captions else ("",) * texts,
        spec=SPEC,
        blocks=tuple(level_blocks(SPEC)),
        classes=CLASSES,
    )


def features_of(pairs, encoder=None):
    return TextFeatures(pairs.texts, None, {"tiny": encoder or TinyTextEncoder(64)})
