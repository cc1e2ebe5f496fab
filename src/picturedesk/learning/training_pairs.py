"""Training pairs: texts, level features, links, and groups of texts.

Arrays and strings; knows neither desk nor store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.learning.alignment import Block
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints, Level, TextEncoder

PROBABILITIES = "probs"
FINAL = "final"

FitTexts = Callable[[Sequence[str]], TextEncoder]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPairs:
    """The training part of an archive.

    Attributes:
        texts: T texts in full length.
        keys: content keys of N pictures that ran with them.
        features: (N, ΣD_l) their level features.
        links: (M, 2) indices (text, picture).
        split_groups: (T,) texts with equal numbers stay in one fold.
        duplicate_groups: (T,) near-duplicate texts have equal numbers.
        captions: per picture its caption, "" for none.
        spec: has the columns of each level.
        blocks: columns and weights of the levels.
        classes: names of the backbone's classes, () if unknown.
        catalogue_words: per picture the words that the catalogue finds it by, whether they may be
            learned from or not; () for none.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...]
    features: Floats
    links: Ints
    split_groups: Ints
    duplicate_groups: Ints
    captions: tuple[str, ...]
    spec: BackboneSpec
    blocks: tuple[Block, ...]
    classes: tuple[str, ...] = ()
    catalogue_words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises BadInput for wrong types, or different lengths."""
        checks.settings(self)
        for name in ("features", "links", "split_groups", "duplicate_groups"):
            checks.array(name, getattr(self, name))
        texts = (len(self.texts), len(self.split_groups), len(self.duplicate_groups))
        pictures = (len(self.keys), len(self.features), len(self.captions))
        if len(set(texts)) > 1 or len(set(pictures)) > 1:
            raise BadInput(
                f"texts, split groups and duplicate groups are {texts}, keys, features and "
                f"captions of pictures {pictures}: the counts must be equal"
            )

    def pictures_of(self, texts: Ints) -> tuple[Ints, Ints]:
        """Pictures (n,) that ran with the chosen texts, and links (m, 2) into both lists."""
        return renumber(texts, self.links)


def links_of(texts: Ints, links: Ints) -> Ints:
    """The links (m, 2) of the chosen texts (ascending), by their places among these."""
    chosen = links[np.isin(links[:, 0], texts)]
    columns = [np.searchsorted(texts, chosen[:, 0]), chosen[:, 1]]
    return np.stack(columns, axis=1).astype(np.int64)


def renumber(texts: Ints, links: Ints) -> tuple[Ints, Ints]:
    """The pictures that ran with the chosen texts, ascending, and links (m, 2) into both lists."""
    chosen = links_of(texts, links)
    pictures, chosen[:, 1] = np.unique(chosen[:, 1], return_inverse=True)
    return pictures, chosen


def level_blocks(spec: BackboneSpec, levels: Sequence[str] = ()) -> list[Block]:
    """Columns and weights of the levels: most for the final pool, then for equally deep levels.

    Args:
        spec: has the columns of each level.
        levels: levels to use, () for all.
    """
    checks.instance("spec", spec, BackboneSpec)
    named = set(checks.texts("levels", levels)) or {str(level) for level in spec.levels}
    return [
        Block(
            spec.columns(str(level)),
            _weight(level) if str(level) in named else 0.0,
            scaled=level.name != PROBABILITIES,
        )
        for level in spec.levels
    ]


def _weight(level: Level) -> float:
    if level.name == FINAL:
        return 1.0
    if level.name == PROBABILITIES or level.pooling == "max":
        return 0.5
    return 0.3


class TextFeatures:
    """Text features: an encoder fitted on the archive, joined with a pretrained one.

    The pretrained one encodes every text once, also if the other is fitted several times.

    Args:
        texts: T texts.
        fit: fits an encoder on some of them; None for the pretrained one alone.
        pretrained: None for the fitted one alone.
        known: (T, S) output of the pretrained one, if it was computed before.
    """

    def __init__(
        self,
        texts: Sequence[str],
        fit: FitTexts | None,
        pretrained: TextEncoder | None,
        known: Floats | None = None,
    ) -> None:
        texts = checks.texts("texts", texts)
        if fit is not None:
            checks.function("fit", fit)
        if pretrained is not None:
            checks.instance("pretrained", pretrained, TextEncoder)
        if known is not None:
            checks.matrix("known", known)
        if fit is None and pretrained is None:
            raise BadInput("no text encoder is left: name one that is fitted, or a pretrained one")
        self._texts = texts
        self._fit = fit
        self.pretrained = pretrained
        if known is None and pretrained is not None:
            known = pretrained.encode(texts)
        self._known = known

    def of(self, chosen: Ints) -> TextFeatures:
        """The same for some of the texts, renumbered."""
        chosen = checks.indices("chosen", chosen, len(self._texts))
        known = None if self._known is None else self._known[chosen]
        texts = [self._texts[index] for index in chosen]
        return TextFeatures(texts, self._fit, self.pretrained, known)

    def fit(self, chosen: Ints) -> JoinedEncoder:
        """The encoder, fitted on the chosen texts only."""
        chosen = checks.indices("chosen", chosen, len(self._texts))
        parts: list[TextEncoder] = []
        if self._fit is not None:
            parts.append(self._fit([self._texts[index] for index in chosen]))
        if self.pretrained is not None:
            parts.append(self.pretrained)
        return JoinedEncoder(tuple(parts))

    def features(self, encoder: TextEncoder, rows: Ints) -> Floats:
        """Output of ``encoder.encode`` for some texts, (n, I), without encoding twice."""
        checks.instance("encoder", encoder, TextEncoder)
        rows = checks.indices("rows", rows, len(self._texts))
        if not isinstance(encoder, JoinedEncoder):
            return encoder.encode([self._texts[index] for index in rows])
        vectors = []
        for part in encoder.parts:
            if part is self.pretrained and self._known is not None:
                vectors.append(self._known[rows])
            else:
                vectors.append(part.encode([self._texts[index] for index in rows]))
        return encoder.join(vectors)

    def pretrained_columns(self, encoder: JoinedEncoder) -> slice:
        """The columns of the pretrained vectors in the features; empty without a pretrained one."""
        checks.instance("encoder", encoder, JoinedEncoder)
        return encoder.spans[-1] if self.pretrained is not None else slice(0, 0)
