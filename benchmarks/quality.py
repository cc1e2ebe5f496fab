"""Fits and evaluates one archive with several seeds; prints every route as mean ± deviation.

    python benchmarks/quality.py sohu:PATH --seeds 3 --desk /tmp/desk

The pictures are read once: all seeds share the desk's feature store.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from picturedesk.cli import show
from picturedesk.datasets import open_archive
from picturedesk.desk import Desk, DeskConfig
from picturedesk.evaluation import summarise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archive", help="as picturedesk fit takes it")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--desk", type=Path, default=Path("quality-desk"))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()

    archive = open_archive(arguments.archive)
    evaluations = []
    for seed in range(arguments.seeds):
        with show.progress() as progress:
            report = Desk.fit_report(
                archive, arguments.desk, DeskConfig().with_seed(seed), progress
            )
        print(f"seed {seed}: {report.seconds}, epoch {report.best_epoch} of {report.epochs}")
        evaluations.append(Desk(arguments.desk).evaluate())
    summary = summarise(evaluations)
    for title, columns, rows in summary.tables():
        show.table(title, columns, rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(summary.as_json(), indent=2) + "\n")


if __name__ == "__main__":
    main()
