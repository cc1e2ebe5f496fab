"""The examples of docs/server.md, run against a real server."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from make_docs import DOCS
from picturedesk.client import Client
from servers import serving
from shapes import draw

PAGE = (DOCS / "server.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [
    line.strip()
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("curl")
]
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_curl_of_the_page_works(quick_desk: Path, tmp_path: Path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "story.txt").write_text("A red circle by the river")
    draw("red", "circle", seed=50).save(tmp_path / "photo.png")
    assert len(COMMANDS) > 20
    with serving(quick_desk) as address:
        with Client(address) as client:
            first, second = client.pictures(limit=2).pictures
        names = {"URL": address, "KEY_OF_A_PICTURE": first.key, "KEY_OF_ANOTHER": second.key}
        for command in COMMANDS:
            done = subprocess.run(
                ["bash", "-c", command.replace("curl -s", "curl -sS --fail-with-body")],
                cwd=tmp_path,
                env=os.environ | names,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            if "-o " not in command and "metrics" not in command:
                json.loads(done.stdout)
    assert (tmp_path / "small.webp").read_bytes()[8:12] == b"WEBP"
    assert len((tmp_path / "begin.png").read_bytes()) == 1024


def test_the_program_of_the_page_works(quick_desk: Path, capsys: pytest.CaptureFixture[str]):
    (program,) = PROGRAMS
    text = "The river rose after days of rain"
    ast.parse(program)
    with serving(quick_desk) as address:
        code = program.replace("http://127.0.0.1:8642", address)
        exec(compile(code.replace(text, "a red circle by the river"), "server.md", "exec"), {})
    assert capsys.readouterr().out
