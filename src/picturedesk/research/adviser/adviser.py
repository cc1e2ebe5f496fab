"""Ranks levels and small sets of levels on an archive. Takes arrays; knows no file and no network.

First, levels are ranked without a fit: by how many nearest neighbours of a picture are also nearest
neighbours of its text. The best of them are cross-validated, alone and then together: starting from
the best level, the level that adds most to the mean reciprocal rank is added, until none adds.

The best set is chosen among a few dozen on the texts that measure it, so its figures are slightly
optimistic. This favours larger sets; ``advice.recommend`` therefore takes a smaller one if it loses
little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.significance import paired_difference
from picturedesk.parallel import side_by_side
from picturedesk.research.adviser.advice import (
    Advice,
    AdviceConfig,
    Agreement,
    LevelScore,
    SetScore,
    recommend,
    rule_of,
)
from picturedesk.research.adviser.agreement import cka, first_links, gram, neighbourhood, overlap
from picturedesk.research.adviser.costs import Costs
from picturedesk.research.adviser.trials import Outcome, Trials, level_side
from picturedesk.types import Doubles, Ints, Progress, silent

MIN_TEXTS = 20
DEFAULT = AdviceConfig()
_SAME = 1e-3  # of a level's deviation: rounding
_COMPARED = 256  # pictures on which two levels are compared for equality


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """Advice, and what comparing it with that on another network needs.

    Attributes:
        advice: the advice.
        best: (Q,) reciprocal ranks of the held-out texts by the best set.
        groups: (Q,) the texts' groups, which share pictures.
        size: side of the network's square input, pixels.
    """

    advice: Advice
    best: Doubles
    groups: Ints
    size: int


def advise(
    pairs: TrainingPairs,
    features: TextFeatures,
    costs: Costs,
    own: Sequence[str] = (),
    config: AdviceConfig = DEFAULT,
    progress: Progress = silent,
) -> Advice:
    """Ranks the levels of ``pairs`` and recommends a set.

    Args:
        pairs: training texts and the candidate levels of their pictures.
        features: text features.
        costs: costs of these levels.
        own: the preset's levels, which are cross-validated in any case.
        config: how levels are compared.
        progress: receives levels, folds and sets.

    Raises:
        BadInput: too few texts, or every level is the same for all pictures.
    """
    return examine(pairs, features, costs, own, config, progress).advice


def examine(
    pairs: TrainingPairs,
    features: TextFeatures,
    costs: Costs,
    own: Sequence[str] = (),
    config: AdviceConfig = DEFAULT,
    progress: Progress = silent,
) -> Examined:
    """``advise``, with the reciprocal ranks of the best set."""
    if len(pairs.texts) < MIN_TEXTS:
        raise BadInput(
            f"{len(pairs.texts)} training texts with pictures to compare levels on: at least "
            f"{MIN_TEXTS} are needed"
        )
    levels, left_out = _distinct(pairs, own)
    if not levels:
        raise BadInput(
            "every level is the same for all pictures: check that the archive has different ones"
        )
    agreements = _agreements(pairs, features, levels, config, progress)
    ranked = sorted(levels, key=lambda level: -agreements[level][0])
    kept = [level for level in own if level in levels]
    promising = list(dict.fromkeys([*ranked[: config.validated], *kept]))
    order = {str(level): place for place, level in enumerate(pairs.spec.levels)}
    in_order = sorted(promising, key=order.__getitem__)
    trials = Trials(pairs, features, in_order, config.best, progress)
    outcomes = _run(trials, promising, kept, config, progress)
    best = max((one for some in outcomes.values() for one in some), key=lambda one: one.mrr)
    groups = pairs.split_groups[trials.queries]
    sets = _compared(outcomes, best, kept, groups, order, costs)
    alone = {score.levels[0]: score for score in sets if len(score.levels) == 1}
    scores = [_level_score(level, agreements[level], alone.get(level), costs) for level in levels]
    advice = Advice(
        recommended=recommend(sets, config.loss).levels,
        rule=rule_of(config.loss),
        best=sets[0].levels,
        levels=tuple(sorted(scores, key=lambda s: (-(s.mrr or 0), -s.neighbours))),
        sets=tuple(sets),
        agreement=_agreement(scores),
        left_out=left_out,
        texts=len(trials.queries),
        pictures=len(pairs.features),
        candidates=trials.candidates,
        folds=trials.folds,
        whole_ms=costs.whole,
    )
    return Examined(advice, best.reciprocal, groups, pairs.spec.preprocessing.size)


def _distinct(pairs: TrainingPairs, own: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Levels that vary and differ from each other; and the others with the reason."""
    names = [str(level) for level in pairs.spec.levels]
    kept: list[str] = []
    why: dict[str, str] = {}
    for name in sorted(names, key=lambda name: name not in own):
        columns = pairs.features[:, pairs.spec.columns(name)]
        if not np.ptp(columns, axis=0).max(initial=0.0) > 0:
            why[name] = "it is the same for all pictures"
            continue
        equal = next((known for known in kept if _equal(pairs, known, name)), None)
        if equal:
            why[name] = f"it is the same as {equal}"
        else:
            kept.append(name)
    return sorted(kept, key=names.index), why


def _equal(pairs: TrainingPairs, one: str, other: str) -> bool:
    first, second = (pairs.spec.columns(name) for name in (one, other))
    if first.stop - first.start != second.stop - second.start:
        return False
    rows = pairs.features[:_COMPARED]
    apart = np.abs(rows[:, first] - rows[:, second]).max()
    return bool(apart <= _SAME * rows[:, first].std())


def _agreements(
    pairs: TrainingPairs,
    features: TextFeatures,
    levels: Sequence[str],
    config: AdviceConfig,
    progress: Progress,
) -> dict[str, tuple[float, float]]:
    """Level → (overlap of neighbours, CKA) with the texts; each text with its first picture."""
    everything: Ints = np.arange(len(pairs.texts), dtype=np.int64)
    texts, pictures = first_links(pairs.links).T
    shared = (texts[:, None] == texts) | (pictures[:, None] == pictures)
    vectors = features.features(features.fit(everything), everything)[texts]
    near, products = neighbourhood(vectors, shared, config.neighbours), gram(vectors)
    blocks = dict(zip(map(str, pairs.spec.levels), pairs.blocks, strict=True))

    def agreement(level: str) -> tuple[float, float]:
        columns = pairs.features[:, blocks[level].columns]
        rows = level_side(columns, blocks[level], config.best.alignment)(columns)[pictures]
        same = overlap(near, neighbourhood(rows, shared, config.neighbours))
        return same, cka(products, gram(rows))

    found = side_by_side(agreement, levels, "levels", progress)
    return dict(zip(levels, found, strict=True))


def _run(
    trials: Trials,
    levels: Sequence[str],
    own: Sequence[str],
    config: AdviceConfig,
    progress: Progress,
) -> dict[str, list[Outcome]]:
    """Origin → outcomes: each level alone, the growing set, the preset's set."""
    singles = trials.run([[level] for level in levels], "levels alone", progress)
    grown = [max(singles, key=lambda outcome: outcome.mrr)]
    while len(grown[-1].levels) < min(config.max_levels, len(levels)):
        base, what = grown[-1], f"sets of {len(grown) + 1}"
        others = [level for level in levels if level not in base.levels]
        added = trials.best_addition(base, others, what, progress)
        more = trials.run([(*base.levels, added)], f"the best of {len(grown) + 1}", progress)[0]
        if more.mrr <= base.mrr:
            break
        grown.append(more)
    preset = trials.run([own], "the preset's", progress) if len(own) > 1 else []
    return {"alone": singles, "grown": grown[1:], "preset": preset}


def _compared(
    outcomes: dict[str, list[Outcome]],
    best: Outcome,
    own: Sequence[str],
    groups: Ints,
    order: dict[str, int],
    costs: Costs,
) -> list[SetScore]:
    """Every set once, compared with the best; the bootstrap draws whole groups of texts.

    If the preset's set also has another origin, its origin is "preset".
    """
    named: dict[frozenset[str], tuple[str, Outcome]] = {}
    for origin, found in outcomes.items():
        for outcome in found:
            named[frozenset(outcome.levels)] = (origin, outcome)
    if frozenset(own) in named:
        named[frozenset(own)] = ("preset", named[frozenset(own)][1])
    sets = []
    for origin, outcome in named.values():
        levels = tuple(sorted(outcome.levels, key=order.__getitem__))
        sets.append(
            SetScore(
                levels=levels,
                origin=origin,
                recall10=outcome.recall10,
                mrr=outcome.mrr,
                loss=paired_difference(best.reciprocal, outcome.reciprocal, groups),
                ridges=outcome.ridges,
                cost=costs.of(levels),
            )
        )
    return sorted(sets, key=lambda score: -score.mrr)


def _level_score(
    level: str, agreement: tuple[float, float], score: SetScore | None, costs: Costs
) -> LevelScore:
    return LevelScore(
        level=level,
        width=costs.widths[level],
        neighbours=agreement[0],
        cka=agreement[1],
        recall10=score.recall10 if score else None,
        mrr=score.mrr if score else None,
        cost=costs.of([level]),
    )


def _agreement(scores: Sequence[LevelScore]) -> Agreement | None:
    validated = [score for score in scores if score.mrr is not None]
    if len(validated) < 3:
        return None
    mrr = [score.mrr or 0.0 for score in validated]
    return Agreement(
        neighbours=_spearman([score.neighbours for score in validated], mrr),
        cka=_spearman([score.cka for score in validated], mrr),
    )


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation; 0 if one side is constant."""
    from scipy.stats import spearmanr

    if min(len(set(one)), len(set(other))) < 2:
        return 0.0
    return float(spearmanr(one, other).statistic)
