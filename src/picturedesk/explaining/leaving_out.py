"""Leaves one word out of a text. Knows no vectors."""

from __future__ import annotations

import re

from picturedesk.texts.words import words

_HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003fffd]+")


def without(text: str, word: str) -> str:
    """The text without any occurrence of a word, as ``texts.words`` gives it.

    Chinese is split into words. If normalisation changed the spelling ("strasse" of "Straße"),
    everything between two spaces that contains the word is left out. A text without the word is
    returned unchanged.
    """
    if _HAN.fullmatch(word):
        return _cut(text, word)
    wanted = re.escape(word)
    for pattern in (rf"(?<!\w){wanted}(?!\w)", wanted):  # scripts without spaces: the second
        left, times = re.subn(pattern, "", text, flags=re.IGNORECASE)
        if times:
            return left
    pieces = re.split(r"(\s+)", text)
    return "".join(piece for piece in pieces if not piece.strip() or word not in words(piece))


def _cut(text: str, word: str) -> str:
    """Chinese has no spaces: each word begins at the end of the one before."""
    kept, start, at = [], 0, 0
    for known in filter(_HAN.fullmatch, words(text)):
        found = text.find(known, at)
        if found < 0:
            continue
        at = found + len(known)
        if known == word:
            kept.append(text[start:found])
            start = at
    return "".join([*kept, text[start:]])
