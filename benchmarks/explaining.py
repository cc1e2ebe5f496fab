"""Deletion check: does the score fall more without the top words than without random words?

    python benchmarks/explaining.py DESK ARCHIVE           # texts of the desk's part "test"
    python benchmarks/explaining.py DESK ARCHIVE --words 5 --texts 500

Explains the first suggestion of each text, then removes words from the text: those with the largest
shares, those with the smallest, and random ones. Prints how much the picture's score falls (without
the captions and hubness routes) with a paired bootstrap over texts, and the time to explain ten
suggestions.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.datasets import open_archive
from picturedesk.desk import Desk
from picturedesk.explaining import without
from picturedesk.measuring.significance import bootstrap_interval, paired_difference
from picturedesk.texts.words import words
from picturedesk.types import Doubles, Suggestions

KINDS = ("top", "random", "bottom")
APART = ("captions", "hubness")


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One text and its suggestions."""

    text: str
    suggestions: Suggestions

    @classmethod
    def of(cls, desk: Desk, text: str, k: int) -> Query:
        """Gets suggestions from the desk."""
        return cls(text, desk.suggest(text, k))


def explained(desk: Desk, query: Query) -> list[list[str]]:
    """The words of each suggestion's explanation, largest share first."""
    found = desk.explain(query.text, query.suggestions)
    return [[known.word for known in explanation.words] for explanation in found]


def score(desk: Desk, query: Query, text: str) -> float:
    """The first suggestion's score for another text, without captions and hubness."""
    explanation = desk.explain(text, query.suggestions[:1])[0]
    return sum(share for name, share in explanation.routes if name not in APART)


def drops(desk: Desk, query: Query, count: int, random: np.random.Generator) -> list[float] | None:
    """How much the score falls without top, random and bottom words; None if there are too few."""
    spoken = explained(desk, query)[0]
    every = list(dict.fromkeys(words(query.text)))
    if len(spoken) < 2 * count or len(every) < 2 * count:
        return None
    some = [every[place] for place in random.choice(len(every), count, replace=False)]
    before = score(desk, query, query.text)
    kinds = (spoken[:count], some, spoken[-count:])
    return [before - score(desk, query, deleted(query.text, kind)) for kind in kinds]


def deleted(text: str, unwanted: Sequence[str]) -> str:
    for word in unwanted:
        text = without(text, word)
    return text


def test_texts(desk: Desk, archive: str, most: int) -> list[str]:
    """Test texts of the desk, evenly spaced."""
    known = {text.id: text.whole for text in open_archive(archive).texts}
    rows = desk.held_out.rows[desk.held_out.of("test")]
    there = [known[text.id] for text in desk.memory.texts(rows) if text.id in known]
    if not there:
        raise SystemExit(f"{archive} has no test text of the desk: give the archive of its fit")
    chosen = np.linspace(0, len(there) - 1, min(most, len(there)), dtype=int)
    return [there[row] for row in chosen]


def show(found: Doubles, count: int) -> None:
    for name, values in zip(KINDS, found.T, strict=True):
        known = bootstrap_interval(values)
        print(f"without {count} {name:<7}{known.mean:+.4f}  [{known.low:+.4f}, {known.high:+.4f}]")
    best, chance, least = found.T
    for name, a, b in (("top - random", best, chance), ("random - bottom", chance, least)):
        gap = paired_difference(a, b)
        print(f"{name:<16}{gap.mean:+.4f}  [{gap.low:+.4f}, {gap.high:+.4f}]  p {gap.p:.4f}")
    print(f"top > random in {np.mean(best > chance):.1%} of {len(found)} texts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("desk")
    parser.add_argument("archive", help="the archive of the desk's fit, as for picturedesk fit")
    parser.add_argument("--words", type=int, default=3, help="number of words to remove")
    parser.add_argument("--texts", type=int, default=300, help="maximum number of texts")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    desk, random = Desk(arguments.desk), np.random.default_rng(arguments.seed)
    texts = test_texts(desk, arguments.archive, arguments.texts)
    every = [drops(desk, Query.of(desk, text, 1), arguments.words, random) for text in texts]
    longest = Query.of(desk, max(texts, key=len), 10)
    found = np.array([known for known in every if known is not None])
    print(f"{len(texts)} texts, {len(texts) - len(found)} of them too short")
    if len(found):
        show(found, arguments.words)
    started = time.perf_counter()
    explained(desk, longest)
    took = time.perf_counter() - started
    print(f"ten suggestions of the longest text ({len(longest.text)} characters): {took:.2f} s")


if __name__ == "__main__":
    main()
