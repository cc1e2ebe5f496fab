"""What a run of the recipe starts from: archive, text features, class names, captions, settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from picturedesk.learning.best_config import PROBABILITIES, BestConfig
from picturedesk.learning.projections import Sides
from picturedesk.learning.training_pairs import Material, TextParts
from picturedesk.routes import ClassNames
from picturedesk.types import Floats, Ints

CaptionScores = Callable[[Sequence[str], Sequence[str]], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Ingredients:
    """What every step of the recipe takes from.

    Attributes:
        material: the training part of the archive.
        parts: text features of its texts.
        names: the space of class names, None without that route.
        captions: texts and captions → BM25, None where there are no captions.
        config: settings.
    """

    material: Material
    parts: TextParts
    names: ClassNames | None
    captions: CaptionScores | None
    config: BestConfig

    @classmethod
    def of(
        cls,
        material: Material,
        parts: TextParts,
        captions: CaptionScores | None,
        config: BestConfig,
    ) -> Self:
        """With class names where backbone, levels and a pretrained text encoder allow them."""
        names = None
        there = {str(level) for level in material.spec.levels}
        if parts.pretrained is not None and material.classes and PROBABILITIES in there:
            names = ClassNames.of(material.classes, parts.pretrained.encode(material.classes))
        return cls(material, parts, names, captions, config)

    def sides(self, chosen: Ints) -> Sides:
        """Both sides, fitted on the chosen texts and the pictures that ran with them."""
        return Sides.of(self.material, self.parts, chosen, self.config.alignment)

    def named(self, sides: Sides) -> ClassNames | None:
        """The class names, centred on the part that sides were fitted on."""
        if self.names is None:
            return None
        spoken = sides.text_features[:, slice(*self.parts.sentence_columns(sides.encoder))]
        return self.names.centred(spoken, self.probabilities(sides.shown))

    def probabilities(self, pictures: Ints) -> Floats:
        """Class probabilities (n, C) of some pictures."""
        return self.material.features[pictures][:, self.material.spec.columns(PROBABILITIES)]
