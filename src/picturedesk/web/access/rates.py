"""Token buckets: how often somebody may ask. Knows nothing of who that is."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

_KEPT = 10_000  # buckets in memory; the one that was used longest ago makes room
_NETWORK = 64  # bits of an IPv6 address that one customer has as a whole


class Buckets:
    """One bucket of tokens for each name: filled at a steady rate, emptied by requests.

    Args:
        rate: tokens per second; inf for no limit.
        burst: tokens that a bucket holds.
        kept: buckets in memory, at most.
        clock: seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        kept: int = _KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst, self._kept, self._clock = rate, float(burst), kept, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def wait(self, name: str) -> float:
        """Takes a token: 0 if there was one, else the seconds until there is one."""
        if math.isinf(self._rate):
            return 0.0
        now = self._clock()
        tokens, then = self._buckets.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        taken = tokens >= 1.0
        self._buckets[name] = (tokens - taken, now)
        while len(self._buckets) > self._kept:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1.0 - tokens) / self._rate

    def __len__(self) -> int:
        """Buckets in memory."""
        return len(self._buckets)


def network(address: str) -> str:
    """The address, or of IPv6 the network that its user can choose addresses from."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(IPv6Address(int(known) >> _NETWORK << _NETWORK))
