"""Prefetch: in order, within window and budget, abandoned when it hangs, ended when stopped."""

from __future__ import annotations

import random
import threading
import time

import pytest

from picturedesk.parallel import cpus
from picturedesk.store.prefetch import Claim, PrefetchConfig, in_order

CONFIG = PrefetchConfig(threads=3, window=8, patience=10.0)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "picturedesk prefetch"]


def never(item: object, claim: Claim | None = None) -> object:
    raise AssertionError(f"{item} was not late")


def test_results_come_in_the_order_of_the_items():
    pauses = [random.Random(0).uniform(0, 0.005) for _ in range(60)]

    def work(item: int, claim: Claim) -> int:
        time.sleep(pauses[item])
        return item * item

    assert list(in_order(range(60), work, never, CONFIG)) == [i * i for i in range(60)]
    assert not workers()


def test_no_items_give_no_results():
    assert list(in_order([], never, never, CONFIG)) == []


def test_no_more_items_are_taken_than_the_window_holds():
    begun = []
    results = in_order(range(100), lambda item, claim: begun.append(item), never, CONFIG)
    next(results)
    time.sleep(0.05)
    assert max(begun) <= CONFIG.window
    results.close()


def test_what_work_raises_comes_at_the_place_of_its_item_and_ends_all_threads():
    def work(item: int, claim: Claim) -> int:
        return 1 // (5 - item)

    results = in_order(range(100), work, never, CONFIG)
    assert [next(results) for _ in range(5)] == [0, 0, 0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not workers()


def test_closing_early_ends_all_threads():
    results = in_order(range(1000), lambda item, claim: item, never, CONFIG)
    assert next(results) == 0
    results.close()
    assert not workers()


def test_items_that_hang_are_given_up_and_hold_up_nobody():
    release = threading.Event()

    def work(item: int, claim: Claim) -> str:
        if 2 <= item <= 6:
            release.wait(30)
        return f"{item} done"

    config = PrefetchConfig(threads=3, window=8, patience=0.6)  # more than a busy machine sleeps
    began = time.monotonic()
    results = list(in_order(range(12), work, lambda item: f"{item} late", config))
    assert results == [f"{i} late" if 2 <= i <= 6 else f"{i} done" for i in range(12)]
    assert time.monotonic() - began < 20  # the items wait for 30 s
    release.set()
    deadline = time.monotonic() + 60
    while workers() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not workers()


def test_there_is_at_least_one_cpu():
    assert cpus() >= 1


class Shares:
    """Claims a share for each item and watches what is held at once."""

    def __init__(self, shares: list[int], budget: int) -> None:
        self.shares = shares
        self.budget = budget
        self.held: dict[int, int] = {}
        self.most = 0
        self.lock = threading.Lock()

    def work(self, item: int, claim: Claim) -> int:
        claim(self.shares[item])
        with self.lock:
            self.held[item] = self.shares[item]
            held = sum(self.held.values())
            assert held <= self.budget or len(self.held) == 1
            self.most = max(self.most, held)
        with self.lock:
            del self.held[item]
        return item

    def results(self, threads: int = 6) -> list[int]:
        config = PrefetchConfig(threads, 3 * threads, 10.0, self.budget)
        return list(in_order(range(len(self.shares)), self.work, never, config))


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_shares_of_items_in_work_fit_the_budget_and_order_is_kept(threads):
    draw = random.Random(threads)
    shares = Shares([draw.randrange(120) for _ in range(500)], budget=100)
    assert shares.results(threads) == list(range(500))
    assert 0 < shares.most < 120
    assert not workers()


def test_items_larger_than_the_budget_are_in_work_alone():
    shares = Shares([500 if item % 3 else 40 for item in range(60)], budget=100)
    assert shares.results() == list(range(60))


def test_items_within_the_budget_are_in_work_together():
    together = threading.Barrier(3)

    def work(item: int, claim: Claim) -> int:
        claim(33)
        return together.wait(timeout=30)

    config = PrefetchConfig(threads=3, window=3, patience=60.0, budget=100)
    assert sorted(in_order(range(3), work, never, config)) == [0, 1, 2]


def test_an_item_that_hangs_gives_its_share_back_to_one_that_waits_for_it():
    holds, release = threading.Event(), threading.Event()
    waits = threading.Event()  # set while item 0 begins to wait, before its clock can be read

    def clock() -> float:
        now = 1000.0 if waits.is_set() else 0.0
        if holds.is_set() and threading.current_thread() in first:
            waits.set()
        return now

    first: list[threading.Thread] = []

    def work(item: int, claim: Claim) -> str:
        if item == 0:
            first.append(threading.current_thread())
            holds.wait(30)
            claim(80)
        elif item == 1:
            claim(80)
            holds.set()
            release.wait(30)
        return f"{item} done"

    config = PrefetchConfig(threads=2, window=4, patience=0.05, budget=100, clock=clock)
    results = list(in_order(range(4), work, lambda item: f"{item} late", config))
    assert results == ["0 done", "1 late", "2 done", "3 done"]
    release.set()
    for worker in workers():
        worker.join(30)
    assert not workers()


def test_a_second_claim_is_a_bug():
    def work(item: int, claim: Claim) -> None:
        claim(1)
        claim(1)

    with pytest.raises(RuntimeError, match="one share only"):
        list(in_order(range(3), work, never, CONFIG))
    assert not workers()


def test_closing_early_ends_the_threads_that_wait_for_room():
    holds, asks, refused = threading.Event(), threading.Event(), threading.Event()

    def work(item: int, claim: Claim) -> int:
        if item == 1:
            claim(80)
            holds.set()
            assert refused.wait(30)
        elif item == 2:
            holds.wait(30)
            asks.set()
            try:
                claim(80)
            except Exception:
                refused.set()
                raise
        return item

    config = PrefetchConfig(threads=2, window=3, patience=60.0, budget=100)
    results = in_order(range(3), work, never, config)
    assert next(results) == 0
    assert asks.wait(30)
    results.close()
    assert refused.is_set()
    assert not workers()


def test_patience_may_have_no_end():
    config = PrefetchConfig(threads=2, window=4, patience=float("inf"))
    assert list(in_order(range(9), lambda item, claim: item, never, config)) == list(range(9))
