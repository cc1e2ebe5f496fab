"""Simulates questions to shards: they come at random, wait for cores, and take the slowest shard.

Knows nothing of pictures: a question is CPU time on a front core, then on a core of every shard,
then on a front core again. Discrete events: whoever comes first to a machine gets its first free
core.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Load:
    """Questions and where they are answered.

    Attributes:
        per_s: questions a second; 0 for one after the other, each after the answer to the last.
        front_cores: cores that encode texts and put answers together.
        shards: number of shards, each on a machine of its own unless there is one.
        shard_cores: cores of each shard's machine. With one shard, front and shard share cores.
        before_ms: CPU of a question before shards are asked.
        shard_ms: CPU of a question on each shard.
        after_ms: CPU of putting the shards' answers together.
        network_ms: between front and shards, there and back.
        spread: deviation of the logarithm of each of these times.
        straggling: share of a shard's answers that take ``straggle_times`` as long.
        straggle_times: how much longer.
        twin_after_ms: a shard that has not answered after so long has a twin that is asked as well;
            0 for none. Counted for questions one after the other only.
    """

    per_s: float
    front_cores: int
    shards: int
    shard_cores: int
    before_ms: float
    shard_ms: float
    after_ms: float
    network_ms: float
    spread: float
    straggling: float = 0.0
    straggle_times: float = 1.0
    twin_after_ms: float = 0.0


class _Cores:
    """Cores of a machine, each free from some moment on."""

    def __init__(self, count: int) -> None:
        self._free = [0.0] * count

    def work(self, arrived: float, ms: float) -> float:
        """The end of a piece of work; pieces must be given in the order of their arrival."""
        ends = max(arrived, heapq.heappop(self._free)) + ms
        heapq.heappush(self._free, ends)
        return ends


def simulate(load: Load, questions: int = 4000, seed: int = 0) -> np.ndarray:
    """Milliseconds of each question, from its arrival to its answer.

    Raises:
        ValueError: questions arrive faster than the cores can answer them.
    """
    if busy(load) >= 1:
        raise ValueError(
            f"cores would be busy to {busy(load):.0%}: more of them, or fewer questions"
        )
    random = np.random.default_rng(seed)

    def times(ms: float, *shape: int) -> np.ndarray:
        """Lognormal times whose mean is this one."""
        factor = random.lognormal(-(load.spread**2) / 2, load.spread, (questions, *shape))
        return ms * factor

    before, after = times(load.before_ms), times(load.after_ms)

    def answers() -> np.ndarray:
        usual = times(load.shard_ms, load.shards)
        slow = random.random(usual.shape) < load.straggling
        return np.where(slow, load.straggle_times, 1.0) * usual

    on_shards = answers()
    if not load.per_s:
        if load.twin_after_ms:
            on_shards = np.minimum(on_shards, load.twin_after_ms + answers())
        return before + on_shards.max(axis=1) + after + load.network_ms
    arrivals = np.cumsum(random.exponential(1000 / load.per_s, questions))
    front = _Cores(load.front_cores)
    if load.shards == 1:  # one process answers from beginning to end
        whole = before + on_shards[:, 0] + after
        ends = [front.work(at, ms) for at, ms in zip(arrivals, whole, strict=True)]
        return np.array(ends) - arrivals
    shards = [_Cores(load.shard_cores) for _ in range(load.shards)]
    return _run(arrivals, before, on_shards, after, front, shards, load.network_ms)


def busy(load: Load) -> float:
    """Share of the time in which the busiest cores work."""
    front = load.before_ms + load.after_ms + (load.shard_ms if load.shards == 1 else 0)
    straggle = 1 + load.straggling * (load.straggle_times - 1)
    shard = 0.0 if load.shards == 1 else load.shard_ms * straggle / load.shard_cores
    return load.per_s / 1000 * max(front / load.front_cores, shard)


def _run(
    arrivals: np.ndarray,
    before: np.ndarray,
    on_shards: np.ndarray,
    after: np.ndarray,
    front: _Cores,
    shards: list[_Cores],
    network: float,
) -> np.ndarray:
    """Ends of questions minus their arrivals; events are taken in the order of their time."""
    events = [(float(at), number, "encode") for number, at in enumerate(arrivals)]
    heapq.heapify(events)
    ends = np.zeros(len(arrivals))
    while events:
        at, number, step = heapq.heappop(events)
        if step == "encode":
            encoded = front.work(at, before[number])
            heapq.heappush(events, (encoded + network / 2, number, "search"))
        elif step == "search":
            answered = max(
                shard.work(at, ms) for shard, ms in zip(shards, on_shards[number], strict=True)
            )
            heapq.heappush(events, (answered + network / 2, number, "merge"))
        else:
            ends[number] = front.work(at, after[number])
    return ends - arrivals
