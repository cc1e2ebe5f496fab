"""A desk of one language, asked in others: the stamps, learned from their English descriptions.

    python benchmarks/languages.py FOLDER [--seeds 3] [--test 0.25]

Downloads the stamps into FOLDER and fits desks there, on the English descriptions of three quarters
of them, once per seed and text side. The pictures of the other stamps are added afterwards, and
each desk is asked with the descriptions of those that have one in all five languages. Candidates
are all pictures. Captions and tags are left out: they are English, and repeat the descriptions.

* recall@1, recall@10: the share of descriptions whose own picture is among the first 1 or 10. A
  description that several stamps have in English has several own pictures.
* precision at five: the share of the first five pictures that are about the same subject, which is
  the folder of the own picture (for example animals/birds).
* doubt: the share of answers that say a doubt; also of those whose first five have no picture of
  the subject.

Prints a table in Markdown, mean and standard deviation over seeds in percent. Takes minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from picturedesk import Desk, DeskConfig
from picturedesk.cli import show
from picturedesk.datasets import stamps
from picturedesk.datasets.split import SplitConfig, split
from picturedesk.errors import BadInput
from picturedesk.types import Archive, Picture, Suggestions

SIDES = {"LSA + USE": ("use",), "LSA + e5": ("e5",), "LSA + USE + e5": ("use", "e5")}
HOME = "en"
LANGUAGES = {HOME: "English", "de": "German", "fr": "French", "es": "Spanish", "zh_CN": "Chinese"}
COLUMNS = ("recall@1", "recall@10", "precision at five", "doubt", "doubt, none of the subject")


@dataclass(frozen=True)
class Query:
    """A held-out stamp: its description by language, its own pictures, its subject."""

    said: dict[str, str]
    own: frozenset[str]  # addresses
    subject: str  # its folder


def archive_of(unpacked: Path) -> Archive:
    """The English descriptions, and pictures without captions and tags."""
    found = stamps.read(unpacked, stamps.StampsConfig(languages=(HOME,)))
    bare = tuple(replace(picture, caption="", tags=()) for picture in found.pictures)
    return replace(found, pictures=bare)


def queries_of(unpacked: Path, archive: Archive) -> list[Query]:
    """Held-out stamps that have a description in every language, in the order of the archive."""
    every = stamps.read(unpacked, stamps.StampsConfig(languages=tuple(LANGUAGES)))
    said: dict[str, dict[str, str]] = {}
    for text in every.texts:
        name, _, language = text.id.rpartition("#")
        said.setdefault(name, {})[language] = text.whole
    own: dict[int, set[str]] = {}
    for text, picture in archive.links.tolist():
        own.setdefault(text, set()).add(archive.pictures[picture].uri)
    found = []
    for place, text in enumerate(archive.texts):
        name = text.id.rpartition("#")[0]
        if archive.parts[place] == "test" and len(said[name]) == len(LANGUAGES):
            picture = next(uri for uri in own[place] if Path(uri).stem == Path(name).stem)
            found.append(Query(said[name], frozenset(own[place]), str(Path(picture).parent)))
    return found


def divided(archive: Archive) -> tuple[Archive, list[Picture]]:
    """What is learned from, and the pictures of test texts, which share none with others."""
    kept = [text for text, part in enumerate(archive.parts) if part != "test"]
    row_of = {text: row for row, text in enumerate(kept)}
    links = [(row_of[text], picture) for text, picture in archive.links.tolist() if text in row_of]
    shown = sorted({picture for _, picture in links})
    place_of = {picture: place for place, picture in enumerate(shown)}
    known = Archive(
        archive.name,
        tuple(archive.texts[text] for text in kept),
        tuple(archive.pictures[picture] for picture in shown),
        np.array([(text, place_of[picture]) for text, picture in links]),
        ("",) * len(kept),
        tuple(archive.groups[text] for text in kept) if archive.groups else (),
    )
    new = [one for place, one in enumerate(archive.pictures) if place not in place_of]
    return known, new


def answered(desk: Desk, texts: Sequence[str]) -> Iterator[Suggestions | None]:
    """Ten suggestions for each text; None where the desk refuses it, because it knows no word."""
    for text in texts:
        try:
            yield desk.suggest(text, k=10)
        except BadInput:
            yield None


def measure(desk: Desk, queries: Sequence[Query], language: str) -> list[float]:
    """Percent, one per column."""
    rows = []
    for query, answer in zip(
        queries, answered(desk, [query.said[language] for query in queries]), strict=True
    ):
        uris = [] if answer is None else [one.picture.uri for one in answer]
        right = [uri in query.own for uri in uris]
        about = [str(Path(uri).parent) == query.subject for uri in uris[:5]]
        doubted = answer is None or bool(answer.doubt)
        rows.append((any(right[:1]), any(right), sum(about) / 5, doubted, not any(about)))
    table = np.array(rows, dtype=float)
    lost = table[:, 4] > 0
    on_lost = table[lost, 3].mean() if lost.any() else np.nan
    return [*(100 * table[:, :4].mean(axis=0)), 100 * on_lost]


def main() -> None:
    """Fits and asks all desks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--test", type=float, default=0.25, help="share of held-out texts")
    given = parser.parse_args()
    unpacked = stamps.fetch_stamps(given.folder)
    archive = archive_of(unpacked)
    measured: dict[tuple[str, str], list[list[float]]] = {}
    for seed in range(given.seeds):
        parts = split(archive, SplitConfig(validate=0.0, test=given.test, seed=seed))
        whole = replace(archive, parts=parts)
        known, new = divided(whole)
        queries = queries_of(unpacked, whole)
        print(f"seed {seed}: {len(known.texts)} texts learned, {len(queries)} stamps asked about")
        for side, sentences in SIDES.items():
            config = replace(DeskConfig(), sentences=sentences).with_seed(seed)
            config = replace(config, split=replace(config.split, test=0.0))
            with show.progress() as progress:
                Desk.fit_report(known, given.folder / f"desk-{seed}", config, progress)
            with Desk(given.folder / f"desk-{seed}") as desk:
                desk.add(new)
                for language in LANGUAGES:
                    found = measure(desk, queries, language)
                    measured.setdefault((side, language), []).append(found)
                    print(
                        f"{side}, {language}: {' '.join(f'{one:.1f}' for one in found)}", flush=True
                    )
    print(f"| text side | asked in | {' | '.join(COLUMNS)} |\n|---|---|{'---|' * len(COLUMNS)}")
    for (side, language), seeds in measured.items():
        cells = [f"{np.mean(c):.1f} ± {np.std(c):.1f}" for c in zip(*seeds, strict=True)]
        print(f"| {side} | {LANGUAGES[language]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
