"""Benchmark of extraction: speed compared with the bare network, memory, and recovery after kills.

    python benchmarks/extraction.py FOLDER … [--backbone FOLDER] [--only speed,memory,kills]

* speed: pictures per second of ``extract()`` on files, compared with the bare network on ready
  tensors of the same pictures, in turns. Bare networks are: a default session of ONNX Runtime; one
  whose waiting threads sleep instead of spinning; ``Backbone.features``.
* memory: peak resident memory of extraction in separate processes, for few and for all pictures.
* kills: extraction is killed (SIGKILL) at random moments and run again; stores are compared by row.

Wall time depends on other processes; CPU time per picture, also printed, hardly does. Without
``--backbone`` the default backbone is exported first, which needs the extra 'train'.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from measured import peak_mb
from picturedesk.backbones.backbone import Backbone
from picturedesk.images import decode, to_pixels
from picturedesk.parallel import cpus
from picturedesk.store.extraction import ExtractConfig, extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import Floats

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif"}


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    folders: list[str]
    backbone: Path
    only: list[str]
    rounds: int
    batch: int
    decoders: int
    few: int
    kills: int
    kill_of: int
    seed: int

    @property
    def files(self) -> list[str]:
        """All pictures of all folders, in a fixed order."""
        found = (sorted(Path(folder).rglob("*")) for folder in self.folders)
        return [str(path) for files in found for path in files if path.suffix.lower() in SUFFIXES]

    @property
    def config(self) -> ExtractConfig:
        """Settings of the extraction."""
        return ExtractConfig(batch=self.batch, decoders=self.decoders)


@dataclass
class Clock:
    """Wall and CPU seconds of one contestant over all turns."""

    wall: float = 0.0
    cpu: float = 0.0
    pictures: int = 0

    @contextmanager
    def turn(self, pictures: int) -> Iterator[None]:
        """Times a block that processes this many pictures."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        self.pictures += pictures

    @property
    def rate(self) -> float:
        """Pictures per second of wall time."""
        return self.pictures / self.wall

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per picture, over all threads."""
        return 1000 * self.cpu / self.pictures


def bare_session(folder: Path, spinning: bool) -> Callable[[Floats], object]:
    """The exported graph as ONNX Runtime runs it on all CPUs."""
    import onnxruntime

    (graph,) = sorted(folder.glob("*.onnx"))
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    session = onnxruntime.InferenceSession(str(graph), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})


def ready_tensors(backbone: Backbone, files: list[str]) -> Floats:
    """Pixels (N, 3, S, S) of readable pictures."""
    how = backbone.spec.preprocessing
    return np.stack(
        [
            to_pixels(decode(Path(file).read_bytes(), file, at_least=how.resize), how)
            for file in files
        ]
    )


def measure_speed(options: Options) -> dict[str, Any]:
    """Runs all contestants in turns on the same pictures; rotates their order every round."""
    backbone = Backbone.load(options.backbone)
    networks: dict[str, Callable[[Floats], object]] = {
        "bare session": bare_session(options.backbone, spinning=True),
        "bare session, no spinning": bare_session(options.backbone, spinning=False),
        "Backbone.features": backbone.features,
    }
    clocks = {name: Clock() for name in (*networks, "extract")}
    parts = np.array_split(np.array(options.files), options.rounds)
    for number, part in enumerate(parts):
        files = part.tolist()
        pixels = ready_tensors(backbone, files)
        batches = [pixels[i : i + options.batch] for i in range(0, len(pixels), options.batch)]
        for network in networks.values():
            network(batches[0])
        for name, clock in list(clocks.items())[:: 1 if number % 2 else -1]:
            with clock.turn(len(files)):
                if name in networks:
                    for batch in batches:
                        networks[name](batch)
                else:
                    extract_afresh(files, backbone, options.config)
        done = [f"{name} {clock.rate:.1f}/s" for name, clock in clocks.items()]
        print(f"round {number + 1}/{len(parts)}: {'; '.join(done)}", file=sys.stderr)
    return speed_report(clocks)


def speed_report(clocks: dict[str, Clock]) -> dict[str, Any]:
    """Prints the table, with the speed of extraction as a share of each contestant's."""
    whole = clocks["extract"]
    report = {}
    print(f"{'':28}{'pictures/s':>12}{'CPU ms each':>13}{'extract / this':>16}{'by CPU':>8}")
    for name, clock in clocks.items():
        ratio, by_cpu = whole.rate / clock.rate, clock.cpu_ms / whole.cpu_ms
        print(f"{name:28}{clock.rate:12.1f}{clock.cpu_ms:13.2f}{ratio:16.3f}{by_cpu:8.3f}")
        report[name] = {
            "per_s": clock.rate,
            "cpu_ms": clock.cpu_ms,
            "ratio": ratio,
            "cpu_ratio": by_cpu,
        }
    return report


def extract_afresh(files: list[str], backbone: Backbone, config: ExtractConfig) -> None:
    """Extracts into a new, temporary store."""
    with (
        tempfile.TemporaryDirectory() as folder,
        FeatureStore.open(Path(folder) / "features.db", backbone.spec) as store,
    ):
        extract(files, backbone, store, config)


def child(options: Options, store: Path, count: int) -> subprocess.Popen[str]:
    """Starts this file as a process that extracts the first ``count`` pictures into ``store``."""
    command = [sys.executable, __file__, *options.folders, "--backbone", str(options.backbone)]
    command += ["--batch", str(options.batch), "--decoders", str(options.decoders)]
    command += ["--child", str(store), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def be_child(options: Options, path: Path, count: int) -> None:
    """Extracts; prints a line at the start and one with the result."""
    backbone = Backbone.load(options.backbone)
    files = options.files[:count]
    print("begins", flush=True)
    with FeatureStore.open(path, backbone.spec) as store:
        done = extract(files, backbone, store, options.config)
    peak = int(peak_mb() * 2**20)
    said = {"read": done.read, "reused": done.reused, "seconds": done.seconds, "peak_bytes": peak}
    print(json.dumps(said), flush=True)


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits for a child process and returns its result."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"extraction ended with {process.returncode}")
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


def measure_memory(options: Options, scratch: Path) -> dict[str, Any]:
    """Peak resident memory of extracting few pictures and all pictures."""
    report = {}
    for count in (options.few, len(options.files)):
        said = finish(child(options, scratch / f"memory{count}.db", count))
        report[str(count)] = said["peak_bytes"]
        print(f"peak memory of {count} pictures: {said['peak_bytes'] / 1e6:.0f} MB")
    return report


def rows(path: Path) -> list[tuple[Any, ...]]:
    """All rows of a store, in order."""
    with FeatureStore.open(path) as store:
        keys = store.keys()
        features = (row.tobytes() for row in store.read(keys))
        return list(
            zip(keys, features, store.hashes(keys), map(tuple, store.sizes(keys)), strict=True)
        )


def measure_kills(options: Options, scratch: Path) -> dict[str, Any]:
    """Kills a run at random moments, each time with a new store, and runs it again to its end."""
    count = min(options.kill_of, len(options.files))
    said = finish(child(options, scratch / "undisturbed.db", count))
    undisturbed = rows(scratch / "undisturbed.db")
    moments = random.Random(options.seed)
    left: list[int] = []
    for number in range(options.kills):
        path = scratch / f"killed{number}.db"
        found, moment = len(undisturbed), 0.0
        while found == len(undisturbed):  # it ended before the kill: try again
            path.unlink(missing_ok=True)
            moment = moments.uniform(0, said["seconds"])
            found = kill(child(options, path, count), moment, path)
        again = finish(child(options, path, count))
        equal = rows(path) == undisturbed and again["read"] == len(undisturbed) - found
        print(
            f"kill {number + 1}/{options.kills} after {moment:.1f} s: {found} rows left, "
            f"{again['read']} read by the next run, equal: {equal}",
            file=sys.stderr,
        )
        if not equal:
            raise SystemExit(f"{path} differs from an undisturbed run: seed {options.seed}")
        path.unlink()
        left.append(found)
    print(f"{options.kills} kills, rows left by each: {left}; all ended equal, row for row")
    return {"rows": len(undisturbed), "left_by_kills": left, "equal": True}


def kill(process: subprocess.Popen[str], moment: float, path: Path) -> int:
    """Kills a child this many seconds after its start; returns the number of stored rows."""
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(rows(path)) if path.exists() and path.stat().st_size else 0


def parsed() -> tuple[Options, list[str]]:
    """The options, and the arguments of a child process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="folders of pictures, with sub-folders"
    )
    parser.add_argument(
        "--backbone", type=Path, default=Path(), help="folder written by Backbone.save"
    )
    parser.add_argument("--only", default="speed,memory,kills")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of the speed measurement")
    parser.add_argument("--batch", type=int, default=ExtractConfig().batch)
    parser.add_argument("--decoders", type=int, default=ExtractConfig().decoders)
    parser.add_argument("--few", type=int, default=500, help="pictures of the small memory run")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--kill-of", type=int, default=500, help="pictures in a killed run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments of the kills")
    parser.add_argument("--child", nargs=2, default=[], help=argparse.SUPPRESS)
    given = vars(parser.parse_args())
    extra = given.pop("child")
    return Options(**{**given, "only": given["only"].split(",")}), extra


def main() -> None:
    """Runs the chosen measurements; the last line printed is JSON."""
    options, extra = parsed()
    if extra:
        be_child(options, Path(extra[0]), int(extra[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if options.backbone == Path():
            Backbone("default").save(scratch / "backbone")
            options = Options(**{**asdict(options), "backbone": scratch / "backbone"})
        report: dict[str, Any] = {"pictures": len(options.files), "cpus": cpus()}
        report["load_before"] = os.getloadavg()[0]
        if "speed" in options.only:
            report["speed"] = measure_speed(options)
        if "memory" in options.only:
            report["peak_bytes"] = measure_memory(options, scratch)
        if "kills" in options.only:
            report["kills"] = measure_kills(options, scratch)
        print(json.dumps(report))


if __name__ == "__main__":
    main()
