"""3. Measures a desk on held-out texts of an archive, and whether a difference is real.

python examples/measure_your_archive.py [ARCHIVE]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from made_archive import write_archive

from picturedesk import Desk, DeskConfig, paired_difference


def main(archive: str = "") -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table = archive or write_archive(folder / "archive", copies=20)
        config = replace(DeskConfig.of("best"), sentences=())
        with Desk.fit(table, folder / "desk", config) as desk:
            rows = {
                row.name: row for row in desk.evaluate().rows if row.direction == "text → picture"
            }
        for name, row in rows.items():
            print(f"{name:<24} MRR {row.scores.mrr:.3f}  median rank {row.scores.median_rank:g}")
        # The same texts, ranked by two routes: their differences are drawn again and again.
        direct, transfer = (rows[name].queries.reciprocal_ranks for name in ("direct", "transfer"))
        found = paired_difference(direct, transfer, resamples=2000)
        print(f"direct less transfer: {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})")
        print("a real difference" if found.significant else "it may be chance: use more texts")


if __name__ == "__main__":
    main(*sys.argv[1:2])
