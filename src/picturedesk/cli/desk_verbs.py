"""The verbs that ask a desk about pictures and texts: tags, texts, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.options import DeskOption, JsonOption, path
from picturedesk.cli.results import show_measured, show_ranked_text
from picturedesk.errors import BadInput


def tags(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Picture files, or content keys of pictures that the desk knows.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    most: Annotated[
        int, typer.Option(help="Words for each picture, at most.", min=1, metavar="INTEGER")
    ] = 10,
    json: JsonOption = False,
) -> None:
    """Name the words of the archive that pictures show.

    The most telling come first. Each has the probability that a text about the picture has the
    word. The desk must have word detectors, which a fit with torch learns from 200 pictures on.
    Adds nothing to the catalogue.
    """
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        found = opened.tags(pictures, most)
    if json:
        show.as_json(json_documents.tags(pictures, found))
        return
    for name, words in zip(pictures, found, strict=True):
        shown = ", ".join(f"{tag.word} ({tag.probability:.0%})" for tag in words)
        show.line(f"{name}: {shown or 'none of the words that the desk can see'}")


def texts(
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE",
            help="A picture file, or the content key of a picture that the desk knows.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    k: Annotated[
        int, typer.Option("--k", "-k", help="Number of texts.", min=1, metavar="INTEGER")
    ] = 10,
    texts: Annotated[
        Path | None,
        typer.Option(
            help="Rank the lines of this file, one text each, instead of the archive's texts.",
            metavar="FILE",
            parser=path,
        ),
    ] = None,
    max_megabytes: Annotated[
        float,
        typer.Option(
            help="With --texts: refuse a larger file.", min=0.001, max=1000.0, metavar="NUMBER"
        ),
    ] = streams.MAX_MEGABYTES,
    json: JsonOption = False,
) -> None:
    """Show the texts that suit a picture best.

    Scores are comparable for one picture. Of the archive's texts the beginning is shown. Adds
    nothing to the catalogue.
    """
    from picturedesk.desk import json_documents
    from picturedesk.desk.desk import Desk

    given = None
    if texts is not None:
        lines = streams.read_text(texts, max_megabytes).splitlines()
        given = [line.strip() for line in lines if line.strip()]
    with Desk(desk) as opened:
        found = opened.texts(picture, k, given)
    if json:
        show.as_json(json_documents.texts(picture, found))
        return
    if not found:
        show.note("there is no text to rank")
    for one in found:
        show_ranked_text(one)


def evaluate(
    desk: DeskOption = Path("desk"),
    part: Annotated[
        str,
        typer.Option(help="The texts to measure with: test or validate.", metavar="PART"),
    ] = "test",
    trec: Annotated[
        Path | None,
        typer.Option(
            help="Also write TREC runs and qrels into this folder.", metavar="FOLDER", parser=path
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Measure this TREC run instead of a desk.", metavar="FILE", parser=path),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(help="The qrels to measure the run against.", metavar="FILE", parser=path),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure how often each route finds the right picture.

    Uses texts that were held out from the fit, and writes an HTML report into the desk. With --run
    and --qrels, measures any TREC run by the rules of trec_eval.
    """
    if run or qrels:
        _evaluate_run(run, qrels, json)
        return
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        measured = opened.measure(part)
        if trec is not None:
            opened.export_trec(trec, part)
            show.note(f"runs and qrels are in {trec}")
        page = opened.write_report(measured)
    if json:
        show.as_json(measured.as_json())
        return
    show_measured(measured)
    show.line(f"Report: {page}")


def _evaluate_run(run: Path | None, qrels: Path | None, json: bool) -> None:
    if run is None or qrels is None:
        raise BadInput("--run and --qrels go together: give both files")
    from picturedesk.measuring.trec import score_run

    scores = score_run(run, qrels)
    if json:
        show.as_json(scores)
        return
    named = [(f"success@{k} % (the paper's recall@{k})", v) for k, v in scores.success.items()]
    named += [(f"recall@{k} %", value) for k, value in scores.recall.items()]
    named += [("MRR %", scores.mrr), ("nDCG@10 %", scores.ndcg10)]
    named += [("average precision %", scores.average_precision)]
    unanswered = f", {scores.unanswered} of them not in the run" if scores.unanswered else ""
    show.table(
        f"{run.name} against {qrels.name}: {scores.queries} queries{unanswered}",
        ["measure", "mean"],
        [[name, f"{100 * value:.2f}"] for name, value in named],
    )
