"""Inner products: with BLAS or without, whole or in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.products import products, products_alone

SHAPES = [(1, 1, 1), (1, 300, 500), (10, 256, 1015), (50, 50, 452), (7, 9, 70_000), (0, 4, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("computed", [products, products_alone])
def test_products_are_those_of_whole_matrices(shape, computed):
    queries, rows, width = shape
    random = np.random.default_rng(0)
    few = min(width, 4096)  # the rest are zeros, as wide as nothing that is ever asked
    first, second = np.zeros((queries, width), np.float32), np.zeros((rows, width), np.float32)
    first[:, :few] = random.normal(size=(queries, few)) / np.sqrt(few)
    second[:, :few] = random.normal(size=(rows, few)) / np.sqrt(few)
    found = computed(first, second)
    assert found.dtype == np.float32
    wanted = first[:, :few].astype(np.float64) @ second[:, :few].T.astype(np.float64)
    assert found.shape == (queries, rows)
    assert np.allclose(found, wanted, atol=1e-6)
