"""Turns an archive into arrays for training and measuring, for desks and experiments.

Extracts features, splits, and fits text encoders; trains no heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from picturedesk.backbones.backbone import Backbone
from picturedesk.backbones.spec import BackboneSpec
from picturedesk.datasets.split import SplitConfig, split
from picturedesk.errors import BadInput
from picturedesk.images import near_duplicate_groups, with_file_facts
from picturedesk.learning.config import DeskConfig
from picturedesk.learning.training import TrainingSet
from picturedesk.learning.training_pairs import renumber
from picturedesk.store.extraction import extract
from picturedesk.store.features import FeatureStore
from picturedesk.types import (
    Archive,
    Floats,
    Ints,
    Picture,
    Progress,
    Rejection,
    RowSource,
    TextEncoder,
    silent,
)


@dataclass(frozen=True, slots=True, eq=False)
class ReadableArchive:
    """The part of an archive whose pictures could be read, equal bytes merged.

    Attributes:
        archive: its pictures have keys, every text has a link, ``parts`` has no "".
        groups: (N,) near-duplicate group of each picture.
    """

    archive: Archive
    groups: Ints

    @property
    def keys(self) -> list[str]:
        """Content keys of the N pictures."""
        return [picture.key for picture in self.archive.pictures]

    def texts_of(self, part: str) -> Ints:
        """Indices of the texts of one part, ascending."""
        return np.flatnonzero(np.asarray(self.archive.parts) == part).astype(np.int64)

    def whole_texts(self) -> list[str]:
        """Title and body of each of the T texts."""
        return [text.whole for text in self.archive.texts]

    def split(self, config: SplitConfig) -> ReadableArchive:
        """A copy with all parts filled in; near-duplicate pictures stay together.

        If the archive names training texts but no validation texts, these are taken from the
        training texts.
        """
        given = self.archive.parts
        if "validate" not in given and "" not in given:
            given = tuple("" if part == "train" else part for part in given)
        open_parts = replace(self.archive, parts=given)
        parts = split(open_parts, config, self.groups)
        return ReadableArchive(replace(self.archive, parts=parts), self.groups)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A prepared archive, the input of recipes.

    Attributes:
        ready: texts, pictures, links and parts.
        features: (N, ΣD_l) level features of its pictures; of very many, read when asked for.
        spec: has the columns of each level.
        classes: names of the backbone's classes, () if unknown.
        rejections: what was left out, and why.
        text_tower: the text encoder of a dual encoder's backbone; None for other backbones.
    """

    ready: ReadableArchive
    features: RowSource
    spec: BackboneSpec
    classes: tuple[str, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    text_tower: TextEncoder | None = None


def prepare(
    archive: Archive,
    backbone: Backbone,
    store: FeatureStore,
    config: DeskConfig,
    progress: Progress = silent,
) -> Prepared:
    """Extracts the features of pictures that the store does not have, and splits the texts.

    Args:
        archive: as read.
        backbone: computes features.
        store: stores features.
        config: split and limits.
        progress: called as pictures are read.

    Raises:
        BadInput: no text is left.
    """
    uris = [picture.uri for picture in archive.pictures]
    extraction = extract(uris, backbone, store, config.extract, progress)
    ready = readable(archive, extraction.keys, store).split(config.split)
    ready = replace(ready, archive=_with_facts(ready.archive, store))
    return Prepared(
        ready=ready,
        features=store.rows(ready.keys),
        spec=backbone.spec,
        classes=backbone.classes,
        rejections=archive.rejections + extraction.rejections,
    )


def _with_facts(archive: Archive, store: FeatureStore) -> Archive:
    """The archive with what the files of its pictures say, where it says nothing itself."""
    facts = store.facts([picture.key for picture in archive.pictures])
    told = zip(archive.pictures, facts, strict=True)
    return replace(archive, pictures=tuple(with_file_facts(*pair) for pair in told))


def readable(archive: Archive, keys: dict[str, str], store: FeatureStore) -> ReadableArchive:
    """Drops unreadable pictures, merges equal bytes, drops texts without a picture.

    Args:
        archive: as read.
        keys: uri → content key of each readable picture.
        store: has the perceptual hashes.

    Raises:
        BadInput: no text is left.
    """
    merged, new_index = _merge(archive.pictures, keys)
    links = np.stack([archive.links[:, 0], new_index[archive.links[:, 1]]], axis=1)
    links = np.unique(links[links[:, 1] >= 0], axis=0)
    if not len(links):
        raise BadInput(f"no text of {archive.name} has a picture that could be read")
    kept = np.unique(links[:, 0])
    links[:, 0] = np.searchsorted(kept, links[:, 0])
    against = _kept_pairs(archive.against, kept, new_index)
    narrowed = replace(
        archive,
        against=against,
        texts=tuple(archive.texts[i] for i in kept),
        pictures=tuple(merged),
        links=links,
        parts=tuple(archive.parts[i] for i in kept),
        groups=tuple(archive.groups[i] for i in kept) if archive.groups else (),
    )
    hashes = store.hashes([picture.key for picture in merged])
    return ReadableArchive(narrowed, near_duplicate_groups(hashes))


def _kept_pairs(pairs: Ints, texts: Ints, pictures: Ints) -> Ints:
    """The pairs (A, 2) of kept ``texts`` (ascending), with the new indices of their pictures."""
    moved = np.stack([pairs[:, 0], pictures[pairs[:, 1]]], axis=1)
    moved = np.unique(moved[np.isin(moved[:, 0], texts) & (moved[:, 1] >= 0)], axis=0)
    moved[:, 0] = np.searchsorted(texts, moved[:, 0])
    return moved


def _merge(pictures: Sequence[Picture], keys: dict[str, str]) -> tuple[list[Picture], Ints]:
    """Pictures with distinct content, and for each given picture its place there, or -1."""
    place: dict[str, int] = {}
    merged: list[Picture] = []
    new_index = np.full(len(pictures), -1, dtype=np.int64)
    for index, picture in enumerate(pictures):
        key = keys.get(picture.uri)
        if key is None:
            continue
        if key not in place:
            place[key] = len(merged)
            merged.append(replace(picture, key=key))
        elif picture.uri != merged[place[key]].uri:
            first = merged[place[key]]
            names = dict.fromkeys((first.uri, *first.names, picture.uri))
            merged[place[key]] = replace(first, names=tuple(names))
        new_index[index] = place[key]
    return merged, new_index


def fit_text_encoder(texts: Sequence[str], kind: str, config: object) -> TextEncoder:
    """Fits a text encoder on training texts only.

    Args:
        texts: the training texts in full length.
        kind: "lsa" or "doc2vec".
        config: ``LsaConfig`` or ``Doc2VecConfig``.

    Raises:
        BadInput: the kind is unknown, or there are no texts.
    """
    from picturedesk.texts.doc2vec import Doc2VecConfig, Doc2VecEncoder
    from picturedesk.texts.lsa import LsaConfig, LsaEncoder

    if not texts:
        raise BadInput("no text is left to train on: check the parts of the archive")
    if kind == "lsa" and isinstance(config, LsaConfig):
        return LsaEncoder.fit(texts, config)
    if kind == "doc2vec" and isinstance(config, Doc2VecConfig):
        return Doc2VecEncoder.fit(texts, config)
    raise BadInput(f"text encoder {kind!r} with {type(config).__name__} is not known: lsa, doc2vec")


def final_level(spec: BackboneSpec) -> str:
    """The level that the paper calls fc: the final pool, or else the deepest level."""
    names = [str(level) for level in spec.levels]
    return "final" if "final" in names else names[-1]


def subset(
    texts: Ints, links: Ints, text_vectors: Floats, features: Floats, groups: Ints
) -> TrainingSet:
    """The chosen texts, the pictures that ran with them, and their links, renumbered.

    Args:
        texts: indices of the chosen texts, ascending.
        links: (M, 2) of the whole archive.
        text_vectors: (T, D) of the whole archive.
        features: (N, ΣD_l) of the whole archive.
        groups: (N,) near-duplicate groups of the whole archive.
    """
    pictures, renumbered = renumber(texts, links)
    return TrainingSet(text_vectors[texts], features[pictures], renumbered, groups[pictures])
