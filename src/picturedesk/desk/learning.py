"""The two recipes on an archive that has been read: what each makes of texts and level features.

Arrays in, a matcher (and a blend) out; writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.backbones.spec import BackboneSpec
from picturedesk.datasets.split import components
from picturedesk.desk.captions import caption_scores, telling_captions
from picturedesk.desk.config import DeskConfig
from picturedesk.heads.matcher import Matcher
from picturedesk.learning.best import fit_best
from picturedesk.learning.best_config import level_blocks
from picturedesk.learning.preparation import ReadableArchive, fit_text_encoder, renumber, subset
from picturedesk.learning.training import TrainingSet, train
from picturedesk.learning.training_pairs import FitTexts, Material, TextParts
from picturedesk.routes import Blend
from picturedesk.store.archive_memory import ArchiveMemory, excerpts
from picturedesk.texts.shingles import duplicate_groups
from picturedesk.types import Floats, Ints, Json, Progress, TextEncoder


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a recipe makes of an archive.

    Attributes:
        matcher: puts texts and pictures into one space.
        blend: None with the paper's recipe.
        text_features: (T, I) of all texts of the archive, as the text encoder gives them.
        alike: (T,) group of near-duplicate texts.
        captions: per picture the words by which it may be measured, "" for none.
        facts: what was chosen, for people.
    """

    matcher: Matcher
    blend: Blend | None
    text_features: Floats
    alike: Ints
    captions: tuple[str, ...]
    facts: Json


def learn_paper(
    ready: ReadableArchive,
    features: Floats,
    spec: BackboneSpec,
    config: DeskConfig,
    progress: Progress,
) -> Learned:
    """The paper to the letter: a fixed text space, a fusion trained with the hinge of Eq. 6."""
    whole = ready.whole_texts()
    training = [whole[index] for index in ready.texts_of("train")]
    encoder = _fit(training, config)
    vectors = encoder.encode(whole)

    def part(name: str) -> TrainingSet:
        chosen = ready.texts_of(name)
        return subset(chosen, ready.archive.links, vectors, features, ready.groups)

    settings = replace(config.train, device=config.device)
    trained = train(part("train"), part("validate"), settings, progress)
    return Learned(
        matcher=Matcher(encoder, trained.fusion, spec),
        blend=None,
        text_features=vectors,
        alike=np.arange(len(whole)),
        captions=("",) * len(ready.archive.pictures),
        facts={"best_epoch": trained.best_epoch, "epochs": len(trained.history)},
    )


def learn_best(
    ready: ReadableArchive,
    features: Floats,
    spec: BackboneSpec,
    classes: tuple[str, ...],
    config: DeskConfig,
    progress: Progress,
    sentences: TextEncoder | None = None,
    levels: Sequence[str] = (),
) -> Learned:
    """The recipe of ``learning.best``: closed-form heads, blended routes, a confidence.

    Args:
        ready: texts, pictures, links, parts.
        features: (N, ΣD_l) level features of its pictures.
        spec: which columns are which level.
        classes: of the backbone.
        config: settings.
        progress: told of rehearsals.
        sentences: the sentence encoder, if it is open already; None opens the settings' own.
        levels: those of the spec that are heard, () for all.
    """
    whole = ready.whole_texts()
    chosen = ready.texts_of("train")
    if sentences is None:
        sentences = open_sentences(config)
    known = sentences.encode(whole) if sentences is not None else None
    fit = fit_texts(config)
    alike = duplicate_groups(whole)
    shown, links = renumber(chosen, ready.archive.links)
    telling = telling_captions(ready.archive)
    captions = tuple(telling[index] for index in shown)
    material = Material(
        texts=tuple(whole[index] for index in chosen),
        features=features[shown],
        links=links,
        together=components(ready.archive, ready.groups)[chosen],
        alike=alike[chosen],
        captions=captions,
        spec=spec,
        blocks=tuple(level_blocks(spec, levels)),
        classes=classes,
    )
    parts = TextParts(material.texts, fit, sentences, known[chosen] if known is not None else None)
    fitted = fit_best(
        material, parts, config.best, caption_scores if any(captions) else None, progress
    )
    everything = TextParts(whole, fit, sentences, known)
    return Learned(
        matcher=fitted.matcher,
        blend=fitted.blend,
        text_features=everything.features(fitted.encoder, np.arange(len(whole), dtype=np.int64)),
        alike=alike,
        captions=telling,
        facts={
            "rehearsed": fitted.rehearsed,
            "asked": fitted.asked,
            "ridges": fitted.ridges,
            "weights": fitted.blend.weights,
        },
    )


def remember(ready: ReadableArchive, learned: Learned, features: Floats) -> ArchiveMemory:
    """The archive in the shared space that was learned."""
    archive, matcher, blend = ready.archive, learned.matcher, learned.blend
    nowhere = np.zeros((len(archive.texts), 0), dtype=np.float32)
    return ArchiveMemory(
        matcher=matcher.fingerprint,
        text_vectors=matcher.placed(learned.text_features),
        picture_vectors=matcher.pictures(features),
        links=archive.links,
        parts=archive.parts,
        text_ids=tuple(text.id for text in archive.texts),
        excerpts=excerpts(archive),
        pictures=archive.pictures,
        groups=ready.groups,
        typical=features.mean(axis=0),
        alike=learned.alike,
        named_texts=nowhere if blend is None else blend.named_texts(learned.text_features),
        captions=learned.captions,
        asked=tuple(
            text.whole if any(learned.captions) and part != "train" else ""
            for text, part in zip(archive.texts, archive.parts, strict=True)
        ),
    )


def open_sentences(config: DeskConfig) -> TextEncoder | None:
    """The pretrained sentence encoder that the settings name; None for "none"."""
    from picturedesk.texts.sentences import SentenceEncoder

    if config.sentences == "none":
        return None
    if config.sentences == "use":
        return SentenceEncoder()
    from picturedesk.texts.transformer import TransformerEngine

    return SentenceEncoder(engine=TransformerEngine(config.sentences, config.device))


def fit_texts(config: DeskConfig) -> FitTexts | None:
    """What fits the settings' text encoder; None for "none"."""
    if config.text_encoder == "none":
        return None
    return lambda texts: _fit(texts, config)


def _fit(texts: Sequence[str], config: DeskConfig) -> TextEncoder:
    settings = {"lsa": config.lsa, "doc2vec": config.doc2vec}.get(config.text_encoder)
    return fit_text_encoder(texts, config.text_encoder, settings)
