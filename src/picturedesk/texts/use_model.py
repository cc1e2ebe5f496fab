"""The network of the Universal Sentence Encoder: word pieces of sentences → vectors, in NumPy.

Computes the same function as the package's ``NumpyBackend``, from its arrays, up to rounding
(under 1e-6). The layers before the second convolution are linear in single pieces: embedding,
projection and first convolution are computed once per distinct piece of a batch and then added up,
which saves a third to a half of the operations. Knows neither texts nor word pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from picturedesk.types import Floats, Ints

_WIDTH = 512  # of embeddings and of the result
_CHANNELS = 256  # of each convolution
_WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces of a window, and how many of them are to the left
_LEFT = max(left for _, left in _WINDOWS)
_RIGHT = max(size - 1 - left for size, left in _WINDOWS)
_CHUNKS = 17  # of the embedding table; each has its own scale
_TOKENS = 384  # pieces whose intermediate values fit in the processor's cache


def encode(model: Any, pieces: Sequence[Sequence[int]]) -> Floats:  # noqa: ANN401 - untyped
    """Word pieces of n sentences → (n, 512).

    Args:
        model: the package's ``NumpyBackend``, of which only arrays are used.
        pieces: ids of each sentence, at least one.
    """
    sizes = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
    ends = np.cumsum(sizes)
    flat = np.fromiter(chain.from_iterable(pieces), dtype=np.int64, count=int(sizes.sum()))
    distinct, place = np.unique(flat, return_inverse=True)
    tables = _Tables(model, distinct)
    result = np.empty((len(pieces), _WIDTH), dtype=np.float32)
    for part in _parts(ends):
        first = ends[part.start] - sizes[part.start]
        rows = place.reshape(-1)[first : ends[part.stop - 1]]
        starts = ends[part] - sizes[part] - first
        features = tables.features(rows, _windows(starts, sizes[part]))  # (t, 1280)
        sums = np.add.reduceat(features, starts, axis=0)
        result[part] = _dense(model, sums, sizes[part])
    return result


def _parts(ends: Ints) -> Iterator[slice]:
    """Slices of sentences with at most ``_TOKENS`` pieces, or one longer sentence."""
    start, before = 0, 0
    while start < len(ends):
        stop = int(np.searchsorted(ends, before + _TOKENS, side="right"))
        yield slice(start, stop := max(stop, start + 1))
        start, before = stop, int(ends[stop - 1])


def _windows(starts: Ints, sizes: Ints) -> Ints:
    """The pieces (t, 5) around each of t pieces, t for those outside of its sentence."""
    count = int(sizes.sum())
    around = np.arange(count)[:, None] + np.arange(-_LEFT, _RIGHT + 1)
    inside = around >= np.repeat(starts, sizes)[:, None]
    inside &= around < np.repeat(starts + sizes, sizes)[:, None]
    return np.where(inside, around, count)


class _Tables:
    """The layers that depend on single pieces, for the U distinct pieces of a batch."""

    def __init__(self, model: Any, distinct: Ints) -> None:  # noqa: ANN401
        self._model = model
        chunk = distinct % _CHUNKS
        self._embedded = model.table[distinct].astype(np.float32)  # (U, 512)
        self._embedded *= model.scale[chunk, None]
        self._embedded += model.lo[chunk, None]
        projected = self._embedded @ model.proj_W  # (U, 768)
        projected += model.proj_b
        _standardise(projected, model.ln_g_all, model.ln_b_all, model.eps)
        self._projected = np.split(projected, len(_WINDOWS), axis=1)
        self._convolved = [  # what a piece adds at each place of a window, (n, U + 1, 256)
            _convolved(rows, weights)
            for rows, weights in zip(self._projected, model.w1, strict=True)
        ]

    def features(self, rows: Ints, windows: Ints) -> Floats:
        """Embedding and convolutions (t, 1280) of t pieces.

        Args:
            rows: (t,) place of each piece among the distinct ones.
            windows: (t, 5) see ``_windows``.
        """
        model, count = self._model, len(rows)
        features = np.empty((count, _WIDTH + len(_WINDOWS) * _CHANNELS), dtype=np.float32)
        features[:, :_WIDTH] = self._embedded[rows]
        around = np.append(rows, len(self._embedded))[windows]  # (t, 5)
        hidden = np.zeros((count + 1, _CHANNELS), dtype=np.float32)
        for order, (size, left) in enumerate(_WINDOWS):
            columns = slice(_LEFT - left, _LEFT - left + size)
            first = self._convolved[order][0][around[:, _LEFT - left]]
            for place in range(1, size):
                first += self._convolved[order][place][around[:, _LEFT - left + place]]
            _rectify(first, model.b1[order])
            first += self._projected[order][rows]
            hidden[:count] = first
            joined = hidden[windows[:, columns]].reshape(count, size * _CHANNELS)
            second = joined @ model.w2[order]
            _rectify(second, model.b2[order])
            second += first
            start = _WIDTH + order * _CHANNELS
            features[:, start : start + _CHANNELS] = second
        _standardise(features, model.ln_g, model.ln_b, model.eps)
        return features


def _convolved(rows: Floats, weights: Floats) -> Floats:
    """Products (n, U + 1, 256) of pieces (U, 256) with the weights of each place of a window.

    The last row is zero, for places outside of a sentence.
    """
    size = len(weights) // _CHANNELS
    products = np.zeros((size, len(rows) + 1, _CHANNELS), dtype=np.float32)
    np.matmul(rows, weights.reshape(size, _CHANNELS, _CHANNELS), out=products[:, :-1])
    return products


def _dense(model: Any, sums: Floats, sizes: Ints) -> Floats:  # noqa: ANN401
    """Sums over the pieces of sentences (n, 1280) → vectors (n, 512)."""
    count = sizes.astype(np.float32)[:, None]
    mean = (sums @ model.cnn_W + count * model.cnn_b) / np.sqrt(count)
    first = np.maximum(mean @ model.d0, 0)
    second = np.maximum(mean @ model.p1 + first @ model.d1, 0)
    third = np.maximum(second @ model.d2, 0)
    output = np.tanh(second @ model.p3 + third @ model.d3)
    squares = np.einsum("nd,nd->n", output, output)[:, None]
    vectors: Floats = output / np.sqrt(np.maximum(squares, model.eps))
    return vectors


def _rectify(values: Floats, bias: Floats) -> None:
    """Adds a bias, then sets negative values to zero; in place."""
    values += bias
    np.maximum(values, 0, out=values)


def _standardise(rows: Floats, gamma: Floats, beta: Floats, epsilon: float) -> None:
    """Brings rows to mean 0 and deviation 1, then scales and shifts the columns; in place."""
    rows -= rows.mean(axis=1, keepdims=True)
    variance = np.einsum("nd,nd->n", rows, rows) / rows.shape[1]
    rows *= (1 / np.sqrt(variance + np.float32(epsilon)))[:, None]
    rows *= gamma
    rows += beta
