"""What an archive of N pictures takes: machines, time, memory, disk, network, cost, answers.

Constants come from ``results/constants.json``: what was measured, where, and what is assumed. Each
formula is here, each number there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale_questions import Load, busy

CONSTANTS = Path(__file__).resolve().parent / "results" / "constants.json"
HOURS = 730  # of a month
BUSY = 0.6  # cores should not be busier with questions: waiting times grow beyond
HELD = 0.7  # of memory and disk that may be taken
MB, GB, TB = 1e6, 1e9, 1e12


@dataclass(frozen=True)
class Machine:
    """A machine as one rents it."""

    name: str
    cores: int
    memory_gb: float
    disk_gb: float
    network_gbit: float
    price: float  # an hour
    gpus: int = 0


@dataclass(frozen=True)
class Plan:
    """What an archive of so many pictures takes.

    Attributes:
        pictures: N; as many texts as the constants say.
        device: "cpu" or "gpu", which reads the pictures.
        readers: machines that read pictures and encode texts, and their number.
        shards: machines that answer, and their number; each has an equal part of the pictures.
        hours: of each step.
        memory_gb: of each shard while it answers.
        disk_tb: of all machines: features, catalogues with their indexes, the archive's texts.
        network_tb: pictures and vectors that are carried.
        build_cost: once.
        month_cost: of the machines that answer, and of the disks.
        load: questions, for the simulation.
    """

    pictures: int
    device: str
    readers: tuple[int, Machine]
    shards: tuple[int, Machine]
    hours: Mapping[str, float]
    memory_gb: float
    disk_tb: float
    network_tb: float
    build_cost: float
    month_cost: float
    load: Load

    @property
    def total_hours(self) -> float:
        """From the first picture to the first answer."""
        return sum(self.hours.values())


class Model:
    """Formulas over constants.

    Args:
        constants: name → number.
        machines: kinds of machines by name: small, large, gpu.
    """

    def __init__(self, constants: Mapping[str, float], machines: Mapping[str, Machine]) -> None:
        self.of = constants
        self.machines = machines

    @classmethod
    def read(cls, changed: Mapping[str, float] | None = None, file: Path = CONSTANTS) -> Model:
        """The constants of a file, some of them changed: "questions_per_s", "large.price"."""
        found = json.loads(file.read_text(encoding="utf-8"))
        values = {
            name: float(one["value"])
            for part in ("measured", "assumed")
            for name, one in found[part].items()
        }
        machines: dict[str, dict[str, Any]] = found["machines"]
        for name, value in (changed or {}).items():
            kind, _, field = name.partition(".")
            if name not in values and field not in machines.get(kind, {}):
                known = ", ".join([*values, *(f"{m}.{f}" for m in machines for f in machines[m])])
                raise SystemExit(f"no constant {name}: choose of {known}")
            if field:
                machines[kind][field] = value
            else:
                values[name] = value
        return cls(
            values, {name: Machine(name, **_fields(facts)) for name, facts in machines.items()}
        )

    def texts(self, pictures: int) -> float:
        """T."""
        return pictures * self.of["texts_per_picture"]

    def index_s(self, pictures: float) -> float:
        """Seconds to make the index of one catalogue; none is made of a small one."""
        if pictures < self.of["index_from"]:
            return 0.0
        return self.of["index_s"] + pictures * self.of["index_s_per_million"] / 1e6

    def fill_s(self, pictures: float) -> float:
        """Seconds to write a catalogue."""
        return pictures * self.of["fill_s_per_million"] / 1e6

    def fit_s(self, pictures: int) -> float:
        """Seconds to learn heads, weights and chances, from a sample."""
        return min(self.texts(pictures), self.of["fit_sample"]) * self.of["fit_ms_per_text"] / 1e3

    def place_s(self, pictures: float) -> float:
        """Seconds to look up, place, remember and measure what a fit does not learn from."""
        return pictures * self.of["place_ms"] / 1e3

    def whole_fit_s(self, pictures: int) -> float:
        """Seconds of a fit whose features are known, on one machine."""
        written = self.fill_s(pictures) + self.index_s(pictures)
        return self.fit_s(pictures) + self.place_s(pictures) + written

    def search_ms(self, pictures: float) -> float:
        """CPU of finding candidates in one catalogue: all are compared, or the index is asked."""
        exact = self.of["exact_ms_per_million"] * pictures / 1e6
        if pictures < self.of["index_from"]:
            return exact
        return float(
            self.of["search_ms_at_100000"] * (pictures / 1e5) ** self.of["search_exponent"]
        )

    def texts_ms(self, texts: float) -> float:
        """CPU of finding the archive's texts that are like a question."""
        indexed = self.of["texts_indexed"] and texts >= self.of["index_from"]
        return self.search_ms(texts) if indexed else self.of["texts_ms_per_million"] * texts / 1e6

    def exact_gb(self, pictures: float) -> float:
        """Memory of a server that compares a question with all vectors, in float32."""
        return pictures * 4 * self.of["width"] / GB

    def memory_bytes(self, pictures: float) -> float:
        """Of a process that answers, with what it maps."""
        return self.of["process_mb"] * MB + pictures * self.of["memory_bytes_per_picture"]

    def catalogue_bytes(self, pictures: float) -> float:
        """On disk, with its index."""
        return pictures * self.of["catalogue_bytes_per_picture"]

    def load(self, pictures: int, shards: int, machine: Machine, per_s: float = -1.0) -> Load:
        """Questions to so many shards of machines of a kind."""
        part = pictures / shards
        per_s = self.of["questions_per_s"] if per_s < 0 else per_s
        before = self.of["encode_ms"]
        on_shard = self.search_ms(part) + self.of["candidates_ms"] + self.of["words_ms"]
        on_shard += self.texts_ms(self.texts(pictures) / shards)
        after = self.of["rest_ms"] + (shards > 1) * shards * self.of["merge_ms_per_shard"]
        front_s = per_s * (before + after + (on_shard if shards == 1 else 0)) / 1000
        cores = machine.cores if shards == 1 else math.ceil(front_s / BUSY / machine.cores)
        return Load(
            per_s,
            max(1, cores) * (1 if shards == 1 else machine.cores),
            shards,
            machine.cores,
            before,
            on_shard,
            after,
            self.of["network_ms"] if shards > 1 else 0.0,
            self.of["spread"],
            self.of["straggling"] if shards > 1 else 0.0,
            self.of["straggle_times"],
        )

    def shards(self, pictures: int) -> tuple[int, Machine, Load]:
        """The fewest machines that hold the pictures and answer in time."""
        most = self.of["pictures_per_shard"]
        least = max(1, math.ceil(pictures / most))
        kinds = (self.machines["small"], self.machines["large"])
        for count in range(least, least + 1000):
            part = pictures / count
            for machine in kinds:
                load = self.load(pictures, count, machine)
                fits = self.memory_bytes(part) <= HELD * machine.memory_gb * GB
                fits &= self.catalogue_bytes(part) <= HELD * machine.disk_gb * GB
                if fits and busy(load) <= BUSY:
                    return count, machine, load
        raise SystemExit(f"{pictures} pictures need over {least + 1000} machines of these")

    def readers(self, pictures: int, device: str) -> tuple[int, Machine, float, float]:
        """Machines that read pictures in time; hours of reading and of encoding texts."""
        small, large, gpu = (self.machines[name] for name in ("small", "large", "gpu"))
        candidates = [(1, small), (1, large)] if device == "cpu" else [(1, gpu)]
        candidates += [(n, large if device == "cpu" else gpu) for n in range(2, 20_000)]
        for count, machine in candidates:
            each = pictures / count
            cpu_s = each * self.of["read_cpu_ms"] / 1e3 / machine.cores
            if machine.gpus:
                decoding = machine.gpus * self.of["gpu_pictures_per_s"] * machine.cores / 16
                cpu_s = each / decoding
            network_s = each * self.of["picture_kb"] * 1e3 * 8 / (machine.network_gbit * 1e9)
            texts_s = self.texts(pictures) / count * self.of["text_cpu_ms"] / 1e3 / machine.cores
            reading, encoding = max(cpu_s, network_s) / 3600, texts_s / 3600
            if reading + encoding <= 24 * self.of["reading_days"]:
                return count, machine, reading, encoding
        raise SystemExit(f"{pictures} pictures need over 20,000 machines to be read in time")

    def plan(self, pictures: int, device: str) -> Plan:
        """What N pictures take."""
        readers, reader, reading, encoding = self.readers(pictures, device)
        shards, shard, load = self.shards(pictures)
        part = pictures / shards
        hours = {
            "pictures": reading,
            "texts": encoding,
            "fit": self.fit_s(pictures) / 3600,
            "catalogue": (self.place_s(part) + self.fill_s(part) + self.index_s(part)) / 3600,
        }
        features = pictures * self.of["feature_bytes"]
        texts = self.texts(pictures) * self.of["memory_bytes_per_text"]
        disk = features + self.catalogue_bytes(pictures) + texts
        carried = pictures * self.of["picture_kb"] * 1e3
        if shards > 1 or readers > 1:
            carried += features + self.catalogue_bytes(pictures)
        front = load.front_cores // shard.cores if shards > 1 else 0
        build = readers * reader.price * (reading + encoding)
        build += shard.price * (hours["fit"] + shards * hours["catalogue"])
        month = (shards + front) * shard.price * HOURS
        month += disk / GB * self.of["disk_price_gb_month"]
        return Plan(
            pictures,
            device,
            (readers, reader),
            (shards, shard),
            hours,
            self.memory_bytes(part) / GB,
            disk / TB,
            carried / TB,
            build,
            month,
            load,
        )


def _fields(facts: Mapping[str, float]) -> dict[str, Any]:
    whole = ("cores", "gpus")
    return {name: int(value) if name in whole else float(value) for name, value in facts.items()}
