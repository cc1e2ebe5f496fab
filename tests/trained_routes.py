"""Archives for routes that are trained: pictures show things that texts name, or nothing at all."""

from __future__ import annotations

import numpy as np

from picturedesk.gradients.perceptron import DropoutConfig
from picturedesk.gradients.towers import TowersConfig
from picturedesk.routes import ArchiveVectors, Fold, Pictures, Queries
from picturedesk.routes.seen_words import SeenWordsPlan
from picturedesk.routes.towers import TowersPlan
from small_routes import make_matcher

THINGS = ("cat", "dog", "boat", "tree", "sea", "hill", "road", "lamp")
MOODS = ("calm", "loud", "late", "old", "new", "long")  # that pictures do not show
NETWORK = DropoutConfig(
    hidden=48,
    input_dropout=0.1,
    hidden_dropout=0.1,
    epochs=25,
    batch=64,
    learning_rate=5e-3,
    weight_decay=0.02,
)
TOWERS = TowersPlan(config=TowersConfig(NETWORK, width=16), fewest_texts=50)
WORDS = SeenWordsPlan(config=NETWORK, fewest_pictures=50, fewest=5, width=12)


def shown_things(count, seed):
    """Two of the eight things for each picture, (count, 2)."""
    random = np.random.default_rng(seed)
    return np.array([random.choice(len(THINGS), size=2, replace=False) for _ in range(count)])


def features_of(shown, seed, noise=0.6):
    """Level features (N, 25) of pictures that show these things."""
    looks = np.random.default_rng(1).normal(size=(len(THINGS), 25))
    random = np.random.default_rng(seed)
    found = looks[shown].sum(axis=1) + noise * random.normal(size=(len(shown), 25))
    return found.astype(np.float32)


def texts_of(shown, seed):
    """A text for each picture: the things that it shows, and a mood."""
    random = np.random.default_rng(seed)
    return [
        " ".join([*(THINGS[thing] for thing in things), random.choice(MOODS)]) for things in shown
    ]


def make_archive(pictures=160, seed=0, signal=True, twice=True):
    """A fold: text i ran with picture i, and every tenth one with the next picture, too.

    Without ``signal``, texts are those of other pictures.
    """
    matcher = make_matcher()
    shown = shown_things(pictures, seed)
    told = shown if signal else shown_things(pictures, seed + 50)
    texts = texts_of(told, seed + 1)
    keys = [f"archive {number}" for number in range(pictures)]
    images = Pictures(matcher, keys, features_of(shown, seed + 2))
    features = matcher.text_encoder.encode(texts)
    rows = np.arange(pictures)
    links = np.stack([rows, rows], axis=1)
    if twice:
        more = np.stack([rows[::10], (rows[::10] + 1) % pictures], axis=1)
        links = np.concatenate([links, more])
    archive = ArchiveVectors(matcher.placed(features), images.vectors, links)
    return Fold(Queries(matcher, texts, features, archive), images)


def make_strangers(fold, shown, seed=77):
    """Pictures of these things that are not of the archive."""
    keys = [f"stranger {number}" for number in range(len(shown))]
    return Pictures(fold.pictures.matcher, keys, features_of(np.asarray(shown), seed))


def own_rank(scores, links):
    """Mean place of the linked pictures among all, 0 (first) to 1 (last); .5 is chance."""
    own = scores[links[:, 0], links[:, 1]]
    return float((scores[links[:, 0]] > own[:, None]).mean())
