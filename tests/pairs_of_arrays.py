"""Made-up archives as arrays, in which texts and pictures share what a linear map can find."""

from __future__ import annotations

import numpy as np

from picturedesk.learning.training import TrainingSet

WIDTHS = (10, 14)  # of text vectors and level features
SHARED = 6  # directions that both sides have in common


def linear_archive(texts=120, pictures=100, seed=0, *, noise=0.3, widths=WIDTHS):
    """Some texts with two pictures, some pictures with several texts, columns of any scale.

    Both sides are noisy linear views of the same hidden numbers of a picture.
    """
    maps = np.random.default_rng(99)
    to_text = maps.normal(size=(SHARED, widths[0]))
    to_picture = maps.normal(size=(SHARED, widths[1]))
    scales = np.exp(maps.normal(size=widths[1]))
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(pictures, SHARED))
    links = np.stack([np.arange(texts), np.arange(texts) % pictures], axis=1)
    vectors = hidden[links[:, 1]] @ to_text + noise * random.normal(size=(texts, widths[0]))
    features = hidden @ to_picture + noise * random.normal(size=(pictures, widths[1]))
    second = np.arange(0, texts, 7)
    more = np.stack([second, (second + 1) % pictures], axis=1)
    return TrainingSet(
        vectors.astype(np.float32),
        (5 + features * scales).astype(np.float32),
        np.concatenate([links, more]),
        np.arange(pictures),
    )


def spelled_out(archive):
    """Centred texts and standardised pictures, one row per link, and both means and deviations."""
    links = np.unique(archive.links, axis=0)
    texts = archive.texts.astype(float)[links[:, 0]]
    pictures = archive.pictures.astype(float)[links[:, 1]]
    means = texts.mean(axis=0), pictures.mean(axis=0)
    deviation = pictures.std(axis=0)
    return texts - means[0], (pictures - means[1]) / deviation, means, deviation
