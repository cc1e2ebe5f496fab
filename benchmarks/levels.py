"""Several levels of a network against the best single one, and cells of a map against its pools.

    python benchmarks/levels.py study sohu:PATH --cache FOLDER [--seeds 0 1 2] [--test 0.3]
    python benchmarks/levels.py regions sohu:PATH --cache FOLDER

``study``: for the closed form (direct route), two towers and word detectors, on the test part:

* single: the level that is best on held-out texts of the training part, in all folds for the closed
  form, in the first for trained heads;
* all: all levels of the preset; chosen: those that the recipe chooses by cross-validation, where
  these are fewer;
* trained heads also with level dropout (a fifth of a picture's levels left out in each step) and
  with gates: a learned weight per level (softmax, sigmoid), or weights that a linear map of the
  picture's levels gives.

Each is compared with the single level, paired over texts that are drawn in groups that share
pictures; p-values are corrected for the number of comparisons (Holm). A text's value is the mean
over the seeds that have it in their test part. Trained heads are one network each, with the
settings of the routes; word detectors score by the sum of log probabilities of a text's words.

Values are kept in ``values.json`` in the cache: run again with other seeds or heads to add them.

``regions``: word detectors on pools, and on cells of the last map, on the first held-out fold of
the training part: area under the curve of a word's detector, and ranks of the right pictures.

``picturedesk levels NAME NAME … --data ARCHIVE`` compares networks. The cache keeps features and
text vectors. ``stamps:FOLDER`` reads the English stamps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from level_archive import Bench, Part, Run
from level_heads import Front, level_words, tower_scores
from level_regions import cell_components, detectors, report
from level_table import ALL, SINGLE, Table
from picturedesk.gradients.towers import TowersConfig
from picturedesk.learning.choices import weighted
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.training_pairs import (
    level_blocks,
)
from picturedesk.routes.detectors import log_sigmoid
from picturedesk.routes.seen_words import DETECTORS, SeenWordsPlan
from picturedesk.routes.towers import TowersPlan
from picturedesk.routes.vocabulary import Vocabulary
from picturedesk.types import Floats

DIRECT, TOWERS, WORDS = HEADS = ("closed form", "two towers", "word detectors")
CHOSEN = "chosen"
FEWEST_STEPS, SMALL_BATCH = 250, 128  # of towers, on small archives
PLAIN = Front()
FRONTS = {
    "all, level dropout": Front(dropout=0.2),
    "all, softmax gates": Front("softmax"),
    "all, sigmoid gates": Front("sigmoid"),
    "all, gates by picture": Front("picture"),
}


@dataclass(frozen=True)
class Study:
    """Heads of one seed.

    Attributes:
        run: the archive.
        singles: levels that trained heads try alone; () for all.
        epochs: of towers; 0 for the recipe's.
        device: that trained heads are trained on.
    """

    run: Run
    singles: Sequence[str]
    epochs: int
    device: str

    def direct(self, part: Part, levels: Sequence[str], ridges: tuple[float, float]) -> Floats:
        """Reciprocal ranks by the closed form with some levels."""
        known = part.projections
        usual = level_blocks(known.pairs.spec)
        named = zip(self.run.levels, usual, strict=True)
        weights = [block.weight if name in levels else 0.0 for name, block in named]
        alignment = self.run.config.best.with_ridges(ridges)
        matcher = known.by_levels(weighted(usual, weights), alignment).align(alignment)
        return part.values(matcher.placed(part.queries) @ matcher.pictures(part.candidates).T)

    def best_direct(self, levels: Sequence[str]) -> tuple[float, tuple[float, float]]:
        """Cross-validated mean reciprocal rank with the best ridges, and these."""
        tried = dict.fromkeys((self.run.ridges, *self.run.config.best.ridges))
        found = {
            ridges: np.concatenate([self.direct(part, levels, ridges) for part in self.run.folds])
            for ridges in tried
        }
        ridges = max(found, key=lambda pair: float(found[pair].mean()))
        return float(found[ridges].mean()), ridges

    def trained(self, head: str, part: Part, levels: Sequence[str], front: Front = PLAIN) -> Floats:
        """Reciprocal ranks by a trained head; NaN for texts without a word that is detected."""
        pairs, seed = part.pairs(levels), self.run.config.best.seed
        if head == TOWERS:
            towers = towers_of(len(pairs.texts), len(pairs.links), seed, self.epochs)
            towers = replace(towers, network=replace(towers.network, device=self.device))
            return part.values(tower_scores(pairs, towers, front))
        vocabulary, shares = words_of(part)
        config = replace(DETECTORS, seed=seed, device=self.device)
        logs = log_sigmoid(level_words(pairs, shares, config, front))
        values = part.values(word_scores(vocabulary, logs, len(shares), part.texts))
        told = [bool(vocabulary.places(text)) for text in part.texts]
        return np.where(told, values, np.nan)

    def measured(self, heads: Sequence[str]) -> Iterator[tuple[str, str, str, Floats]]:
        """Head, variant, levels and reciprocal ranks (Q,) on the test part."""
        for head in heads:
            sets = {SINGLE: [self.single(head)], ALL: self.run.levels}
            if self.run.chosen != self.run.levels:
                sets[CHOSEN] = self.run.chosen
            for name, levels in sets.items():
                if head == DIRECT:
                    values = self.direct(self.run.test, levels, self.best_direct(levels)[1])
                else:
                    values = self.trained(head, self.run.test, levels)
                yield head, name, " ".join(levels), values
            for name, front in FRONTS.items() if head != DIRECT else ():
                yield head, name, "", self.trained(head, self.run.test, self.run.levels, front)

    def single(self, head: str) -> str:
        """The level that is best on held-out texts of the training part."""
        found = {}
        for level in self.run.levels if head == DIRECT else self.singles or self.run.levels:
            if head == DIRECT:
                found[level] = self.best_direct([level])[0]
            else:
                found[level] = float(np.nanmean(self.trained(head, self.run.folds[0], [level])))
        print("  ", head, {level: f"{100 * value:.1f}" for level, value in found.items()})
        return max(found, key=found.__getitem__)


def towers_of(texts: int, links: int, seed: int, epochs: int) -> TowersConfig:
    """The recipe's towers; on archives for which it trains none, more and smaller steps.

    Args:
        texts: number that is learned from.
        links: their number.
        seed: of the training.
        epochs: 0 for the usual number.
    """
    plan = TowersPlan()
    network = replace(plan.config.network, seed=seed)
    if texts < plan.fewest_texts:
        needed = -(-FEWEST_STEPS // max(1, links // SMALL_BATCH))
        network = replace(network, batch=SMALL_BATCH, epochs=max(network.epochs, needed))
    if epochs:
        network = replace(network, epochs=epochs)
    return replace(plan.config, network=network)


def words_of(part: Part) -> tuple[Vocabulary, Floats]:
    """The words of the route, and the share of each picture's texts that have them (N, V)."""
    known, plan = part.projections, SeenWordsPlan()
    texts = [known.pairs.texts[text] for text in known.texts]
    vocabulary = Vocabulary.of(texts, known.links, plan.fewest, plan.widest, plan.most_words)
    return vocabulary, vocabulary.shares(texts, known.links, len(known.pictures))


def word_scores(vocabulary: Vocabulary, logs: Floats, learned: int, texts: Sequence[str]) -> Floats:
    """Scores (Q, n): log probabilities of a text's words, above their mean where it was learned.

    A text without a word of the vocabulary has the same score for all pictures.
    """
    above = logs[learned:] - logs[:learned].mean(axis=0)
    return np.stack([above[:, vocabulary.places(text)].sum(axis=1) for text in texts])


def study(given: argparse.Namespace, bench: Bench) -> None:
    table = Table(given.cache / "values.json")
    for seed in given.seeds:
        began = time.perf_counter()
        run = bench.run(seed)
        print(f"seed {seed}: {len(run.texts)} test texts, {len(run.test.candidates)} candidates")
        print(f"  ridges {run.ridges}, text encoders {', '.join(run.choices.encoders)}")
        for head, name, levels, values in Study(
            run, given.singles, given.epochs, given.device
        ).measured(given.heads):
            table.add(seed, head, name, levels, run.texts, values)
            seconds = time.perf_counter() - began
            print(f"  {seconds:5.0f} s {head}, {name}: {100 * np.nanmean(values):.1f}")
        print("\n".join(table.lines(run.groups)), flush=True)


def regions(given: argparse.Namespace, bench: Bench) -> None:
    run = bench.run(given.seeds[0])
    part = run.folds[0]
    known = part.projections
    vocabulary, shares = words_of(part)
    keys = [known.pairs.keys[picture] for picture in known.pictures]
    channels = next(level.width for level in bench.backbone.spec.levels if level.name == "bn2")
    cells = cell_components(bench.cells([*keys, *part.keys]), len(keys), channels)
    links = part.relevant
    shown = vocabulary.shares(part.texts, links, len(part.keys)) > 0
    asked = np.flatnonzero([bool(vocabulary.places(text)) for text in part.texts])

    def values(logs: Floats) -> Floats:
        return part.values(word_scores(vocabulary, logs, len(shares), part.texts))[asked]

    settings = replace(DETECTORS, device=given.device)
    if given.epochs:
        settings = replace(settings, epochs=given.epochs)
    learns = detectors(part.pairs, run.levels, cells, shares, settings)
    print("\n".join(report(learns, given.seeds, shown, values)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("study", "regions"))
    parser.add_argument("archive", help="archive, as for picturedesk fit")
    parser.add_argument("--cache", type=Path, default=Path(".cache/levels"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=HEADS)
    parser.add_argument(
        "--epochs",
        type=int,
        default=0,
        help="of towers, and of detectors of regions, if not the recipe's",
    )
    parser.add_argument("--singles", nargs="+", default=(), help="levels for trained heads alone")
    parser.add_argument("--device", default="cpu", help="that heads are trained on")
    parser.add_argument("--test", type=float, help="share of test texts, if the archive has none")
    given = parser.parse_args()
    config = DeskConfig()
    if given.test is not None:
        config = replace(config, split=replace(config.split, test=given.test))
    config = replace(config, device=given.device)
    bench = Bench(given.archive, given.cache, config)
    {"study": study, "regions": regions}[given.what](given, bench)


if __name__ == "__main__":
    main()
