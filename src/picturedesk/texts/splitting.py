"""Text in any language → its sentences. Knows nothing of vectors or words.

A sentence ends at:

* **a line break**, always: a headline is its own sentence;
* **a full stop of scripts without spaces or capitals** (Chinese 。！？, Arabic ؟, Hindi । …), with
  the closing quotes and brackets after it;
* **. ! ? …** before a space, unless a small letter follows, or the point ends an abbreviation
  ("Dr.", "z. B.", "U.S.") or a number of one or two digits ("am 3. Oktober").

Pieces with fewer than four letters and digits are joined to their neighbour in the same line;
pieces without any are dropped. Sentences that are too long are cut at a space or comma.

Sentences come one by one, so that whoever wants the first few does not wait for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

SENTENCES_VERSION = 1  # part of fingerprints; raise it when `split_sentences` changes

_WIDE = frozenset("。！？｡؟۔।॥።။។༎")
_END = re.compile(r"[.!?…．。！？｡؟۔।॥።။។༎]+[\"'”’»›」』）)\]》〉】]*")
_LINE = re.compile("[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")  # what str.splitlines divides by
_LETTER = re.compile(r"[^\W_]")  # a letter or digit, as str.isalnum has it
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS = (" ", ",", "，", "、", ";", "；", ":", "：")
_FIRST_WIDE_LETTER = "\u2e80"  # from here on: Chinese, Japanese, Korean
_TINY = 4  # letters and digits; a shorter piece is not a sentence
_NEAR = 16  # characters read before and after a full stop
_ABBREVIATIONS = re.compile(
    "mrs?|ms|dr|prof|st|[js]r|no|nr|vs|etc|inc|ltd|gen|sen|rep|gov|capt|col|sgt|rev|hon|mt|approx|"
    "bzw|ca|vgl|usw|sog|inkl|evtl|ggf|mme|mlle|sra|sig|ing|av|art|fig|vol|pp|ed",
    re.IGNORECASE,
)


def split_sentences(text: str, longest: int = 600) -> list[str]:
    """The sentences of a text in order; see the module for the rules.

    Args:
        text: of any length, in any mixture of languages.
        longest: characters; longer sentences are cut into pieces of about equal length.

    Returns:
        Sentences with single spaces; empty for a text without letters or digits.
    """
    return list(sentences_of(text, longest))


def sentences_of(text: str, longest: int = 600) -> Iterator[str]:
    """The same, one after the other; reads no further than it is asked for."""
    for line in _LINE.finditer(_LONE_SURROGATE.sub("\ufffd", text)):
        for piece in _merge(_pieces(line.group())):
            if _LETTER.search(piece):
                yield from _cut(" ".join(piece.split()), longest)


def _pieces(line: str) -> Iterator[str]:
    """The pieces between the ends of sentences; their concatenation is the line."""
    if not _LETTER.search(line):
        return
    start = 0
    for match in _END.finditer(line):
        if _ends_sentence(line, match):
            yield line[start : match.end()]
            start = match.end()
    yield line[start:]


def _ends_sentence(line: str, match: re.Match[str]) -> bool:
    mark, start, end = match.group(), match.start(), match.end()
    if not _WIDE.isdisjoint(mark) or end == len(line):
        return True
    if not line[end].isspace():
        return mark[0] in "!?" and line[end] >= _FIRST_WIDE_LETTER
    if line[end : end + _NEAR].lstrip()[:1].islower():
        return False
    return mark[0] != "." or not _is_abbreviated(line[max(0, start - _NEAR) : start])


def _is_abbreviated(before: str) -> bool:
    """Whether the point after these characters is part of their last word."""
    word = before.split()[-1].lstrip("([\"'“‘«") if before.strip() else ""
    if word.isdigit():
        return len(word) <= 2
    if "." in word or len(word) == 1:
        return all(len(part) <= 2 for part in word.split("."))
    return _ABBREVIATIONS.fullmatch(word) is not None


def _merge(pieces: Iterable[str]) -> Iterator[str]:
    """Joins tiny pieces to the piece before, or to the one after if there is none before."""
    held: list[str] = []
    letters = 0  # in what is held
    for piece in pieces:
        count = sum(map(str.isalnum, piece))
        if letters >= _TINY and count >= _TINY:
            yield "".join(held)
            held, letters = [], 0
        held.append(piece)
        letters += count
    yield "".join(held)


def _cut(sentence: str, longest: int) -> list[str]:
    """Pieces of at most ``longest`` characters that end at a space or comma if possible."""
    cut: list[str] = []
    start = 0
    while (left := len(sentence) - start) > longest:
        pieces = -(-left // longest)
        size = -(-left // pieces)
        middle, end = start + size // 2, start + size
        at = max(sentence.rfind(mark, middle, end) for mark in _BREAKS)
        end = at + 1 if at >= 0 else end
        cut.append(sentence[start:end].strip())
        start = end
    return [*cut, sentence[start:].strip()]
