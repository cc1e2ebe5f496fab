"""Text in any language → its words. Knows nothing of vectors, corpora or stop words.

Steps, in this order:

* **Normalisation**: NFKC and case folding ("Straße" → "strasse"). Removes signs that writers may
  omit: soft hyphens, joiners, direction marks, Arabic and Hebrew vowel points.
* **Languages with spaces**: a word is a run of letters, digits and combining marks, so that
  Hindi or Tamil vowel signs stay with their word. "_" separates words.
* **Apostrophes** between Latin letters: English contractions are one word ("don't"), "'s" is
  removed ("king's" → "king"), other apostrophes separate ("l'eau" → "l", "eau"). In other scripts
  the apostrophe is a letter (Ukrainian "п'ять").
* **Numbers** keep inner points and commas: "3.5", "1,000".
* **Chinese**: runs of Han characters are segmented by jieba (rjieba).
* **Other scripts without spaces** (kana, Thai, Lao, Khmer, Burmese …): overlapping pairs of
  characters, each with its marks; a single character is a word.
"""

from __future__ import annotations

import itertools
import re
import unicodedata

WORDS_VERSION = 1  # part of every text encoder's fingerprint; raise it when `words` changes

_LEFT_OUT = re.compile(
    "[\u00ad\u200c-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe00-\ufe0f\ufeff"  # format signs
    "\U000e0100-\U000e01ef"  # variants of ideographs
    "\u0640\u064b-\u0652\u0670"  # Arabic stretching sign and vowel points
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"  # Hebrew points
)
_HAN = (
    (0x3005, 0x3007),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFD),
)
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31FF),  # extensions of the two before
    (0xA980, 0xA9FF),  # Javanese, Burmese
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0x1B000, 0x1B16F),  # kana extensions
)
_ENGLISH_ENDINGS = frozenset({"t", "d", "m", "ll", "re", "ve"})
_LATIN_ENDS = 0x250  # first code point after the Latin letters that European languages use

# Patterns over the class letters that `_Classes` makes, one letter per character.
_TOKENS = re.compile(
    r"(?P<number>d+(?:\.d+)+)|(?P<han>h+)|(?P<unspaced>(?:um*)+)|(?P<word>[wd][wdm]*(?:'[wdm]+)*)"
)
_CLUSTER = re.compile("um*")
_MANY_MARKS = re.compile(r"[^\w\s\0-\x7f]{32,}")  # or signs; no language has so many marks in a run


class _Classes(dict[int, str]):
    """Code point → class letter, computed once per character.

    h Han, u other script without spaces, w other letter, d digit, m combining mark,
    ' apostrophe, . point or comma, and a space for separators.
    """

    def __missing__(self, code: int) -> str:
        self[code] = letter = _classify(code)
        return letter


def _classify(code: int) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Nd":
        return "d"
    if category[0] == "M":
        return "m"
    if character in "'.,":
        return "." if character == "," else character
    if category[0] not in "LN":
        return " "
    if any(first <= code <= last for first, last in _HAN):
        return "h"
    return "u" if any(first <= code <= last for first, last in _WITHOUT_SPACES) else "w"


_CLASSES = _Classes()


def words(text: str) -> list[str]:
    """The normalised words of a text in order; see the module for the rules.

    Args:
        text: of any length, in any mixture of languages.

    Returns:
        All words, with repetitions; empty for a text without letters or digits.
    """
    text = _normalise(text)
    classes = text.translate(_CLASSES)
    found: list[str] = []
    for token in _TOKENS.finditer(classes):
        start, end = token.span()
        piece = text[start:end]
        if token.lastgroup == "han":
            found += _segment(piece)
        elif token.lastgroup == "unspaced":
            found += _pairs(piece, classes[start:end])
        elif "'" in piece:
            found += _split_apostrophes(piece)
        else:
            found.append(piece)
    return found


def _normalise(text: str) -> str:
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", _marks_in_order(text)).casefold()
    if not unicodedata.is_normalized("NFKC", text):  # casefolding can undo the first one
        text = unicodedata.normalize("NFKC", text)
    text = text.replace("i\u0307", "i")  # what casefolding makes of the Turkish capital İ
    text = text.replace("\u2019", "'").replace("\u02bc", "'")
    return _LEFT_OUT.sub("", text)


def _marks_in_order(text: str) -> str:
    """The same text, canonically equivalent, with long runs of marks in canonical order.

    The time that ``unicodedata`` takes for marks in disorder is quadratic: 50 s for 400 kB.
    """
    return _MANY_MARKS.sub(_in_order, text)


def _in_order(run: re.Match[str]) -> str:
    marks = "".join(unicodedata.normalize("NFKD", mark) for mark in run.group())
    runs = itertools.groupby(marks, lambda mark: unicodedata.combining(mark) > 0)
    # Signs that do not move have the class 0, so sorting leaves them as they are.
    return "".join(mark for _, some in runs for mark in sorted(some, key=unicodedata.combining))


def _segment(run: str) -> list[str]:
    if len(run) == 1:
        return [run]
    import rjieba  # its dictionary takes 0.2 s to load: only where there is Chinese

    return list(rjieba.cut(run))


def _pairs(run: str, classes: str) -> list[str]:
    clusters = [run[m.start() : m.end()] for m in _CLUSTER.finditer(classes)]
    if len(clusters) == 1:
        return clusters
    return [a + b for a, b in itertools.pairwise(clusters)]


def _split_apostrophes(word: str) -> list[str]:
    if not all(_is_latin(part[-1]) for part in word.split("'")):
        return [word]
    *head, last = word.split("'")
    if last == "s":
        return head
    if last in _ENGLISH_ENDINGS:
        return [*head[:-1], f"{head[-1]}'{last}"]
    return [*head, last]


def _is_latin(character: str) -> bool:
    return ord(character) < _LATIN_ENDS or 0x1E00 <= ord(character) <= 0x1EFF
