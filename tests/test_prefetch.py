"""Prefetch: in order, bounded, abandoned when it hangs, ended when stopped."""

from __future__ import annotations

import random
import threading
import time

import pytest

from picturedesk.store.prefetch import PrefetchConfig, cpus, in_order

CONFIG = PrefetchConfig(threads=3, window=8, patience=10.0)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "picturedesk prefetch"]


def never(item: object) -> object:
    raise AssertionError(f"{item} was not late")


def test_results_come_in_the_order_of_the_items():
    pauses = [random.Random(0).uniform(0, 0.005) for _ in range(60)]

    def work(item: int) -> int:
        time.sleep(pauses[item])
        return item * item

    assert list(in_order(range(60), work, never, CONFIG)) == [i * i for i in range(60)]
    assert not workers()


def test_no_items_give_no_results():
    assert list(in_order([], never, never, CONFIG)) == []


def test_no_more_items_are_taken_than_the_window_holds():
    begun = []
    results = in_order(range(100), begun.append, never, CONFIG)
    next(results)
    time.sleep(0.05)
    assert max(begun) <= CONFIG.window
    results.close()


def test_what_work_raises_comes_at_the_place_of_its_item_and_ends_all_threads():
    def work(item: int) -> int:
        return 1 // (5 - item)

    results = in_order(range(100), work, never, CONFIG)
    assert [next(results) for _ in range(5)] == [0, 0, 0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not workers()


def test_closing_early_ends_all_threads():
    results = in_order(range(1000), lambda item: item, never, CONFIG)
    assert next(results) == 0
    results.close()
    assert not workers()


def test_items_that_hang_are_given_up_and_hold_up_nobody():
    release = threading.Event()

    def work(item: int) -> str:
        if 2 <= item <= 6:
            release.wait(30)
        return f"{item} done"

    config = PrefetchConfig(threads=3, window=8, patience=0.15)
    began = time.monotonic()
    results = list(in_order(range(12), work, lambda item: f"{item} late", config))
    assert results == [f"{i} late" if 2 <= i <= 6 else f"{i} done" for i in range(12)]
    assert time.monotonic() - began < 5
    release.set()
    time.sleep(0.05)
    assert not workers()


def test_there_is_at_least_one_cpu():
    assert cpus() >= 1
