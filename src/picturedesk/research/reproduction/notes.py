"""What a reader should know before the tables, in whole sentences. Knows no markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from picturedesk.report.numbers import duration
from picturedesk.report.records import Comparison
from picturedesk.research.reproduction.config import ReproduceConfig
from picturedesk.research.reproduction.experiment import CandidateSet
from picturedesk.research.reproduction.jobs import Ran
from picturedesk.research.reproduction.study import Study, verdict

NETWORKS = {
    "paper": "The picture network is the paper's, Inception v3, read at the paper's two levels.",
    "lite0": "The picture network is EfficientNet-Lite0 read at four levels, not the paper's "
    "Inception v3 with two: 'paper' in these tables means the paper's method, not its features.",
}
LSA = (
    "The paper gives LSA's number of topics (500) and says nothing of its word weights. The "
    "weighting is ours: a word that occurs n times in a text, and in df of T texts, weighs "
    "(1 + ln n) · ln((1 + T) / df)."
)
TUNED = (
    "Ridge, CCA and VSE++ get the same text vectors, centred, and the same level features, "
    "standardised over the training pairs. Their settings are chosen by mean reciprocal rank on "
    "the validation texts. The paper's network has the paper's settings; validation texts choose "
    "only its epoch."
)


def notes(
    study: Study, compared: Sequence[Comparison], sets: Sequence[CandidateSet], ran: Ran
) -> Iterator[str]:
    """The verdict, and where the experiment differs from the paper's.

    Args:
        study: the rows.
        compared: what ``comparisons`` returned.
        sets: candidate sets, the whole test part last.
        ran: how the rows came about.
    """
    config = study.config
    yield verdict(study, compared)
    yield NETWORKS[config.preset]
    yield LSA
    if config.baselines:
        yield TUNED
    small = small_sample(config, len(sets[-1].texts))
    if small:
        yield small
    if ran.kept:
        rows = "1 job" if ran.kept == 1 else f"{ran.kept} jobs"
        yield (
            f"{rows} of an earlier run of this command were kept; they took "
            f"{duration(ran.kept_seconds)} of one core then, which the time above leaves out."
        )


def small_sample(config: ReproduceConfig, texts: int) -> str:
    """Why there is no small sample; "" if there is one.

    Args:
        config: settings.
        texts: number of test texts.
    """
    if texts > config.small:
        return ""
    return (
        f"A small sample of {config.small} texts was asked for; the test part has {texts}, so "
        "that all of them stand alone."
    )
