"""Damages a desk in every way a disk, a copy or a person might, and asks it what it asked before.

    python tests/torture.py                       # 2,000 damages of a desk made for it
    python tests/torture.py --damages 300 --seed 7 --desk DESK
    python tests/torture.py --desk DESK --only 1234    # one of them again, with its traceback

Every damage is one change of one file (``damages``), by turns of all files. After each, a copy of
the desk suggests by two routes, explains, evaluates, adds pictures and suggests again. Each of
these must give what the whole desk gives, to the last bit, or raise a PicturedeskError of one
line. Anything else is WRONG. Ends early when the time is over.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from damages import Damage
from picturedesk.desk import Desk
from picturedesk.disk.artifacts import plain
from picturedesk.errors import PicturedeskError
from shapes import draw, write_archive

TEXT = "We saw a yellow triangle after the rain. It was cold."
# Files that are written in place, also by a desk that is open elsewhere; others may be hard links.
GROWING = (".db", ".db-wal", ".db-shm")
EVERY_PROCESS = 97  # of so many damages, one is also shown to a whole process
SLOWEST = 60.0  # seconds that one damage may take


def suggested(desk: Desk, route: str) -> Any:
    found = desk.suggest(TEXT, k=7, route=route, where="licence != 'none'" if route else "")
    return [plain(list(found)), found.found, found.doubt]


def questions(photos: Path) -> dict[str, Callable[[Desk], Any]]:
    """What is asked; each on a desk opened once for all that only read, then once for adding."""

    def explained(desk: Desk) -> Any:
        return plain(desk.explain(TEXT, desk.suggest(TEXT, k=2)))

    def added(desk: Desk) -> Any:
        addition = plain(desk.add(photos))
        with Desk(desk.folder.root) as again:
            return [addition, suggested(desk, ""), suggested(again, "direct")]

    return {
        "suggest": lambda desk: suggested(desk, ""),
        "suggest directly": lambda desk: suggested(desk, "direct"),
        "explain": explained,
        "evaluate": lambda desk: desk.evaluate().as_json(),
        "add": added,
    }


def answers(path: Path, photos: Path, tracebacks: bool = False) -> dict[str, str]:
    """Per question its answer as JSON, "refused: …", or "WRONG: …"."""
    found: dict[str, str] = {}
    opened: Desk | None = None
    for name, ask in questions(photos).items():
        began = time.monotonic()
        try:
            if opened is not None and name == "add":
                opened.close()
                opened = None
            opened = opened or Desk(path)
            found[name] = json.dumps(ask(opened), sort_keys=True)
        except PicturedeskError as error:
            one_line = "\n" not in str(error) and str(error)
            found[name] = f"refused: {error}" if one_line else f"WRONG: not one line: {error!r}"
        except Exception as error:
            found[name] = f"WRONG: {type(error).__name__}: {error}"
            if tracebacks:
                traceback.print_exc()
        if time.monotonic() - began > SLOWEST:
            found[name] = f"WRONG: it took {time.monotonic() - began:.0f} s"
    if opened is not None:
        opened.close()
    return {name: said.replace(str(path), "DESK") for name, said in found.items()}


def process_answers(path: Path) -> str:
    """The same of ``picturedesk suggest`` as a whole process."""
    command = [sys.executable, "-m", "picturedesk", "suggest", TEXT, "--desk", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.replace(str(path), "DESK")
    one_line = done.stderr.count("\n") == 1 and done.stderr.startswith("error: ")
    if done.returncode == 1 and one_line:
        return f"refused: {done.stderr.strip()}".replace(str(path), "DESK")
    return f"WRONG: exit {done.returncode}: {done.stderr[-500:]}"


@dataclass
class Report:
    """What became of the damages."""

    damages: int = 0
    processes: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)  # of single questions
    unnoticed: Counter[str] = field(default_factory=Counter)  # files whose damage changed nothing
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return (
            f"{self.damages} damages, {sum(self.outcomes.values())} answers: {told}; "
            f"{self.processes} whole processes; {len(self.wrong)} WRONG"
        )


class Torture:
    """Damages copies of a desk, which stays as it is.

    Args:
        desk: a whole one.
        scratch: an empty folder on the same disk.
        seed: of the damages.
    """

    def __init__(self, desk: Path, scratch: Path, seed: int) -> None:
        self.desk = desk
        self.scratch = scratch
        self.seed = seed
        self.report = Report()
        self._photos = scratch / "photos"
        self._photos.mkdir()
        draw("yellow", "triangle", seed=9001).save(self._photos / "new.png")
        draw("green", "circle", seed=9002).save(self._photos / "other.png")
        copied = self._copy()
        self._whole = {"process": process_answers(copied), **answers(copied, self._photos)}
        shutil.rmtree(copied.parent)
        broken = [f"{name}: {said[:300]}" for name, said in self._whole.items() if _is_error(said)]
        if broken:
            raise RuntimeError(f"the whole desk does not answer: {broken}")

    def damage(self, number: int, tracebacks: bool = False) -> None:
        """One damage, and all questions."""
        one = Damage(self.seed, number)
        self.ask_after(one.apply, f"#{number}", number % EVERY_PROCESS == 0, tracebacks)

    def ask_after(
        self,
        harm: Callable[[Path], str],
        name: str,
        process: bool = False,
        tracebacks: bool = False,
    ) -> None:
        """Harms a copy of the desk, and asks it all questions.

        Args:
            harm: does it, and says what it did to which file.
            name: of the damage, for the report.
            process: whether to ask a whole process too.
            tracebacks: whether to show those of what is no PicturedeskError.
        """
        copied = self._copy()
        done = harm(copied)
        found = {"process": process_answers(copied)} if process else {}
        found |= answers(copied, self._photos, tracebacks)
        self.report.processes += process
        for question, said in found.items():
            self._judge(f"{name} {done}, {question}", said, question)
        if all(said == self._whole[question] for question, said in found.items()):
            self.report.unnoticed[done.split()[-1]] += 1
        self.report.damages += 1
        shutil.rmtree(copied.parent)

    def _judge(self, done: str, said: str, question: str) -> None:
        if said == self._whole[question]:
            self.report.outcomes["the same"] += 1
        elif said.startswith("refused: "):
            self.report.outcomes["refused in one line"] += 1
        else:
            self.report.outcomes["WRONG"] += 1
            told = said if said.startswith("WRONG") else f"WRONG: another answer: {said[:300]}"
            self.report.wrong.append(f"{done}: {told}")

    def _copy(self) -> Path:
        """A copy that may be damaged: hard links, but for files that are written in place."""
        copied = Path(tempfile.mkdtemp(dir=self.scratch)) / "desk"

        def link(source: str, target: str) -> None:
            if source.endswith(GROWING):
                shutil.copyfile(source, target)
            else:
                os.link(source, target)

        shutil.copytree(self.desk, copied, copy_function=link)
        return copied


def _is_error(said: str) -> bool:
    return said.startswith(("refused", "WRONG"))


def make_desk(folder: Path) -> Path:
    """A small desk of the default recipe."""
    Desk.fit(write_archive(folder / "archive", copies=3), folder / "desk")
    return folder / "desk"


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--damages", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first damage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0, help="end after so long")
    parser.add_argument("--desk", type=Path, help="a desk; none makes one")
    parser.add_argument("--only", type=int, help="this damage alone, with its traceback")
    options = parser.parse_args()
    warnings.simplefilter("error")
    deadline = time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as home:
        desk = options.desk or make_desk(Path(home))
        (Path(home) / "scratch").mkdir()
        torture = Torture(desk, Path(home) / "scratch", options.seed)
        numbers = range(options.first, options.first + options.damages)
        if options.only is not None:
            numbers = range(options.only, options.only + 1)
        for number in numbers:
            if time.monotonic() > deadline:
                say(f"the time is over at damage {number}")
                break
            seen = len(torture.report.wrong)
            torture.damage(number, tracebacks=options.only is not None)
            for line in torture.report.wrong[seen:]:
                say(line)
            if number % 100 == 99:
                say(f"… {torture.report}")
    say(f"seed {options.seed}: {torture.report}")
    unnoticed = [f"{file} {n}" for file, n in torture.report.unnoticed.most_common()]
    say(f"damages that changed no answer, by file: {', '.join(unnoticed)}")
    return bool(torture.report.wrong)


if __name__ == "__main__":
    sys.exit(main())
