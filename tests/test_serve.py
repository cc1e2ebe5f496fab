"""The verb serve: what it refuses in one line, what it loads, and several workers on one desk."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

import httpx

from picturedesk.cli.app import reported, run
from picturedesk.client import Client
from picturedesk.desk import Desk
from picturedesk.errors import PicturedeskError
from picturedesk.web.config import ServeConfig
from servers import serving

WITHOUT = (
    "import sys; sys.modules[{name!r}] = None; from picturedesk.cli import main; sys.exit(main())"
)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of an error."""
    with pytest.raises(PicturedeskError) as caught:
        run(["serve", *words])
    assert reported(caught.value) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_folder_that_is_no_desk_is_refused(capsys: pytest.CaptureFixture[str]):
    assert "absent is not a desk" in told(capsys, "--desk", "absent")


def test_a_port_that_is_taken_is_refused(fitted_desk: Path, capsys: pytest.CaptureFixture[str]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = told(capsys, "--desk", str(fitted_desk), "--port", port)
    assert f"127.0.0.1 port {port} cannot be listened on" in line
    assert "choose another with --port" in line


def test_others_reach_it_only_if_there_is_a_key(
    fitted_desk: Path, capsys: pytest.CaptureFixture[str]
):
    assert "keys add" in told(capsys, "--desk", str(fitted_desk), "--host", "0.0.0.0")


@pytest.mark.parametrize("name", ["fastapi", "uvicorn", "nh3", "prometheus_client"])
def test_without_the_extra_it_says_how_to_install_it(name: str, fitted_desk: Path):
    code = WITHOUT.format(name=name)
    command = [sys.executable, "-c", code, "serve", "--desk", str(fitted_desk), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        "error: picturedesk serve needs the extra 'serve': pip install 'picturedesk[serve]'\n"
    )


def test_the_server_loads_nothing_that_trains(own_desk: Path):
    program = "\n".join(
        [
            "import sys",
            *(f"sys.modules[{name!r}] = None" for name in ("torch", "timm", "sklearn")),
            "from pathlib import Path",
            "from picturedesk.web.app import create_app, made",
            "from picturedesk.web.config import ServeConfig",
            f"config = ServeConfig(Path({str(own_desk)!r}))",
            "create_app(config)",
            "served = made(config)",
            "with served.desk.using() as desk:",
            "    assert len(desk.suggest('a red circle')) == 10",
            "served.desk.close(); served.jobs.close()",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_several_workers_share_a_desk_and_its_jobs(quick_desk: Path):
    with serving(quick_desk, "--workers", "2") as address:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: asked(address), range(24)))
        assert set(found) == {found[0]}
        with Client(address) as client:
            key = client.pictures(limit=1).pictures[0].key
            client.edit([key], {"caption": "Fog over the sea"})
            for _ in range(8):  # whichever worker answers
                with Client(address) as other:
                    assert other.picture(key).caption == "Fog over the sea"
            answered = httpx.get(f"{address}/metrics").text
    counted = [line for line in answered.splitlines() if 'route="/v1/suggest"' in line]
    assert any(line.endswith(" 24.0") and "_total" in line for line in counted), counted


def asked(address: str) -> tuple[str, ...]:
    with Client(address) as client:
        return tuple(one.picture.key for one in client.suggest("a red circle by the river"))


def test_the_page_has_its_own_files_only(quick_desk: Path):
    with serving(quick_desk) as address, httpx.Client(base_url=address) as http:
        for path in ("/page/../config.py", "/page/%2e%2e/config.py", "/page//etc/passwd"):
            assert http.get(path).status_code == 404, path
        found = http.get("/page/languages.json")
        assert found.headers["content-type"] == "application/json"
        again = http.get("/page/languages.json", headers={"If-None-Match": found.headers["etag"]})
        assert again.status_code == 304


def test_uploads_are_limited_while_they_come(quick_desk: Path, tmp_path: Path):
    large = tmp_path / "large.png"
    large.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300_000))
    limits = ("--max-upload-megabytes", "0.1", "--max-files", "2")
    with serving(quick_desk, *limits) as address, httpx.Client(base_url=address) as http:
        for path, field in (("/v1/pictures", "files"), ("/v1/similar", "file")):
            with large.open("rb") as file:
                answer = http.post(path, files={field: ("../../x.png", file)})
            assert (answer.status_code, answer.json()["title"]) == (413, "Too large")
            assert answer.json()["detail"] == "x.png has more than 0.1 megabytes"
        several = [("files", (f"{n}.png", b"no picture")) for n in range(3)]
        assert http.post("/v1/pictures", files=several).status_code == 413
        lying = http.post("/v1/pictures", files={"files": ("a.png", b"GIF89a")})
        assert lying.status_code == 201
        (left,) = lying.json()["rejections"]
        assert (left["source"], "broken GIF" in left["reason"]) == ("a.png", True)
        odd = http.post("/v1/pictures", files={"files": ("a.png", b"x")}, data={"other": "x"})
        assert odd.status_code == 400
        torn = {"Content-Type": "multipart/form-data; boundary=b"}
        half = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nxx'
        assert http.post("/v1/pictures", content=half, headers=torn).status_code == 400
    folder = ServeConfig(quick_desk).folder
    assert list((folder / "incoming").iterdir()) == []
    assert not (folder / "uploads").exists()
    with Desk(quick_desk) as desk:
        assert desk.catalogue.count() == 192
