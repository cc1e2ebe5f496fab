"""How many mispaired pairs an audit finds: a share of an archive's links is shuffled before a fit.

    python benchmarks/audit.py sohu:PATH --desk /tmp/desk --seeds 3

For every seed, gives some pairs each other's pictures, fits the recipe best on the result, audits
it, and counts the shuffled pairs among the first tenth of all pairs that the audit ranks. Pictures
are read once, into the desk folder. Takes minutes for every seed.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from picturedesk.desk.auditing import AuditConfig, audit_desk
from picturedesk.desk.fit import hold_out, remember
from picturedesk.desk.folder import DeskFolder
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.preparation import Prepared, ReadableArchive
from picturedesk.learning.recipes import Learned, learn_best
from picturedesk.report.audit_records import Audit
from picturedesk.routes import Pictures
from picturedesk.store.archive_memory import ArchiveMemory
from picturedesk.store.features import FeatureStore
from picturedesk.types import Entries, silent
from quality import Bench

FIRST = 0.1  # of all pairs, the most suspicious ones


def shuffled(
    read: ReadableArchive, share: float, seed: int
) -> tuple[ReadableArchive, set[tuple[str, str]]]:
    """The archive with a share of its links shuffled; text id and picture key of each wrong one."""
    archive = read.archive
    links = archive.links.copy()
    rows = np.random.default_rng(seed).permutation(len(links))[: round(share * len(links))]
    links[rows, 1] = links[np.roll(rows, 1), 1]
    moved = rows[links[rows, 1] != archive.links[rows, 1]]
    wrong = {(archive.texts[text].id, read.keys[picture]) for text, picture in links[moved]}
    return replace(read, archive=replace(archive, links=links)), wrong


def audited(desk: Path, prepared: Prepared, learned: Learned) -> Audit:
    """The audit of what was learned, with every pair listed."""
    ready = prepared.ready
    pictures = Pictures(learned.matcher, ready.keys, prepared.features)
    entries = Entries(ready.archive.pictures, learned.blend.vectors(pictures))
    with FeatureStore.open(DeskFolder(desk).features) as store:
        hashes = store.hashes(ready.keys)
    with TemporaryDirectory() as folder:
        remember(Path(folder) / "memory", prepared, learned)
        with ArchiveMemory.open(Path(folder) / "memory") as memory:
            return audit_desk(
                ready.archive.name,
                learned.blend,
                memory,
                hold_out(prepared, learned).rows,
                entries,
                hashes,
                AuditConfig(most=len(ready.archive.links), asked=1),
                silent,
            )


def main() -> None:
    """Fits and audits with every seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archive", help="archive, as for picturedesk fit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.05, help="of the links, shuffled")
    parser.add_argument("--desk", type=Path, default=Path("audit-desk"))
    given = parser.parse_args()
    bench = Bench(given.archive, given.desk, DeskConfig())
    for seed in range(given.seeds):
        read, wrong = shuffled(bench.read, given.share, seed)
        ready = read.split(replace(bench.config.split, seed=seed))
        prepared = Prepared(ready, bench.features, bench.backbone.spec, bench.backbone.classes)
        learned = learn_best(prepared, bench.config.with_seed(seed), silent, bench.sentences)
        audit = audited(given.desk, prepared, learned)
        first = audit.suspects[: round(FIRST * audit.pairs)]
        found = sum((pair.id, pair.picture.key) in wrong for pair in first)
        sys.stdout.write(
            f"seed {seed}: {found} of {len(wrong)} shuffled pairs "
            f"({found / max(len(wrong), 1):.0%}) among the first {len(first)} of {audit.pairs}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
