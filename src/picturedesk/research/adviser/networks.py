"""Compares networks on one archive, each with the set of its levels that is best there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.learning.training_pairs import TextFeatures, TrainingPairs
from picturedesk.measuring.significance import Difference, bootstrap_interval, paired_difference
from picturedesk.research.adviser.adviser import Examined
from picturedesk.research.adviser.choice import ChoiceConfig, TextEncoders, examine_on
from picturedesk.types import Archive, Progress, Rejection, silent

DEFAULT = ChoiceConfig()


@dataclass(frozen=True, slots=True)
class NetworkScore:
    """A network with its best set of levels.

    Attributes:
        network: its name, as given.
        size: side of its square input, pixels.
        levels: the best set of those that were tried.
        recommended: a smaller set that loses little, for ``--levels``; see ``Advice``.
        recall10: of the best set, cross-validated, 0 to 1.
        mrr: of the best set, cross-validated mean reciprocal rank, 0 to 1.
        low: of the 95 % interval of ``mrr``.
        high: of the 95 % interval of ``mrr``.
        loss: reciprocal rank of the best network minus that of this one, per text.
        bytes: of the best set, per picture in the feature store.
        ms: milliseconds per picture up to the deepest level of the best set, on this machine,
            without decoding; None: not measured.
    """

    network: str
    size: int
    levels: tuple[str, ...]
    recommended: tuple[str, ...]
    recall10: float
    mrr: float
    low: float
    high: float
    loss: Difference
    bytes: int
    ms: float | None


@dataclass(frozen=True, slots=True)
class NetworkAdvice:
    """What ``advise_on_networks`` found.

    Attributes:
        recommended: name of the network to take.
        rule: how it was taken, in words.
        networks: best first.
        texts: number of training texts; each was held out once.
        pictures: number of training pictures.
        candidates: number of pictures ranked for each text, mean over folds.
        rejections: pictures that could not be read.
    """

    recommended: str
    rule: str
    networks: tuple[NetworkScore, ...]
    texts: int
    pictures: int
    candidates: float
    rejections: tuple[Rejection, ...] = ()

    def score_of(self, network: str) -> NetworkScore:
        """The score of one of the networks."""
        return next(score for score in self.networks if score.network == network)


def advise_on_networks(
    archive: Archive,
    cache: Path,
    names: Sequence[str],
    config: ChoiceConfig = DEFAULT,
    encoders: TextEncoders | None = None,
    progress: Progress = silent,
) -> NetworkAdvice:
    """Compares networks by the best set of levels of each, on the same held-out texts.

    Args:
        archive: texts with a given part keep it; test and validation texts are not used.
        cache: folder of feature stores; a call that was stopped continues from there.
        names: of presets, timm models or dual encoders; "NAME@PIXELS" for another size.
        config: sample and comparison; its network gives the device.
        encoders: text encoders; None for the defaults.
        progress: receives pictures, levels and sets.

    Raises:
        BadInput: no name, a name twice, too small an archive, or a network that cannot be used.
    """
    checks.instance("archive", archive, Archive)
    cache = checks.path("cache", cache)
    names = checks.texts("names", names)
    checks.instance("config", config, ChoiceConfig)
    checks.optional("encoders", encoders, TextEncoders)
    checks.function("progress", progress)
    if not names or len(set(names)) < len(names):
        raise BadInput(f"networks {', '.join(names) or 'none'}: name at least one, each once")
    for name in names:  # one that cannot be opened is told before hours of work
        replace(config.network, name=name).backbone()
    by = encoders or TextEncoders.default(config.data.seed)
    known: dict[tuple[str, ...], TextFeatures] = {}

    def features_of(pairs: TrainingPairs) -> TextFeatures:
        """Encodes the texts for the first network only."""
        if pairs.texts not in known:
            known[pairs.texts] = by.features(pairs)
        return known[pairs.texts]

    found = {}
    for name in names:
        own = replace(config, network=replace(config.network, name=name))
        found[name] = examine_on(archive, cache, own, features_of, progress)
    return compare(found, config.advice.loss)


def compare(found: dict[str, Examined], bound: float) -> NetworkAdvice:
    """Names of networks → what was found with each, on the same texts; and the one to take.

    Args:
        found: at least one.
        bound: mean reciprocal rank that a faster network may lose, 0 to 1.
    """
    best = max(found.values(), key=lambda one: float(one.best.mean()))
    scores = sorted(
        (_score(name, one, best) for name, one in found.items()), key=lambda score: -score.mrr
    )
    near = [one for one in scores if one.loss.low <= 0 and one.loss.mean <= bound]
    advice = best.advice
    return NetworkAdvice(
        recommended=min(near, key=lambda one: (one.ms or 0.0, -one.mrr)).network,
        rule=(
            f"of the networks that lose at most {100 * bound:g} points of MRR against the best "
            "one, with 0 in the 95 % interval of the loss, the fastest"
        ),
        networks=tuple(scores),
        texts=advice.texts,
        pictures=advice.pictures,
        candidates=advice.candidates,
        rejections=advice.rejections,
    )


def _score(name: str, found: Examined, best: Examined) -> NetworkScore:
    taken = found.advice.set_of(found.advice.best)
    interval = bootstrap_interval(found.best, found.groups)
    return NetworkScore(
        network=name,
        size=found.size,
        levels=taken.levels,
        recommended=found.advice.recommended,
        recall10=taken.recall10,
        mrr=taken.mrr,
        low=interval.low,
        high=interval.high,
        loss=paired_difference(best.best, found.best, found.groups),
        bytes=taken.cost.bytes,
        ms=taken.cost.ms,
    )
