"""The verbs that inspect: levels, info, doctor. They change no desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import picturedesk.checks as checks
from picturedesk.cli import show
from picturedesk.cli.options import (
    ColumnOption,
    JsonOption,
    QuietOption,
    WeightsOption,
    columns_of,
    path,
)

if TYPE_CHECKING:
    from picturedesk.measuring.significance import Difference
    from picturedesk.research.adviser import Advice, Cost

SHOWN_ITEMS = 12  # of a long list of settings
_COSTS = ("B/picture", "ms/picture", "of network")


def levels(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A preset (default, lite0, lite2, paper), any timm model, or openclip:MODEL.",
        ),
    ] = "default",
    data: Annotated[
        str,
        typer.Option(
            help="Compare the levels on this archive (as for fit) and recommend a set.",
            metavar="ARCHIVE",
        ),
    ] = "",
    column: ColumnOption = None,
    cache: Annotated[
        Path,
        typer.Option(
            help="With --data: folder that keeps the features.", metavar="FOLDER", parser=path
        ),
    ] = Path(".cache/levels"),
    sample: Annotated[
        int, typer.Option(help="With --data: maximum number of training texts.", min=1)
    ] = 3000,
    weights: WeightsOption = "",
    device: Annotated[
        str, typer.Option(help="With --data: device: cpu, cuda, mps or auto.", metavar="NAME")
    ] = "cpu",
    seed: Annotated[
        int,
        typer.Option(
            help="With --data: seed of split (as for fit), sample and folds.",
            min=0,
            max=checks.LARGEST_SEED,
        ),
    ] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the levels of a backbone; with --data, recommend levels for an archive.

    With --data, cross-validates each level and small sets of levels on the archive's training
    texts; never reads test texts. If you stop it, run the same command again: it continues.
    """
    if not data:
        _list_levels(name, json)
        return
    from dataclasses import replace

    from picturedesk.backbones.presets import weights_source
    from picturedesk.datasets import open_archive
    from picturedesk.research.adviser import ChoiceConfig, NetworkConfig, advise_on

    config = ChoiceConfig(network=NetworkConfig(name, weights_source(weights), device)).with_seed(
        seed
    )
    config = replace(config, data=replace(config.data, sample=sample))
    with show.progress(quiet) as progress:
        archive = open_archive(data, columns_of(column))
        advice = advise_on(archive, cache, config, progress=progress)
    if json:
        show.as_json(advice)
        return
    _show_advice(name, advice)


def _list_levels(name: str, json: bool) -> None:
    from picturedesk.backbones.backbone import readable_levels

    found = readable_levels(name)
    if json:
        show.as_json(found)
        return
    rows = [
        [
            level.module,
            "" if level.index is None else str(level.index),
            level.kind,
            str(level.channels),
            str(level.side or ""),
            ", ".join(level.poolings),
        ]
        for level in found
    ]
    show.table(
        f"levels of {name}", ["level", "index", "kind", "channels", "side", "poolings"], rows
    )
    example = [level for level in found if level.poolings][-1]
    show.line(
        f"Write a level as WHERE:POOLING, e.g. {example.module}:{example.poolings[0]}; "
        "a vector has no pooling: write its name alone"
    )


def _show_advice(name: str, advice: Advice) -> None:
    """Two tables and the recommendation."""
    among = f"{advice.texts} training texts, about {advice.candidates:.0f} candidates for each"
    show.table(
        f"levels of {name} alone: {among}",
        ["level", "numbers", "neighbours", "CKA", "recall@10", "MRR", *_COSTS],
        [
            [
                score.level,
                str(score.width),
                _percent(score.neighbours),
                f"{score.cka:.3f}",
                _percent(score.recall10),
                _percent(score.mrr),
                *_cost(score.cost),
            ]
            for score in advice.levels
        ],
    )
    show.table(
        f"sets of levels: the best is {', '.join(advice.best)}",
        ["set", "levels", "recall@10", "MRR", "less than best, 95 %", *_COSTS],
        [
            [
                f"{', '.join(score.levels)} ({score.origin})",
                str(len(score.levels)),
                _percent(score.recall10),
                _percent(score.mrr),
                _loss(score.loss),
                *_cost(score.cost),
            ]
            for score in advice.sets
        ],
    )
    if advice.rejections:
        first = advice.rejections[0]
        show.note(
            f"{len(advice.rejections)} left out (--json lists all), the first: "
            f"{first.source}: {first.reason}; {first.cure}"
        )
    for level, why in advice.left_out.items():
        show.note(f"{level} is left out: {why}")
    if advice.agreement:
        show.line(
            f"Rank correlation with the MRR: neighbours {advice.agreement.neighbours:.2f}, "
            f"CKA {advice.agreement.cka:.2f}"
        )
    show.line(_recommendation(advice))
    if "probs" not in advice.recommended and any(s.level == "probs" for s in advice.levels):
        show.line("The class-name route needs the level probs: append ,probs to use it")


def _recommendation(advice: Advice) -> str:
    """The recommendation in one sentence."""
    taken = advice.set_of(advice.recommended)
    size, ms, share = _cost(taken.cost)
    time = f", {ms} ms per picture on this machine, {share} of the network" if ms else ""
    return (
        f"Recommended: --levels {','.join(taken.levels)} (MRR {_percent(taken.mrr)}, of the best "
        f"set {_percent(advice.sets[0].mrr)}; {size} bytes{time})\nThe rule: {advice.rule}."
    )


def _cost(cost: Cost) -> list[str]:
    if cost.ms is None or cost.share is None:
        return [str(cost.bytes), "", ""]
    return [str(cost.bytes), f"{cost.ms:.1f}", f"{100 * cost.share:.0f} %"]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _loss(loss: Difference) -> str:
    return f"{100 * loss.mean:.1f} [{100 * loss.low:.1f}, {100 * loss.high:.1f}]"


def info(
    place: Annotated[
        Path, typer.Argument(metavar="PATH", help="A desk, or a part of one.", parser=path)
    ],
    json: JsonOption = False,
) -> None:
    """Show the content and settings of a desk, or of a part of one."""
    from picturedesk.desk.inspect import describe

    found = describe(place)
    if json:
        show.as_json(found)
        return
    for key, value in _flat(found):
        show.line(f"{key}: {value}")


def doctor(
    desk: Annotated[
        Path | None,
        typer.Option("--desk", help="Also check this desk.", metavar="FOLDER", parser=path),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check that the packages, the machine and a desk work.

    Exits with code 1 if something that is needed is broken.
    """
    from picturedesk.desk.inspect import diagnose

    checks = diagnose(desk)
    if json:
        show.as_json(checks)
    else:
        for check in checks:
            cure = f"; {check.cure}" if check.cure else ""
            show.line(f"{check.state:<8} {check.name}: {check.found}{cure}")
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _flat(value: object, prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as dotted names, one per line."""
    if isinstance(value, dict):
        rows: list[tuple[str, object]] = []
        for key, item in value.items():
            rows += _flat(item, f"{prefix}.{key}" if prefix else str(key))
        return rows
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [row for n, item in enumerate(value) for row in _flat(item, f"{prefix}[{n}]")]
    if isinstance(value, list) and len(value) > SHOWN_ITEMS:
        first = ", ".join(map(str, value[:SHOWN_ITEMS]))
        return [(prefix, f"{first}, … ({len(value)} in all)")]
    return [(prefix, value)]
