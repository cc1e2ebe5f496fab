"""Ranks levels and small sets of them on an archive. Arrays and scores; knows no file, no network.

Levels are ranked first by how far their neighbours are their texts' neighbours, which needs no fit.
The promising ones are tried out of fold, alone and then together: from the best one, the level that
adds most to the mean reciprocal rank is added, until none adds.

The best set was chosen on the texts it is measured on, among a few dozen: its figures are a little
too good. That favours larger sets, so that a smaller one which comes close really is as good.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from picturedesk.errors import BadInput
from picturedesk.learning.parallel import side_by_side
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.significance import paired_difference
from picturedesk.research.adviser.advice import (
    Advice,
    AdviceConfig,
    Agreement,
    LevelScore,
    SetScore,
    recommend,
)
from picturedesk.research.adviser.agreement import cka, first_links, gram, neighbourhood, overlap
from picturedesk.research.adviser.costs import Costs
from picturedesk.research.adviser.trials import Outcome, Trials, level_side
from picturedesk.types import Ints, Progress, silent

FEWEST_TEXTS = 20
USUAL = AdviceConfig()
_SAME = 1e-3  # of a level's deviation: rounding
_FEW = 256  # pictures on which twins are looked for


def advise(
    pairs: TrainingPairs,
    features: TextFeatures,
    costs: Costs,
    own: Sequence[str] = (),
    config: AdviceConfig = USUAL,
    progress: Progress = silent,
) -> Advice:
    """Ranks the levels of ``pairs`` and says which to take.

    Args:
        pairs: training texts and the candidate levels of their pictures.
        features: of its texts.
        costs: of those levels.
        own: a set that is tried in any case, the preset's.
        config: how levels are compared.
        progress: told of levels, folds and sets.

    Raises:
        BadInput: too few texts, or no level that tells pictures apart.
    """
    if len(pairs.texts) < FEWEST_TEXTS:
        raise BadInput(
            f"{len(pairs.texts)} training texts with pictures to compare levels on: at least "
            f"{FEWEST_TEXTS} are needed"
        )
    levels, left_out = _different(pairs, own)
    if not levels:
        raise BadInput("no level tells these pictures apart: are they all the same picture?")
    agreements = _agreements(pairs, features, levels, config, progress)
    ranked = sorted(levels, key=lambda level: -agreements[level][0])
    kept = [level for level in own if level in levels]
    promising = list(dict.fromkeys([*ranked[: config.validated], *kept]))
    order = {str(level): place for place, level in enumerate(pairs.spec.levels)}
    trials = Trials(
        pairs, features, sorted(promising, key=order.__getitem__), config.best, progress
    )
    tried = _tried(trials, promising, kept, config, progress)
    sets = _compared(tried, kept, pairs.split_groups[trials.held_out], order, costs)
    alone = {score.levels[0]: score for score in sets if len(score.levels) == 1}
    scores = [_level_score(level, agreements[level], alone.get(level), costs) for level in levels]
    return Advice(
        recommended=recommend(sets, config.loss).levels,
        best=sets[0].levels,
        levels=tuple(sorted(scores, key=lambda s: (-(s.mrr or 0), -s.neighbours))),
        sets=tuple(sets),
        agreement=_agreement(scores),
        left_out=left_out,
        texts=len(trials.held_out),
        pictures=len(pairs.features),
        offered=trials.candidates,
        folds=trials.folds,
        whole_ms=costs.whole,
    )


def _different(pairs: TrainingPairs, own: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Levels that vary and are not another's twin, and why the others are left out."""
    names = [str(level) for level in pairs.spec.levels]
    kept: list[str] = []
    why: dict[str, str] = {}
    for name in sorted(names, key=lambda name: name not in own):
        columns = pairs.features[:, pairs.spec.columns(name)]
        if not np.ptp(columns, axis=0).max(initial=0.0) > 0:
            why[name] = "it is the same for all pictures"
            continue
        twin = next((known for known in kept if _twins(pairs, known, name)), None)
        if twin:
            why[name] = f"it is the same as {twin}"
        else:
            kept.append(name)
    return sorted(kept, key=names.index), why


def _twins(pairs: TrainingPairs, one: str, other: str) -> bool:
    first, second = (pairs.spec.columns(name) for name in (one, other))
    if first.stop - first.start != second.stop - second.start:
        return False
    rows = pairs.features[:_FEW]
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
    encoded = features.features(features.fit(everything), everything)
    texts, pictures = first_links(pairs.links).T
    shared = (texts[:, None] == texts) | (pictures[:, None] == pictures)
    vectors = encoded[texts]
    near, products = neighbourhood(vectors, shared, config.neighbours), gram(vectors)
    blocks = dict(zip(map(str, pairs.spec.levels), pairs.blocks, strict=True))

    def agreement(level: str) -> tuple[float, float]:
        columns = pairs.features[:, blocks[level].columns]
        rows = level_side(columns, blocks[level], config.best.alignment)(columns)[pictures]
        same = overlap(near, neighbourhood(rows, shared, config.neighbours))
        return same, cka(products, gram(rows))

    found = side_by_side(agreement, levels, "levels", progress)
    return dict(zip(levels, found, strict=True))


def _tried(
    trials: Trials,
    levels: Sequence[str],
    own: Sequence[str],
    config: AdviceConfig,
    progress: Progress,
) -> dict[str, list[Outcome]]:
    """Origin → what was tried: each level alone, the set that grows, the preset's."""
    singles = trials.tried([[level] for level in levels], "levels alone", progress)
    grown = [max(singles, key=lambda outcome: outcome.mrr)]
    while len(grown[-1].levels) < min(config.most, len(levels)):
        base, what = grown[-1], f"sets of {len(grown) + 1}"
        others = [level for level in levels if level not in base.levels]
        added = trials.best_addition(base, others, what, progress)
        more = trials.tried([(*base.levels, added)], f"the best of {len(grown) + 1}", progress)[0]
        if more.mrr <= base.mrr:
            break
        grown.append(more)
    preset = trials.tried([own], "the preset's", progress) if len(own) > 1 else []
    return {"alone": singles, "grown": grown[1:], "preset": preset}


def _compared(
    tried: dict[str, list[Outcome]],
    own: Sequence[str],
    groups: Ints,
    order: dict[str, int],
    costs: Costs,
) -> list[SetScore]:
    """Every set once, against the best of all.

    Where the preset's set is one of the others, it is called the preset's.

    Args:
        tried: origin → outcomes.
        own: the preset's set.
        groups: (Q,) texts of one number are drawn together when the loss is resampled.
        order: level → its place in the network.
        costs: of the levels.
    """
    named: dict[frozenset[str], tuple[str, Outcome]] = {}
    for origin, outcomes in tried.items():
        for outcome in outcomes:
            named[frozenset(outcome.levels)] = (origin, outcome)
    if frozenset(own) in named:
        named[frozenset(own)] = ("preset", named[frozenset(own)][1])
    best = max((outcome for _, outcome in named.values()), key=lambda outcome: outcome.mrr)
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
    tried = [score for score in scores if score.mrr is not None]
    if len(tried) < 3:
        return None
    mrr = [score.mrr or 0.0 for score in tried]
    return Agreement(
        neighbours=_spearman([score.neighbours for score in tried], mrr),
        cka=_spearman([score.cka for score in tried], mrr),
    )


def _spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation; 0 where one side is the same throughout."""
    from scipy.stats import spearmanr

    if min(len(set(one)), len(set(other))) < 2:
        return 0.0
    return float(spearmanr(one, other).statistic)
