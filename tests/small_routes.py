"""A small made-up archive with every kind of route fitted on it, and pictures to rank."""

from __future__ import annotations

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.heads.fusion import length_one
from picturedesk.heads.linear import LinearHead
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.cross_validation import fit_routes
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.kinds import BEST
from picturedesk.routes.route import Classes
from picturedesk.testing import TINY_PREPROCESSING, TinyTextEncoder
from picturedesk.types import Level

CLASSES = ("cat", "dog", "boat", "tree", "sea")
WORDS = (*CLASSES, "night", "day", "rain", "road", "hill", "wind", "old", "new")
LEVELS = (Level("early", 8, "max"), Level("final", 12, "none"), Level("probs", 5, "none"))
SPEC = BackboneSpec("small", "none", "none", LEVELS, TINY_PREPROCESSING)
TEXT_WIDTH, D = 32, 6  # of the text encoder, of the shared space
TEXTS, PICTURES = 30, 24  # of the archive


def unit(rows, width, seed):
    """Random rows of length one."""
    return length_one(np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32))


def head(inputs, seed):
    random = np.random.default_rng(seed)
    weights = random.normal(size=(inputs, D)).astype(np.float32)
    return LinearHead(1.0, weights, random.normal(size=D).astype(np.float32))


def make_matcher():
    return Matcher(TinyTextEncoder(TEXT_WIDTH), head(25, 1), SPEC, text_head=head(TEXT_WIDTH, 2))


def make_features(count, seed):
    """Level features (N, 25), the last five of which are probabilities."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(5), size=count)
    return np.concatenate([random.normal(size=(count, 20)), probabilities], 1).astype(np.float32)


def make_texts(count, seed):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 5)) for _ in range(count)]


def make_pictures(count=40, seed=3, matcher=None):
    keys = [f"{number:04d}" for number in range(count)]
    return Pictures(matcher or make_matcher(), keys, make_features(count, seed))


def make_fold(matcher=None, links=None, groups=None):
    """The archive: text i ran with picture i modulo 24, and every fifth one with the next too."""
    matcher = matcher or make_matcher()
    keys = [f"archive {number}" for number in range(PICTURES)]
    pictures = Pictures(matcher, keys, make_features(PICTURES, 4))
    texts = make_texts(TEXTS, 5)
    features = matcher.text_encoder.encode(texts)
    rows = np.arange(TEXTS)
    own = np.stack([rows, rows % PICTURES], axis=1)
    more = np.stack([rows[::5], (rows[::5] + 1) % PICTURES], axis=1)
    archive = ArchiveVectors(
        matcher.placed(features),
        pictures.vectors,
        np.concatenate([own, more]) if links is None else links,
        groups,
    )
    names = matcher.text_encoder.encode(CLASSES)
    classes = Classes(CLASSES, names, slice(0, TEXT_WIDTH), "probs")
    return Fold(Queries(matcher, texts, features, archive), pictures, classes)


def make_queries(texts, fold):
    matcher = fold.queries.matcher
    return Queries(matcher, texts, matcher.text_encoder.encode(texts), fold.archive)


def make_blend(weights=None, plans=BEST, fold=None, **changes):
    """Fitted routes with the weights given; all kinds where none are given."""
    fold = fold or make_fold()
    routes = fit_routes(plans, fold)
    usual = {"direct": 2.0, "hubness": 0.5, "transfer": 0.3, "class_names": 0.7, "captions": 1.5}
    return Blend(fold.queries.matcher, routes, weights or usual, **changes)
