"""The verbs that learn: fit, and demo, which shows all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.options import DeskOption, JsonOption, QuietOption
from picturedesk.cli.results import show_measured, show_rejections, show_suggestion

if TYPE_CHECKING:
    from picturedesk.desk.fit import FitReport


def fit(
    archive: Annotated[
        str,
        typer.Argument(
            metavar="ARCHIVE",
            help="CSV, JSONL or Parquet table, a folder of pictures with .txt beside them, "
            "or KIND:PATH (sohu, flickr30k, flickr8k, coco, newsimages, webdataset, stamps).",
        ),
    ],
    desk: DeskOption = Path("desk"),
    recipe: Annotated[
        str,
        typer.Option(
            help="best: routes blended, with a confidence; paper: the published method.",
            metavar="NAME",
        ),
    ] = "best",
    backbone: Annotated[
        str,
        typer.Option(
            help="Preset (default, lite0, lite2, paper) or any timm model. "
            "Default: that of the recipe.",
            metavar="NAME",
        ),
    ] = "",
    levels: Annotated[
        str,
        typer.Option(
            help="Levels to read, separated by commas: WHERE:POOLING; "
            "see picturedesk levels NAME. Default: those of the preset; auto: those that "
            "serve this archive best.",
            metavar="LEVELS",
        ),
    ] = "",
    weights: Annotated[
        str, typer.Option(help="File of backbone weights (safetensors or torch).", metavar="FILE")
    ] = "",
    text_encoder: Annotated[
        str,
        typer.Option(
            help="Fitted on the archive: lsa or doc2vec; none for the sentence encoder alone.",
            metavar="NAME",
        ),
    ] = "lsa",
    sentences: Annotated[
        str,
        typer.Option(
            help="Pretrained sentence encoder of the recipe best: use (16 languages), none, or a "
            "model of sentence-transformers.",
            metavar="NAME",
        ),
    ] = "use",
    topics: Annotated[int, typer.Option(help="Width of the text vectors, at most.", min=1)] = 500,
    epochs: Annotated[
        int | None,
        typer.Option(help="Recipe paper: most epochs of training; it stops early.", min=1),
    ] = None,
    validate: Annotated[
        float | None,
        typer.Option(
            help="Share of texts kept to validate. Default: 0.1 with the recipe paper (they "
            "choose the epoch), 0 with best (it rehearses on its training texts).",
            min=0.0,
            max=0.9,
        ),
    ] = None,
    test: Annotated[
        float,
        typer.Option(
            help="Share of texts kept for evaluation, unless the archive says which.",
            min=0.0,
            max=0.9,
        ),
    ] = 0.1,
    max_megapixels: Annotated[
        float, typer.Option(help="Larger pictures are refused unread.", min=0.001)
    ] = 200.0,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.", metavar="NAME")] = "cpu",
    seed: Annotated[int, typer.Option(help="Seed of split, text encoder and training.")] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Learn from an archive which pictures suit which texts.

    Reads every picture once, fits text encoder and heads, evaluates on texts kept apart, and
    leaves a desk that can suggest. Killed at any moment, the same command goes on.
    """
    from dataclasses import replace

    from picturedesk.desk import Desk, DeskConfig

    config = DeskConfig.of(recipe)
    config = replace(
        config,
        backbone=backbone or config.backbone,
        levels=tuple(name.strip() for name in levels.split(",") if name.strip()),
        weights=str(Path(weights).resolve()) if weights else "",
        device=device,
        text_encoder=text_encoder,
        sentences=sentences if recipe == "best" else config.sentences,
        lsa=replace(config.lsa, topics=topics),
        doc2vec=replace(config.doc2vec, width=topics),
        train=replace(config.train, epochs=epochs or config.train.epochs),
        split=replace(
            config.split,
            validate=config.split.validate if validate is None else validate,
            test=test,
        ),
        extract=replace(
            config.extract, decode=replace(config.extract.decode, max_megapixels=max_megapixels)
        ),
    )
    with show.progress(quiet) as progress:
        report = Desk.fit_report(archive, desk, config.with_seed(seed), progress)
    if json:
        measured = report.measured.as_json() if report.measured else None
        facts = replace(report, measured=None)
        show.as_json({"desk": str(desk), "report": facts, "evaluation": measured})
        return
    _show_fit(report, desk)
    if report.measured:
        show_measured(report.measured)
        show.line(f"Report: {desk / 'reports' / 'report.html'}")
    show.line(f'Suggest with: picturedesk suggest "…" --desk {desk}')


def demo(
    data: Annotated[
        str,
        typer.Option(help="Your own archive instead of the stamps, as for fit.", metavar="ARCHIVE"),
    ] = "",
    desk: DeskOption = Path("demo-desk"),
    cache: Annotated[
        Path, typer.Option(help="Where the stamps are unpacked.", metavar="FOLDER")
    ] = Path(".cache"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the whole method on real pictures and texts.

    Fetches the pictures of Debian's package tuxpaint-stamps-default, learns from a part of
    them, measures on the rest, and leaves a desk and a contact sheet to look at.
    """
    from picturedesk.desk.demo import run_demo

    with show.progress(quiet) as progress:
        shown = run_demo(desk, cache, data, progress)
    if json:
        show.as_json(
            {
                "desk": str(desk),
                "report": shown.report,
                "evaluation": shown.measured.as_json(),
                "asked": [
                    {"text": asked.text, "suggestions": asked.suggestions} for asked in shown.asked
                ],
                "contact_sheet": str(shown.contact_sheet),
            }
        )
        return
    show_measured(shown.measured)
    for asked in shown.asked:
        show.line(f"\n“{asked.text}”")
        for suggestion in asked.suggestions[:3]:
            show_suggestion(suggestion, evidence=False)
    show.line(f"\nContact sheet: {shown.contact_sheet}")
    show.line(f'Ask it yourself: picturedesk suggest "a red apple" --desk {desk}')


def _show_fit(report: FitReport, desk: Path) -> None:
    texts = ", ".join(f"{count} {part}" for part, count in report.texts.items())
    show.line(f"{report.pictures} pictures; texts: {texts}")
    seconds = ", ".join(f"{step} {value:.1f} s" for step, value in report.seconds.items())
    show.line(f"Took: {seconds}")
    if "epochs" in report.chosen:
        show.line(f"Epoch {report.chosen['best_epoch']} of {report.chosen['epochs']} kept")
    if "rehearsed" in report.chosen:
        found = ", ".join(f"{n} {100 * v:.1f}" for n, v in report.chosen["rehearsed"].items())
        show.line(f"Rehearsed on {report.chosen['asked']} texts, MRR %: {found}")
    show_rejections(report.rejections, desk / "rejected.csv")
