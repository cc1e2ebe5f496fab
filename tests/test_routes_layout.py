"""The layout: several blocks, one vector of length one, one inner product."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.routes import Block, Layout
from small_routes import unit

FUSED, NUMBER, NAMES = Block("fused", 6), Block("number", 1), Block("names", 3)
THREE = Layout((FUSED, NUMBER, NAMES))


def make_parts(count=20):
    numbers = np.random.default_rng(0).uniform(-1, 1, (count, 1)).astype(np.float32)
    short = unit(count, 3, 2) * np.linspace(0, 1, count, dtype=np.float32)[:, None]
    return {"fused": unit(count, 6, 1), "number": numbers, "names": short}


def test_joined_vectors_are_of_length_one_whatever_the_blocks_are():
    vectors = THREE.join(make_parts())
    assert vectors.shape == (20, THREE.width) == (20, 11)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_what_was_joined_is_split_again():
    parts = make_parts()
    split = THREE.split(THREE.join(parts))
    assert list(split) == ["fused", "number", "names"]
    for name, block in parts.items():
        np.testing.assert_allclose(split[name], block, atol=1e-6)


@pytest.mark.parametrize("named", [("fused", "number", "names"), ("names",), ()])
def test_the_inner_product_with_a_query_is_the_sum_over_blocks(named):
    parts = make_parts()
    asked = {
        name: np.random.default_rng(3).normal(size=(2, parts[name].shape[1])) for name in named
    }
    vectors, query = THREE.join(parts).astype(np.float64), THREE.query(asked)
    expected = sum((asked[name] @ parts[name].T for name in named), np.zeros((len(query), 20)))
    for row, sums in zip(query, expected, strict=True):
        cosines = vectors @ row / max(np.linalg.norm(row), 1e-12)
        np.testing.assert_allclose(THREE.products(cosines, row), sums, atol=1e-6)


def test_a_single_block_stands_alone_as_it_is():
    alone, fused = Layout((FUSED,)), unit(4, 6, 0)
    assert (alone.width, alone.radius) == (6, 1)
    assert alone.join({"fused": fused}) is fused
    np.testing.assert_array_equal(alone.split(fused)["fused"], fused)
    np.testing.assert_array_equal(alone.query({"fused": fused[:1]}), fused[:1].astype(np.float64))


def test_blocks_that_are_missing_or_of_another_width_are_refused():
    parts = make_parts()
    with pytest.raises(BadInput, match="block 'names' of 3 numbers a picture is needed"):
        THREE.join({**parts, "names": parts["names"][:, :2]})
    with pytest.raises(BadInput, match="block 'number' of 1 numbers"):
        THREE.join({"fused": parts["fused"], "names": parts["names"]})
    with pytest.raises(BadInput, match=r"shape \(4, 7\), these routes store 11 numbers a picture"):
        THREE.split(unit(4, 7, 0))
