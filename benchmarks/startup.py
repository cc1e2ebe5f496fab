"""Start-up times of verbs, and the size of an installation.

    python benchmarks/startup.py --desk DESK     # also `suggest` and `info` of this desk
    python benchmarks/startup.py --install       # also installs into empty environments: minutes

Each time is that of a whole process; the first run, not counted, warms the disk's cache. Sizes are
those of an environment's packages after ``pip install picturedesk[EXTRAS]``, without Python itself,
pip and setuptools. The last line printed is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNS = 7
EXTRAS = ("", "languages", "index", "serve", "train")


def process(arguments: list[str]) -> dict[str, float]:
    """Median wall and CPU seconds, and peak memory, of a whole process."""
    taken = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "picturedesk", *arguments], stdout=subprocess.DEVNULL
        ) as running:
            _, status, used = os.wait4(running.pid, 0)
            running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise SystemExit(f"picturedesk {' '.join(arguments)} ended with {running.returncode}")
        wall = time.perf_counter() - began
        taken.append((wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))
    wall, cpu, peak = map(statistics.median, zip(*taken[1:], strict=True))
    return {"s": wall, "cpu_s": cpu, "peak_mb": peak}


def installed_mb(extra: str) -> float:
    """Megabytes of packages that an empty environment gets."""
    with tempfile.TemporaryDirectory() as name:
        folder, source = Path(name) / "packages", Path(name) / "source"
        source.mkdir()
        for part in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / part, source)
        shutil.copytree(ROOT / "src", source / "src")
        wanted = f"{source}[{extra}]" if extra else str(source)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--ignore-installed", "--target", folder, wanted], check=True)
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--desk", type=Path)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--extras", default=",".join(EXTRAS[:-1]))
    given = parser.parse_args()
    verbs = {"--version": ["--version"], "--help": ["--help"], "suggest --help": ["suggest", "-h"]}
    if given.desk:
        verbs["info"] = ["info", str(given.desk)]
        verbs["suggest"] = ["suggest", "the sea at night", "--desk", str(given.desk)]
    report: dict[str, Any] = {"load_before": os.getloadavg()[0], "verbs": {}}
    for name, arguments in verbs.items():
        report["verbs"][name] = found = process(arguments)
        print(f"{name:16}" + ", ".join(f"{key} {value:.2f}" for key, value in found.items()))
    if given.install:
        report["installed_mb"] = {}
        for extra in given.extras.split(","):
            report["installed_mb"][extra or "base"] = size = installed_mb(extra)
            print(f"{extra or 'base':16}{size:.0f} MB", flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
