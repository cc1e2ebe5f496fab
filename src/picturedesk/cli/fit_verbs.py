"""The verbs that fit a desk: fit and demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import picturedesk.checks as checks
from picturedesk.cli import show
from picturedesk.cli.asking import show_slots
from picturedesk.cli.options import (
    ColumnOption,
    DecodeMemoryOption,
    DeskOption,
    JsonOption,
    MaxMegapixelsOption,
    NoCacheOption,
    QuietOption,
    WeightsOption,
    columns_of,
    limited,
    path,
    without_cache,
)
from picturedesk.cli.results import in_one_line, show_measured, show_rejections, show_suggestion
from picturedesk.web.config import PORT

if TYPE_CHECKING:
    from picturedesk.desk.fit import FitReport


def fit(
    archive: Annotated[
        str,
        typer.Argument(
            metavar="ARCHIVE",
            help="A CSV, JSONL or Parquet table, a folder of pictures with .txt files beside them, "
            "tar shards ('shards-{000..003}.tar', quoted), or KIND:PATH (sohu, flickr30k, "
            "flickr8k, coco, imagefolder, newsimages, webdataset, stamps).",
        ),
    ],
    desk: DeskOption = Path("desk"),
    column: ColumnOption = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="best: blended routes with a confidence; paper: the published method.",
            metavar="NAME",
        ),
    ] = "best",
    backbone: Annotated[
        str,
        typer.Option(
            help="A preset (default, lite0, lite2, paper), any timm model, or a dual encoder as "
            "openclip:MODEL/TAG (CLIP, SigLIP; extra clip), whose text tower is used, too. "
            "NAME@PIXELS: with another size. Default: the recipe's.",
            metavar="NAME",
        ),
    ] = "",
    levels: Annotated[
        str,
        typer.Option(
            help="Levels to read as WHERE:POOLING, separated by commas; 'picturedesk levels NAME' "
            "lists them. auto: those that the adviser recommends for this archive. "
            "Default: the preset's.",
            metavar="LEVELS",
        ),
    ] = "",
    weights: WeightsOption = "",
    text_encoder: Annotated[
        str,
        typer.Option(
            help="Text encoder to fit on the archive: lsa or doc2vec; none: use the sentence "
            "encoder alone.",
            metavar="NAME",
        ),
    ] = "lsa",
    sentences: Annotated[
        str,
        typer.Option(
            help="Recipe best: pretrained sentence encoders to choose from, separated by commas: "
            "use (Universal Sentence Encoder, 16 languages), e5 (multilingual E5, 100 languages), "
            "or names or folders of sentence-transformers models; none. auto: use and e5, as "
            "far as they are installed.",
            metavar="NAMES",
        ),
    ] = "auto",
    topics: Annotated[
        int,
        typer.Option(help="Maximum width of the fitted text vectors.", min=1, metavar="INTEGER"),
    ] = 500,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Recipe paper: maximum number of epochs; training stops early.",
            min=1,
            metavar="INTEGER",
        ),
    ] = None,
    validate: Annotated[
        float | None,
        typer.Option(
            help="Share of texts held out for validation. Default: 0.1 with the recipe paper (it "
            "chooses the epoch), 0 with best (it cross-validates on the training texts).",
            min=0.0,
            max=0.9,
            metavar="NUMBER",
        ),
    ] = None,
    test: Annotated[
        float,
        typer.Option(
            help="Share of texts held out for the test, if the archive names no test texts.",
            min=0.0,
            max=0.9,
            metavar="NUMBER",
        ),
    ] = 0.1,
    learn_from: Annotated[
        int,
        typer.Option(
            help="Recipe best: pairs of text and picture to learn from, at most; of a larger "
            "archive a sample, all of which suggests and is suggested.",
            min=1,
            metavar="INTEGER",
        ),
    ] = 100_000,
    max_megapixels: MaxMegapixelsOption = None,
    decode_memory: DecodeMemoryOption = None,
    engine: Annotated[
        str,
        typer.Option(
            help="Where pictures are read, and texts are encoded by pretrained encoders: local, in "
            "this process; ray, on the Ray cluster of RAY_ADDRESS, or on one for this machine "
            "(extra ray, docs/scale.md).",
            metavar="NAME",
        ),
    ] = "local",
    device: Annotated[
        str, typer.Option(help="Device: cpu, cuda, mps or auto.", metavar="NAME")
    ] = "cpu",
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of split, text encoder and training.",
            min=0,
            max=checks.LARGEST_SEED,
            metavar="INTEGER",
        ),
    ] = 0,
    no_cache: NoCacheOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit a desk on an archive of texts and pictures.

    Reads every picture once, fits text encoder and heads, measures the desk on held-out texts and
    writes a report. If you stop it, run the same command again: it continues.
    """
    without_cache(no_cache)
    columns = columns_of(column)
    with show.progress(quiet) as progress:
        progress(0, 1, "loading the library")
        from picturedesk.backbones.presets import weights_source
        from picturedesk.desk import Desk, DeskConfig

        progress(1, 1, "loading the library")
    config = DeskConfig.of(recipe)
    config = replace(
        config,
        backbone=backbone or config.backbone,
        levels=_names(levels),
        weights=weights_source(weights),
        device=device,
        text_encoder=text_encoder,
        sentences=_sentences(sentences) if recipe == "best" else config.sentences,
        learn_from=learn_from,
        lsa=replace(config.lsa, topics=topics),
        doc2vec=replace(config.doc2vec, width=topics),
        train=replace(config.train, epochs=epochs or config.train.epochs),
        split=replace(
            config.split,
            validate=config.split.validate if validate is None else validate,
            test=test,
        ),
        extract=limited(config.extract, max_megapixels, decode_memory, engine),
    )
    with show.progress(quiet) as progress:
        report = Desk.fit_report(archive, desk, config.with_seed(seed), progress, columns)
    if json:
        show.as_json({"desk": str(desk), **_as_json(report)})
        return
    _show_fit(report)
    if report.measured:
        show_measured(report.measured)
        show.line(f"Report: {report.fitted.report}")
    show.line(f'Suggest with: picturedesk suggest "…" --desk {desk}')


def demo(
    data: Annotated[
        str | None,
        typer.Option(help="Use this archive instead of the stamps; as for fit.", metavar="ARCHIVE"),
    ] = None,
    desk: DeskOption = Path("demo-desk"),
    cache: Annotated[
        Path,
        typer.Option(help="Folder to unpack the stamps into.", metavar="FOLDER", parser=path),
    ] = Path(".cache"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the whole method on real pictures and texts.

    Downloads the pictures of Debian's package tuxpaint-stamps-default (161 MB), fits a desk,
    measures it on held-out texts, suggests pictures for texts, under a condition, after an editor's
    choice and for a story in passages, and writes a contact sheet of suggestions.
    """
    from picturedesk.desk import json_documents
    from picturedesk.desk.demo import run_demo

    with show.progress(quiet) as progress:
        demo = run_demo(desk, cache, data, progress)
    if json:
        show.as_json(
            {
                "desk": str(desk),
                **_as_json(demo.report),
                "examples": [
                    {"text": answer.text, "suggestions": answer.suggestions}
                    for answer in demo.answers
                ],
                "filter": {
                    "where": demo.where,
                    "text": demo.filtered.text,
                    "suggestions": demo.filtered.suggestions,
                },
                "choice": demo.chosen,
                "story": json_documents.passages(demo.story)["slots"],
                "contact_sheet": str(demo.contact_sheet),
            }
        )
        return
    show_measured(demo.measured)
    for answer in demo.answers:
        show.line()
        show.line(f"“{in_one_line(answer.text)}”")
        for suggestion in answer.suggestions[:3]:
            show_suggestion(suggestion, evidence=False)
    show.line()
    show.line(f"The first text again, only where {demo.where}")
    for suggestion in demo.filtered.suggestions[:3]:
        show_suggestion(suggestion, evidence=False)
    show.line()
    chosen = demo.chosen
    show.line(
        f"An editor chooses {chosen.picture.uri} for it: similar texts get it at rank "
        f"{chosen.after} instead of {chosen.before} (route transfer). The choice is taken back."
    )
    show.line()
    show.line("A story in three passages, each with a picture of its own:")
    show_slots(demo.story, json=False)
    show.line()
    show.line(f"Contact sheet: {demo.contact_sheet}")
    show.line(f'Try your own text: picturedesk suggest "a red apple" --desk {desk}')
    show.line(
        f"Open the page of it all: picturedesk serve --desk {desk}, then http://127.0.0.1:{PORT}/"
    )


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())


def _sentences(given: str) -> tuple[str, ...]:
    names = _names(given)
    return () if names == ("none",) else names


def _as_json(report: FitReport) -> dict[str, object]:
    from picturedesk.disk.artifacts import plain

    evaluation = report.measured.as_json() if report.measured else None
    facts = plain(replace(report, measured=None))
    del facts["measured"]
    return {"report": facts, "evaluation": evaluation}


def _show_fit(report: FitReport) -> None:
    texts = ", ".join(f"{count} {part}" for part, count in report.texts.items())
    show.line(f"{report.pictures} pictures; texts: {texts}")
    seconds = ", ".join(f"{step} {value:.1f} s" for step, value in report.seconds.items())
    show.line(f"Time: {seconds}")
    if "sample" in report.chosen:
        sample = report.chosen["sample"]
        show.line(f"Learned from {sample['pairs']:,} of {sample['of']:,} pairs for training")
    if "epochs" in report.chosen:
        show.line(f"Best epoch: {report.chosen['best_epoch']} of {report.chosen['epochs']}")
    if "cross_validated" in report.chosen:
        scores = report.chosen["cross_validated"].items()
        found = ", ".join(f"{name} {100 * mrr:.1f}" for name, mrr in scores)
        show.line(f"Cross-validated MRR % on {report.chosen['held_out']} texts: {found}")
    show_rejections(report.rejections, report.fitted.rejected)
