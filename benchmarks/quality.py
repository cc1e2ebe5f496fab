"""Fits one archive with several seeds and measures it on its test texts.

    python benchmarks/quality.py routes sohu:PATH --desk /tmp/desk --recipe best
    python benchmarks/quality.py levels sohu:PATH --desk /tmp/desk
    python benchmarks/quality.py sizes sohu:PATH --desk /tmp/desk

``routes``: every route, mean ± deviation over seeds; the blend against each route by a paired
bootstrap; calibration of the confidence. ``levels``: all levels against the single level that is
best in cross-validation. ``sizes``: every route for several sizes of the archive. Pictures are read
once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.cli import show
from picturedesk.datasets import open_archive
from picturedesk.desk.fit import measure_learned, open_backbone
from picturedesk.desk.folder import DeskFolder
from picturedesk.desk.measure import Measured
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, ReadableArchive, readable
from picturedesk.learning.recipes import learn_best, learn_paper, open_sentences
from picturedesk.measuring.evaluation import TO_PICTURE, summarise
from picturedesk.measuring.significance import paired_difference
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.texts import load_text_encoder
from picturedesk.types import Floats, silent

SIZES = (50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200)


class Remembering:
    """A text encoder with a cache: it encodes each text once."""

    def __init__(self, encoder):
        self._encoder = encoder
        self._known: dict[str, Floats] = {}

    width = property(lambda self: self._encoder.width)
    fingerprint = property(lambda self: self._encoder.fingerprint)

    def encode(self, texts: Sequence[str]) -> Floats:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, self._encoder.encode(new), strict=True))
        known = [self._known[text] for text in texts]
        return np.array(known, dtype=np.float32).reshape(len(known), self.width)

    def save(self, folder: Path) -> None:
        self._encoder.save(folder)

    @classmethod
    def load(cls, folder: Path):
        return cls(load_text_encoder(folder))


class Bench:
    """An archive whose pictures have been read."""

    def __init__(self, spec: str, desk: Path, config: DeskConfig) -> None:
        folder = DeskFolder(desk)
        desk.mkdir(parents=True, exist_ok=True)
        archive = open_archive(spec)
        self.config = config
        self.backbone: Backbone = open_backbone(folder, config)
        uris = [picture.uri for picture in archive.pictures]
        with (
            show.progress() as progress,
            FeatureStore.open(folder.features, self.backbone.spec) as store,
        ):
            keys = extract(uris, self.backbone, store, ExtractConfig(), progress).keys
            self.read = readable(archive, keys, store)
            self.features = store.read(self.read.keys)
        opened = open_sentences(config) if config.recipe == "best" else {}
        self.sentences = {name: Remembering(encoder) for name, encoder in opened.items()}

    def split(self, seed: int) -> ReadableArchive:
        return self.read.split(replace(self.config.split, seed=seed))

    def run(self, seed: int, levels: Sequence[str] = (), size: int = 0):
        """Fits with one seed, on ``size`` training texts if given; returns fit and measurement."""
        ready = self.split(seed)
        if size:
            ready = _fewer(ready, size, seed)
        config = self.config.with_seed(seed)
        prepared = Prepared(ready, self.features, self.backbone.spec, self.backbone.classes)
        learned = (
            learn_best(prepared, config, silent, self.sentences, levels)
            if config.recipe == "best"
            else learn_paper(prepared, config, silent)
        )
        return learned, measure_learned(prepared, learned)


def _fewer(ready: ReadableArchive, size: int, seed: int) -> ReadableArchive:
    """The same archive with ``size`` training texts; the others are set aside."""
    training = np.random.default_rng(seed).permutation(ready.texts_of("train"))
    parts = np.array(ready.archive.parts, dtype=object)
    parts[training[size:]] = "validate"  # which the recipe best does not read
    return replace(ready, archive=replace(ready.archive, parts=tuple(parts)))


def _hits(runs: Sequence[Measured], route: str) -> Floats:
    """For each text, how often the right picture is among the first ten, 0 to 1.

    The mean over seeds if all have the same test texts; otherwise the seeds concatenated.
    """
    hits = []
    for run in runs:
        rows = {row.name: row for row in run.evaluation.rows if row.direction == TO_PICTURE}
        hits.append(rows[route].queries.hits[10].astype(float))
    asked = [run.routes.texts for run in runs]
    if all(np.array_equal(texts, asked[0]) for texts in asked):
        return np.mean(hits, axis=0)
    return np.concatenate(hits)


def _compare(name: str, a: Floats, b: Floats) -> str:
    """The difference of two routes on the same texts, with a paired bootstrap."""
    found = paired_difference(a, b)
    return (
        f"{name}: {100 * found.mean:+.1f} points of recall@10 "
        f"(95 % {100 * found.low:+.1f} to {100 * found.high:+.1f}, p {found.p:.4f})"
    )


def routes(bench: Bench, seeds: range) -> dict:
    runs = []
    for seed in seeds:
        learned, measured = bench.run(seed)
        print(f"seed {seed}: {json.dumps(_plain(learned.facts))}", flush=True)
        runs.append(measured)
    summary = summarise([run.evaluation for run in runs])
    for title, columns, rows in summary.tables():
        show.table(title, columns, rows)
    names = [row.name for row in runs[0].evaluation.rows if row.direction == TO_PICTURE]
    if "blend" in names:
        ours = _hits(runs, "blend")
        for name in names:
            if name not in ("chance", "blend"):
                print(_compare(f"blend against {name}", ours, _hits(runs, name)))
    for name in runs[0].reliability:
        eces = [run.reliability[name].ece for run in runs]
        noise = np.mean([run.reliability[name].noise for run in runs])
        auc = np.mean([run.reliability[name].auc for run in runs])
        print(
            f"{name}: expected calibration error {np.mean(eces):.3f} ± {np.std(eces):.3f}, "
            f"of a perfect one {noise:.3f}; AUC {auc:.3f}"
        )
    return summary.as_json()


def levels(bench: Bench, seeds: range) -> dict:
    names = [str(level) for level in bench.backbone.spec.levels]
    validated: dict[str, list[float]] = {name: [] for name in names}
    single: dict[str, list[Measured]] = {name: [] for name in names}
    every = []
    for seed in seeds:
        every.append(bench.run(seed)[1])
        for name in names:
            learned, measured = bench.run(seed, [name])
            validated[name].append(learned.facts["cross_validated"]["direct"])
            single[name].append(measured)
    for name in names:
        found = 100 * _hits(single[name], "direct").mean()
        print(f"{name}: validated MRR {100 * np.mean(validated[name]):.1f}, recall@10 {found:.1f}")
    best = max(names, key=lambda name: np.mean(validated[name]))
    all_of_them = _hits(every, "direct")
    print(f"all levels: recall@10 {100 * all_of_them.mean():.1f}")
    against = f"all levels against {best} (the best validated)"
    print(_compare(against, all_of_them, _hits(single[best], "direct")))
    return {"best": best}


def sizes(bench: Bench, seeds: range) -> dict:
    most = len(bench.split(0).texts_of("train"))
    found = {}
    for size in [size for size in SIZES if size < most] + [most]:
        runs = [bench.run(seed, size=size)[1] for seed in seeds]
        names = [row.name for row in runs[0].evaluation.rows if row.direction == TO_PICTURE]
        found[size] = {
            name: (
                float(np.mean([run.evaluation.row(name).recall[10] for run in runs])),
                float(np.mean([run.evaluation.row(name).mrr for run in runs])),
            )
            for name in names
        }
        shown = ", ".join(f"{n} {100 * r:.1f} / {100 * m:.1f}" for n, (r, m) in found[size].items())
        print(f"{size} pairs, recall@10 / MRR: {shown}", flush=True)
        best = max(
            (n for n in names if n not in ("chance", "blend")), key=lambda n: found[size][n][1]
        )
        told = _compare(f"blend against {best}", _hits(runs, "blend"), _hits(runs, best))
        print(f"   {told}", flush=True)
    return found


def _plain(facts: object) -> object:
    from picturedesk.disk.artifacts import plain

    return plain(facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("routes", "levels", "sizes"))
    parser.add_argument("archive", help="archive, as for picturedesk fit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default="best")
    parser.add_argument("--desk", type=Path, default=Path("quality-desk"))
    parser.add_argument("--json", type=Path, help="also write the figures as JSON to this file")
    arguments = parser.parse_args()
    bench = Bench(arguments.archive, arguments.desk, DeskConfig.of(arguments.recipe))
    found = {"routes": routes, "levels": levels, "sizes": sizes}[arguments.what](
        bench, range(arguments.seeds)
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
