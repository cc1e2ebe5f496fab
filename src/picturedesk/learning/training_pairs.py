"""Training pairs: texts, level features, links, and groups of texts.

Arrays and strings; knows neither desk nor store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

import picturedesk.checks as checks
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.errors import BadInput
from picturedesk.learning.alignment import Block
from picturedesk.texts.joined import JoinedEncoder
from picturedesk.types import Floats, Ints, Level, TextEncoder

PROBABILITIES = "probs"
FINAL = "final"
PROJECTED = "projected"
TOWER = "openclip"  # the name of the text tower of a dual encoder, among pretrained encoders
FITTED = "fitted"  # the name of the encoder that is fitted on the archive

FitTexts = Callable[[Sequence[str]], TextEncoder]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPairs:
    """The training part of an archive.

    Attributes:
        texts: T texts in full length.
        keys: content keys of N pictures that ran with them.
        features: (N, ΣD_l) their level features, in single or half precision.
        links: (M, 2) indices (text, picture).
        split_groups: (T,) texts with equal numbers stay in one fold.
        duplicate_groups: (T,) near-duplicate texts have equal numbers.
        captions: per picture its caption, "" for none.
        spec: has the columns of each level.
        blocks: columns and weights of the levels.
        classes: names of the backbone's classes, () if unknown.
        catalogue_words: per picture the words that the catalogue finds it by, whether they may be
            learned from or not; () for none.
        decided: (T,) texts whose pictures an editor chose in the desk; () for none.
        against: (A,) texts for which an editor passed a picture over.
        passed_over: (A, ΣD_l) level features of these pictures; () for none.
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
    decided: tuple[bool, ...] = ()
    against: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    passed_over: Floats = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))

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

    @property
    def has_decisions(self) -> bool:
        """Whether an editor decided any of the pairs."""
        return any(self.decided)

    @property
    def active_levels(self) -> tuple[str, ...]:
        """Names of the levels that have a weight."""
        pairs = zip(self.spec.levels, self.blocks, strict=True)
        return tuple(str(level) for level, block in pairs if block.weight > 0)

    @property
    def active_columns(self) -> Ints:
        """(c,) columns of the levels that have a weight."""
        spans = [block.columns for block in self.blocks if block.weight > 0]
        columns = [np.arange(span.start, span.stop, dtype=np.int64) for span in spans]
        return np.concatenate(columns) if columns else np.arange(0, dtype=np.int64)

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
    """Columns and weights of the levels: most for the pooled ones, then for equally deep levels.

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
    if level.name in (FINAL, PROJECTED):
        return 1.0
    if level.name == PROBABILITIES or level.pooling == "max":
        return 0.5
    return 0.3


class TextFeatures:
    """Text features: an encoder fitted on the archive, joined with pretrained ones.

    A pretrained one encodes every text once, however often the other is fitted.

    Attributes:
        pretrained: pretrained encoders by name, in the order of their columns.
    """

    def __init__(
        self,
        texts: Sequence[str],
        fit: FitTexts | None,
        pretrained: Mapping[str, TextEncoder] | None = None,
        known: Mapping[str, Floats] | None = None,
    ) -> None:
        """Encodes the texts with the pretrained encoders whose output is not known.

        Args:
            texts: T texts.
            fit: fits an encoder on some of them; None for pretrained ones alone.
            pretrained: by any name but "fitted"; None or empty for the fitted one alone.
            known: by name the output (T, S) of a pretrained one that has read the texts.

        Raises:
            BadInput: there is no encoder at all, or a name is not that of one.
        """
        self._texts = checks.texts("texts", texts)
        if fit is not None:
            checks.function("fit", fit)
        self._fit = fit
        self.pretrained = _encoders(pretrained)
        if fit is None and not self.pretrained:
            raise BadInput("no text encoder is left: name one that is fitted, or a pretrained one")
        given = _vectors(known, self.pretrained, len(self._texts))
        self._known = {
            name: given[name] if name in given else encoder.encode(self._texts)
            for name, encoder in self.pretrained.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All encoders in the order of their columns: "fitted" if there is one, pretrained ones."""
        return (*([] if self._fit is None else [FITTED]), *self.pretrained)

    def of(self, chosen: Ints) -> TextFeatures:
        """The same for some of the texts, renumbered."""
        chosen = checks.indices("chosen", chosen, len(self._texts))
        known = {name: rows[chosen] for name, rows in self._known.items()}
        texts = [self._texts[index] for index in chosen]
        return TextFeatures(texts, self._fit, self.pretrained, known)

    def only(self, names: Sequence[str]) -> TextFeatures:
        """The same by some of the encoders, in the same order; encodes no text again.

        Raises:
            BadInput: a name is not one of ``names``, or there is none.
        """
        chosen = set(checks.texts("names", names))
        if unknown := chosen - set(self.names):
            raise BadInput(
                f"there is no text encoder {', '.join(sorted(map(repr, unknown)))}: "
                f"there are {', '.join(self.names)}"
            )
        pretrained = {name: one for name, one in self.pretrained.items() if name in chosen}
        known = {name: self._known[name] for name in pretrained}
        fit = self._fit if FITTED in chosen else None
        return TextFeatures(self._texts, fit, pretrained, known)

    def fit(self, chosen: Ints) -> JoinedEncoder:
        """The encoder, fitted on the chosen texts only."""
        chosen = checks.indices("chosen", chosen, len(self._texts))
        parts: list[TextEncoder] = []
        if self._fit is not None:
            parts.append(self._fit([self._texts[index] for index in chosen]))
        return JoinedEncoder((*parts, *self.pretrained.values()))

    def features(self, encoder: TextEncoder, rows: Ints) -> Floats:
        """Output of ``encoder.encode`` for some texts, (n, I), without encoding twice."""
        checks.instance("encoder", encoder, TextEncoder)
        rows = checks.indices("rows", rows, len(self._texts))
        if not isinstance(encoder, JoinedEncoder):
            return encoder.encode([self._texts[index] for index in rows])
        known = {id(one): self._known[name] for name, one in self.pretrained.items()}
        vectors = []
        for part in encoder.parts:
            if id(part) in known:
                vectors.append(known[id(part)][rows])
            else:
                vectors.append(part.encode([self._texts[index] for index in rows]))
        return encoder.join(vectors)

    def columns_of(self, encoder: JoinedEncoder, name: str) -> slice:
        """The columns of one encoder's vectors in the features; empty if it is not in use.

        Args:
            encoder: made by ``fit``.
            name: one of ``names``.
        """
        checks.instance("encoder", encoder, JoinedEncoder)
        checks.text("name", name)
        spans = dict(zip(self.names, encoder.spans, strict=False))
        return spans.get(name, slice(0, 0))


def _encoders(given: Mapping[str, TextEncoder] | None) -> dict[str, TextEncoder]:
    """Pretrained encoders by name."""
    given = {} if given is None else checks.instance("pretrained", given, Mapping)
    for name, encoder in given.items():
        if checks.text("the name of a pretrained text encoder", name) == FITTED:
            raise BadInput(f"{FITTED!r} names the encoder that is fitted: choose another name")
        checks.instance(f"pretrained[{name!r}]", encoder, TextEncoder)
    return dict(given)


def _vectors(
    given: Mapping[str, Floats] | None, encoders: Mapping[str, TextEncoder], count: int
) -> dict[str, Floats]:
    """Known vectors (T, S) by the name of their encoder."""
    given = {} if given is None else checks.instance("known", given, Mapping)
    found = {}
    for name, rows in given.items():
        if name not in encoders:
            raise BadInput(
                f"known has vectors of {name!r}: the pretrained encoders are "
                f"{', '.join(encoders) or 'none'}"
            )
        found[name] = checks.matrix(f"known[{name!r}]", rows, encoders[name].width)
        if len(rows) != count:
            raise BadInput(f"known[{name!r}] has {len(rows)} rows, there are {count} texts")
    return found
