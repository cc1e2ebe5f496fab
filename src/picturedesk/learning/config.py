"""The settings of a fit."""

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
from picturedesk.texts.pretrained import AUTO

RECIPES = ("best", "paper")
_HELD_OUT = 5000  # test texts: recall is exact to 1.4 points (95 %), more would only take time


@dataclass(frozen=True, slots=True)
class DeskConfig:
    """All settings of a fit; saved in the desk.

    Attributes:
        recipe: "best" (closed-form heads, blended routes, a confidence; docs/recipes.md) or
            "paper" (Eq. 1 to 8 exactly).
        backbone: preset ("default", "lite0", "lite2", "paper"), any timm model, or a dual
            encoder as "openclip:MODEL/TAG", whose text tower becomes a text encoder, too.
        levels: level strings, () for those of the preset, ("auto",) for those that the adviser
            recommends.
        weights: a file, "hub", "random" or "random:SEED"; "" for those of the preset.
        device: "cpu", "cuda", "mps" or "auto", for reading pictures and training networks.
        text_encoder: "lsa" or "doc2vec", fitted on the archive; "none" (recipe best) for
            sentence encoders alone.
        sentences: pretrained sentence encoders that the recipe best chooses from, by name
            (``texts.pretrained``) or as models of sentence-transformers, by name or folder; () for
            none. "auto" stands for those named there that are installed; one that is named and not
            installed is refused.
        learn_from: pairs of text and picture, at most, that the recipe best learns heads, weights
            and confidence from: a stratified sample (``learning.sample``) of a larger archive, all
            of which suggests and is suggested.
    """

    recipe: str = "best"
    backbone: str = "default"
    levels: tuple[str, ...] = ()
    weights: str = ""
    device: str = "cpu"
    text_encoder: str = "lsa"
    sentences: tuple[str, ...] = (AUTO,)
    learn_from: int = 100_000
    lsa: LsaConfig = field(default_factory=LsaConfig)
    doc2vec: Doc2VecConfig = field(default_factory=Doc2VecConfig)
    best: BestConfig = field(default_factory=BestConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    split: SplitConfig = field(default_factory=lambda: SplitConfig(validate=0.0, most=_HELD_OUT))
    extract: ExtractConfig = field(default_factory=ExtractConfig)

    def __post_init__(self) -> None:
        """Raises BadInput for an unknown recipe, or too small a sample."""
        checks.settings(self)
        checks.whole_number("learn_from", self.learn_from, 1)
        if self.recipe not in RECIPES:
            raise BadInput(f"recipe {self.recipe!r} is not known: {', '.join(RECIPES)}")

    @classmethod
    def of(cls, recipe: str) -> DeskConfig:
        """The settings of a recipe.

        The paper's recipe needs validation texts to choose the epoch, and preprocesses pictures as
        the paper does; the best one cross-validates on the training texts instead.
        """
        if checks.text("recipe", recipe) == "paper":
            return cls(recipe=recipe, backbone="lite0", sentences=(), split=SplitConfig())
        return cls(recipe=recipe)

    def with_seed(self, seed: int) -> DeskConfig:
        """A copy with another seed for split, folds, text encoder and training."""
        return replace(
            self,
            lsa=replace(self.lsa, seed=seed),
            doc2vec=replace(self.doc2vec, seed=seed),
            best=replace(self.best, seed=seed),
            train=replace(self.train, seed=seed),
            split=replace(self.split, seed=seed),
        )
