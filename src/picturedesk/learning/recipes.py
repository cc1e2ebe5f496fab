"""The two recipes: from a prepared archive to a blend.

Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

import numpy as np

from picturedesk.datasets.split import components
from picturedesk.errors import MissingExtra
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best import fit_best
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.cross_validation import divide, fit_routes
from picturedesk.learning.encoding import encoded_on_ray
from picturedesk.learning.folds import worthwhile_encoders
from picturedesk.learning.preparation import Prepared, fit_text_encoder, subset
from picturedesk.learning.sample import sampled
from picturedesk.learning.training import TrainingSet, train
from picturedesk.learning.training_pairs import (
    TOWER,
    FitTexts,
    TextFeatures,
    TrainingPairs,
    level_blocks,
    renumber,
)
from picturedesk.measuring.ranking import row_blocks
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.captions import catalogue_words, telling_captions
from picturedesk.routes.direct import DIRECT
from picturedesk.routes.kinds import PAPER
from picturedesk.routes.route import trained_on
from picturedesk.store.extraction import RAY
from picturedesk.texts.pretrained import AUTO, KNOWN, open_pretrained
from picturedesk.texts.rows import BLOCK, TextRows, encoded
from picturedesk.texts.shingles import duplicate_groups
from picturedesk.types import (
    Archive,
    Floats,
    Ints,
    Json,
    Progress,
    RowSource,
    TextEncoder,
    silent,
    step,
)

_WHOLE = 32_768  # pictures that are learned from in single precision
_SCOUTED = 40_000  # texts; of more, a half of so many show which sentence encoders help


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """The result of a recipe.

    Attributes:
        blend: routes, weights and confidence, with the matcher.
        text_features: (T, I) of all texts of the archive, from the text encoder; of a large archive
            those that were not learned from are encoded when they are asked for.
        duplicate_groups: (T,) near-duplicate texts have equal numbers.
        captions: per picture the caption for measuring, "" for none.
        facts: what was chosen, for reports.
    """

    blend: Blend
    text_features: RowSource
    duplicate_groups: Ints
    captions: tuple[str, ...]
    facts: Json

    @property
    def matcher(self) -> Matcher:
        """Text encoder and heads."""
        return self.blend.matcher


def learn(
    prepared: Prepared, config: DeskConfig, progress: Progress, levels: Sequence[str] = ()
) -> Learned:
    """Runs the recipe of the settings.

    Args:
        prepared: texts, pictures, links, parts, level features.
        config: settings.
        progress: called for each finished fold or epoch.
        levels: levels that the heads of the recipe best read, () for all.
    """
    if config.recipe == "paper":
        return learn_paper(prepared, config, progress)
    return learn_best(prepared, config, progress, levels=levels)


def learn_paper(prepared: Prepared, config: DeskConfig, progress: Progress) -> Learned:
    """The paper's recipe: a fixed text space, and a fusion trained with the hinge of Eq. 6."""
    ready, features = prepared.ready, prepared.features[:]
    whole = ready.whole_texts()
    training = [whole[index] for index in ready.texts_of("train")]
    with step(progress, "fitting the text encoder"):
        encoder = _fit(training, config)
    vectors = encoded(encoder, whole, progress)

    def part(name: str) -> TrainingSet:
        chosen = ready.texts_of(name)
        return subset(chosen, ready.archive.links, vectors, features, ready.groups)

    settings = replace(config.train, device=config.device)
    trained = train(part("train"), part("validate"), settings, progress)
    matcher = Matcher(encoder, trained.fusion, prepared.spec)
    pictures = Pictures(matcher, ready.keys, features)
    archive = ArchiveVectors(matcher.placed(vectors), pictures.vectors, ready.archive.links)
    fold = Fold(Queries(matcher, whole, vectors, archive), pictures)
    routes = fit_routes(PAPER, fold)
    return Learned(
        blend=Blend(matcher, routes, {DIRECT: 1.0}, default=DIRECT, recipe="paper"),
        text_features=vectors,
        duplicate_groups=np.arange(len(whole)),
        captions=("",) * len(ready.archive.pictures),
        facts={"best_epoch": trained.best_epoch, "epochs": len(trained.history)},
    )


def learn_best(
    prepared: Prepared,
    config: DeskConfig,
    progress: Progress,
    sentences: Mapping[str, TextEncoder] | None = None,
    levels: Sequence[str] = (),
) -> Learned:
    """The recipe of ``learning.best``: closed-form heads, blended routes, a confidence.

    Args:
        prepared: texts, pictures, links, parts, level features.
        config: settings.
        progress: called for each finished fold.
        sentences: open sentence encoders by name; None opens those of the settings.
        levels: levels that the heads read, () for all.
    """
    if sentences is None:
        with step(progress, "opening the sentence encoders"):
            sentences = open_sentences(config, progress)
    if prepared.text_tower is not None:
        sentences = {**sentences, TOWER: prepared.text_tower}
    given = _Given.of(prepared, levels, progress)
    archive, training = prepared.ready.archive, prepared.ready.texts_of("train")
    chosen = given.sample(training, config.learn_from, config)
    if len(chosen) > _SCOUTED and sentences:
        sentences = _worthwhile(given, chosen, sentences, config, progress)
    pairs = given.pairs(chosen)
    known = _encoded(sentences, pairs.texts, config, progress)
    best = replace(config.best, routes=trained_on(config.best.routes, config.device))
    if levels or config.levels:
        best = replace(best, choose_levels=False)
    features = TextFeatures(pairs.texts, fit_texts(config), sentences, known)
    fitted = fit_best(pairs, features, best, progress)
    every = np.arange(len(given.texts), dtype=np.int64)
    rows = TextRows(given.texts, fitted.matcher.text_encoder, chosen, fitted.text_features)
    return Learned(
        blend=fitted.blend,
        text_features=rows.with_known(np.setdiff1d(every, training), progress),
        duplicate_groups=given.duplicate_groups,
        captions=given.captions,
        facts={
            "cross_validated": fitted.cross_validated,
            "held_out": fitted.held_out,
            "ridges": fitted.ridges,
            **({"decisions": fitted.decisions} if fitted.decisions else {}),
            "encoders": fitted.encoders,
            "levels": fitted.levels,
            "weights": dict(fitted.blend.weights),
            **(
                {"sample": _sizes(archive, chosen, training)} if len(chosen) < len(training) else {}
            ),
        },
    )


def _encoded(
    sentences: Mapping[str, TextEncoder],
    texts: Sequence[str],
    config: DeskConfig,
    progress: Progress,
) -> dict[str, Floats]:
    """Vectors (T, D) of all texts by each encoder, computed where the engine computes."""

    def by(encoder: TextEncoder) -> Floats:
        if config.extract.engine == RAY:
            return encoded_on_ray(encoder, texts, BLOCK, progress)
        return encoded(encoder, texts, progress)

    return {name: by(encoder) for name, encoder in sentences.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """A prepared archive, with what is computed of all its texts before anything is learned.

    Attributes:
        prepared: texts, pictures, links, parts, level features.
        texts: T texts in full length.
        duplicate_groups: (T,) near-duplicate texts have equal numbers.
        stories: (T,) texts that must stay in one part or fold have equal numbers.
        captions: per picture its caption, "" for none.
        levels: that heads read, () for all.
    """

    prepared: Prepared
    texts: list[str]
    duplicate_groups: Ints
    stories: Ints
    captions: tuple[str, ...]
    levels: Sequence[str]

    @classmethod
    def of(cls, prepared: Prepared, levels: Sequence[str], progress: Progress) -> _Given:
        ready = prepared.ready
        texts = ready.whole_texts()
        with step(progress, "looking for near-duplicate texts"):
            groups = duplicate_groups(texts)
        stories = components(ready.archive, ready.groups)
        return cls(prepared, texts, groups, stories, telling_captions(ready.archive), levels)

    def sample(self, texts: Ints, most: int, config: DeskConfig) -> Ints:
        """Some of the texts (t,), with ``most`` links together."""
        archive, seed = self.prepared.ready.archive, config.best.seed
        return sampled(archive, texts, self.stories, self.captions, most, seed)

    def pairs(self, chosen: Ints) -> TrainingPairs:
        """The pairs of some texts (t,), ascending."""
        prepared, archive = self.prepared, self.prepared.ready.archive
        shown, links = renumber(chosen, archive.links)
        against = archive.against[np.isin(archive.against[:, 0], chosen)]
        return TrainingPairs(
            texts=tuple(self.texts[index] for index in chosen),
            keys=tuple(archive.pictures[index].key for index in shown),
            features=_held(prepared.features, shown),
            links=links,
            split_groups=self.stories[chosen],
            duplicate_groups=self.duplicate_groups[chosen],
            captions=tuple(self.captions[index] for index in shown),
            spec=prepared.spec,
            blocks=tuple(level_blocks(prepared.spec, self.levels)),
            classes=prepared.classes,
            catalogue_words=tuple(catalogue_words(archive.pictures[index]) for index in shown),
            decided=tuple(archive.texts[index].decided for index in chosen),
            against=np.searchsorted(chosen, against[:, 0]),
            passed_over=prepared.features[against[:, 1]],
        )


def _held(features: RowSource, shown: Ints) -> Floats:
    """Level features of some pictures; of very many in half precision, if it can hold them."""
    if len(shown) <= _WHOLE:
        return features[shown]
    held = np.empty((len(shown), features.shape[1]), dtype=np.float16)
    for rows in row_blocks(len(shown), 1, _WHOLE // 4):
        some = features[shown[rows]]
        if np.abs(some).max() > np.finfo(np.float16).max:
            return features[shown]
        held[rows] = some
    return cast("Floats", held)


def _worthwhile(
    given: _Given,
    chosen: Ints,
    sentences: Mapping[str, TextEncoder],
    config: DeskConfig,
    progress: Progress,
) -> dict[str, TextEncoder]:
    """The sentence encoders that help, judged on some of many texts: reading all takes hours."""
    few = given.sample(chosen, _SCOUTED // 2, config)
    pairs = given.pairs(few)
    known = _encoded(sentences, pairs.texts, config, progress)
    features = TextFeatures(pairs.texts, fit_texts(config), sentences, known)
    parts = divide(pairs.split_groups, config.best)
    names = set(worthwhile_encoders(pairs, features, parts, config.best, progress))
    return {name: one for name, one in sentences.items() if name in names}


def _sizes(archive: Archive, chosen: Ints, training: Ints) -> Json:
    """How many pairs were learned from, and of how many."""
    links = np.bincount(archive.links[:, 0], minlength=len(archive.texts))
    return {"pairs": int(links[chosen].sum()), "of": int(links[training].sum())}


def open_sentences(config: DeskConfig, progress: Progress = silent) -> dict[str, TextEncoder]:
    """The pretrained sentence encoders of the settings by name, in their order.

    "auto" leaves out what is not installed, and tells ``progress`` so.

    Raises:
        MissingExtra: one that is named is not installed.
    """
    opened: dict[str, TextEncoder] = {}
    named = set(config.sentences)
    for name in chain.from_iterable(KNOWN if n == AUTO else (n,) for n in config.sentences):
        if name in opened:
            continue
        try:
            opened[name] = open_pretrained(name, config.device)
        except MissingExtra as missing:
            if name in named:
                raise
            progress(1, 1, f"without the sentence encoder {name!r}: {missing}")
    return opened


def fit_texts(config: DeskConfig) -> FitTexts | None:
    """A function that fits the text encoder of the settings; None for "none"."""
    if config.text_encoder == "none":
        return None
    return lambda texts: _fit(texts, config)


def _fit(texts: Sequence[str], config: DeskConfig) -> TextEncoder:
    settings = {"lsa": config.lsa, "doc2vec": config.doc2vec}.get(config.text_encoder)
    return fit_text_encoder(texts, config.text_encoder, settings)
