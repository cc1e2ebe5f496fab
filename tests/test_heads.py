"""The linear head: what it computes, what it refuses, what it keeps."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput, MissingArtefact
from picturedesk.heads.linear import LinearHead, signed_power

RANDOM = np.random.default_rng(0)


def make_head(power=0.5, inputs=6, width=4):
    weights = RANDOM.normal(size=(inputs, width)).astype(np.float32)
    return LinearHead(power, weights, RANDOM.normal(size=width).astype(np.float32))


def test_a_head_is_a_power_a_matrix_and_an_offset():
    head = make_head()
    features = RANDOM.normal(size=(5, 6)).astype(np.float32)
    expected = np.sign(features) * np.sqrt(np.abs(features)) @ head.weights + head.bias
    np.testing.assert_allclose(head(features), expected, rtol=1e-5, atol=1e-6)


def test_a_power_of_one_leaves_values_as_they_are():
    values = np.array([-4.0, 0.0, 9.0], dtype=np.float32)
    np.testing.assert_array_equal(signed_power(values, 1.0), values)
    np.testing.assert_allclose(signed_power(values, 0.5), [-2, 0, 3])


def test_a_row_of_zeros_stays_zeros_whatever_the_offset():
    assert not make_head()(np.zeros((2, 6), dtype=np.float32)).any()


def test_rows_do_not_depend_on_their_company(monkeypatch):
    head = make_head()
    features = RANDOM.normal(size=(7, 6)).astype(np.float32)
    together = head(features)
    monkeypatch.setattr("picturedesk.heads.linear.BLOCK", 3)
    np.testing.assert_allclose(head(features), together, rtol=1e-6)


def test_what_cannot_be_read_is_refused():
    head = make_head()
    with pytest.raises(BadInput, match=r"\(2, 5\) do not fit a head that reads \(N, 6\)"):
        head(np.zeros((2, 5), dtype=np.float32))
    with pytest.raises(BadInput, match="NaN or infinite"):
        head(np.full((1, 6), np.nan, dtype=np.float32))


def test_saved_and_loaded_it_gives_the_same(tmp_path):
    head = make_head()
    head.save(tmp_path / "head")
    loaded = LinearHead.load(tmp_path / "head")
    features = RANDOM.normal(size=(3, 6)).astype(np.float32)
    np.testing.assert_array_equal(loaded(features), head(features))
    assert loaded.fingerprint == head.fingerprint
    with pytest.raises(MissingArtefact):
        LinearHead.load(tmp_path / "absent")


def test_exchanged_arrays_are_noticed(tmp_path):
    make_head().save(tmp_path / "one")
    make_head().save(tmp_path / "other")
    arrays = "arrays.safetensors"
    (tmp_path / "one" / arrays).write_bytes((tmp_path / "other" / arrays).read_bytes())
    with pytest.raises(MissingArtefact, match="its checksum differs"):
        LinearHead.load(tmp_path / "one")
