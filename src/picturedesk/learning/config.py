"""The settings of a fit. Knows what they mean, not what they do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import picturedesk.checks as checks
from picturedesk.datasets.split import SplitConfig
from picturedesk.errors import BadInput
from picturedesk.learning.best_config import BestConfig
from picturedesk.learning.training import TrainConfig
from picturedesk.store.extraction import ExtractConfig
from picturedesk.texts.doc2vec import Doc2VecConfig
from picturedesk.texts.lsa import LsaConfig

RECIPES = ("best", "paper")


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """All that decides a fit; saved whole in the desk.

    Attributes:
        recipe: "best" (closed-form heads, blended routes, a confidence; docs/recipes.md) or
            "paper" (Eq. 1 to 8 to the letter).
        backbone: preset ("default", "lite0", "lite2", "paper") or any timm model.
        levels: level strings, () for those of the preset, ("auto",) for those that the adviser
            recommends for the archive.
        weights: a file, "hub", "random" or "random:SEED"; "" for those of the preset.
        device: "cpu", "cuda", "mps" or "auto"; where pictures are read and the fusion is trained.
        text_encoder: "lsa" or "doc2vec", fitted on the archive; "none" (recipe best) for the
            sentence encoder alone.
        sentences: pretrained sentence encoder of the recipe best: "use", "none", or a model of
            sentence-transformers by name or folder.
    """

    recipe: str = "best"
    backbone: str = "default"
    levels: tuple[str, ...] = ()
    weights: str = ""
    device: str = "cpu"
    text_encoder: str = "lsa"
    sentences: str = "use"
    lsa: LsaConfig = field(default_factory=LsaConfig)
    doc2vec: Doc2VecConfig = field(default_factory=Doc2VecConfig)
    best: BestConfig = field(default_factory=BestConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: SplitConfig = field(default_factory=lambda: SplitConfig(validate=0.0))
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        """Raises BadInput for a recipe that there is not."""
        checks.settings(self)
        if self.recipe not in RECIPES:
            raise BadInput(f"recipe {self.recipe!r} is not known: {', '.join(RECIPES)}")

    @classmethod
    def of(cls, recipe: str) -> DeskConfig:
        """The settings of a recipe.

        The paper's needs validation texts to choose the epoch, and reads pictures as the paper
        does; the best one cross-validates on its training texts instead and leaves nothing unused.
        """
        if checks.text("recipe", recipe) == "paper":
            return cls(recipe=recipe, backbone="lite0", sentences="none", split=SplitConfig())
        return cls(recipe=recipe)

    def with_seed(self, seed: int) -> DeskConfig:
        """The same with another seed for split, folds, text encoder and training."""
        return replace(
            self,
            lsa=replace(self.lsa, seed=seed),
            doc2vec=replace(self.doc2vec, seed=seed),
            best=replace(self.best, seed=seed),
            train=replace(self.train, seed=seed),
            split=replace(self.split, seed=seed),
        )
