"""The verbs that work on a desk: demo, fit, add, suggest, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picturedesk.cli import show
from picturedesk.cli.explaining import show_explanation
from picturedesk.errors import BadInput

if TYPE_CHECKING:
    from picturedesk.desk.desk import Addition
    from picturedesk.desk.fit import FitReport
    from picturedesk.desk.measure import Measured
    from picturedesk.types import Rejection, Suggestion

DeskOption = Annotated[Path, typer.Option("--desk", help="The desk folder.", metavar="FOLDER")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]

EXPLANATION_WIDTH = 100  # characters of an archive text shown as evidence
SHOWN_REJECTIONS = 5


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


def add(
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES",
            help="A folder, one picture, or a table with a picture column and metadata "
            "(caption, credit, licence, date, tags).",
        ),
    ],
    desk: DeskOption = Path("desk"),
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put more pictures into the catalogue.

    Only new or changed files are read; the rest is known by path, size and time.
    """
    from picturedesk.desk import Desk

    with show.progress(quiet) as progress:
        addition = Desk(desk).add(pictures, progress)
    if json:
        show.as_json(addition)
        return
    _show_addition(addition)


def suggest(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text, or - for stdin.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="Read the text from this file.", metavar="FILE")
    ] = None,
    desk: DeskOption = Path("desk"),
    k: Annotated[int, typer.Option("--k", "-k", help="How many pictures.", min=1)] = 10,
    route: Annotated[
        str,
        typer.Option(
            help="blend: all of the others, weighed by the archive; direct: text against "
            "picture; transfer: by way of similar archive texts; names: what the network sees; "
            "words: captions. Default: blend, or direct with the recipe paper.",
            metavar="NAME",
        ),
    ] = "",
    where: Annotated[
        str,
        typer.Option(
            help="SQL condition on the metadata, e.g. \"licence = 'cc0'\".", metavar="SQL"
        ),
    ] = "",
    least: Annotated[
        float,
        typer.Option(
            help="Say that there is no good picture if the chance that one of the first ten suits "
            "is smaller than this.",
            min=0.0,
            max=1.0,
        ),
    ] = 0.25,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Also say which routes, levels, words and sentences spoke for each."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Suggest pictures for a text, and say why and how sure it is.

    Each comes with the archive text that spoke for it most.
    """
    from picturedesk.desk.desk import Desk

    opened, asked = Desk(desk), _read_text(text, file)
    found = opened.suggest(asked, k, route, where, least)
    explanations = opened.explain(asked, found) if explain and found else []
    if json:
        facts: dict[str, object] = {"confidence": found.confidence, "doubt": found.doubt}
        if explain:
            facts["explanations"] = explanations
        show.as_json({**facts, "suggestions": list(found)})
        return
    if not found:
        show.note("no picture of the catalogue passes the condition")
    if found.doubt:
        show.note(f"no good picture here? {found.doubt}")
    for number, suggestion in enumerate(found):
        _show_suggestion(suggestion)
        if explain:
            show_explanation(explanations[number])
    if found.confidence is not None:
        show.line(f"Chance that one of the first ten suits: {found.confidence:.0%}")


def evaluate(
    desk: DeskOption = Path("desk"),
    part: Annotated[
        str, typer.Option(help="test or validate: the texts to ask.", metavar="PART")
    ] = "test",
    trec: Annotated[
        Path | None,
        typer.Option(help="Also write TREC runs and qrels into this folder.", metavar="FOLDER"),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="Measure this TREC run instead of a desk.", metavar="FILE"),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="The qrels that the run is held against.", metavar="FILE")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure how often the right picture is found.

    The texts asked are those that nothing was fitted on. With --run and --qrels, anybody's run
    is measured by trec_eval's rules.
    """
    if run or qrels:
        _evaluate_run(run, qrels, json)
        return
    from picturedesk.desk.desk import Desk

    opened = Desk(desk)
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
    from picturedesk.demo import run_demo

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
            _show_suggestion(suggestion, evidence=False)
    show.line(f"\nContact sheet: {shown.contact_sheet}")
    show.line(f'Ask it yourself: picturedesk suggest "a red apple" --desk {desk}')


def show_measured(measured: Measured) -> None:
    """Draws the table of each direction, and how far the confidence can be trusted."""
    for direction, columns, rows in measured.evaluation.tables():
        show.table(direction, columns, rows)
    for name, found in measured.reliability.items():
        show.line(
            f"Confidence in {name}: off by {100 * found.ece:.1f} points on average "
            f"(chance alone would give {100 * found.noise:.1f})"
        )


def _evaluate_run(run: Path | None, qrels: Path | None, json: bool) -> None:
    if run is None or qrels is None:
        raise BadInput("--run and --qrels go together: give both files")
    from picturedesk.trec import read_qrels, read_run, score_run

    scores = score_run(read_run(run), read_qrels(qrels))
    if json:
        show.as_json(scores)
        return
    named = [(f"success@{k} % (the paper's recall@{k})", v) for k, v in scores.success.items()]
    named += [(f"recall@{k} %", value) for k, value in scores.recall.items()]
    named += [("MRR %", scores.mrr), ("nDCG@10 %", scores.ndcg10)]
    named += [("average precision %", scores.average_precision)]
    unanswered = f", {scores.unanswered} of them unanswered" if scores.unanswered else ""
    show.table(
        f"{run.name} against {qrels.name}: {scores.queries} queries{unanswered}",
        ["measure", "mean"],
        [[name, f"{100 * value:.2f}"] for name, value in named],
    )


def _read_text(text: str, file: Path | None) -> str:
    if bool(text) == bool(file):
        raise BadInput("give the text as an argument, or --file FILE, or - to read stdin")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{file} cannot be read as a UTF-8 text: {error}") from None
    return sys.stdin.read() if text == "-" else text


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
    _show_rejections(report.rejections, desk / "rejected.csv")


def _show_addition(addition: Addition) -> None:
    show.line(
        f"{addition.new} new, {addition.updated} known, {addition.read} files read; "
        f"{addition.catalogue} pictures in the catalogue"
    )
    _show_rejections(addition.rejections, None)


def _show_rejections(rejections: tuple[Rejection, ...], listed: Path | None) -> None:
    if not rejections:
        return
    where = f"; all of them in {listed}" if listed else ""
    show.note(f"{len(rejections)} left out{where}:")
    for rejection in rejections[:SHOWN_REJECTIONS]:
        show.note(f"  {rejection.source}: {rejection.reason}; {rejection.cure}")
    if len(rejections) > SHOWN_REJECTIONS:
        show.note(f"  … and {len(rejections) - SHOWN_REJECTIONS} more")


def _show_suggestion(suggestion: Suggestion, evidence: bool = True) -> None:
    picture = suggestion.picture
    known = [picture.caption, picture.credit, picture.licence, picture.date]
    facts = " · ".join(fact for fact in known if fact)
    sure = f"{suggestion.confidence:>4.0%}  " if suggestion.confidence is not None else ""
    show.line(f"{suggestion.rank:>3}  {sure}{suggestion.score:.3f}  {picture.uri}")
    if facts:
        show.line(f"            {facts}")
    if evidence and suggestion.evidence:
        first = suggestion.evidence[0]
        text = first.text[:EXPLANATION_WIDTH]
        show.line(
            f"            because it resembles (cosine {first.picture_similarity:.2f}) the picture "
            f"that ran with: {text}"
        )
