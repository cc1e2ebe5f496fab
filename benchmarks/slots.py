"""Stories of several topics: does every topic get a picture?

    python benchmarks/slots.py FOLDER ARCHIVE [ARCHIVE …] [--stories 100] [--topics 3]

For every archive (a spec as for ``picturedesk fit``, or ``stamps:LANGUAGE``), fits a desk in FOLDER
on three quarters of the pictures and their texts, adds the other pictures, and joins their texts,
three at a time, to stories. A desk that is there already is used as it is. A topic is served if one
of the chosen pictures ran with its text, or is among the ten best for that text alone. Asked are as
many slots as topics by topic, five slots by topic, both of paragraphs and of running text without
any, paragraphs, and, for comparison, the ten best pictures for the whole story and its first three.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from confidence import divided, opened
from picturedesk import Desk, DeskConfig

TEN = 10
Chosen = Callable[[str], list[str]]  # a story → the content keys of its pictures
Held = Sequence[tuple[str, set[str]]]


def desk_of(spec: str, folder: Path) -> tuple[Desk, list[tuple[str, set[str]]]]:
    """A desk without a quarter of an archive, and the texts of this quarter with their pictures."""
    archive = opened(spec, folder)
    known, new, held = divided(archive, 0)
    home = folder / "".join(sign if sign.isalnum() else "-" for sign in spec)
    if not (home / "desk.json").exists():
        Desk.fit(known, home, DeskConfig())
        with Desk(home) as made:
            made.add(new)
    return Desk(home), held


def stories(held: Held, count: int, topics: int) -> list[Held]:
    """Texts drawn at random, no text twice in a story."""
    draw = random.Random(0)
    return [draw.sample(held, topics) for _ in range(count)]


def measured(desk: Desk, made: Sequence[Held]) -> dict[str, np.ndarray]:
    """For each way to choose pictures the share of topics that are served, for each story."""
    keys = {one.uri: one.key for one in desk.catalogue.sample(desk.catalogue.count()).pictures}
    texts = sorted({text for story in made for text, _ in story})
    answers = dict(zip(texts, desk.suggest(texts, k=TEN, diversity=0.0), strict=True))
    topics = len(made[0])

    def by_slots(slots: int | str) -> Chosen:
        return lambda story: [
            slot.suggestions[0].picture.key
            for slot in desk.slots(story, slots, k=1)
            if slot.suggestions
        ]

    def by_text(k: int) -> Chosen:
        return lambda story: [one.picture.key for one in desk.suggest(story, k=k)]

    ways = {
        f"{topics} slots by topic": by_slots(topics),
        "5 slots by topic": by_slots(5),
        f"{topics} slots by topic, running": by_slots(topics),
        "5 slots by topic, running": by_slots(5),
        "paragraphs": by_slots("paragraphs"),
        f"first {topics} for the whole story": by_text(topics),
        "first ten for the whole story": by_text(TEN),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for story in made:
        running = " ".join(" ".join(text.split()) for text, _ in story)
        joined = "\n\n".join(" ".join(text.split()) for text, _ in story)
        for name, way in ways.items():
            chosen = set(way(running if name.endswith("running") else joined))
            assert len(chosen) <= TEN
            served = [
                bool(chosen & ({keys[uri] for uri in uris} | _ten_best(answers[text])))
                for text, uris in story
            ]
            found[name].append(float(np.mean(served)))
    return {name: np.array(values) for name, values in found.items()}


def _ten_best(answer: Sequence[object]) -> set[str]:
    """Keys of an answer, near-duplicates included."""
    return {key for one in answer for key in (one.picture.key, *one.other_keys)}


def main() -> None:
    """Fits where needed and measures all archives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--stories", type=int, default=100)
    parser.add_argument("--topics", type=int, default=3)
    given = parser.parse_args()
    for spec in given.archives:
        desk, held = desk_of(spec, given.folder)
        with desk:
            encoded = desk.matcher.text_encoder.encode([text for text, _ in held])
            known = [one for one, row in zip(held, encoded, strict=True) if row.any()]
            found = measured(desk, stories(known, given.stories, given.topics))
        for name, values in found.items():
            sys.stdout.write(
                f"{spec} · {name}: topics served {100 * values.mean():.1f} %, all of a story "
                f"{100 * (values == 1).mean():.1f} %, {len(values)} stories\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
