"""The verbs that use a desk: add, suggest, tags, texts, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show, streams
from picturedesk.cli.asking import (
    DiversityOption,
    DuplicatesOption,
    FatigueOption,
    KeywordOption,
    LikeOption,
    SlotsOption,
    UnlikeOption,
    order_of,
    question,
    show_answer,
    suggest_slots,
)
from picturedesk.cli.options import (
    DecodeMemoryOption,
    DeskOption,
    JsonOption,
    MaxMegapixelsOption,
    QuietOption,
    limited,
    path,
)
from picturedesk.cli.results import (
    show_measured,
    show_ranked_text,
    show_rejections,
)
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.desk import Addition


def add(
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES",
            help="A folder, one picture, a table with a picture column and metadata (caption, "
            "credit, licence, date, tags), or KIND:PATH as for fit.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    max_megapixels: MaxMegapixelsOption = None,
    decode_memory: DecodeMemoryOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Add pictures to the catalogue.

    Reads only new or changed files; compares the others by path, size and time of last change.
    What is left out stands in rejected.csv of the desk until it gets in.
    """
    from picturedesk.desk import Desk

    with show.progress(quiet) as progress, Desk(desk) as opened:
        limits = limited(opened.limits, max_megapixels, decode_memory)
        addition = opened.add(pictures, progress, limits)
    if json:
        show.as_json(addition)
        return
    _show_addition(addition, opened.folder.require().rejected)


def suggest(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The text, or - to read it from stdin.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Read the text from this file.", metavar="FILE", parser=path),
    ] = None,
    max_megabytes: Annotated[
        float, typer.Option(help="With --file or -: refuse a larger text.", min=0.001, max=1000.0)
    ] = streams.MAX_MEGABYTES,
    desk: DeskOption = Path("desk"),
    k: Annotated[int, typer.Option("--k", "-k", help="Number of pictures.", min=1)] = 10,
    route: Annotated[
        str,
        typer.Option(
            help="How pictures are scored. blend: a weighted sum of all routes; direct: the cosine "
            "of text and picture; transfer: by the pictures of similar archive texts; class_names: "
            "by the network's class probabilities; captions: BM25 of captions and tags; "
            "zero_shot: the cosine of a dual encoder, without the archive's pairs. "
            "Default: blend; with the recipe paper direct.",
            metavar="NAME",
        ),
    ] = "",
    where: Annotated[
        str,
        typer.Option(
            help="SQL condition on uri, key, caption, credit, licence, date and tags, "
            "e.g. \"licence = 'cc0'\".",
            metavar="SQL",
        ),
    ] = "",
    min_confidence: Annotated[
        float,
        typer.Option(
            help="Also warn that there may be no good picture if the chance that the right one is "
            "among those shown is lower than this, 0 to 1.",
            min=0.0,
            max=1.0,
        ),
    ] = 0.0,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also show what each route, level, word, sentence and class adds to the score.",
        ),
    ] = False,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    keyword: KeywordOption = None,
    diversity: DiversityOption = None,
    fatigue: FatigueOption = None,
    duplicates: DuplicatesOption = False,
    slots: SlotsOption = "",
    json: JsonOption = False,
) -> None:
    """Suggest pictures for a text, with reasons.

    Shows for each picture the chance that an editor would have run it, how well it matches compared
    with other texts (strong, fair, weak), and the archive text that it ran with or that supports it
    most. A text may go together with pictures and keywords (or these alone are asked); such answers
    state no chances. With --slots, a long story gets pictures for each of its passages.
    """
    from picturedesk.desk.desk import Desk

    beside = bool(like or unlike or keyword)
    query = "" if beside and not (text or file) else _read_text(text, file, max_megabytes)
    asked = question(query, like, unlike, keyword)
    if (beside or slots) and explain:
        raise BadInput("--explain goes with one plain text: leave it, or what else is asked")
    where = streams.from_argument(where)
    if slots:
        if beside:
            raise BadInput("--slots goes with one plain text, without pictures and keywords")
        suggest_slots(desk, query, slots, k, route, where, fatigue, json)
        return
    spread, days = order_of(diversity, fatigue)
    with Desk(desk) as opened:
        found = opened.suggest(
            asked,
            k,
            route,
            where,
            min_confidence,
            diversity=spread,
            fatigue=days,
            duplicates=duplicates,
        )
        explanations = opened.explain(query, found) if explain and found else []
    if json:
        facts: dict[str, object] = {"found": found.found, "doubt": found.doubt}
        if explain:
            facts["explanations"] = explanations
        show.as_json({**facts, "suggestions": list(found)})
        return
    show_answer(found, explanations)


def tags(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURE...",
            help="Picture files, or content keys of pictures that the desk knows.",
        ),
    ],
    desk: DeskOption = Path("desk"),
    most: Annotated[int, typer.Option(help="Words for each picture, at most.", min=1)] = 10,
    json: JsonOption = False,
) -> None:
    """Show the words of the archive that pictures show, the most telling first.

    Each has the probability that a text about the picture has the word. The desk must have word
    detectors, which a fit with torch learns from 200 pictures on. Adds nothing to the catalogue.
    """
    from picturedesk.desk.desk import Desk

    with Desk(desk) as opened:
        found = opened.tags(pictures, most)
    if json:
        rows = zip(pictures, found, strict=True)
        show.as_json({"pictures": [{"picture": name, "tags": tags} for name, tags in rows]})
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
    k: Annotated[int, typer.Option("--k", "-k", help="Number of texts.", min=1)] = 10,
    texts: Annotated[
        Path | None,
        typer.Option(
            help="Rank the lines of this file, one text each, instead of the archive's texts.",
            metavar="FILE",
            parser=path,
        ),
    ] = None,
    max_megabytes: Annotated[
        float, typer.Option(help="With --texts: refuse a larger file.", min=0.001, max=1000.0)
    ] = streams.MAX_MEGABYTES,
    json: JsonOption = False,
) -> None:
    """Show the texts that suit a picture best.

    Scores are comparable for one picture. Of the archive's texts the beginning is shown. Adds
    nothing to the catalogue.
    """
    from picturedesk.desk.desk import Desk

    given = None
    if texts is not None:
        lines = streams.read_text(texts, max_megabytes).splitlines()
        given = [line.strip() for line in lines if line.strip()]
    with Desk(desk) as opened:
        found = opened.texts(picture, k, given)
    if json:
        show.as_json({"picture": picture, "texts": found})
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


def _read_text(text: str, file: Path | None, max_megabytes: float) -> str:
    if bool(text) == bool(file):
        raise BadInput("give one text: as an argument, with --file FILE, or - to read stdin")
    if file is not None:
        return streams.read_text(file, max_megabytes)
    if text == streams.STDIN:
        return streams.read_text(text, max_megabytes)
    return streams.from_argument(text)


def _show_addition(addition: Addition, listed: Path) -> None:
    show.line(
        f"{addition.new} added, {addition.updated} updated, {addition.read} files read; "
        f"{addition.catalogue} pictures in the catalogue"
    )
    show_rejections(addition.rejections, listed)
