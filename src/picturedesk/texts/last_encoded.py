"""The vectors of the last texts: people ask the same text again, with other conditions.

Encoding is the longest part of a question; of a long text with sentence encoders, nearly all of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from picturedesk.types import Floats, TextEncoder

_MOST = 64  # texts


class LastEncoded:
    """A text encoder that knows the last texts. Threads may share it.

    Texts that come together are encoded together every time: their vectors may have other last
    digits than alone, and a text that is asked alone has the same ones whatever was asked before.

    Args:
        encoder: encodes the others.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self._known: OrderedDict[bytes, Floats] = OrderedDict()  # by hash of the text
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Floats:
        """As ``TextEncoder.encode``: texts → (Q, D)."""
        if len(texts) != 1:
            return self._encoder.encode(texts)
        name = blake2b(texts[0].encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
        if known is None:
            known = np.array(self._encoder.encode(texts))
            with self._lock:
                self._known[name] = known
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)
        return known.copy()
