"""The verbs that inspect: levels, info, doctor. They change no desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import picturedesk.checks as checks
from picturedesk.cli import briefly, show
from picturedesk.cli.options import (
    ColumnOption,
    JsonOption,
    QuietOption,
    WeightsOption,
    columns_of,
    path,
)
from picturedesk.cli.styling import Styled
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picturedesk.measuring.significance import Difference
    from picturedesk.research.adviser import Advice, Cost, NetworkAdvice
    from picturedesk.types import Rejection

_COSTS = ("B/picture", "ms/picture", "of network")


def levels(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="A preset (default, lite0, lite2, paper), any timm model, or openclip:MODEL; "
            "NAME@PIXELS for another size. Several with --data. Without any: default.",
            show_default=False,
        ),
    ] = None,
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
        int,
        typer.Option(
            help="With --data: maximum number of training texts.", min=1, metavar="INTEGER"
        ),
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
            metavar="INTEGER",
        ),
    ] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the levels of a network, or recommend some.

    With --data, cross-validates each level and small sets of levels on the archive's training
    texts; never reads test texts. Of several backbones, compares the best sets and recommends one.
    If you stop it, run the same command again: it continues.
    """
    name, *others = names or ["default"]
    if others and not data:
        raise BadInput(f"{len(others) + 1} backbones: give --data ARCHIVE to compare them on")
    if not data:
        _list_levels(name, json)
        return
    from dataclasses import replace

    from picturedesk.backbones.presets import weights_source
    from picturedesk.datasets import open_archive
    from picturedesk.research.adviser import (
        ChoiceConfig,
        NetworkAdvice,
        NetworkConfig,
        advise_on,
        advise_on_networks,
    )

    config = ChoiceConfig(network=NetworkConfig(name, weights_source(weights), device)).with_seed(
        seed
    )
    config = replace(config, data=replace(config.data, sample=sample))
    with show.progress(quiet) as progress:
        archive = open_archive(data, columns_of(column))
        found = (
            advise_on_networks(archive, cache, (name, *others), config, progress=progress)
            if others
            else advise_on(archive, cache, config, progress=progress)
        )
    if json:
        show.as_json(found)
    elif isinstance(found, NetworkAdvice):
        _show_networks(found)
    else:
        _show_advice(name, found)


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
    _show_rejections(advice.rejections)
    for level, why in advice.left_out.items():
        show.note(f"{level} is left out: {why}")
    if advice.agreement:
        show.line(
            f"Rank correlation with the MRR: neighbours {advice.agreement.neighbours:.2f}, "
            f"CKA {advice.agreement.cka:.2f}"
        )
    show.line(_recommendation(advice))
    show.line(f"The rule: {advice.rule}.")
    if "probs" not in advice.recommended and any(s.level == "probs" for s in advice.levels):
        show.line("The class-name route needs the level probs: append ,probs to use it")


def _show_networks(advice: NetworkAdvice) -> None:
    """A table and the recommendation."""
    show.table(
        f"networks, {advice.texts} training texts, about {advice.candidates:.0f} candidates for "
        "each",
        ["network", "pixels", "best set", "recall@10", "MRR", "less than best, 95 %", *_COSTS[:2]],
        [
            [
                score.network,
                str(score.size),
                ", ".join(score.levels),
                _percent(score.recall10),
                f"{_percent(score.mrr)} ± {50 * (score.high - score.low):.1f}",
                _loss(score.loss),
                str(score.bytes),
                _milliseconds(score.ms),
            ]
            for score in advice.networks
        ],
    )
    _show_rejections(advice.rejections)
    taken = advice.score_of(advice.recommended)
    show.line(
        f"Recommended: --backbone {taken.network} --levels {','.join(taken.recommended)} (MRR "
        f"{_percent(taken.mrr)} with its best set, of the best network "
        f"{_percent(advice.networks[0].mrr)}; {_milliseconds(taken.ms)} ms per picture on this "
        "machine)"
    )
    show.line(f"The rule: {advice.rule}.")


def _show_rejections(rejections: Sequence[Rejection]) -> None:
    if rejections:
        first = rejections[0]
        show.note(
            f"{len(rejections)} left out (--json lists all), the first: "
            f"{first.source}: {first.reason}; {first.cure}"
        )


def _recommendation(advice: Advice) -> str:
    """The recommendation in one sentence."""
    taken = advice.set_of(advice.recommended)
    size, ms, share = _cost(taken.cost)
    time = f", {ms} ms per picture on this machine, {share} of the network" if ms else ""
    return (
        f"Recommended: --levels {','.join(taken.levels)} (MRR {_percent(taken.mrr)}, of the best "
        f"set {_percent(advice.sets[0].mrr)}; {size} bytes{time})"
    )


def _milliseconds(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.1f}"


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
    every: Annotated[bool, typer.Option("--all", help="List every setting, one a line.")] = False,
    json: JsonOption = False,
) -> None:
    """Show what a desk, or a part of one, holds, on one screen."""
    from picturedesk.desk.inspect import describe

    found = describe(place)
    if json:
        show.as_json(found)
        return
    if every:
        for key, value in briefly.flat(found):
            show.line(f"{key}: {value}")
        return
    for label, text in briefly.in_short(found):
        show.line(Styled(label, "bold"), text)


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
