"""From an archive to advice, and to the levels that a fit should read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import picturedesk.checks as checks
from picturedesk.learning.preparation import fit_text_encoder
from picturedesk.learning.training_pairs import FitTexts, TextFeatures, TrainingPairs
from picturedesk.research.adviser.advice import Advice, AdviceConfig
from picturedesk.research.adviser.adviser import Examined, examine
from picturedesk.research.adviser.candidates import own_levels
from picturedesk.research.adviser.costs import measure_costs
from picturedesk.research.adviser.level_data import LevelDataConfig, NetworkConfig, read_level_data
from picturedesk.texts.lsa import LsaConfig
from picturedesk.types import Archive, Progress, TextEncoder, silent


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """The text encoders of an adviser.

    Attributes:
        fit: fits an encoder on training texts; None uses the pretrained ones alone.
        sentences: pretrained encoders by name; empty uses the fitted one alone.
    """

    fit: FitTexts | None
    sentences: Mapping[str, TextEncoder]

    @classmethod
    def default(cls, seed: int = 0) -> TextEncoders:
        """LSA and the Universal Sentence Encoder."""
        from picturedesk.texts.sentences import SentenceEncoder

        def fit(texts: Sequence[str]) -> TextEncoder:
            return fit_text_encoder(texts, "lsa", LsaConfig(seed=seed))

        return cls(fit, {"use": SentenceEncoder()})

    def features(self, pairs: TrainingPairs) -> TextFeatures:
        """Those of the texts of ``pairs``."""
        return TextFeatures(pairs.texts, self.fit, self.sentences)


@dataclass(frozen=True, slots=True)
class ChoiceConfig:
    """All settings of the advice on an archive.

    Attributes:
        network: the network whose levels are compared.
        data: the texts and pictures that they are compared on.
        advice: how they are compared.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    data: LevelDataConfig = field(default_factory=LevelDataConfig)
    advice: AdviceConfig = field(default_factory=AdviceConfig)

    def __post_init__(self) -> None:
        checks.settings(self)

    def with_seed(self, seed: int) -> ChoiceConfig:
        """The same with another seed for split, sample and folds."""
        data = replace(self.data, seed=seed, split=replace(self.data.split, seed=seed))
        advice = replace(self.advice, best=replace(self.advice.best, seed=seed))
        return replace(self, data=data, advice=advice)


def advise_on(
    archive: Archive,
    cache: Path,
    config: ChoiceConfig = ChoiceConfig(),
    encoders: TextEncoders | None = None,
    progress: Progress = silent,
) -> Advice:
    """Reads all candidate levels of an archive's training pictures and compares them.

    Args:
        archive: texts with a given part keep it; test and validation texts are not used.
        cache: folder of feature stores; a call that was stopped continues from there.
        config: network, sample, comparison.
        encoders: text encoders; None for the defaults.
        progress: receives pictures, levels and sets.

    Raises:
        BadInput: the archive is too small, or the network cannot be used.
    """
    checks.instance("archive", archive, Archive)
    cache = checks.path("cache", cache)
    checks.instance("config", config, ChoiceConfig)
    checks.optional("encoders", encoders, TextEncoders)
    checks.function("progress", progress)
    encoders = encoders or TextEncoders.default(config.data.seed)
    return examine_on(archive, cache, config, encoders.features, progress).advice


def examine_on(
    archive: Archive,
    cache: Path,
    config: ChoiceConfig,
    features_of: Callable[[TrainingPairs], TextFeatures],
    progress: Progress,
) -> Examined:
    """``advise_on``, with the reciprocal ranks of the best set."""
    data = read_level_data(archive, config.network, cache, config.data, progress)
    pairs = data.pairs
    widths = {str(level): level.width for level in pairs.spec.levels}
    costs = measure_costs(config.network, widths)
    own = own_levels(config.network.name)
    found = examine(pairs, features_of(pairs), costs, own, config.advice, progress)
    return replace(found, advice=replace(found.advice, rejections=data.rejections))


def choose_levels(
    archive: Archive,
    cache: Path,
    config: ChoiceConfig = ChoiceConfig(),
    encoders: TextEncoders | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """The levels that a fit on this archive should read; see ``advise_on``."""
    return advise_on(archive, cache, config, encoders, progress).recommended
