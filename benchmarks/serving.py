"""A served desk under load: requests per second, percentiles, errors, memory, where time goes.

    python benchmarks/serving.py DESK --seconds 60 --connections 16 [--workers 2] [--write]

Serves a copy of the desk on 127.0.0.1, and asks /v1/suggest with texts of the desk's
own archive, cut to 5 to 60 words, with Debian's ``wrk``. With ``--write``, meanwhile pictures are
uploaded one after another, each is taken away again at the next one, and one refit runs.

* load: requests per second, p50, p99, answers that were no 2xx, memory of the workers at the
  beginning and the end;
* share: one connection; the share of a request's time that is neither encoding the text nor
  searching catalogue and archive. These are timed within the worker, by wrapping them. The same
  of the processor's time of the worker, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from picturedesk.client import Client, Problem
from picturedesk.desk import Desk

TEXTS = 500
WORDS = (5, 60)
PAUSE = 0.5  # seconds between two uploads
EVERY = 10  # requests after which a timed server writes its times down: that takes time, too
SCRIPT = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local at = math.random(#bodies)
request = function()
  at = at %% #bodies + 1
  return wrk.format("POST", "/v1/suggest", {["Content-Type"] = "application/json"}, bodies[at])
end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
response = function(status) if status >= 300 then refused = (refused or 0) + 1 end end
done = function(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + (thread:get("refused") or 0) end
  local errors = summary.errors
  io.write(string.format(
    "RESULT {\\"requests\\": %%d, \\"seconds\\": %%f, " ..
    "\\"p50_ms\\": %%f, \\"p99_ms\\": %%f, \\"max_ms\\": %%f, " ..
    "\\"refused\\": %%d, \\"broken\\": %%d, \\"late\\": %%d}\\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, refused,
    errors.connect + errors.read + errors.write, errors.timeout))
end
"""


def bodies(desk: Path, file: Path) -> None:
    """Requests with texts of the desk's archive, one a line."""
    random = np.random.default_rng(0)
    with Desk(desk) as opened, file.open("w") as lines:
        rows = random.choice(len(opened.memory), size=min(TEXTS, len(opened.memory)), replace=False)
        for text in opened.memory.texts(rows.tolist()):
            words = text.excerpt.split()
            kept = " ".join(words[: int(random.integers(WORDS[0], WORDS[1] + 1))])
            lines.write(json.dumps({"text": kept or text.excerpt}, ensure_ascii=True) + "\n")


@contextmanager
def served(desk: Path, workers: int) -> Iterator[tuple[str, int]]:
    """Address and process id of a server; ends it. Its log is beside the desk."""
    command = [sys.executable, "-m", "picturedesk", "serve", "--desk", str(desk), "--port", "0"]
    with (desk.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--rate", "inf", "--workers", str(workers)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1].rstrip("/"), process.pid
    finally:
        process.terminate()
        process.wait(60)


def memory(process: int) -> dict[str, float]:
    """Megabytes of a process and its children: resident, and their own without mapped files."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    found = {"resident_mb": 0.0, "own_mb": 0.0}
    for one in [str(process), *children]:
        with suppress(OSError):
            status = Path(f"/proc/{one}/status").read_text()
            for name, key in (("resident_mb", "VmRSS"), ("own_mb", "RssAnon")):
                kilobytes = re.search(rf"{key}:\s+(\d+)", status)
                found[name] += int(kilobytes[1]) / 1e3 if kilobytes else 0
    return found


class Watching(threading.Thread):
    """Looks at the memory of a server every ten seconds."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process, self._ended = process, threading.Event()
        self._seen: list[int] = []

    def run(self) -> None:
        while not self._ended.wait(10):
            self._seen.append(round(memory(self._process)["own_mb"]))

    def end(self) -> list[int]:
        self._ended.set()
        self.join(30)
        return self._seen


class Writing(threading.Thread):
    """Uploads pictures, takes them away, and lets the desk learn once."""

    def __init__(self, address: str, folder: Path) -> None:
        super().__init__(daemon=True)
        self._client, self._folder = Client(address, timeout=120), folder
        self._ended = threading.Event()
        self.uploads, self.seconds, self.problems, self.refit = 0, [], [], ""

    def run(self) -> None:
        from PIL import Image

        random = np.random.default_rng(1)
        job = self._client.refit()
        last = ""
        while not self._ended.wait(PAUSE):
            pixels = random.integers(256, size=(12, 16, 3), dtype=np.uint8)
            file = self._folder / f"{self.uploads}.jpg"
            Image.fromarray(pixels).resize((640, 480)).save(file)
            began = time.perf_counter()
            try:
                (picture,) = self._client.upload([file]).pictures
                if last:
                    self._client.remove([last])
            except Problem as problem:
                self.problems.append(str(problem))
                continue
            last = picture.key
            self.seconds.append(time.perf_counter() - began)
            self.uploads += 1
        self.refit = self._client.stop(job.id).state

    def end(self) -> dict[str, Any]:
        self._ended.set()
        self.join(120)
        return {
            "uploads": self.uploads,
            "upload_median_s": float(np.median(self.seconds)) if self.seconds else None,
            "problems": self.problems[:3],
            "refit": self.refit,
        }


def load(address: str, script: Path, connections: int, seconds: int) -> dict[str, float]:
    """What wrk says."""
    threads = str(min(2, connections))
    command = [
        "wrk",
        "-t",
        threads,
        "-c",
        str(connections),
        "-d",
        f"{seconds}s",
        "--timeout",
        "30s",
    ]
    ran = subprocess.run(
        [*command, "-s", str(script), address], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout.split("RESULT ")[1])


def share(desk: Path, script: Path, seconds: int) -> dict[str, float]:
    """One connection: the share of a request that is neither encoding nor search."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        environment = {**os.environ, "SERVING_TIMES": str(times)}
        process = subprocess.Popen(
            [sys.executable, __file__, "--timed", str(desk)],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1].rstrip("/")
            with Client(address, timeout=120) as client:
                client.desk()  # waits until the server has opened it
            load(address, script, 1, max(5, seconds // 10))
            before = json.loads(times.read_text())
            found = load(address, script, 1, seconds)
            after = json.loads(times.read_text())
        finally:
            process.terminate()
            process.wait(60)
    requests = after["requests"] - before["requests"]
    ms = {name: 1000 * (after[name] - before[name]) / requests for name in after}
    request = 1000 * found["seconds"] / found["requests"]
    return {
        "request_ms": request,
        "encode_ms": ms["encode"],
        "search_ms": ms["search"],
        "other_share": 1 - (ms["encode"] + ms["search"]) / request,
        "cpu_ms": ms["cpu"],
        "encode_cpu_ms": ms["encode_cpu"],
        "search_cpu_ms": ms["search_cpu"],
        "other_cpu_share": 1 - (ms["encode_cpu"] + ms["search_cpu"]) / ms["cpu"],
    }


def timed_server(desk: Path) -> None:
    """A server that writes down how long encoding and search take, every ``EVERY`` requests."""
    import picturedesk.desk.arranging as arranging
    import picturedesk.desk.suggesting as suggesting
    from picturedesk.routes.archive import ArchiveVectors
    from picturedesk.texts.joined import JoinedEncoder
    from picturedesk.web.config import ServeConfig
    from picturedesk.web.running import serve

    times = Path(os.environ["SERVING_TIMES"])
    names = ("encode", "search", "encode_cpu", "search_cpu", "cpu", "requests")
    spent = dict.fromkeys(names, 0.0)
    inside = threading.local()

    def timing(function: Any, name: str, counts: bool = False) -> Any:
        def run(*given: Any, **named: Any) -> Any:
            if getattr(inside, "one", False):
                return function(*given, **named)
            inside.one, began, cpu = True, time.perf_counter(), time.thread_time()
            try:
                return function(*given, **named)
            finally:
                inside.one = False
                spent[name] += time.perf_counter() - began
                spent[f"{name}_cpu"] += time.thread_time() - cpu
                if counts:
                    spent["requests"] += 1
                    if not spent["requests"] % EVERY:
                        spent["cpu"] = time.process_time()
                        times.write_text(json.dumps(spent))

        return run

    JoinedEncoder.encode = timing(JoinedEncoder.encode, "encode", counts=True)
    ArchiveVectors.neighbours = timing(ArchiveVectors.neighbours, "search")
    arranging.search = suggesting.search = timing(suggesting.search, "search")
    config = ServeConfig(desk, port=0, rate=float("inf"))
    serve(config, lambda address: print(f"serves at {address}", flush=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("desk", type=Path, help="fitted desk; a copy is served")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="upload pictures and refit meanwhile")
    parser.add_argument("--only", choices=("load", "share"), help="one of both")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--timed", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.timed:
        timed_server(given.desk)
        return
    found: dict[str, Any] = {"desk": given.desk.name, "workers": given.workers}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        desk = shutil.copytree(given.desk, folder / "desk")
        lines, script = folder / "bodies.txt", folder / "ask.lua"
        bodies(desk, lines)
        script.write_text(SCRIPT % lines)
        if given.only != "share":
            found["load"] = under_load(desk, script, folder, given)
        if given.only != "load":
            found["share"] = share(desk, script, max(5, given.seconds // 4))
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


def under_load(desk: Path, script: Path, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Load on all workers, with a writer beside it if asked for."""
    with served(desk, given.workers) as (address, process):
        load(address, script, given.connections, 5)
        before, watching = memory(process), Watching(process)
        watching.start()
        writing = Writing(address, folder) if given.write else None
        if writing:
            writing.start()
        found: dict[str, Any] = load(address, script, given.connections, given.seconds)
        found["per_second"] = found["requests"] / found["seconds"]
        found["memory_before"], found["memory_after"] = before, memory(process)
        found["own_mb_every_10_s"] = watching.end()
        if writing:
            found["writer"] = writing.end()
    found["refusals"] = refusals(desk.parent / "server.log")
    return found


def refusals(log: Path) -> dict[str, int]:
    """How often which route answered with which status, of those that are no success."""
    found: dict[str, int] = {}
    for line in log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("status", 200) >= 300:
            name = f"{said['status']} {said['method']} {said['path']}"
            found[name] = found.get(name, 0) + 1
    return found


if __name__ == "__main__":
    main()
