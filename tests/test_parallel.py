"""Linear algebra side by side: how many BLAS threads there are, and what they are after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import scipy.linalg  # noqa: F401 - it brings a BLAS of its own
from threadpoolctl import threadpool_info, threadpool_limits

from picturedesk.parallel import one_blas_thread, side_by_side
from picturedesk.types import silent


def blas_threads() -> set[int]:
    """Of NumPy's and SciPy's; FAISS brings one that every thread of a program counts for itself."""
    return {
        one["num_threads"]
        for one in threadpool_info()
        if one["user_api"] == "blas" and "faiss" not in one["filepath"]
    }


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """A number that nothing else sets."""
    with threadpool_limits(3, user_api="blas"):
        yield


def test_a_block_has_one_thread_and_gives_the_others_back():
    with one_blas_thread():
        assert blas_threads() == {1}
        with one_blas_thread():
            pass
        assert blas_threads() == {1}
    assert blas_threads() == {3}


def test_a_block_that_fails_gives_the_others_back():
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        _ = 1 // 0
    assert blas_threads() == {3}


def test_blocks_that_overlap_have_one_thread_to_the_end_of_the_last():
    began, ended = threading.Event(), threading.Event()

    def other() -> set[int]:
        with one_blas_thread():
            began.set()
            assert ended.wait(60)
            return blas_threads()

    with ThreadPoolExecutor(1) as pool:
        with one_blas_thread():
            second = pool.submit(other)
            assert began.wait(60)
        assert blas_threads() == {1}
        ended.set()
        assert second.result() == {1}
    assert blas_threads() == {3}


def test_what_somebody_else_set_meanwhile_does_not_count_in_a_new_block():
    with one_blas_thread():
        threadpool_limits(2, user_api="blas")
        with one_blas_thread():
            assert blas_threads() == {1}
    assert blas_threads() == {3}


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_pieces_have_one_thread_however_many_they_are(pieces: int):
    assert list(side_by_side(lambda _: blas_threads(), range(pieces), "pieces", silent)) == (
        [{1}] * pieces
    )
    assert blas_threads() == {3}


def test_any_thread_may_limit_and_give_back():
    def inside() -> set[int]:
        with one_blas_thread():
            return blas_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == {1}
    assert blas_threads() == {3}
