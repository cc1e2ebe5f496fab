"""What a desk's figures mean, in whole sentences. Knows no markup."""

from __future__ import annotations

from picturedesk.measuring.evaluation import CHANCE
from picturedesk.measuring.reliability import Reliability, ReliabilityBin
from picturedesk.measuring.significance import Difference
from picturedesk.report.desk_records import DeskReport
from picturedesk.report.numbers import percent

TOLD_FROM = 30  # texts in a bin of which a sentence is made
_WORDS = {5: "five", 10: "ten"}


def summary(report: DeskReport) -> list[str]:
    """How good the desk is and how far its confidence can be believed, to be read first."""
    sentences = [_found(report), *(believed(*measured) for measured in report.reliability)]
    if report.rejections:
        sentences.append(_left_out(report.rejections))
    return [sentence for sentence in sentences if sentence]


def _found(report: DeskReport) -> str:
    evaluation = report.evaluation
    if evaluation is None:
        return "No text was kept back for a test: how good this desk is was not measured."
    if not report.answers:
        return "The tables show each route on texts that nothing was learned from."
    scores, chance = evaluation.row(report.answers), evaluation.row(CHANCE)
    depth = max(scores.recall)
    return (
        f"Of {_counted(scores.queries)} that nothing was learned from, the right picture was among "
        f"the first {_WORDS.get(depth, depth)} of {scores.candidates:,} for "
        f"{percent(scores.recall[depth])}; chance would be {percent(chance.recall[depth])}."
    )


def believed(what: str, found: Reliability) -> str:
    """How far its probabilities can be believed; "" if too few texts can tell.

    Where they are right as far as can be seen, the highest and the lowest that have enough texts
    are told; where they are not, the one that adds most to the error.
    """
    full = [bin for bin in found.bins if bin.count >= TOLD_FROM]
    if not found.within_noise:
        worst = max(full or found.bins, key=lambda bin: bin.count * abs(bin.stated - bin.observed))
        return f"{_upper(what)}: do not take it at its word. {_upper(_right_about(worst))}."
    if not full:
        return ""
    ends = dict.fromkeys((full[-1], full[0]))
    return f"{_upper(what)}: {'; '.join(_right_about(bin) for bin in ends)}."


def _right_about(bin: ReliabilityBin) -> str:
    return (
        f"when it says {percent(bin.stated)}, it is right about {percent(bin.observed)} of the "
        f"time ({percent(bin.low)} to {percent(bin.high)})"
    )


def calibration(found: Reliability) -> str:
    """The calibration error, and what it would be by chance alone."""
    verdict = "no more than chance explains" if found.within_noise else "more than chance explains"
    measured = (
        f"Calibration error {_points(found.ece)} points on {_counted(found.queries)}. "
        f"Were every probability exactly right, it would be {_points(found.noise)} on average and "
        f"seldom above {_points(found.noise_high)}: this is {verdict}."
    )
    area = "" if found.auc is None else f"AUC {found.auc:.2f} (0.50 is guessing), "
    return f"{measured} {area}Brier score {found.brier:.3f}."


def verdict(a: str, b: str, gap: Difference) -> str:
    """Which of two is better, if that is shown."""
    if not gap.significant:
        return f"{a} is not shown to be better than {b}"
    return f"{a} is better than {b}" if gap.mean > 0 else f"{a} is worse than {b}"


def _left_out(count: int) -> str:
    if count == 1:
        return "1 thing was left out while reading the archive; rejected.csv says which and why."
    return (
        f"{count:,} things were left out while reading the archive; "
        "rejected.csv says which and why."
    )


def _counted(texts: int) -> str:
    return "1 text" if texts == 1 else f"{texts:,} texts"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
