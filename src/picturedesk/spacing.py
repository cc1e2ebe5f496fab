"""Some of many rows, evenly spaced: a sample that is the same in every run."""

from __future__ import annotations

import numpy as np

from picturedesk.types import Ints


def evenly_spaced(count: int, most: int) -> Ints:
    """Places (n,) among ``count`` rows, ascending, the first and the last one included.

    Args:
        count: number of rows.
        most: how many at most; all of fewer rows.
    """
    return np.linspace(0, count - 1, min(count, most), dtype=np.int64)
