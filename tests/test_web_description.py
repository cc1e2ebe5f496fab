"""The description of the API: what it says holds for every request that is made of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from servers import serving

SETTINGS = Path(__file__).with_name("schemathesis.toml")
BOUNDS = ("--max-examples", "4", "--seed", "11", "--request-timeout", "60")


def test_requests_made_of_the_description_find_no_fault(quick_desk: Path):
    """Refit is left out: each would fit a desk; ``test_web_jobs`` has one."""
    pytest.importorskip("schemathesis", reason="needs the extra 'dev'")
    with serving(quick_desk) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS)),
                *("run", f"{address}/v1/openapi.json", "--exclude-path", "/v1/refit"),
                *("--phases", "examples,coverage,fuzzing", "--continue-on-failure", *BOUNDS),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
