"""Features of many texts, some known and others encoded when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from picturedesk.errors import BadInput
from picturedesk.testing import TinyTextEncoder
from picturedesk.texts.rows import TextRows, encoded

TEXTS = [f"boat {number} on the river" for number in range(700)]
EXPECTED = TinyTextEncoder(16).encode(TEXTS)


class Counting(TinyTextEncoder):
    """Counts the texts that it encodes."""

    def __init__(self):
        super().__init__(16)
        self.read = []

    def encode(self, texts):
        self.read += texts
        return super().encode(texts)


def rows_of(known):
    encoder = Counting()
    known = np.array(known, dtype=np.int64)
    return TextRows(TEXTS, encoder, known, EXPECTED[known]), encoder


@pytest.mark.parametrize("known", [[], [5], [0, 3, 699], list(range(0, 700, 2)), list(range(700))])
def test_known_and_other_rows_are_the_same_as_if_all_were_encoded(known):
    rows, encoder = rows_of(known)
    assert rows.shape == (700, 16)
    assert len(rows) == 700
    np.testing.assert_array_equal(rows[:], EXPECTED)
    assert len(encoder.read) == 700 - len(known)
    some = np.array([699, 3, 3, 0, 5])
    np.testing.assert_array_equal(rows[some], EXPECTED[some])
    np.testing.assert_array_equal(rows[690:800], EXPECTED[690:])


def test_rows_that_are_kept_are_not_encoded_again():
    rows, encoder = rows_of([4, 8])
    told = []
    kept = rows.with_known(np.array([1, 4, 600]), lambda *now: told.append(now))
    assert encoder.read == [TEXTS[1], TEXTS[600]]
    np.testing.assert_array_equal(kept[np.array([600, 8, 1, 4])], EXPECTED[[600, 8, 1, 4]])
    assert encoder.read == [TEXTS[1], TEXTS[600]]
    assert told[-1] == (2, 2, "texts encoded")


def test_all_texts_are_encoded_in_blocks_and_told():
    told = []
    np.testing.assert_array_equal(
        encoded(TinyTextEncoder(16), TEXTS, lambda *now: told.append(now)), EXPECTED
    )
    assert [done for done, _, _ in told] == [0, 256, 512, 700]


def test_known_rows_that_are_not_those_of_texts_are_refused():
    with pytest.raises(BadInput):
        TextRows(TEXTS, TinyTextEncoder(16), np.array([700]), EXPECTED[:1])
    with pytest.raises(BadInput):
        TextRows(TEXTS, TinyTextEncoder(16), np.array([0]), np.zeros((1, 7), dtype=np.float32))
