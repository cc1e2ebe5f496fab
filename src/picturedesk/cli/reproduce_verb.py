"""The verb that runs the paper's tables and figure on any data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import JsonOption, QuietOption

if TYPE_CHECKING:
    from picturedesk.report.records import Cell, ReproductionReport
    from picturedesk.research.reproduction.plan import Plan


def reproduce(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="sohu:PATH, flickr30k:PATH, flickr8k:PATH, coco:PATH, newsimages:PATH, "
            "webdataset:PATH, folder:PATH, or a table.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for features and report.", metavar="FOLDER")
    ] = Path("reproduction"),
    preset: Annotated[
        str,
        typer.Option(
            help="paper: Inception v3, to the letter; lite0: the same experiment with a network "
            "whose weights need no hub."
        ),
    ] = "lite0",
    weights: Annotated[
        str, typer.Option(help="File of backbone weights (safetensors or torch).", metavar="FILE")
    ] = "",
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0.", min=1)] = 3,
    small: Annotated[int, typer.Option(help="Candidates of the small sample.", min=2)] = 400,
    baselines: Annotated[
        bool,
        typer.Option(help="Also ridge, CCA, VSE++ and every single level."),
    ] = True,
    clip: Annotated[
        str,
        typer.Option(help="File of open_clip weights for a zero-shot row.", metavar="FILE"),
    ] = "",
    clip_model: Annotated[
        str, typer.Option(help="open_clip's name of that model.", metavar="NAME")
    ] = "ViT-B-32",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and how long it would take.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the paper's tables and figure on a data set.

    Adds baselines, intervals and checks for leaks, and writes report.html, report.md and
    report.json. Pictures are read once; a second run only trains.
    """
    from dataclasses import replace

    from picturedesk.research.reproduction.config import ReproduceConfig

    config = replace(
        ReproduceConfig(),
        preset=preset,
        weights=str(Path(weights).resolve()) if weights else "",
        seeds=tuple(range(seeds)),
        small=small,
        baselines=baselines,
        clip=str(Path(clip).resolve()) if clip else "",
        clip_model=clip_model,
    )
    if dry_run:
        from picturedesk.research.reproduction.plan import plan

        _show_plan(plan(data, out, config), out, json)
        return
    from picturedesk.research.reproduction.run import reproduce as run

    with show.progress(quiet) as progress:
        report = run(data, out, config, progress)
    if json:
        show.as_json(report)
        return
    _show(report, out)


def _show_plan(found: Plan, out: Path, json: bool) -> None:
    if json:
        show.as_json(found)
        return
    show.line(f"{found.data}: {found.texts} texts, {found.pictures} pictures")
    if found.rejected:
        show.line(f"{found.rejected} rows or files cannot be used")
    show.line(f"Backbone {found.backbone}")
    show.line(
        f"Would read {found.pictures - found.known} pictures ({found.known} are known): "
        f"about {_duration(found.extraction_seconds)}"
    )
    show.line(f"Would train {found.trainings} networks: about {_duration(found.training_seconds)}")
    show.line(f"Would write report.html, report.md, report.json and features into {out}")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show(report: ReproductionReport, out: Path) -> None:
    show.line(f"{report.title}\n{report.data}\n{report.backbone}: {', '.join(report.levels)}\n")
    for table in report.tables:
        rows = [
            [row.name, *(_cell(row.cells[column]) for column in table.columns)]
            for row in table.rows
        ]
        show.table(table.title, ["route", *table.columns], rows)
    show.table(
        "Differences in points of recall@10: paired bootstrap, 95 % interval",
        ["comparison", "candidates", "difference", "interval", "p", "the paper's prose"],
        [
            [
                gap.name,
                gap.candidates,
                f"{gap.difference:+.1f}",
                f"{gap.low:+.1f} to {gap.high:+.1f}",
                f"{gap.p:.4f}",
                gap.paper or "-",
            ]
            for gap in report.comparisons
        ],
    )
    show.table("Checks", ["check", "found"], [[check.name, check.found] for check in report.checks])
    for remark in report.notes:
        show.line(remark)
    show.line(f"\nTook {report.seconds:.0f} s. Report: {out / 'report.html'}")


def _cell(cell: Cell) -> str:
    return f"{cell.mean:.1f}" if cell.spread is None else f"{cell.mean:.1f} ± {cell.spread:.1f}"
