"""The settings of a reproduction: backbone, seeds, rows. Knows names and numbers only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import picturedesk.checks as checks
from picturedesk.errors import BadInput
from picturedesk.learning.training import TrainConfig
from picturedesk.research.baselines.closed_form import CcaConfig, RidgeConfig
from picturedesk.research.baselines.vse import VseGrid
from picturedesk.store.extraction import ExtractConfig
from picturedesk.texts.lsa import LsaConfig

PRESETS = ("lite0", "paper")


@dataclass(frozen=True, slots=True)
class ReproduceConfig:
    """All settings of a reproduction.

    Attributes:
        preset: "lite0" (the default network, with levels like the paper's) or "paper"
            (Inception v3, 4096-2048-500).
        weights: a file, "hub", "random" or "random:SEED"; "" for those of the preset.
        seeds: every trained row runs once per seed; a seed also chooses the validation texts.
        validate: share of the training texts that choose the epoch, 0 to 1.
        test: share of test texts if the archive names none, 0 to 1.
        small: number of test texts in the small sample (the paper's Sohu-400); left out if
            there are no more test texts than that.
        baselines: whether to run ridge, CCA, VSE++ and single levels, too.
        clip: file of open_clip weights for the zero-shot row; "" leaves it out.
        clip_model: open_clip's name of the model of these weights.
        resamples: number of resamples of the paired bootstrap.
        workers: trainings that run side by side, each on one core; 0 runs one per core.
        lsa: 500 topics, as in the paper.
        train: the paper's training.
        extract: how pictures are read.
        ridge: penalties that ridge regression is tuned over.
        cca: settings that CCA is tuned over.
        vse: settings that VSE++ is tuned over.
    """

    preset: str = "lite0"
    weights: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    validate: float = 0.1
    test: float = 0.1
    small: int = 400
    baselines: bool = True
    clip: str = ""
    clip_model: str = "ViT-B-32"
    resamples: int = 10_000
    workers: int = 0
    lsa: LsaConfig = field(default_factory=LsaConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    extract: ExtractConfig = field(default_factory=ExtractConfig)
    ridge: RidgeConfig = field(default_factory=RidgeConfig)
    cca: CcaConfig = field(default_factory=CcaConfig)
    vse: VseGrid = field(default_factory=VseGrid)

    def __post_init__(self) -> None:
        """Raises BadInput for settings that cannot be used."""
        checks.settings(self)
        if self.preset not in PRESETS:
            raise BadInput(f"preset {self.preset!r} is not known: {', '.join(PRESETS)}")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise BadInput(f"seeds {self.seeds}: give at least one, each once")
        if self.small < 2:
            raise BadInput(f"small is {self.small}: the sample needs two candidates or more")

    def training(self, seed: int, *, linear: bool = False, l2: bool = True) -> TrainConfig:
        """The training settings of one row: the paper's, or a variation of Figure 3."""
        fusion = self.train.fusion
        if linear:
            fusion = replace(fusion, hidden_unit="linear")
        return replace(self.train, fusion=fusion, l2=self.train.l2 if l2 else 0.0, seed=seed)
