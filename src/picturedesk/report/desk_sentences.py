"""Sentences that explain a desk's figures. Knows no markup."""

from __future__ import annotations

from picturedesk.measuring.evaluation import CHANCE
from picturedesk.measuring.reliability import Reliability, ReliabilityBin
from picturedesk.measuring.significance import Difference
from picturedesk.report.desk_records import DeskReport
from picturedesk.report.numbers import percent

MIN_TEXTS = 30  # texts in a bin that is worth a sentence
TOLERATED = 0.05  # calibration error above that of exact probabilities that needs no warning
_WORDS = {5: "five", 10: "ten"}


def summary(report: DeskReport) -> list[str]:
    """The summary of a report: the quality of its suggestions and of its confidence."""
    sentences = [
        _found(report),
        _found_in_all(report),
        *(trust(*measured) for measured in report.reliability),
        _doubted(report),
    ]
    if report.sample is not None:
        pairs, of = report.sample
        sentences.append(
            f"The desk learned from {pairs:,} of the {of:,} pairs for training, a stratified "
            "sample; all texts and pictures are in its memory and its catalogue."
        )
    if report.rejections:
        sentences.append(_left_out(report.rejections))
    return [sentence for sentence in sentences if sentence]


def _found(report: DeskReport) -> str:
    evaluation = report.evaluation
    if evaluation is None:
        return "The archive has no test texts, so the quality of this desk was not measured."
    if not report.answers:
        return "The tables show each route on held-out texts."
    scores, chance = evaluation.row(report.answers), evaluation.row(CHANCE)
    depth = max(scores.recall)
    return (
        f"For {percent(scores.recall[depth])} of {_counted(scores.queries)} held out for the test, "
        f"the right picture is among the first {_WORDS.get(depth, depth)} of "
        f"{scores.candidates:,}; a random order would reach {percent(chance.recall[depth])}."
    )


def _found_in_all(report: DeskReport) -> str:
    if report.whole is None or not report.answers:
        return ""
    scores = report.whole.row(report.answers)
    depth = max(scores.recall)
    share = f"it is {percent(scores.recall[depth])}."
    if scores.candidates < report.pictures:
        return (
            f"Among {scores.candidates:,} of the archive's {report.pictures:,} pictures, its own "
            f"and others at random, {share}"
        )
    return f"Among all {scores.candidates:,} pictures of the archive, as users meet it, {share}"


def _doubted(report: DeskReport) -> str:
    if "found" not in report.doubted:
        return ""
    said = (
        "There was a doubt about a good picture for "
        f"{percent(report.doubted['found'])} of the texts whose picture was among the first ten"
    )
    if "missed" in report.doubted:
        said += f", and for {percent(report.doubted['missed'])} of the others"
    return f"{said}."


def trust(what: str, found: Reliability) -> str:
    """How far a stated chance can be trusted; "" if there are too few texts to tell.

    Names the highest and the lowest bin with enough texts; or, if it is off by more than noise and
    by more than a few points, the bin that adds most to the error.
    """
    full = [bin for bin in found.bins if bin.count >= MIN_TEXTS]
    if not found.within_noise and found.ece - found.noise > TOLERATED:
        worst = max(full or found.bins, key=lambda bin: bin.count * abs(bin.stated - bin.observed))
        return (
            f"{_upper(what)}: the stated chance is off by {_points(found.ece)} points: "
            f"{_right_about(worst)}."
        )
    if not full:
        return ""
    ends = dict.fromkeys((full[-1], full[0]))
    return f"{_upper(what)}: {'; '.join(_right_about(bin) for bin in ends)}."


def _right_about(bin: ReliabilityBin) -> str:
    return (
        f"a stated chance of {percent(bin.stated)} came true for {percent(bin.observed)} of texts "
        f"({percent(bin.low)} to {percent(bin.high)})"
    )


def calibration(found: Reliability) -> str:
    """The calibration error, compared with that of exact probabilities."""
    verdict = "within noise" if found.within_noise else "more than noise"
    measured = (
        f"Calibration error {_points(found.ece)} points on {_counted(found.queries)}: {verdict}. "
        f"Exact probabilities would have {_points(found.noise)} on average and rarely more than "
        f"{_points(found.noise_high)}."
    )
    area = "" if found.auc is None else f"AUC {found.auc:.2f} (0.50 is guessing), "
    return f"{measured} {area}Brier score {found.brier:.3f}."


def verdict(a: str, b: str, gap: Difference) -> str:
    """Which of two routes is better, if the difference is significant."""
    if not gap.significant:
        return f"no significant difference between {a} and {b}"
    return f"{a} is better than {b}" if gap.mean > 0 else f"{a} is worse than {b}"


def _left_out(count: int) -> str:
    if count == 1:
        return "1 row, file or link of the archive was left out; rejected.csv gives the reason."
    return f"{count:,} rows, files or links of the archive were left out; see rejected.csv."


def _counted(texts: int) -> str:
    return "1 text" if texts == 1 else f"{texts:,} texts"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
