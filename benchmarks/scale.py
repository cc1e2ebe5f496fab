"""From 100,000 to a billion pictures: prints what they take, by a model of measured constants.

    python benchmarks/scale.py                    # the tables of docs/scale.md
    python benchmarks/scale.py --set large.price=2 --set questions_per_s=50
    python benchmarks/scale.py --check            # the model beside what was measured
    python benchmarks/scale.py --constants        # every number, and where it is from
    python benchmarks/scale.py --measure-merge    # CPU of merging a shard's answer

``scale_model`` has the formulas, ``results/constants.json`` the numbers, and ``scale_questions``
simulates questions to shards. ``--json`` prints one JSON document instead of tables.
"""

from __future__ import annotations

import argparse
import heapq
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from scale_model import CONSTANTS, Model, Plan
from scale_questions import busy, simulate

SIZES = (10**5, 10**6, 10**7, 10**8, 10**9)
DEVICES = ("cpu", "gpu")
SHARDS = (1, 2, 10, 30, 100)
TWIN = 2.5  # times the mean: after so long, a shard's twin is asked as well


def sizes_table(plans: Sequence[Plan]) -> Iterator[str]:
    """Machines, time, disk, network and cost."""
    yield "| pictures | read by | held by | read, encode, fit, write | disk | network | built for |"
    yield "|---|---|---|---|---|---|---|"
    for plan in plans:
        steps = ", ".join(_duration(hours) for hours in plan.hours.values())
        yield (
            f"| {plan.pictures:,} | {_machines(*plan.readers)} | {_machines(*plan.shards)} "
            f"| {steps} | {_bytes(plan.disk_tb)} | {_bytes(plan.network_tb)} "
            f"| ${plan.build_cost:,.0f} |"
        )


def answers_table(plans: Sequence[Plan]) -> Iterator[str]:
    """Memory, cost a month, and how long questions take."""
    yield "| pictures | shards | memory of each | a month | busy | p50 | p95 | p99 |"
    yield "|---|---|---|---|---|---|---|---|"
    for plan in plans:
        times = np.percentile(simulate(plan.load), [50, 95, 99])
        shown = " | ".join(f"{ms:.0f} ms" for ms in times)
        yield (
            f"| {plan.pictures:,} | {plan.shards[0]} | {plan.memory_gb:.1f} GB "
            f"| ${plan.month_cost:,.0f} | {busy(plan.load):.0%} | {shown} |"
        )


def shards_table(model: Model) -> Iterator[str]:
    """The slowest of many shards: what sharding alone costs, with equal shards."""
    part = int(model.of["pictures_per_shard"])
    yield "| shards | slowest shard: p50 | p95 | p95 without stragglers | p95 with twins |"
    yield "|---|---|---|---|---|"
    for count in SHARDS:
        load = model.load(part * count, count, model.machines["large"])
        only = replace(load, before_ms=0.0, after_ms=0.0, network_ms=0.0, per_s=0.0)
        p50, p95 = np.percentile(simulate(only), [50, 95])
        even = np.percentile(simulate(replace(only, straggling=0.0)), 95)
        twins = np.percentile(simulate(replace(only, twin_after_ms=TWIN * only.shard_ms)), 95)
        yield f"| {count} | {p50:.0f} ms | {p95:.0f} ms | {even:.0f} ms | {twins:.0f} ms |"


def exact_table(model: Model) -> Iterator[str]:
    """One server without an index, as a catalogue on Milvus is searched."""
    yield "| pictures | vectors in memory | comparing all, one core |"
    yield "|---|---|---|"
    for size in SIZES:
        ms = model.of["exact_ms_per_million"] * size / 1e6
        yield f"| {size:,} | {model.exact_gb(size):,.1f} GB | {_duration(ms / 3.6e6)} |"


def predicted(model: Model, what: str, pictures: int) -> float:
    """What the model says of a point that was measured: one machine, one question at a time."""
    if what in ("p50_ms", "p95_ms"):
        alone = model.load(pictures, 1, model.machines["small"], per_s=0.0)
        alone = replace(alone, shard_ms=alone.shard_ms - _texts_too_many(model, pictures))
        return float(np.percentile(simulate(alone), int(what[1:3])))
    by_name = {
        "fill_s": model.fill_s,
        "index_s": model.index_s,
        "catalogue_bytes": model.catalogue_bytes,
        "memory_mb": lambda count: model.memory_bytes(count) / 1e6,
        "search_ms": model.search_ms,
        "fit_s": model.fit_s,
        "whole_fit_s": model.whole_fit_s,
    }
    return float(by_name[what](pictures))


def _texts_too_many(model: Model, pictures: int) -> float:
    """CPU for texts that the measured desk, which has a thousand, does not have."""
    return model.texts_ms(model.texts(pictures)) - model.texts_ms(model.of["measured_texts"])


def checked(model: Model) -> list[dict[str, Any]]:
    """Every measured point with what the model says of it; busy cores stretch times."""
    points = json.loads(CONSTANTS.read_text(encoding="utf-8"))["points"]
    for point in points:
        point["predicted"] = predicted(model, point["what"], point["pictures"])
        point["predicted"] *= point.get("stretch", 1.0)
        point["ratio"] = point["predicted"] / point["value"]
    return points


def check_table(model: Model) -> Iterator[str]:
    """The model beside what was measured."""
    yield "| what | pictures | measured | predicted | ratio | the model took it from here |"
    yield "|---|---|---|---|---|---|"
    for point in checked(model):
        yield (
            f"| {point['what']} | {point['pictures']:,} | {point['value']:.4g} "
            f"| {point['predicted']:.4g} | {point['ratio']:.2f} "
            f"| {'yes' if point['own'] else 'no'} |"
        )


def merge_ms(shards: int = 100, rounds: int = 50) -> float:
    """CPU milliseconds of reading one shard's ten pictures and merging them with the others'."""
    evidence = [{"text": "word " * 40, "kind": "ran with", "share": 0.1}] * 3
    picture = {"key": "a" * 32, "uri": "/pictures/1.jpg", "caption": "word " * 6, "score": 0.5}
    answer = json.dumps([picture | {"evidence": evidence}] * 10)
    began = time.process_time()
    for _ in range(rounds):
        found = [json.loads(answer) for _ in range(shards)]
        scores = ((one["score"], s, n) for s, ten in enumerate(found) for n, one in enumerate(ten))
        heapq.nlargest(10, scores)
    return 1000 * (time.process_time() - began) / rounds / shards


def _machines(count: int, machine: Any) -> str:
    return f"{count:,} × {machine.name}"


def _duration(hours: float) -> str:
    if hours < 1 / 3600:
        return f"{3.6e6 * hours:.0f} ms"
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def _bytes(terabytes: float) -> str:
    return f"{1000 * terabytes:.1f} GB" if terabytes < 1 else f"{terabytes:,.1f} TB"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--constants", action="store_true")
    parser.add_argument("--measure-merge", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.measure_merge:
        print(f"{merge_ms():.3f} ms of CPU for each shard")
        return
    if given.constants:
        print("\n".join(constants_table()))
        return
    changed = dict(one.split("=", 1) for one in given.set)
    model = Model.read({name: float(value) for name, value in changed.items()})
    if given.check:
        print("\n".join(check_table(model)))
        return
    plans = {device: [model.plan(size, device) for size in SIZES] for device in DEVICES}
    if given.json:
        print(json.dumps({device: list(map(asdict, some)) for device, some in plans.items()}))
        return
    for device, some in plans.items():
        print(f"\nPictures read on a {device.upper()}:\n")
        print("\n".join(sizes_table(some)))
    print(f"\nAnswers, {model.of['questions_per_s']:.0f} questions a second:\n")
    print("\n".join(answers_table(plans["cpu"])))
    print("\nA server that compares all vectors:\n")
    print("\n".join(exact_table(model)))
    print("\nThe slowest of many shards, of a question that meets no other:\n")
    print("\n".join(shards_table(model)))


def constants_table() -> Iterator[str]:
    """Every constant with its origin."""
    found = json.loads(CONSTANTS.read_text(encoding="utf-8"))
    yield "| constant | value | unit | where it is from |"
    yield "|---|---|---|---|"
    for part in ("measured", "assumed"):
        for name, one in found[part].items():
            where = one["where"] if part == "measured" else f"assumed: {one['why']}"
            yield f"| {name} | {one['value']:g} | {one['unit']} | {where} |"


if __name__ == "__main__":
    main()
