"""The verb that runs the paper's tables and figure on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import (
    ColumnOption,
    JsonOption,
    NoCacheOption,
    QuietOption,
    WeightsOption,
    columns_of,
    path,
    without_cache,
)

if TYPE_CHECKING:
    from picturedesk.report.records import Cell, ReproductionReport
    from picturedesk.research.reproduction.plan import Plan


def reproduce(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A table, a folder of pictures with .txt files beside them, or KIND:PATH (sohu, "
            "flickr30k, flickr8k, coco, imagefolder, newsimages, webdataset, stamps).",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for features and report.", metavar="FOLDER", parser=path)
    ] = Path("reproduction"),
    column: ColumnOption = None,
    preset: Annotated[
        str,
        typer.Option(
            help="paper: the paper's Inception v3; lite0: the same experiment with a network whose "
            "weights need no download.",
            metavar="NAME",
        ),
    ] = "lite0",
    weights: WeightsOption = "",
    seeds: Annotated[
        int, typer.Option(help="Number of seeds.", min=1, max=1000, metavar="INTEGER")
    ] = 3,
    small: Annotated[
        int,
        typer.Option(
            help="Number of test texts in the small sample; without effect if there are no more.",
            min=2,
            metavar="INTEGER",
        ),
    ] = 400,
    baselines: Annotated[
        bool,
        typer.Option(help="Also run ridge, CCA, VSE++ (tuned) and every single level."),
    ] = True,
    clip: Annotated[
        str,
        typer.Option(help="File of open_clip weights; adds a zero-shot row.", metavar="FILE"),
    ] = "",
    clip_model: Annotated[
        str, typer.Option(help="open_clip's name of the model of these weights.", metavar="NAME")
    ] = "ViT-B-32",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the expected time; run nothing.")
    ] = False,
    no_cache: NoCacheOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the paper's tables and figure on a data set.

    Adds baselines, confidence intervals and checks for leaks; writes report.html, report.md and
    report.json. If you stop it, run the same command again: it continues with the next row.
    """
    from dataclasses import replace

    from picturedesk.backbones.presets import weights_source
    from picturedesk.research.reproduction.config import ReproduceConfig

    without_cache(no_cache)
    columns = columns_of(column)
    config = replace(
        ReproduceConfig(),
        preset=preset,
        weights=weights_source(weights),
        seeds=tuple(range(seeds)),
        small=small,
        baselines=baselines,
        clip=str(Path(clip).resolve()) if clip else "",
        clip_model=clip_model,
    )
    if dry_run:
        from picturedesk.research.reproduction.plan import plan

        with show.progress(quiet) as progress:
            found = plan(data, out, config, progress, columns)
        _show_plan(found, out, json)
        return
    from picturedesk.research.reproduction.run import reproduce as run

    with show.progress(quiet) as progress:
        report = run(data, out, config, progress, columns)
    if json:
        show.as_json(report)
        return
    _show(report, out)


def _show_plan(found: Plan, out: Path, json: bool) -> None:
    if json:
        show.as_json(found)
        return
    parts = ", ".join(f"{count} {part}" for part, count in found.texts.items())
    show.line(f"{found.data}: {found.pictures} pictures; texts: {parts}")
    if found.small:
        show.line(found.small)
    if found.rejected:
        show.line(f"{found.rejected} rows or files cannot be used")
    show.line(f"Backbone {found.backbone}")
    seconds = found.seconds
    show.line(
        f"Pictures to read: {found.pictures - found.known} ({found.known} are already read): "
        f"about {_duration(seconds.extraction)}"
    )
    show.line(f"Text vectors: about {_duration(seconds.texts)}")
    show.line(f"Networks to train: {found.trainings}: about {_duration(seconds.networks)}")
    if found.tunings:
        show.line(
            f"Ridge, CCA, and {found.tunings} trainings that tune VSE++: about "
            f"{_duration(seconds.baselines)}"
        )
    show.line(f"Measuring and comparing: about {_duration(seconds.measuring)}")
    show.line(f"In all about {_duration(seconds.total)}, less the rows of an earlier run")
    show.line(f"Writes report.html, report.md, report.json and features into {out}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show(report: ReproductionReport, out: Path) -> None:
    for fact in (report.title, report.data, f"{report.backbone}: {', '.join(report.levels)}", ""):
        show.line(fact)
    for table in report.tables:
        rows = [
            [row.name, *(_cell(row.cells[column]) for column in table.columns)]
            for row in table.rows
        ]
        show.table(table.title, ["route", *table.columns], rows)
    show.table(
        "Differences in points of recall@10: paired bootstrap, 95 % interval; p (Holm) is "
        f"corrected for these {len(report.comparisons)} comparisons",
        ["comparison", "candidates", "difference", "interval", "p", "p (Holm)", "paper's text"],
        [
            [
                gap.name,
                gap.candidates,
                f"{gap.difference:+.1f}",
                f"{gap.low:+.1f} to {gap.high:+.1f}",
                f"{gap.p:.4f}",
                f"{gap.p_holm:.4f}",
                gap.paper or "-",
            ]
            for gap in report.comparisons
        ],
    )
    checks = [[check.name, check.found] for check in report.checks]
    show.table("Checks", ["check", "result"], checks)
    for remark in report.notes:
        show.line(remark)
    show.line()
    show.line(f"Time: {report.seconds:.0f} s. Report: {out / 'report.html'}")


def _cell(cell: Cell) -> str:
    return f"{cell.mean:.1f}" if cell.spread is None else f"{cell.mean:.1f} ± {cell.spread:.1f}"
