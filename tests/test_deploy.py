"""The image and the service: each of their steps, also where neither Docker nor systemd runs."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="serving needs the extra 'serve'")

from picturedesk.cli.app import run
from picturedesk.errors import BadInput
from servers import serving

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "Dockerfile"
UNIT = ROOT / "deploy" / "picturedesk.service"
TRAINING = {"torch", "torchvision", "timm", "onnxscript", "open-clip-torch", "gensim", "triton"}
KINDS = {".py", ".js", ".json", ".css", ".html"}  # of files that the package must have
LONG = 600  # seconds


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile."""

    name: str
    said: str

    @property
    def words(self) -> list[str]:
        """What is given as a JSON list, or as words of a shell."""
        if self.said.startswith("["):
            words: list[str] = json.loads(self.said)
            return words
        return shlex.split(self.said)


def steps() -> list[Step]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    return [Step(*(line.split(None, 1))) for line in lines if line]


def all_of(name: str) -> list[Step]:
    return [step for step in steps() if step.name == name]


def only(name: str) -> Step:
    (found,) = all_of(name)
    return found


# The image


def test_the_image_is_slim_and_its_base_is_named_exactly():
    bases = [step.words[0] for step in all_of("FROM")]
    assert set(bases) == {"python:3.11-slim-bookworm"}
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert python == ">=3.11"


def test_nothing_runs_as_root():
    names = [step.name for step in steps()]
    last_stage = len(names) - names[::-1].index("FROM")
    after = steps()[last_stage:]
    (user,) = [step for step in after if step.name == "USER"]
    assert user.said.isdecimal()
    assert int(user.said) >= 1000
    assert f"--uid {user.said} " in next(step.said for step in after if step.name == "RUN")
    assert [step.name for step in after].index("USER") < [step.name for step in after].index("CMD")


def wanted(extras: set[str]) -> set[str]:
    """All distributions that picturedesk needs with these extras."""
    found: set[str] = set()
    waiting = [("picturedesk", extras)]
    while waiting:
        name, with_extras = waiting.pop()
        for line in requirements(name):
            needed = re.match(r"[\w.-]+", line)
            assert needed
            distribution = re.sub(r"[-_.]+", "-", needed[0]).lower()
            _, _, marker = line.partition(";")
            extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
            if extra and extra[1] not in with_extras:
                continue
            inner = re.search(r"\[([\w,\s-]+)\]", line.partition(";")[0])
            asked = set(re.split(r"\s*,\s*", inner[1])) if inner else set()
            if distribution not in found or asked:
                found.add(distribution)
                if (distribution, asked) not in waiting and distribution != name:
                    waiting.append((distribution, asked))
    return found


def requirements(name: str) -> list[str]:
    if name == "picturedesk":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        lines = list(project["dependencies"])
        for extra, more in project["optional-dependencies"].items():
            lines += [f"{line}; extra == '{extra}'" for line in more]
        return lines
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # for another system, or another Python
        return []


def test_the_image_has_no_torch():
    (install,) = [step.said for step in all_of("RUN") if "pip install" in step.said]
    extras = set(re.search(r"'\.\[([\w,]+)\]'", install)[1].split(","))  # type: ignore[index]
    assert {"serve", "mcp"} <= extras
    needed = wanted(extras)
    assert {"fastapi", "uvicorn", "mcp", "nh3", "onnxruntime"} <= needed
    assert not needed & TRAINING
    assert "--no-cache-dir" in install


def copied(folder: Path) -> Path:
    """What the first stage copies from the project, but for what .dockerignore leaves out."""
    listed = (ROOT / ".dockerignore").read_text().split("\n")
    kept = {line[1:] for line in listed if line.startswith("!")}
    assert "*" in listed
    for step in all_of("COPY"):
        *sources, target = step.words
        if sources[0].startswith("--from="):
            continue
        for source in sources:
            assert Path(source).parts[0] in kept
            place = folder / target
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(ROOT / source, place, ignore=ignored)
            else:
                shutil.copy(ROOT / source, place / source)
    return folder


def test_what_is_copied_is_enough_to_build_the_package(tmp_path: Path):
    folder = tmp_path / "build"
    folder.mkdir()
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(
        [*(sys.executable, "-m", "pip", "wheel", *options, "-w", "out"), str(copied(folder))],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        timeout=LONG,
    )
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    there = (path for path in (ROOT / "src").rglob("*") if path.suffix in KINDS)
    missing = {path.relative_to(ROOT / "src").as_posix() for path in there} - names
    assert missing == set()


def test_the_health_check_knows_a_server_that_lives(fitted_desk: Path, tmp_path: Path):
    check = only("HEALTHCHECK").said.partition("CMD ")[2]
    python, flag, code = json.loads(check)
    assert (python, flag) == ("python", "-c")
    port = option(only("CMD").words, "--port")
    assert f":{port}/v1/health" in code
    desk = Path(shutil.copytree(fitted_desk, tmp_path / "desk"))
    with serving(desk) as address:
        living = code.replace(f"127.0.0.1:{port}", address.partition("://")[2])
        subprocess.run([sys.executable, "-c", living], check=True, timeout=LONG)
    done = subprocess.run([sys.executable, "-c", living], capture_output=True, check=False)
    assert done.returncode != 0


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_the_image_serves_others_only_with_a_key(fitted_desk: Path):
    assert only("ENTRYPOINT").words == ["picturedesk"]
    command = only("CMD").words
    assert option(command, "--desk").startswith(only("VOLUME").words[0] + "/")
    assert option(command, "--port") == only("EXPOSE").said
    command[command.index("--desk") + 1] = str(fitted_desk)
    with pytest.raises(BadInput, match="picturedesk keys add"):
        run(command)


def docker_runs() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    done = subprocess.run([docker, "info"], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


@pytest.mark.skipif(not docker_runs(), reason="Docker does not run here; its steps were tested")
def test_the_image_is_built_and_runs_as_another_user():
    name = "picturedesk-test"
    subprocess.run(["docker", "build", "-t", name, str(ROOT)], check=True, timeout=1800)
    code = "import os; assert os.getuid() == 10001; import picturedesk.web.app, picturedesk.mcp"
    inside = ["docker", "run", "--rm", "--entrypoint", "python", name, "-c", code]
    subprocess.run(inside, check=True, timeout=LONG)


# The service


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(UNIT)
    return parser


def test_the_service_is_locked_in():
    service = unit()["Service"]
    locks = {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "read-only",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
        "RestrictNamespaces": "yes",
    }
    assert {name: service[name] for name in locks} == locks
    assert service["User"] not in ("", "root", "0")
    assert service["Restart"] == "on-failure"


def test_the_service_starts_a_command_that_there_is(
    fitted_desk: Path, monkeypatch: pytest.MonkeyPatch
):
    from picturedesk.web import running

    served = []
    monkeypatch.setattr(running, "serve", lambda config, told: served.append(config))
    program, *words = shlex.split(unit()["Service"]["ExecStart"])
    assert Path(program).name == "picturedesk"
    assert Path(option(words, "--desk")).is_relative_to("/var/lib/picturedesk")
    words[words.index("--desk") + 1] = str(fitted_desk)
    run(words)
    assert [config.host for config in served] == ["127.0.0.1"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_service(tmp_path: Path):
    text = UNIT.read_text()
    there = text.replace("/opt/picturedesk/bin/picturedesk serve", f"{sys.executable} serve")
    path = tmp_path / UNIT.name
    path.write_text(re.sub(r"(User|Group)=picturedesk\n", "", there))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    assert (done.returncode, done.stderr) == (0, "")
