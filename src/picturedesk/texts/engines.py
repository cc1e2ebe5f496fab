"""What the engines of sentence encoders share: threads, and words in capitals."""

from __future__ import annotations

import os

MAX_THREADS = 4  # more threads wait for Python's lock


def threads() -> int:
    """Threads that encode at once: one per CPU that this process may use, four at most."""
    if hasattr(os, "sched_getaffinity"):
        return min(MAX_THREADS, len(os.sched_getaffinity(0)))
    return min(MAX_THREADS, os.cpu_count() or 1)


def without_capitals(sentence: str) -> str:
    """The sentence in small letters if it is several words in capitals."""
    if " " not in sentence or not sentence.isupper():
        return sentence
    only_capitals = all(letter.isupper() for letter in sentence if letter.isalpha())
    return sentence.lower() if only_capitals else sentence  # "NBA 总决赛" stays as it is
