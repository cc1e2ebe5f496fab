"""Every benchmark starts: what it imports is there, and it tells its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_benchmark_starts(program: Path):
    pytest.importorskip("torch", reason="benchmarks train, with the extra 'train'")
    done = subprocess.run(
        [sys.executable, program, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    helps = "main(" in program.read_text(encoding="utf-8")
    assert ("usage:" in done.stdout) == helps
