"""The examples run, offline and on what they draw themselves."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("timm", reason="fitting needs the extra 'train'")

EXAMPLES = Path(__file__).parent.parent / "examples"


def output(*arguments: str, given: str = "") -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, cwd=EXAMPLES.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fit_and_suggest():
    told = output(str(EXAMPLES / "fit_and_suggest.py"))
    assert "1 picture added, 49 can be suggested" in told
    assert re.search(r"^1\. boat-\d+\.png|^1\. boat\.png", told, re.MULTILINE), told
    assert "as for: The ferry left the harbour" in told


def test_a_service_with_filters():
    requests = [
        {"text": "The ferry left the harbour", "k": 2, "licence": "cc0"},
        {"text": "The ferry left the harbour", "k": 2, "licence": "none' OR '1'='1"},
        {"text": "…"},
    ]
    given = "\n".join(json.dumps(request) for request in requests)
    told = output(str(EXAMPLES / "serve_with_filters.py"), given=given)
    first, injected, wordless = (json.loads(line) for line in told.splitlines())
    assert [one["licence"] for one in first["pictures"]] == ["cc0", "cc0"]
    assert injected["pictures"] == []
    assert "no word of the text is known" in wordless["error"]


def test_measuring_an_archive():
    told = output(str(EXAMPLES / "measure_your_archive.py"))
    assert re.search(r"^direct +MRR 0\.\d+  median rank", told, re.MULTILINE), told
    assert "direct less transfer:" in told
    assert "real difference" in told or "may be chance" in told


def test_the_notebook_runs_cell_by_cell(tmp_path: Path):
    notebook = json.loads((EXAMPLES / "look_inside.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(one["source"]) for one in notebook["cells"] if one["cell_type"] == "code"]
    assert all(one["outputs"] == [] for one in notebook["cells"] if one["cell_type"] == "code")
    script = tmp_path / "notebook.py"
    script.write_text("\n".join(cells), encoding="utf-8")
    told = output(str(script))
    assert "levels that this desk reads:" in told
    assert "  route " in told
    assert "  word " in told
