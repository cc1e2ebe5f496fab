"""How true what a desk says is: found, under filters, and doubt, on texts of its own and of others.

    python benchmarks/confidence.py FOLDER ARCHIVE [ARCHIVE …] [--seeds 3]

For every archive (a spec as for ``picturedesk fit``, or ``stamps:LANGUAGE``) and every seed, fits a
desk in FOLDER on three quarters of the pictures and their texts, adds the other pictures, and asks
with their texts: all pictures are candidates. Filters are conditions on the content key, which is a
hash. Doubt is asked of texts of the other archives, of nonsense, and of sentences in scripts that
no archive uses. Takes minutes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from picturedesk import Desk, DeskConfig
from picturedesk.datasets import open_archive, stamps
from picturedesk.errors import BadInput
from picturedesk.measuring.reliability import reliability
from picturedesk.routes.confidence import Judgement
from picturedesk.routes.search import Ranking
from picturedesk.types import Archive, Picture

FILTERS = {"all": "", "50 %": "key < '8'", "10 %": "key < '199'"}
TEN_PICTURES = "ten pictures"
BATCH = 128
SCRIPTS = (
    "ამინდი ხვალ მზიანი იქნება და ქარი შენელდება.",
    "თბილისი არის საქართველოს დედაქალაქი.",
    "Ո՞րն է այս քաղաքի ամենահին շենքը։",
    "የአየር ሁኔታው ነገ ፀሐያማ ይሆናል።",
    "நாளை வானிலை வெயிலாக இருக்கும்.",
    "రేపు వాతావరణం ఎండగా ఉంటుంది.",
    "നാളെ കാലാവസ്ഥ വെയിലായിരിക്കും.",
    "နက်ဖြန် ရာသီဥတု သာယာမည်။",
    "ថ្ងៃស្អែកអាកាសធាតុនឹងល្អ។",
    "හෙට කාලගුණය හොඳ වනු ඇත.",
)


def nonsense(count: int) -> list[str]:
    """Words of random letters."""
    draw = random.Random(0)

    def word() -> str:
        return "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(draw.randint(3, 9)))

    return [" ".join(word() for _ in range(draw.randint(4, 25))) for _ in range(count)]


def opened(spec: str, cache: Path) -> Archive:
    """The archive of a spec."""
    kind, _, rest = spec.partition(":")
    if kind != "stamps":
        return open_archive(spec)
    config = stamps.StampsConfig(languages=(rest,))
    return stamps.read(stamps.fetch_stamps(cache), config)


def judged(
    desk: Desk, texts: Sequence[str], where: str = ""
) -> Iterator[tuple[Ranking, Judgement]]:
    """What the desk says of its pictures for each text that it knows a word of."""
    for start in range(0, len(texts), BATCH):
        for ranking, said in desk.suggester.judgements(texts[start : start + BATCH], where=where):
            if said is not None:
                yield ranking, said


class Said:
    """What was said under each filter, and what was true; over all seeds of an archive."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {}

    def keep(self, desk: Desk, texts: Sequence[str], right: Sequence[set[str]]) -> None:
        """Asks with all texts, under each filter."""
        draw = random.Random(0)
        keys = [picture.key for picture in _entries(desk)]
        few = [f"'{key}'" for key in draw.sample(keys, min(10, len(keys)))]
        filters = FILTERS | {TEN_PICTURES: f"key IN ({', '.join(few)})"}
        for name, where in filters.items():
            said = list(judged(desk, texts, where))
            hits = [
                [picture.key in own for picture in ranking.pictures]
                for (ranking, _), own in zip(said, right, strict=True)
            ]
            first = np.array([judgement.chances[0] for _, judgement in said])
            found = np.array([judgement.found for _, judgement in said])
            kept = self._kept
            kept.setdefault((name, "first"), []).append((first, np.array([one[0] for one in hits])))
            kept.setdefault((name, "ten"), []).append((found, np.array([any(one) for one in hits])))

    def lines(self) -> Iterator[str]:
        """Calibration of each, by seed and of all seeds together."""
        for (name, what), seeds in self._kept.items():
            every = tuple(map(np.concatenate, zip(*seeds, strict=True)))
            errors = [reliability(*one) for one in (*seeds, every)]
            above = [f"{error.ece - error.noise:+.3f}" for error in errors]
            yield (
                f"{name}, {what}: said {every[0].mean():.3f} is {every[1].mean():.3f}; error above "
                f"chance by seed {' '.join(above[:-1])}, all seeds {above[-1]}"
            )


def doubts(
    desk: Desk, texts: Sequence[str], right: Sequence[set[str]], others: dict[str, Sequence[str]]
) -> Iterator[str]:
    """How often there is a doubt, and how well it tells good texts from strange ones."""
    said = list(judged(desk, texts))
    good = np.array(
        [
            any(picture.key in own for picture in ranking.pictures)
            for (ranking, _), own in zip(said, right, strict=True)
        ]
    )
    unusual = np.array([judgement.unusual for _, judgement in said])
    on_good, on_missed = (float(np.mean(some > 0)) for some in (unusual[good], unusual[~good]))
    yield f"doubted, found: {on_good:.2f}; missed: {on_missed:.2f}"
    strange: list[float] = []
    for name, asked in others.items():
        values = []
        for text in asked:
            try:
                values += [one.unusual for _, one in judged(desk, [text])]
            except BadInput:  # no word is known: the desk says so
                values.append(np.inf)
        strange += values
        yield f"doubted, {name}: {np.mean(np.array(values) > 0):.2f} of {len(values)}"
    both = np.r_[unusual[good], np.minimum(strange, 1e9)]
    ranks = both.argsort().argsort()
    above = ranks[good.sum() :].sum() - len(strange) * (len(strange) - 1) / 2
    yield (
        f"doubted, all of these: {np.mean(np.array(strange) > 0):.2f}; "
        f"AUC {above / good.sum() / len(strange):.3f}"
    )


def main() -> None:
    """Fits and measures all archives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    archives = {spec: opened(spec, given.folder) for spec in given.archives}
    draw = random.Random(0)
    samples = {
        spec: [archive.texts[place].whole for place in draw.sample(range(len(archive.texts)), 60)]
        for spec, archive in archives.items()
    }
    for number, (spec, archive) in enumerate(archives.items()):
        others = {name: some for name, some in samples.items() if _far(name, spec)}
        others |= {"nonsense": nonsense(60), "other scripts": SCRIPTS}
        said = Said()
        for seed in range(given.seeds):
            known, new, held = divided(archive, seed)
            desk = Desk.fit(known, given.folder / f"desk-{number}", DeskConfig().with_seed(seed))
            with desk:
                desk.add(new)
                keys = {picture.uri: picture.key for picture in _entries(desk)}
                encoded = desk.matcher.text_encoder.encode([text for text, _ in held])
                asked = [one for one, row in zip(held, encoded, strict=True) if row.any()]
                texts = [text for text, _ in asked]
                right = [{keys[uri] for uri in uris if uri in keys} for _, uris in asked]
                said.keep(desk, texts, right)
                for line in doubts(desk, texts, right, others):
                    sys.stdout.write(f"{spec} seed {seed} · {line}\n")
                    sys.stdout.flush()
        for line in said.lines():
            sys.stdout.write(f"{spec} · {line}\n")


def divided(
    archive: Archive, seed: int
) -> tuple[Archive, list[Picture], list[tuple[str, set[str]]]]:
    """An archive without a quarter of its pictures, these pictures, and their texts.

    Texts with pictures on both sides are left out.
    """
    draw = random.Random(seed)
    names = sorted({picture.uri for picture in archive.pictures})
    chosen = set(draw.sample(names, len(names) // 4))
    uris_of: dict[int, set[str]] = {}
    for text, picture in archive.links.tolist():
        uris_of.setdefault(text, set()).add(archive.pictures[picture].uri)
    held = [text for text, uris in uris_of.items() if uris <= chosen]
    kept = [text for text, uris in uris_of.items() if not uris & chosen]
    place = {text: row for row, text in enumerate(kept)}
    links = [(place[text], picture) for text, picture in archive.links.tolist() if text in place]
    shown = sorted({picture for _, picture in links})
    row_of = {picture: row for row, picture in enumerate(shown)}
    known = Archive(
        archive.name,
        tuple(archive.texts[text] for text in kept),
        tuple(archive.pictures[picture] for picture in shown),
        np.array([(text, row_of[picture]) for text, picture in links]),
        ("",) * len(kept),
        tuple(archive.groups[text] for text in kept) if archive.groups else (),
    )
    new = [picture for picture in archive.pictures if picture.uri in chosen]
    return known, new, [(archive.texts[text].whole, uris_of[text]) for text in held]


def _entries(desk: Desk) -> list[Picture]:
    """All pictures of the catalogue."""
    return list(desk.catalogue.sample(desk.catalogue.count()).pictures)


def _far(name: str, spec: str) -> bool:
    """Whether two specs are of different archives: the stamps are one, in all languages."""
    return name != spec and not (name.startswith("stamps:") and spec.startswith("stamps:"))


if __name__ == "__main__":
    main()
