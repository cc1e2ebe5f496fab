"""Compares the levels of networks on one archive; prints the time and the adviser's result.

    python benchmarks/levels.py sohu:PATH --backbone default --backbone resnet18

The cache keeps features, so that pictures are read once.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from picturedesk.cli import show
from picturedesk.datasets import open_archive
from picturedesk.disk.artifacts import plain
from picturedesk.research.adviser import Advice, ChoiceConfig, NetworkConfig, advise_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archive", help="archive, as for picturedesk fit")
    parser.add_argument("--backbone", action="append", help="preset or timm model; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".cache/levels"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="also write the result as JSON to this file")
    arguments = parser.parse_args()

    archive = open_archive(arguments.archive)
    found = {}
    for name in arguments.backbone or ["default"]:
        network = NetworkConfig(name, device=arguments.device)
        config = replace(ChoiceConfig(), network=network).with_seed(arguments.seed)
        began = time.perf_counter()
        with show.progress() as progress:
            advice = advise_on(archive, arguments.cache, config, progress=progress)
        seconds = time.perf_counter() - began
        found[name] = {"seconds": round(seconds, 1), **plain(advice)}
        _show(name, advice, seconds)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def _show(name: str, advice: Advice, seconds: float) -> None:
    print(f"{name}: {advice.texts} texts, {advice.pictures} pictures, {seconds:.0f} s")
    if advice.agreement:
        print(f"  Spearman with MRR: neighbours {advice.agreement.neighbours:.3f}, ", end="")
        print(f"CKA {advice.agreement.cka:.3f}")
    for score in advice.sets:
        mark = "*" if score.levels == advice.recommended else " "
        print(
            f"{mark} {100 * score.mrr:5.1f} {100 * score.recall10:5.1f}  {' '.join(score.levels)}"
        )


if __name__ == "__main__":
    main()
