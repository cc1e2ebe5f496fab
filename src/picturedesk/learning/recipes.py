"""The two recipes: from a prepared archive to a blend.

Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from picturedesk.datasets.split import components
from picturedesk.errors import MissingExtra
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best import fit_best
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.cross_validation import fit_routes
from picturedesk.learning.encoding import encoded_on_ray
from picturedesk.learning.preparation import Prepared, fit_text_encoder, subset
from picturedesk.learning.training import TrainingSet, train
from picturedesk.learning.training_pairs import (
    TOWER,
    FitTexts,
    TextFeatures,
    TrainingPairs,
    level_blocks,
    renumber,
)
from picturedesk.routes import ArchiveVectors, Blend, Fold, Pictures, Queries
from picturedesk.routes.captions import catalogue_words, telling_captions
from picturedesk.routes.direct import DIRECT
from picturedesk.routes.kinds import PAPER
from picturedesk.routes.route import trained_on
from picturedesk.store.extraction import LOCAL, RAY
from picturedesk.texts.pretrained import AUTO, KNOWN, open_pretrained
from picturedesk.texts.shingles import duplicate_groups
from picturedesk.types import Floats, Ints, Json, Progress, TextEncoder, silent, step

_BLOCK = 256  # texts encoded between two calls of progress


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """The result of a recipe.

    Attributes:
        blend: routes, weights and confidence, with the matcher.
        text_features: (T, I) of all texts of the archive, from the text encoder.
        duplicate_groups: (T,) near-duplicate texts have equal numbers.
        captions: per picture the caption for measuring, "" for none.
        facts: what was chosen, for reports.
    """

    blend: Blend
    text_features: Floats
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
    ready, features = prepared.ready, prepared.features
    whole = ready.whole_texts()
    training = [whole[index] for index in ready.texts_of("train")]
    with step(progress, "fitting the text encoder"):
        encoder = _fit(training, config)
    vectors = _encoded(encoder, whole, progress)

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
    ready = prepared.ready
    whole = ready.whole_texts()
    chosen = ready.texts_of("train")
    if sentences is None:
        with step(progress, "opening the sentence encoders"):
            sentences = open_sentences(config, progress)
    if prepared.text_tower is not None:
        sentences = {**sentences, TOWER: prepared.text_tower}
    engine = config.extract.engine
    known = {name: _encoded(one, whole, progress, engine) for name, one in sentences.items()}
    fit = fit_texts(config)
    with step(progress, "looking for near-duplicate texts"):
        groups = duplicate_groups(whole)
    captions = telling_captions(ready.archive)
    shown, links = renumber(chosen, ready.archive.links)
    against = ready.archive.against[np.isin(ready.archive.against[:, 0], chosen)]
    pairs = TrainingPairs(
        texts=tuple(whole[index] for index in chosen),
        keys=tuple(ready.keys[index] for index in shown),
        features=prepared.features[shown],
        links=links,
        split_groups=components(ready.archive, ready.groups)[chosen],
        duplicate_groups=groups[chosen],
        captions=tuple(captions[index] for index in shown),
        spec=prepared.spec,
        blocks=tuple(level_blocks(prepared.spec, levels)),
        classes=prepared.classes,
        catalogue_words=tuple(catalogue_words(ready.archive.pictures[index]) for index in shown),
        decided=tuple(ready.archive.texts[index].decided for index in chosen),
        against=np.searchsorted(chosen, against[:, 0]),
        passed_over=prepared.features[against[:, 1]],
    )
    everything = TextFeatures(whole, fit, sentences, known)
    best = replace(config.best, routes=trained_on(config.best.routes, config.device))
    if levels or config.levels:
        best = replace(best, choose_levels=False)
    fitted = fit_best(pairs, everything.of(chosen), best, progress)
    encoder = fitted.matcher.text_encoder
    text_features = np.empty((len(whole), encoder.width), dtype=np.float32)
    text_features[chosen] = fitted.text_features
    others = np.setdiff1d(np.arange(len(whole), dtype=np.int64), chosen)
    text_features[others] = everything.features(encoder, others)
    return Learned(
        blend=fitted.blend,
        text_features=text_features,
        duplicate_groups=groups,
        captions=captions,
        facts={
            "cross_validated": fitted.cross_validated,
            "held_out": fitted.held_out,
            "ridges": fitted.ridges,
            **({"decisions": fitted.decisions} if fitted.decisions else {}),
            "encoders": fitted.encoders,
            "levels": fitted.levels,
            "weights": dict(fitted.blend.weights),
        },
    )


def _encoded(
    encoder: TextEncoder, texts: Sequence[str], progress: Progress, engine: str = LOCAL
) -> Floats:
    """Vectors (T, D) of all texts; reports progress."""
    if engine == RAY:
        return encoded_on_ray(encoder, texts, _BLOCK, progress)
    vectors = np.zeros((len(texts), encoder.width), dtype=np.float32)
    for start in range(0, len(texts), _BLOCK):
        progress(start, len(texts), "texts encoded")
        block = slice(start, start + _BLOCK)
        vectors[block] = encoder.encode(texts[block])
    progress(len(texts), len(texts), "texts encoded")
    return vectors


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
