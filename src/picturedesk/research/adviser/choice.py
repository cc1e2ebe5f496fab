"""From an archive to advice, and to the levels that a fit should read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from picturedesk.learning.preparation import fit_text_encoder
from picturedesk.learning.training_pairs import FitTexts, TextFeatures
from picturedesk.research.adviser.advice import Advice, AdviceConfig
from picturedesk.research.adviser.adviser import advise
from picturedesk.research.adviser.candidates import own_levels
from picturedesk.research.adviser.costs import measure_costs
from picturedesk.research.adviser.ground import GroundConfig, NetworkConfig, break_ground
from picturedesk.texts.lsa import LsaConfig
from picturedesk.types import Archive, Progress, TextEncoder, silent


@dataclass(frozen=True, slots=True)
class Texts:
    """What reads the texts.

    Attributes:
        fit: fits an encoder on training texts; None for the pretrained one alone.
        sentences: a pretrained encoder; None for the fitted one alone.
    """

    fit: FitTexts | None
    sentences: TextEncoder | None

    @classmethod
    def usual(cls, seed: int = 0) -> Texts:
        """Topics of the archive's own words beside a sentence encoder, as a fit has by default."""
        from picturedesk.texts.sentences import SentenceEncoder

        def fit(texts: Sequence[str]) -> TextEncoder:
            return fit_text_encoder(texts, "lsa", LsaConfig(seed=seed))

        return cls(fit, SentenceEncoder())


@dataclass(frozen=True, slots=True)
class ChoiceConfig:
    """All that decides the advice on an archive.

    Attributes:
        network: whose levels are compared.
        ground: which texts they are tried on.
        advice: how they are compared.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    ground: GroundConfig = field(default_factory=GroundConfig)
    advice: AdviceConfig = field(default_factory=AdviceConfig)

    def with_seed(self, seed: int) -> ChoiceConfig:
        """The same with another seed for split, sample and folds."""
        ground = replace(self.ground, seed=seed, split=replace(self.ground.split, seed=seed))
        advice = replace(self.advice, best=replace(self.advice.best, seed=seed))
        return replace(self, ground=ground, advice=advice)


def advise_on(
    archive: Archive,
    cache: Path,
    config: ChoiceConfig = ChoiceConfig(),
    texts: Texts | None = None,
    progress: Progress = silent,
) -> Advice:
    """Reads all candidate levels of an archive's training pictures, and compares them.

    Args:
        archive: texts whose part is given keep it; none of test or validation is looked at.
        cache: folder of feature stores; the same call goes on from what is there.
        config: network, sample, comparison.
        texts: what reads them; None for the usual.
        progress: told of pictures, levels and sets.

    Raises:
        BadInput: too little to learn from, or a network that cannot be used.
    """
    ground = break_ground(archive, config.network, cache, config.ground, progress)
    pairs = ground.pairs
    read = texts or Texts.usual(config.ground.seed)
    parts = TextFeatures(pairs.texts, read.fit, read.sentences)
    widths = {str(level): level.width for level in pairs.spec.levels}
    costs = measure_costs(config.network, widths)
    own = own_levels(config.network.name)
    advice = advise(pairs, parts, costs, own, config.advice, progress)
    return replace(advice, rejections=ground.rejections)


def choose_levels(
    archive: Archive,
    cache: Path,
    config: ChoiceConfig = ChoiceConfig(),
    texts: Texts | None = None,
    progress: Progress = silent,
) -> tuple[str, ...]:
    """The levels that a fit on this archive should read; see ``advise_on``."""
    return advise_on(archive, cache, config, texts, progress).recommended
