"""A bounded sample of a large archive's training texts, which a recipe learns from.

Stratified: every kind of text (script, length, year, whether a picture has words of its own) has
the share that it has in the archive. Stories (texts that share pictures) stay together, so that
folds hold out whole stories. Pairs that an editor decided always belong to it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from picturedesk.types import Archive, Bools, Doubles, Ints, Text

_LONG = 60  # characters; a text of so many, or of 8 times as many, is of another kind
_LARGE = 0.01  # share of the sample, above which a story is drawn text by text


def sampled(
    archive: Archive, texts: Ints, stories: Ints, told: Sequence[str], most: int, seed: int
) -> Ints:
    """The texts to learn from: all of them, or some with ``most`` links together.

    Args:
        archive: texts, links, editors' decisions.
        texts: (t,) indices of the training texts, ascending.
        stories: (T,) number of the story of each text of the archive.
        told: per picture the words that it has of its own, "" for none.
        most: links of the sample; one text more where the last has several.
        seed: of the drawing.

    Returns:
        Indices, ascending.
    """
    links = np.bincount(archive.links[:, 0], minlength=len(archive.texts))
    if links[texts].sum() <= most:
        return texts
    decided = _decided(archive)[texts]
    worded = np.zeros(len(archive.texts), dtype=bool)
    has_words = np.array([bool(words) for words in told], dtype=bool)
    worded[archive.links[has_words[archive.links[:, 1]], 0]] = True
    kinds = _kinds([archive.texts[index] for index in texts.tolist()], worded[texts])
    chance = _chances(stories[texts], links[texts], most, seed)
    order = np.lexsort((chance, ~decided, kinds))  # within a kind, decided ones first
    taken = _first_of_each(kinds[order], links[texts][order], decided[order], most)
    return np.sort(texts[order[taken]])


def _decided(archive: Archive) -> Bools:
    """(T,) the texts of which an editor chose a picture, or passed one over."""
    decided = np.array([text.decided for text in archive.texts], dtype=bool)
    decided[archive.against[:, 0]] = True
    return decided


def _kinds(texts: Sequence[Text], worded: Bools) -> Ints:
    """Number (t,) of the kind of each text."""
    numbers: dict[tuple[object, ...], int] = {}
    found = np.empty(len(texts), dtype=np.int64)
    for place, (text, has_words) in enumerate(zip(texts, worded.tolist(), strict=True)):
        whole = text.whole
        length = (len(whole) >= _LONG) + (len(whole) >= 8 * _LONG)
        kind = (_script(_first_letter(whole)), length, text.date[:4], has_words)
        found[place] = numbers.setdefault(kind, len(numbers))
    return found


def _first_letter(text: str) -> str:
    return next((letter for letter in text if letter.isalpha()), "")


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The script of a letter, as the first word of its Unicode name; "" for none."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter else ""


def _chances(stories: Ints, links: Ints, most: int, seed: int) -> Doubles:
    """Random numbers (t,), equal for the texts of a story unless it is a large one."""
    random = np.random.default_rng(seed)
    names, place = np.unique(stories, return_inverse=True)
    large = (np.bincount(place, weights=links) > _LARGE * most)[place]
    alone = random.random(len(stories))
    return np.where(large, alone, random.random(len(names))[place])


def _first_of_each(kinds: Ints, links: Ints, decided: Bools, most: int) -> Bools:
    """Which texts (t,), in order, are among the first of their kind, up to its share of ``most``.

    Args:
        kinds: (t,) ascending.
        links: (t,) number of each text.
        decided: (t,) texts that belong to it in any case.
        most: links of all kinds together.
    """
    before = np.cumsum(links) - links
    starts = np.searchsorted(kinds, kinds)
    share = np.bincount(kinds, weights=links)[kinds] * (most / links.sum())
    taken: Bools = (before - before[starts] < share) | decided
    return taken
